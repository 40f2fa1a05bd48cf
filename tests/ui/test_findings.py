"""The pane Findings, over the recorded mesh: the conditions that its istiod wrote, and how they come and go."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from meshtui.mesh import certificates, workloads
from meshtui.mesh.doctor import rows
from meshtui.mesh.doctor.rows import Row
from meshtui.mesh.kinds import HTTP_ROUTE
from meshtui.mesh.snapshot import Snapshot
from meshtui.ui.pick import Pick
from tests.ui import situations
from tests.ui.looking import looking

SHOP = situations.shop()
BATCH = ("critical", "AMB-019", "Namespace batch +2")


def later(snapshot: Snapshot, seconds: int, **objects: object) -> Snapshot:
    return replace(snapshot, now=snapshot.now + timedelta(seconds=seconds), **objects)


def without_routes(snapshot: Snapshot, seconds: int) -> Snapshot:
    return later(snapshot, seconds, objects={**snapshot.objects, HTTP_ROUTE: {}})


def conditions(snapshot: Snapshot) -> list[Row]:
    """The findings that nothing but the routes themselves decides."""
    return [row for row in rows.of(snapshot) if row.finding.found.rule.code == "IST0171"]


async def test_a_negative_condition_is_a_row_with_its_evidence_and_leads_to_its_object() -> None:
    async with looking(SHOP, "findings", (180, 48)) as at:
        await at.select("medium", "IST0171", "HTTPRoute shop/no-grant")
        assert "status.conditions[ResolvedRefs]" in at.detail
        await at.press("enter")
        assert (at.pane.NAME, at.under_cursor[3]) == ("routes", "no-grant")


async def test_the_certificates_that_rules_go_by_are_asked_for() -> None:
    async with looking(SHOP, "findings") as at:
        await at.until(lambda: set(certificates.refs(SHOP)) <= at.wanted[2])


async def test_of_several_things_that_it_is_about_one_is_picked() -> None:
    async with looking(SHOP, "findings", (180, 48)) as at:
        await at.select(*BATCH)
        await at.press("enter")
        picked = at.app.screen
        assert isinstance(picked, Pick)
        told = [str(option.prompt) for option in picked.options.options]
        assert told == ["Namespace batch", "Service batch/opted-out", "Service batch/reports"]
        await at.press("down", "enter")
        assert (at.pane.NAME, at.under_cursor[1:3]) == ("services", ("batch", "opted-out"))
        await at.press("escape")
        await at.select("critical", "AMB-028")
        await at.press("enter")
        assert (at.pane.NAME, at.under_cursor[3]) == ("policies", "l7-at-ztunnel")


async def test_a_finding_is_copied_with_its_evidence_as_markdown() -> None:
    async with looking(SHOP, "findings") as at:
        await at.select("medium", "IST0171", "HTTPRoute shop/no-grant")
        await at.press("c")
        assert at.app.clipboard.startswith("- ! **IST0171** (medium): ResolvedRefs is False")
        assert "  - seen: `HTTPRoute shop/no-grant status.conditions" in at.app.clipboard


def test_what_is_gone_is_told_for_a_minute_and_what_comes_back_is_new() -> None:
    first = {row.key: row for row in conditions(SHOP)}
    about_routes = {key for key in first if "httproutes" in key}
    assert about_routes
    assert not any(row.fresh for row in first.values())
    gone = without_routes(SHOP, 10)
    now = {row.key: row for row in conditions(gone)}
    assert now.keys() == first.keys()
    assert {key for key, row in now.items() if row.gone == gone.now} == about_routes
    assert not about_routes & {row.key for row in conditions(without_routes(SHOP, 80))}
    again = later(SHOP, 90)
    assert {row.key for row in conditions(again) if row.fresh} == about_routes
    assert {row.since for row in rows.of(again) if not row.fresh} == {SHOP.now}


async def test_a_finding_is_muted_with_a_reason_and_told_of_again_when_that_ends(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "mutes.json"
    async with looking(SHOP, "findings", (180, 48), mutes_file=kept) as at:
        failing = at.pane.stamp.bad
        await at.select(*BATCH)
        await at.press("i")
        await at.type("the upgrade is on Friday\r")
        await at.until(lambda: at.under_cursor[1] == "muted")
        assert at.pane.stamp.bad == failing - 1
        assert "1 muted, at the end" in at.screen
        assert "muted until 2026-11-29 12:39 UTC: the upgrade is on Friday" in at.said
        await at.until(kept.exists)
        await at.show(later(at.app.snapshot or SHOP, 6 * 86_400))
        await at.select("muted", "AMB-019")
        await at.show(later(at.app.snapshot or SHOP, 86_400))
        assert at.pane.stamp.bad == failing


async def test_what_is_muted_marks_no_row_of_other_panes_and_i_takes_it_back(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "mutes.json"
    async with looking(SHOP, "findings", (180, 48), mutes_file=kept) as at:
        await at.select("critical", "AMB-010")
        await at.press("i")
        await at.type("it goes next week\r")
        await at.until(lambda: at.under_cursor[1] == "muted")
        muted = at.app.snapshot
        assert muted is not None
        assert refused(SHOP) == {"payments/refunds-6b6c7c499-nsrzq"}
        assert refused(muted) == set()
        await at.press("i")
        await at.until(lambda: at.under_cursor[1] == "critical")
        await at.until(lambda: kept.exists() and json.loads(kept.read_text()) == {"kind-shop": []})


def refused(snapshot: Snapshot) -> set[str]:
    """The pods that are marked since a NetworkPolicy keeps the mesh out."""
    every = workloads.of(snapshot)
    judged = rows.judged(snapshot, every)
    marked = [row for row in every if row.key in judged and "(AMB-010)" in judged[row.key].reason]
    return {row.ref.key for row in marked}


async def test_a_mute_without_a_reason_is_refused_and_escape_mutes_nothing() -> None:
    async with looking(SHOP, "findings", (180, 48)) as at:
        await at.select(*BATCH)
        await at.press("i")
        await at.type("\r")
        assert "Not muted: why comes behind how long." in at.screen
        await at.press("escape")
        assert at.under_cursor[1] == "critical"
        assert "muted" not in at.screen


# Faults alone


async def test_ctrl_z_keeps_to_faults_with_counts_and_back() -> None:
    async with looking(SHOP, "workloads", (180, 48)) as at:
        every = at.rows
        await at.press("ctrl+z")
        assert at.rows == [row for row in every if row[0] in "✗!"]
        assert (at.pane.stamp.shown, at.pane.stamp.total) == (len(at.rows), len(every))
        assert at.rows
        assert "faults" in at.screen.splitlines()[1]
        await at.press("escape")
        assert at.rows == every


async def test_where_there_are_no_faults_it_says_among_how_many_and_what_is_not_known() -> None:
    async with looking(situations.limited(), "workloads", (180, 48)) as at:
        unknown = sum(row[0] == "?" for row in at.rows)
        assert unknown
        await at.press("ctrl+z")
        assert f"{unknown} rows whose health is not known" in at.screen

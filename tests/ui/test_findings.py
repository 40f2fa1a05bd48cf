"""The pane Findings, over the recorded mesh: the conditions that its istiod wrote, and how they come and go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from meshtui.mesh.doctor import rows
from meshtui.mesh.doctor.rows import Row
from meshtui.mesh.kinds import HTTP_ROUTE
from meshtui.mesh.snapshot import Snapshot
from tests.ui import situations
from tests.ui.looking import looking

SHOP = situations.shop()


def later(snapshot: Snapshot, seconds: int, **objects: object) -> Snapshot:
    return replace(snapshot, now=snapshot.now + timedelta(seconds=seconds), **objects)  # type: ignore[arg-type]


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

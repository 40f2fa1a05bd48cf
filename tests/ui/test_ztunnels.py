"""The pane Ztunnels, over the recorded mesh: what the ztunnel of each node does and holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import raw, ztunnel_probes
from meshtui.mesh.kinds import DAEMONSET, NODE, POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import (
    Answer,
    Phase,
    Problem,
    Ref,
    Scope,
    Snapshot,
    Source,
    Sweep,
    Trouble,
)
from meshtui.ui.confirm import Confirm
from tests import recordings
from tests.ui import situations
from tests.ui.looking import looking

SHOP = situations.shop()
POD_OF = {"node-0": "ztunnel-68wn4", "node-1": "ztunnel-4rh2t", "node-2": "ztunnel-gnq4h"}


def with_pods(pods: dict[str, Raw]) -> Snapshot:
    return replace(SHOP, objects={**SHOP.objects, POD: pods})


async def test_one_row_a_node_with_what_its_ztunnel_does() -> None:
    """node-1 proxies the six pods of its workloadState; of the six that are annotated on node-2 the ghost is not in
    its workloadState; nobody answered on node-0. Both dumps hold six identities."""
    async with looking(SHOP, "ztunnels") as at:
        rows = {row[1]: row for row in at.rows}
        assert list(rows) == ["node-0", "node-1", "node-2"]
        assert {node: row[2] for node, row in rows.items()} == POD_OF
        assert {row[3:6] for row in at.rows} == {("1/1", "?", "0")}
        assert rows["node-0"][6:] == ("? not read", "ready", "? unknown", "?", "–", "4m28s")
        well = ("ready", "connected", "6, renew in 11h", "4s", "4m28s")
        assert rows["node-1"][6:] == ("6 of 6", *well)
        assert rows["node-2"][6:] == ("5 of 6  ✗ 1", *well)
        assert [row[0] for row in at.rows] == ["?", "✓", "✗"]
        assert "✗ 1  3  2 of 3 read  ● live" in at.screen.splitlines()[1]


async def test_a_node_without_a_cni_agent_says_none_and_not_only_that_it_fails() -> None:
    pods = {key: it for key, it in SHOP.objects[POD].items() if "istio-cni-node-f9pk6" not in key}
    async with looking(with_pods(pods), "ztunnels") as at:
        assert [row[7] for row in at.rows].count("✗ none") == 1


async def test_with_some_namespaces_left_out_no_share_of_the_nodes_pods_is_claimed() -> None:
    """Of the six pods that the ztunnel of node-1 proxies only those of payments are looked at."""
    whole = Scope(POD)
    sources = {scope: each for scope, each in SHOP.sources.items() if scope != whole}
    for labels in ("app=ztunnel", "k8s-app=istio-cni-node"):
        sources[Scope(POD, labels=labels)] = SHOP.sources[whole]
    sources[Scope(POD, "payments")] = SHOP.sources[whole]
    pods = {
        key: it
        for key, it in SHOP.objects[POD].items()
        if key.startswith(("payments/", "istio-system/"))
    }
    narrowed = replace(with_pods(pods), sources=sources)
    async with looking(narrowed, "ztunnels", (200, 50)) as at:
        rows = {row[1]: row for row in at.rows}
        assert rows["node-1"][6] == "6"
        await at.select("node-1")
        assert "proxied 6; of the pods that are looked at 2 annotated, 2 wanted" in at.said


async def test_what_is_missing_is_whole_at_80_columns() -> None:
    async with looking(SHOP, "ztunnels", (80, 24)) as at:
        assert "✗ node-2 ztunnel-gnq4h 1/1 ? 5 of 6 ✗ 1 ready connected" in " ".join(
            at.screen.split()
        )


async def test_the_detail_lists_what_the_dump_holds() -> None:
    async with looking(SHOP, "ztunnels", (240, 90)) as at:
        await at.select("node-1")
        assert "CNI agent  ✓ istio-system/istio-cni-node-f9pk6" in at.detail
        assert "read       4s ago, 2026-11-22 12:38:56 UTC" in at.detail
        heads = [line for line in at.detail.splitlines() if line.endswith(")") and "(" in line]
        assert heads == [
            "Proxied pods (6)",
            "Open connections (2)",
            "Certificates (6)",
            "Workloads (14 here, 26 in the mesh)",
            "Services (18)",
            "Policies (3)",
        ]
        words = [line.split() for line in at.detail.splitlines()]
        assert ["outbound", "shop/checkout", "payments/ledger:15008", "HBONE"] in [
            each[1:5] for each in words
        ], "10.244.0.15 and 10.244.0.20 are theirs"
        assert "failed 3 DENY, mTLS; 1 DENY, plain text istiod" in at.said
        assert "files" in at.detail
        assert ["payments/ledger-669657bc95-s5qqg", "Up"] in [each[:2] for each in words]
        assert ["cluster.local/ns/payments/sa/ledger", "Available", "23h"] in words
        assert ["catalog.shop", "9000→9000", "1", "waypoint.shop"] in words
        assert ["payments/allow-checkout", "Allow", "WorkloadSelector", "1"] in words


async def test_beside_the_detail_at_160_columns_there_is_room_for_certificates_and_their_age() -> (
    None
):
    async with looking(SHOP, "ztunnels", (160, 48)) as at:
        headings, *rows = (line.partition("│")[0].split() for line in at.screen.splitlines()[2:6])
        assert headings == [
            *("NODE", "ZTUNNEL", "READY", "VERSION", "PROXIED", "CNI", "ISTIOD", "CERTIFICATES"),
            "READ",
        ]
        assert rows[1][-5:] == ["6,", "renew", "in", "11h", "4s"]


async def test_what_has_no_room_in_the_row_stands_in_the_detail() -> None:
    async with looking(SHOP, "ztunnels", (80, 24)) as at:
        assert not {"RESTARTS", "CERTIFICATES", "AGE"} & set(at.screen.split())
        await at.select("node-1")
        await at.press("d")
        assert "pod        1/1 ready, restarts 0, created 4m28s ago" in at.read
        assert "certified  6, renew in 11h" in at.read


async def test_the_selected_ztunnel_is_read_in_detail_and_those_in_view_are_counted() -> None:
    async with looking(SHOP, "ztunnels", (160, 10)) as at:
        counted = {ztunnel_probes.metrics("istio-system", pod) for pod in POD_OF.values()}
        for node in ("node-0", "node-2"):
            await at.select(node)
            detail = ztunnel_probes.detail("istio-system", POD_OF[node])
            await at.until(lambda detail=detail: at.wanted[1] == {detail} | counted)  # type: ignore[misc]


async def test_a_detail_that_was_not_read_says_how_the_reading_goes() -> None:
    probe = ztunnel_probes.detail("istio-system", POD_OF["node-1"])
    async with looking(SHOP, "ztunnels", (200, 50)) as at:
        await at.select("node-1")
        for answer, words in (
            (Answer(), "dump       being read"),
            (
                Answer(problem=Problem(Trouble.BROKEN, "cut in half", "try again")),
                "? cut in half. try again",
            ),
        ):
            await at.show(replace(SHOP, answers={**SHOP.answers, probe: answer}))
            assert words in at.detail


async def test_who_may_not_look_into_pods_still_sees_them_and_reads_why() -> None:
    async with looking(situations.limited(), "ztunnels", (200, 50)) as at:
        assert {row[2]: row[6] for row in at.rows} == dict.fromkeys(POD_OF.values(), "? not read")
        assert {row[7] for row in at.rows} == {"ready"}
        assert "0 of 3 read" in at.screen.splitlines()[1]
        refusal = "jane may not create pods/portforward in istio-system"
        assert f"it cannot be read: {refusal}" in at.said
        assert at.said.count(refusal) == at.said.count(situations.RBAC) == 1
        assert "istiod ? not known" in at.said


async def test_a_failure_to_read_the_ztunnel_that_is_looked_at_is_told_where_nothing_sweeps() -> (
    None
):
    probe = ztunnel_probes.detail("istio-system", POD_OF["node-2"])
    cut = Answer(problem=Problem(Trouble.BROKEN, "cut in half", "try again"))
    async with looking(replace(SHOP, answers={probe: cut}), "ztunnels") as at:
        await at.select("node-2")
        assert "? it cannot be read: cut in half" in at.said
        assert "next try again" in at.said
        assert at.said.count("cut in half") == 1


async def test_a_node_without_a_ztunnel_is_a_row_that_fails_only_if_the_list_was_read() -> None:
    pods = {k: it for k, it in SHOP.objects[POD].items() if raw.name(it) != POD_OF["node-2"]}
    without = with_pods(pods)
    async with looking(without, "ztunnels") as at:
        row = at.rows[2]
        assert (row[0], row[2], row[6]) == ("✗", "none", "✗ 6 unserved")
        await at.select("node-2")
        assert "no ztunnel runs here, and 6 pods here should be in the mesh" in at.said
        sources = {
            scope: Source(Phase.LOADING, len(pods)) if scope.kind == POD else source
            for scope, source in without.sources.items()
        }
        await at.show(replace(without, sources=sources))
        assert (at.under_cursor[2], at.under_cursor[6]) == ("?", "? not known")
        assert "none runs here" not in at.detail


async def test_a_node_that_a_daemon_set_leaves_out_says_why_and_what_mends_it() -> None:
    daemon_sets = {
        key: {**it, "spec": {"template": {"spec": {"nodeSelector": {"disk": "fast"}}}}}
        for key, it in SHOP.objects[DAEMONSET].items()
    }
    pods = {k: it for k, it in SHOP.objects[POD].items() if raw.name(it) != POD_OF["node-2"]}
    without = with_pods(pods)
    left = replace(without, objects={**without.objects, DAEMONSET: daemon_sets})
    async with looking(left, "ztunnels") as at:
        await at.select("node-2")
        assert (
            "why nodeSelector disk=fast of DaemonSet istio-system/ztunnel leaves it out" in at.said
        )
        assert (
            "next take disk=fast off the nodeSelector of DaemonSet istio-system/ztunnel" in at.said
        )
        assert "istio-cni-node leaves it out" not in at.said, "its agent runs there"
        await at.select("node-1")
        assert "leaves it out" not in at.said


async def test_an_old_dump_stays_with_its_age_and_the_trouble_beside_it() -> None:
    refused = Problem(Trouble.TIMEOUT, "no answer within 10 s")
    answers = {
        probe: replace(answer, problem=refused) if probe.pod == POD_OF["node-1"] else answer
        for probe, answer in SHOP.answers.items()
    }
    later = replace(SHOP, now=SHOP.now + timedelta(minutes=5), answers=answers)
    async with looking(later, "ztunnels") as at:
        row = at.rows[1]
        assert row[6] == "6 of 6"
        assert row[10] == "5m4s"
        await at.select("node-1")
        assert "no answer within 10 s" in at.detail


async def test_the_ca_that_answers_nobody_is_seen_in_the_row() -> None:
    """no-ca: certificates are "Unavailable", proxies are Up all the same."""
    async with looking(situations.no_ca(), "ztunnels", (220, 50)) as at:
        (row,) = [row for row in at.rows if row[1] == "node-1"]
        assert row[0] == "✗"
        assert "✗" not in row[6]
        assert row[9].startswith("✗")
        assert row[8] == "connected"


async def test_enter_leads_to_its_certificates_and_escape_back_to_it() -> None:
    async with looking(SHOP, "ztunnels") as at:
        await at.select("node-1")
        await at.press("enter")
        assert at.pane.NAME == "certificates"
        accounts = [row[4].partition("/ns/")[2] for row in at.rows if "/ns/" in row[4]]
        assert sorted(accounts) == [  # of its dump
            *("payments/sa/ledger", "payments/sa/refunds", "shop/sa/checkout"),
            *("shop/sa/reviews-v1", "shop/sa/storefront", "shop/sa/storefront-next"),
        ]
        await at.press("escape")
        assert at.under_cursor[1] == "node-1"


async def test_l_shows_its_log_as_it_is_and_y_d_c_z_are_of_it() -> None:
    lines = recordings.Recording("shop").log("node-1").splitlines()
    log = [LogLine(SHOP.now, line) for line in lines]
    async with looking(SHOP, "ztunnels", log=log) as at:
        await at.select("node-1")
        await at.press("l")
        await at.until(lambda: len(at.read.splitlines()) > len(lines))
        await at.press("x")
        await at.until(lambda: "✓" not in at.read)
        shown = at.read.splitlines()
        assert shown[: len(lines)] == [line.replace("\t", " ") for line in lines]
        assert "end of the log" in shown[-1]
        await at.press("q", "y")
        await at.until(lambda: "nodeName: node-1" in at.read)
        await at.press("q", "d")
        assert "Proxied pods (6)" in at.read
        await at.press("q", "c")
        assert at.app.clipboard == "istio-system/ztunnel-4rh2t"
        await at.press("z")
        assert at.under_cursor[1] == "node-1"


async def test_a_node_without_a_ztunnel_has_nothing_to_open_and_says_so() -> None:
    pods = {k: it for k, it in SHOP.objects[POD].items() if raw.name(it) != POD_OF["node-2"]}
    async with looking(with_pods(pods), "ztunnels") as at:
        await at.select("node-2")
        await at.press("enter", "y", "l")
        assert at.pane.NAME == "ztunnels"
        await at.press("!")
        assert "This row leads no further; d tells more of it." in at.read
        assert "There is no single object behind this row." in at.read
        assert "There is no log behind this row." in at.read


async def test_the_cursor_stays_on_its_ztunnel_while_nodes_come_and_go() -> None:
    node: dict[str, Any] = {"metadata": {"name": "a-new-node", "uid": "n"}}
    async with looking(SHOP, "ztunnels") as at:
        await at.select("node-1")
        nodes = {"a-new-node": node, **SHOP.objects[NODE]}
        await at.show(replace(SHOP, objects={**SHOP.objects, NODE: nodes}))
        assert [row[1] for row in at.rows] == ["a-new-node", "node-0", "node-1", "node-2"]
        assert at.rows[0][2] == "none"
        assert at.under_cursor[1] == "node-1"


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        (Sweep(total=300, read=40), "40 of 300 read"),
        (
            Sweep(total=300, read=300, oldest=SHOP.now - timedelta(seconds=50)),
            "300 read, oldest 50s",
        ),
        (Sweep(enabled=False), "sweep off"),
    ],
)
async def test_the_stamp_says_how_far_the_sweep_is(sweep: Sweep, words: str) -> None:
    async with looking(replace(SHOP, sweep=sweep), "ztunnels") as at:
        assert words in at.screen.splitlines()[1]


async def test_no_rows_where_pods_and_nodes_may_not_be_listed() -> None:
    async with looking(situations.forbidden(), "ztunnels") as at:
        assert at.rows == []
        assert "✗ forbidden" in at.screen
        assert situations.RBAC in at.screen
    async with looking(situations.empty(), "ztunnels") as at:
        assert "There are no nodes that you may see, and no ztunnel pods." in at.screen


async def test_its_log_is_of_a_pod_that_may_be_gone() -> None:
    """The message names the pod; the session says what became of it."""
    async with looking(SHOP, "ztunnels") as at:
        await at.select("node-2")
        await at.press("y")
        assert at.session.asked == [Ref(POD, "istio-system", POD_OF["node-2"])]
        without = {k: it for k, it in SHOP.objects[POD].items() if raw.name(it) != POD_OF["node-2"]}
        await at.press("q", "d")
        await at.show(with_pods(without))
        assert "It is gone; this was known last." in at.read
        await at.until(lambda: Scope(POD) in at.wanted[0])


async def test_a_connection_is_at_least_as_old_as_it_was_seen_and_a_new_one_has_no_age() -> None:
    probe = ztunnel_probes.detail("istio-system", POD_OF["node-1"])
    answer = SHOP.answers[probe]
    assert probe.keep is not None
    old, new = answer.value.connections
    first = replace(answer.value, connections=(old,))
    kept = probe.keep(None, first, SHOP.now - timedelta(minutes=4))
    kept = probe.keep(kept, answer.value, SHOP.now)
    seen = replace(SHOP, answers={**SHOP.answers, probe: replace(answer, kept=kept)})
    async with looking(seen, "ztunnels", (240, 90)) as at:
        await at.select("node-1")
        lines = at.detail.partition("Open connections (2)")[2].splitlines()[2:4]
        assert sum("≥ 4m" in line for line in lines) == 1
        assert sum(line.rstrip().endswith("–") for line in lines) == 1
    assert probe.keep(kept, replace(answer.value, connections=(new,)), SHOP.now) == {new: SHOP.now}


async def test_a_restart_says_first_which_connections_it_would_cut() -> None:
    """In the dump of node-1, checkout holds one connection to ledger open: one out, one in."""
    async with looking(SHOP, "ztunnels", (120, 40)) as at:
        await at.select("node-1")
        await at.press("r")
        await at.until(lambda: isinstance(at.app.screen, Confirm))
        assert "1 connection in and 1 out, of 2 workloads, would be cut" in at.screen
        assert "shop/checkout 1" in at.screen
        assert "payments/ledger 1" in at.screen

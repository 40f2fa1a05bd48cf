"""The pane Workloads, over the recorded mesh: pods as kubectl shows them, and the evidence of their enrollment."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import events, raw, ztunnel_probes
from meshtui.mesh.kinds import GATEWAY, NAMESPACE, POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import (
    Answer,
    Phase,
    Probe,
    Problem,
    Ref,
    Scope,
    Snapshot,
    Source,
    Trouble,
    named,
)
from meshtui.settings import Settings
from meshtui.ui.pick import Pick
from tests.ui import situations
from tests.ui.looking import drawn, looking

SHOP = situations.shop()
GHOST = "checkout-5f686c4cb7-fz2sg"
NEVER = "reports-864dfcf76c-htxkg"
REFUNDS = "refunds-6b6c7c499-nsrzq"
PROXIED = "ledger-669657bc95-s5qqg"
ZTUNNEL = {"node-0": "ztunnel-68wn4", "node-1": "ztunnel-4rh2t", "node-2": "ztunnel-gnq4h"}


def probe(node: str) -> Probe:
    return ztunnel_probes.dump("istio-system", ZTUNNEL[node])


def with_pods(pods: dict[str, Raw]) -> Snapshot:
    return replace(SHOP, objects={**SHOP.objects, POD: dict(pods)})


async def test_every_pod_is_a_row_with_its_node_account_and_ztunnel() -> None:
    """READY, STATUS and RESTARTS against kubectl's own tables are tests/mesh/test_kubectl_columns.py's."""
    async with looking(SHOP, "workloads") as at:
        shown = {(row[1], row[2]): row for row in at.rows}
        assert list(shown) == sorted(shown)
        assert set(shown) == {(raw.namespace(it), raw.name(it)) for it in SHOP.raw(POD)}
        for pod in SHOP.raw(POD):
            row = shown[raw.namespace(pod), raw.name(pod)]
            assert row[3:6] == ("1/1", "Running", "0")
            assert row[7] == pod["spec"]["serviceAccountName"]
            assert row[8] == pod["spec"]["nodeName"]
            assert row[11] == ZTUNNEL[row[8]]
        assert shown["shop", GHOST][12] == "Deployment/checkout"
        assert shown["istio-system", "ztunnel-4rh2t"][12] == "DaemonSet/ztunnel"


async def test_the_ghost_is_found_without_selecting_its_row() -> None:
    """Its README: marked enabled by annotation, listed as HBONE, and absent from workloadState; of `reports` one was
    never captured; the policy of `refunds` refuses everything (AMB-028). Nobody else fails."""
    for size in ((80, 24), (160, 48)):
        async with looking(SHOP, "workloads", size) as at:
            assert {row[2]: row[6] for row in at.rows if row[0] == "✗"} == {
                GHOST: "✗ not proxied",
                NEVER: "✗ not annotated",
                REFUNDS: "proxied",
            }
            assert "✗ 3  ! 1  26  ● live" in at.screen.splitlines()[1]
            assert GHOST not in at.under_cursor
            await at.press("end")
            (line,) = [line for line in at.screen.splitlines() if "fz2sg" in line]
            assert line.startswith(" ✗ shop")
            assert "✗ not proxied" in line


async def test_who_is_outside_is_neither_well_nor_failing() -> None:
    async with looking(SHOP, "workloads") as at:
        outside = {row[2].partition("-")[0] for row in at.rows if row[6] == "outside"}
        assert outside == {
            *("opted", "public", "istio", "istiod", "ztunnel", "httpbin", "unused", "curl"),
            "waypoint",
        }
        marks = {row[2].partition("-")[0]: row[0] for row in at.rows if row[6] == "outside"}
        assert (
            marks.pop("httpbin") == "!"
        )  # it lacks the sidecar that its namespace asks for (IST0103)
        assert {*marks.values()} == {"·"}


async def test_the_evidence_of_who_is_not_captured_offers_the_restart_that_cures_it() -> None:
    async with looking(SHOP, "workloads", (200, 50)) as at:
        for name, controller in ((GHOST, "checkout"), (NEVER, "reports")):
            await at.select(name)
            assert (
                f"r restarts Deployment/{controller}, whose new pods are captured anew" in at.said
            )
            await at.press("m")
            await at.until(lambda: isinstance(at.app.screen, Pick))
            first, *_ = drawn(at.app).partition("take in")
            assert f"restart  {controller}, whose new pods" in first
            await at.press("escape")
        await at.select("curl")
        assert "r restarts" not in at.said


async def test_no_restart_cures_a_pod_whose_node_has_no_agent_that_captures() -> None:
    def unready(it: Raw) -> Raw:
        conditions = [{"type": "Ready", "status": "False"}]
        return {**it, "status": {**it["status"], "conditions": conditions}}

    agents = {
        key: unready(it) if raw.label(it, "k8s-app") == "istio-cni-node" else it
        for key, it in SHOP.objects[POD].items()
    }
    gone = {
        key: it
        for key, it in SHOP.objects[POD].items()
        if raw.label(it, "k8s-app") != "istio-cni-node"
    }
    async with looking(with_pods(agents), "workloads", (200, 50)) as at:
        for pods in (agents, gone):
            await at.show(with_pods(pods))
            await at.select(NEVER)
            assert "cure see why no CNI agent is ready on node-" in at.said
            assert "r restarts" not in at.said
            await at.press("m")
            await at.until(lambda: isinstance(at.app.screen, Pick))
            assert "captured anew" not in drawn(at.app)
            await at.press("escape")


async def test_the_evidence_of_the_ghost_link_by_link() -> None:
    async with looking(SHOP, "workloads", (200, 50)) as at:
        await at.select(GHOST)
        lines = at.detail.splitlines()
        assert lines[0].startswith(
            "✗ Kubernetes and istiod call it enrolled, but no ztunnel of node-2"
        )
        chain = {
            line.split()[0]: line.split(maxsplit=2)[1:]
            for line in lines[: lines.index("Events")]
            if line[:1].isalpha() and not line.startswith("listed as")
        }
        assert chain["wanted"][0] == "✓"
        assert chain["annotated"] == ["✓", "annotation ambient.istio.io/redirection=enabled"]
        assert chain["listed"] == ["✓", "HBONE in 2 of 2 dumps (4s ago)"]
        assert chain["proxied"] == [
            "✗",
            "absent from workloadState of ztunnel-gnq4h (5 pods) (4s ago)",
        ]
        assert "identity   spiffe://cluster.local/ns/shop/sa/checkout" in at.detail
        assert "ztunnel    istio-system/ztunnel-gnq4h" in at.detail
        assert "waypoint   ✓ shop/waypoint" in at.detail
        assert "controller Deployment/checkout" in at.detail
        assert "created    4m26s ago, 2026-11-22 12:34:34 UTC" in at.detail


async def test_the_detail_has_the_events_of_its_pod() -> None:
    async with looking(SHOP, "workloads", (200, 50)) as at:
        await at.select(GHOST)
        assert f"Scheduled Successfully assigned shop/{GHOST} to node-2" in at.said
        (uid,) = [raw.uid(it) for it in SHOP.raw(POD) if raw.name(it) == GHOST]
        scope = events.scope(Ref(POD, "shop", GHOST), uid)
        without = {kind: it for kind, it in SHOP.objects.items() if kind.plural != "events"}
        await at.show(replace(SHOP, objects=without))
        assert "events     · being read" in at.detail
        none = Source(Phase.LIVE)
        await at.show(replace(SHOP, objects=without, sources={**SHOP.sources, scope: none}))
        assert "events     none" in at.detail
        no = situations.refused(scope.kind)
        await at.show(replace(SHOP, objects=without, sources={**SHOP.sources, scope: no}))
        assert "events     ? events is forbidden" in at.detail


async def test_what_is_looked_at_is_asked_for_and_follows_the_cursor() -> None:
    """The pod's own events, and the dumps of the ztunnels of the rows in view, the selected one's first. Those of
    node-0 in view are outside the mesh."""

    uids = {raw.name(it): raw.uid(it) for it in SHOP.raw(POD)}
    async with looking(SHOP, "workloads", (160, 10)) as at:
        first = events.scope(
            Ref(POD, "batch", "opted-out-79c9876f8-jvcb9"), uids["opted-out-79c9876f8-jvcb9"]
        )
        await at.until(lambda: first in at.wanted[0])
        assert set(situations.WATCHED) < at.wanted[0]
        assert at.wanted[1] == {probe("node-1"), probe("node-2")}
        await at.select(GHOST)
        ghost = events.scope(Ref(POD, "shop", GHOST), uids[GHOST])
        await at.until(lambda: ghost in at.wanted[0])
        assert first not in at.wanted[0], "nobody looks at those any more"
        assert next(iter(at.session.wanted[1])) == probe("node-2")
        assert at.wanted[2] == set()


async def test_pods_that_come_into_view_have_their_ztunnels_asked_without_a_key() -> None:
    on_one = {
        key: it
        for key, it in SHOP.objects[POD].items()
        if raw.text(it, "spec", "nodeName") == "node-1"
    }
    async with looking(with_pods(on_one), "workloads", (160, 48)) as at:
        await at.until(lambda: at.wanted[1] == {probe("node-1")})
        await at.show(SHOP)
        await at.until(lambda: probe("node-2") in at.wanted[1])


async def test_where_no_ztunnel_could_be_read_links_are_unknown_and_say_why() -> None:
    """Two links are in Kubernetes' own objects; what istiod told the ztunnels and whom they proxy is not."""
    async with looking(situations.limited(), "workloads", (200, 50)) as at:
        rows = {row[2]: row for row in at.rows}
        assert rows[PROXIED][0] == "?"
        assert rows[PROXIED][6] == "? 2 of 4 links"
        assert rows[GHOST][6] == "? 2 of 4 links"
        assert rows[NEVER][6] == "✗ not annotated", "which needs no ztunnel to be seen"
        await at.select(PROXIED)
        assert "jane may not create pods/portforward in istio-system" in at.detail
        assert "? peerauthentications.security.istio.io is forbidden" in at.screen
        assert situations.RBAC in at.screen


async def test_three_of_four_links_where_one_ztunnel_could_not_be_read() -> None:
    """The others tell that istiod lists the pod, so only who proxies it is not known."""
    refused = Problem(Trouble.FORBIDDEN, "get pods/portforward is missing")
    answers = {
        probe: Answer(problem=refused) if probe.pod == ZTUNNEL["node-1"] else answer
        for probe, answer in SHOP.answers.items()
    }
    async with looking(replace(SHOP, answers=answers), "workloads", (200, 50)) as at:
        await at.select(PROXIED)
        assert at.under_cursor[0] == "?"
        assert at.under_cursor[6] == "? 3 of 4 links"
        first = at.detail.split("\n\n")[0].replace("\n ", "")
        assert first == (
            "? 3 of 4 links seen: ztunnel-4rh2t could not be read: get pods/portforward is missing"
        )


async def test_the_cursor_stays_on_its_pod_and_a_change_is_on_screen_without_a_key() -> None:
    pods = dict(SHOP.objects[POD])
    async with looking(SHOP, "workloads") as at:
        await at.select(GHOST)
        moved = {
            "aaa/first": {
                **pods["shop/catalog-f5bc4b466-csxch"],
                "metadata": {"namespace": "aaa", "name": "first", "uid": "1"},
            }
        }
        await at.show(with_pods(moved | pods))
        assert at.under_cursor[2] == GHOST
        del pods["batch/" + NEVER]
        await at.show(with_pods(pods))
        assert at.under_cursor[2] == GHOST
        assert "✗ 2  ! 1  25" in at.screen.splitlines()[1]
        failing: dict[str, Any] = {
            "phase": "Running",
            "containerStatuses": [
                {
                    "name": "app",
                    "ready": False,
                    "restartCount": 14,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                }
            ],
        }
        crashing = {"shop/" + GHOST: {**pods["shop/" + GHOST], "status": failing}}
        await at.show(with_pods(pods | crashing))
        assert at.under_cursor[3:6] == ("0/1", "CrashLoopBackOff", "14")
        assert "CrashLoopBackOff" in at.screen


async def test_enter_and_z_lead_to_its_ztunnel_then_to_the_certificates_and_back() -> None:
    async with looking(SHOP, "namespaces") as at:
        await at.select("shop")
        await at.press("enter")
        await at.select(GHOST)
        await at.press("enter")
        assert at.pane.NAME == "ztunnels"
        assert at.under_cursor[1:3] == ("node-2", "ztunnel-gnq4h")
        await at.press("enter")
        assert at.pane.NAME == "certificates"
        assert "in ztunnel-gnq4h" in at.screen.splitlines()[1]
        await at.press("escape")
        assert at.under_cursor[2] == "ztunnel-gnq4h"
        await at.press("escape")
        assert (at.pane.NAME, at.under_cursor[2]) == ("workloads", GHOST)
        assert {row[1] for row in at.rows} == {"shop"}
        await at.press("z")
        assert (at.pane.NAME, at.under_cursor[2]) == ("ztunnels", "ztunnel-gnq4h")
        await at.press("q", "q")
        assert (at.pane.NAME, at.under_cursor[1]) == ("namespaces", "shop")


async def test_where_no_ztunnel_serves_it_z_says_so() -> None:
    pods = {k: it for k, it in SHOP.objects[POD].items() if "ztunnel" not in k}
    async with looking(with_pods(pods), "workloads") as at:
        await at.select(PROXIED)
        await at.press("z", "enter")
        assert at.pane.NAME == "workloads"
        await at.press("!")
        assert "No ztunnel serves this row." in at.read


async def test_l_p_y_d_and_c_are_of_the_pod() -> None:
    log = [LogLine(SHOP.now, "hello from checkout")]
    async with looking(SHOP, "workloads", log=log) as at:
        await at.select(GHOST)
        await at.press("l")
        await at.until(lambda: "hello from checkout" in at.read)
        assert f"Log of shop/{GHOST}" in at.screen
        await at.press("q", "p")
        await at.until(lambda: "hello from checkout" in at.read)
        assert "previous container" in at.screen
        await at.press("q", "y")
        await at.until(lambda: "ambient.istio.io/redirection: enabled" in at.read)
        assert at.session.asked == [Ref(POD, "shop", GHOST)]
        await at.press("q", "d")
        assert "Kubernetes and istiod call it enrolled" in at.read
        assert "ContainersReady=True" in at.read
        assert "notes      ambient.istio.io/redirection=enabled" in at.read
        await at.press("q", "c")
        assert at.app.clipboard == f"shop/{GHOST}"


async def test_a_filter_looks_at_all_cells_also_those_without_room() -> None:
    async with looking(SHOP, "workloads", (80, 24)) as at:
        await at.type("/node-2\r")
        assert {row[8] for row in at.rows} == {"node-2"}
        assert f"{len(at.rows)} of 26" in at.screen
        await at.press("ctrl+q")
        await at.type("/not [!]\r")
        assert at.rows == []
        assert "Nothing matches /not [!]" in at.screen
        await at.press("escape")
        assert len(at.rows) == 26
        await at.type("/storefront\r")
        await at.press("ctrl+z")
        assert "No fault matches /storefront" in at.screen
        assert "esc shows all faults again." in at.screen


async def test_the_sign_of_the_last_column_stands_beside_the_scroll_bar() -> None:
    async with looking(SHOP, "workloads", (80, 24)) as at:
        await at.press("A")
        assert "AGE▲" in at.screen


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (situations.refused(POD), ("✗ forbidden", 'cannot list resource "pods"', situations.RBAC)),
        (Source(Phase.LOADING, 0), ("◌ Loading pods: 0 so far.",)),
        (Source(Phase.LIVE), ("There are no pods here.",)),
    ],
)
async def test_no_rows_for_different_reasons(source: Source, words: tuple[str, ...]) -> None:
    objects = {NAMESPACE: SHOP.objects[NAMESPACE]}
    sources = {**SHOP.sources, Scope(POD): source}
    async with looking(replace(SHOP, objects=objects, sources=sources), "workloads") as at:
        assert at.rows == []
        for each in words:
            assert each in at.screen


async def test_pods_that_are_being_read_are_shown_and_counted_as_some() -> None:
    async with looking(situations.loading(), "workloads") as at:
        assert len(at.rows) == 10
        assert "◌ loading pods 10" in at.screen.splitlines()[1]
        assert "✓" not in {row[0] for row in at.rows}


async def test_with_rights_in_one_namespace_two_links_of_its_pods_are_seen() -> None:
    """The label of the namespace, read by its name, and the annotation; where its ztunnel is, is not known."""
    refused = situations.refused(POD)
    shop = {key: it for key, it in SHOP.objects[POD].items() if key.startswith("shop/")}
    mine = {Scope(POD, "shop"), named(NAMESPACE, "shop")}
    limited = replace(
        SHOP,
        objects={POD: shop, NAMESPACE: {"shop": SHOP.objects[NAMESPACE]["shop"]}},
        sources={
            **dict.fromkeys(SHOP.sources, refused),
            **dict.fromkeys(mine, Source(Phase.LIVE)),
        },
        answers={},
    )
    among = Settings(pane="workloads", namespaces=("shop",))
    async with looking(limited, size=(200, 50), settings=among) as at:
        await at.select(GHOST)
        assert at.under_cursor[0] == "?"
        assert "? 2 of 4 links" in at.under_cursor
        assert "wanted ✓ label istio.io/dataplane-mode=ambient of namespace shop" in at.said
        assert "ztunnel not known" in at.said
        await at.until(lambda: Scope(GATEWAY, "shop") in at.wanted[0])

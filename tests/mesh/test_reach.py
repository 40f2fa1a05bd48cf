"""Reach: whom a change concerns, in the recorded mesh, and where not all of it may be read."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshtui.mesh import changes, reach
from meshtui.mesh.changes import Patch
from meshtui.mesh.kinds import (
    DAEMONSET,
    DEPLOYMENT,
    INGRESS,
    NAMESPACE,
    POD,
    REFERENCE_GRANT,
    SERVICE,
    SERVICE_ENTRY,
    TCP_ROUTE,
    TLS_ROUTE,
    WORKLOAD_ENTRY,
)
from meshtui.mesh.snapshot import Phase, Problem, Ref, Scope, Source, Trouble
from tests.recordings import snapshot as recorded

NONE = Source(Phase.ABSENT)
DENIED = Problem(Trouble.FORBIDDEN, "jane may not list it")


def test_whom_leaving_reaches_with_the_connections_of_the_recording() -> None:
    """In the dump of node-1, checkout holds one connection to ledger open. The waypoint there does not leave."""
    found = recorded("shop")
    left = changes.unenroll(found.find(NAMESPACE, "", "payments") or {}, found)
    assert isinstance(left, Patch)
    assert left.reach == (
        "3 pods of 2 controllers",
        "2 services",
        "1 connection in and 0 out are open through ztunnels",
    )


def test_joining_cuts_no_connection() -> None:
    found = recorded("shop")
    joined = changes.enroll(found.find(NAMESPACE, "", "plain") or {}, found)
    assert isinstance(joined, Patch)
    assert joined.reach == ("1 pod of 1 controller", "1 service")
    assert joined.warnings == ("existing connections stay plain until they are reopened",)


def test_a_controller_reaches_its_own_pods_and_what_they_hold_open() -> None:
    assert reach.of_controller(Ref(DEPLOYMENT, "payments", "ledger"), recorded("shop")) == (
        "2 pods of 1 controller",
        "1 connection in and 0 out are open through ztunnels",
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            Ref(DAEMONSET, "istio-system", "ztunnel"),
            [
                "3 pods of 1 controller",
                "12 pods of the mesh on 3 nodes",
                "1 connection in and 1 out, of 2 workloads, would be cut",
                "payments/ledger 1, shop/checkout 1",
                "those on node-0 are not known: their ztunnels were not read",
            ],
        ),
        (
            Ref(DEPLOYMENT, "shop", "waypoint"),
            ["1 pod of 1 controller", "named by 1 namespace, 7 services"],
        ),
        (
            Ref(DEPLOYMENT, "edge", "public-istio"),
            ["1 pod of 1 controller", "Gateway edge/public: 3 listeners, 3 routes"],
        ),
    ],
)
def test_what_goes_through_a_part_of_the_mesh_is_told_before_it_is_restarted(
    target: Ref, said: list[str]
) -> None:
    """By the recording: annotations of the CNI agent, connections in the dumps, routes that are Accepted."""
    found = recorded("shop")
    kinds = (SERVICE_ENTRY, WORKLOAD_ENTRY, TLS_ROUTE, TCP_ROUTE, INGRESS, REFERENCE_GRANT)
    found = replace(found, sources={**found.sources, **{Scope(kind): NONE for kind in kinds}})
    assert list(reach.of_controller(target, found)) == said


def test_what_it_reaches_is_not_known_where_that_may_not_be_read() -> None:
    found = recorded("shop")
    denied = {Scope(kind): Source(Phase.FORBIDDEN, problem=DENIED) for kind in (POD, SERVICE)}
    found = replace(found, sources={**found.sources, **denied}, answers={})
    assert reach.of_namespace("payments", found, leaving=True) == (
        f"how many pods it reaches is not known: {DENIED.text}",
        f"how many services it reaches is not known: {DENIED.text}",
        "0 connections in and 0 out are open through ztunnels; those on node-1, node-2 are not known",
    )


def test_a_ztunnel_that_was_not_read_holds_connections_that_are_not_known() -> None:
    found = recorded("shop")
    ztunnels = Ref(DAEMONSET, "istio-system", "ztunnel")
    answers = {probe: it for probe, it in found.answers.items() if probe.pod != "ztunnel-gnq4h"}
    *_, cut, whose, unread = reach.of_controller(ztunnels, replace(found, answers=answers))
    assert cut == "1 connection in and 1 out, of 2 workloads, would be cut"
    assert whose == "payments/ledger 1, shop/checkout 1"
    assert unread.startswith("those on node-")
    assert "node-2" in unread
    assert "node-1" not in unread

"""Service entries as rows: what networking/v1 says of their fields, and the mesh around them as recorded."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import overview, policy_rows, service_entries
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, SERVICE_ENTRY
from meshtui.mesh.raw import Raw
from meshtui.mesh.service_entries import ServiceEntry
from meshtui.mesh.snapshot import Snapshot
from tests import recordings

STRIPE = {
    "hosts": ["*.stripe.com", "api.stripe.com"],
    "location": "MESH_EXTERNAL",
    "resolution": "DNS",
    "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}],
}


def entry(spec: Any, name: str = "e", namespace: str = "payments", **labels: str) -> Raw:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": spec,
    }


def shop(*found: Raw) -> Snapshot:
    named = {f"{it['metadata']['namespace']}/{it['metadata']['name']}": it for it in found}
    at = recordings.snapshot("shop")
    return replace(at, objects={**at.objects, SERVICE_ENTRY: named})


def row(it: Raw) -> ServiceEntry:
    [found] = service_entries.of(shop(it))
    return found


def test_what_is_written_is_shown_and_nothing_is_claimed_of_what_is_outside() -> None:
    found = row(entry(STRIPE))
    assert found.hosts == ("*.stripe.com", "api.stripe.com")
    assert (found.ports, found.resolution, found.inside) == (("443 TLS",), "DNS", False)
    assert found.called == "api.stripe.com:443", "a wildcard can be called by nobody"
    assert (found.verdict.health, found.waypoint) == (Health.NONE, None)


def test_the_waypoint_is_the_one_of_the_namespace_or_its_own() -> None:
    """Namespace shop uses `waypoint`; none is called egress."""
    inherited = row(entry(STRIPE, namespace="shop"))
    assert inherited.waypoint
    assert (inherited.waypoint.key, inherited.waypoint.label_of) == ("shop/waypoint", "namespace")
    own = row(entry(STRIPE, **{"istio.io/use-waypoint": "egress"}))
    assert own.verdict.health is Health.BAD
    assert "payments/egress does not exist" in own.verdict.reason
    assert own.waypoint
    assert own.waypoint.fails == "open"


def test_pods_that_it_selects_answer_for_it() -> None:
    """Of the two pods of checkout one is the ghost."""
    spec = STRIPE | {
        "location": "MESH_INTERNAL",
        "workloadSelector": {"labels": {"app": "checkout"}},
    }
    found = row(entry(spec, namespace="shop"))
    assert found.inside
    assert [each.pod.namespace for each in found.pods] == ["shop", "shop"]
    assert (found.captured.captured, found.captured.desired) == (1, 2)
    assert found.verdict.health is Health.BAD
    assert found.verdict.reason.startswith("1 of 2 pods not in the mesh: checkout-")
    assert row(entry(spec, namespace="plain")).pods == (), "those of its own namespace alone"


def test_they_stand_among_the_services_and_are_counted_with_them() -> None:
    at = shop(entry(STRIPE, "b"), entry(STRIPE, "a", **{"istio.io/use-waypoint": "egress"}))
    every = [each.ref.key for each in service_entries.with_services(at)]
    assert every == sorted(every)
    assert {"payments/a", "payments/ledger"} <= {*every}
    assert failing(at) == failing(shop()) + 1


def failing(at: Snapshot) -> int:
    """How many the overview counts in Services."""
    [panes] = [each for each in overview.of(at) if each.title == "PANES"]
    [found] = [each for each in panes.items if each.text == "Services"]
    return found.counts[Health.BAD]


def test_the_policies_that_name_it_or_its_waypoint_are_for_it() -> None:
    at = shop(entry(STRIPE, namespace="shop"))
    target = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "e"}
    policy = entry({"targetRefs": [target]}, "to-stripe", "shop")
    known = {**at.objects[AUTHORIZATION_POLICY], "shop/to-stripe": policy}
    at = replace(at, objects={**at.objects, AUTHORIZATION_POLICY: known})
    assert [each.ref.name for each in policy_rows.for_service_entry(at, "shop/e")] == ["to-stripe"]
    assert policy_rows.for_service_entry(at, "shop/gone") == ()


@pytest.mark.parametrize(
    "spec",
    [
        *(None, [], "x"),
        {"hosts": "x", "ports": {}, "endpoints": [None, {"address": 1}], "addresses": {"a": 1}},
        {"hosts": [None, 3], "ports": [None, 1, {"number": "x"}], "workloadSelector": []},
        {"workloadSelector": {"labels": {"app": None}}, "resolution": 1, "location": {}},
    ],
)
def test_odd_objects_are_rows_too(spec: Any) -> None:
    found = row(entry(spec))
    assert (found.ref.key, found.hosts, found.called) == ("payments/e", (), "")

"""What the detail of a waypoint and of a gateway says of the Envoy behind it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from meshtui.mesh import envoy, sync
from meshtui.mesh.envoy import Probes
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Answer, Probe, Problem, Ref, Snapshot, Trouble
from tests.ui import situations
from tests.ui.looking import looking

SHOP = situations.shop()
NAMES = [key for key in SHOP.objects[POD] if key.startswith("shop/waypoint-")]
WAYPOINT = Ref(POD, *NAMES[0].split("/"))
ASKED = envoy.probes(WAYPOINT)


def host(address: str, **health: Any) -> Any:
    socket = {"socket_address": {"address": address, "port_value": 8080}}
    return {"address": socket, "health_status": {"eds_health_status": "HEALTHY", **health}}


PAGES: dict[str, Any] = {
    "clusters": {
        "cluster_statuses": [
            {"name": "inbound-vip|80|http|catalog.shop.svc.cluster.local", "host_statuses": [host("10.0.0.1")]},
            {"name": "inbound-vip|8080|http|reviews.shop.svc.cluster.local",
             "host_statuses": [host("10.0.0.2"), host("10.0.0.3", failed_outlier_check=True)]},
            {"name": "encap"},
        ]
    },
    "listeners": {
        "listener_statuses": [
            {"name": "connect_terminate",
             "local_address": {"socket_address": {"address": "::", "port_value": 15008}}},
            {"name": "main_internal",
             "local_address": {"envoy_internal_address": {"server_listener_name": "main_internal"}}},
        ]
    },
    "certificates": {
        "certificates": [
            {"cert_chain": [{
                "serial_number": "7f01", "subject_alt_names": [{"uri": "spiffe://cluster.local/ns/shop/sa/waypoint"}],
                "valid_from": "2026-11-22T12:00:00Z", "expiration_time": "2026-11-23T12:39:00Z",
            }]}
        ] * 2
    },
    "server": {
        "version": "abc/1.37.0/Clean/RELEASE/BoringSSL", "state": "LIVE",
        "command_line_options": {"log_level": "warning", "component_log_level": "misc:error"},
    },
}  # fmt: skip


def answered(probes: Probes = ASKED, **pages: Any) -> dict[Probe, Answer]:
    found = {}
    for name, page in {**PAGES, **pages}.items():
        probe: Probe = getattr(probes, name)
        found[probe] = Answer(probe.read(msgspec.json.encode(page)), SHOP.now)
    return found


def connected(pod: Ref) -> dict[Probe, Answer]:
    [probe, *_] = sync.probes(SHOP)
    said = {
        "proxy": f"{pod.name}.{pod.namespace}",
        "resources": {
            f"type.googleapis.com/envoy.config.{each}": {"sent": "1", "acked": acked}
            for each, acked in (("cluster.v3.Cluster", "0"), ("listener.v3.Listener", "1"))
        },
    }
    return {probe: Answer(sync.read_syncz(msgspec.json.encode([said])), SHOP.now)}


def with_answers(*found: dict[Probe, Answer]) -> Snapshot:
    answers = {**SHOP.answers}
    for each in found:
        answers.update(each)
    return replace(SHOP, answers=answers)


async def test_the_envoy_of_a_waypoint_tells_what_fails_first_then_all_that_it_holds() -> None:
    snapshot = with_answers(answered(), connected(WAYPOINT))
    async with looking(snapshot, "waypoints", (240, 70)) as at:
        await at.select("waypoint", "shop")
        asked = {*ASKED.all, *sync.probes(SHOP)}
        await at.until(lambda: asked <= at.wanted[1])
        detail = at.detail
        assert f"Envoy of {WAYPOINT.name}" in detail
        assert "! clusters stale" in detail
        assert "warning, misc=error at its start" in detail
        lines = [line.split() for line in detail.partition("Clusters (3)")[2].splitlines()]
        assert lines[2][:4] == ["!", "reviews.shop.svc.cluster.local", "8080", "1/2"]
        assert "10.0.0.3:8080 ejected: too many of its answers were errors" in at.said
        assert ["·", "encap", "0/0"] in lines
        assert "Listeners (2)" in detail
        assert ["connect_terminate", "[::]:15008"] in [line.split() for line in detail.splitlines()]
        assert ["main_internal", "internal"] in [line.split() for line in detail.splitlines()]
        assert "Certificates in use (1)" in detail, "it lists one for each of its contexts"
        assert "spiffe://cluster.local/ns/shop/sa/waypoint 24h 7f01" in at.said


async def test_one_that_cannot_be_asked_says_so_once_and_claims_nothing() -> None:
    may_not = Problem(Trouble.FORBIDDEN, "jane may not create pods/portforward in shop")
    refused = dict.fromkeys(ASKED.all, Answer(problem=may_not))
    async with looking(with_answers(refused), "waypoints", (240, 70)) as at:
        await at.select("waypoint", "shop")
        assert at.detail.count("jane may not create pods/portforward in shop") == 1
        assert "? istiod is being asked" in at.said
        assert "Clusters" not in at.detail


async def test_what_was_read_before_stays_with_why_it_is_not_newer() -> None:
    gone = Problem(Trouble.UNREACHABLE, "the line was cut")
    stale = {probe: replace(it, problem=gone) for probe, it in answered().items()}
    async with looking(with_answers(stale), "waypoints", (240, 70)) as at:
        await at.select("waypoint", "shop")
        assert "since then ? the line was cut" in at.said
        assert "Clusters (3)" in at.detail


async def test_an_envoy_that_drains_or_trusts_an_expired_ca_is_not_well() -> None:
    draining = {**PAGES["server"], "state": "DRAINING"}
    ca = {"serial_number": "1", "expiration_time": "2026-11-22T12:00:00Z"}
    odd = answered(server=draining, certificates={"certificates": [{"ca_cert": [ca]}]})
    async with looking(with_answers(odd), "waypoints", (240, 70)) as at:
        await at.select("waypoint", "shop")
        assert "! draining" in at.said
        assert "a CA that it trusts ✗ expired 1" in at.said


async def test_a_gateway_tells_the_same() -> None:
    pod = Ref(POD, "edge", "public-istio-57996c77cf-wpbgf")
    probes = envoy.probes(pod)
    async with looking(with_answers(answered(probes)), "gateways", (240, 90)) as at:
        await at.select("public")
        await at.until(lambda: set(probes.all) <= at.wanted[1])
        assert f"Envoy of {pod.name}" in at.detail
        assert "Clusters (3)" in at.detail
        await at.press("d")
        assert "Clusters (3)" in at.read

"""Service traffic: what ztunnels and waypoints count of each Service, and what of it is not known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import service_counters, service_traffic, ztunnel_probes
from meshtui.mesh.metrics import read_metrics
from meshtui.mesh.service_counters import OPENED, Connections, Requests
from meshtui.mesh.service_traffic import Traffic
from meshtui.mesh.snapshot import Answer, Probe, Snapshot
from tests import recordings
from tests.ui import situations

SHOP = situations.shop()
RECORDED = recordings.DATA / "shop" / "ztunnel-node-1.metrics.txt"
LEDGER = ("payments", "ledger")
NODES = ("ztunnel-68wn4", "ztunnel-4rh2t", "ztunnel-gnq4h")


def test_the_recorded_ztunnel_counted_what_its_log_tells() -> None:
    """Refused at ledger: storefront in mTLS and curl in plain text, once each."""
    found = service_counters.read_connections(RECORDED.read_bytes())
    ledger = {key[2:]: count for key, count in found.items() if key[:2] == LEDGER}
    assert ledger[("DENY", "destination", True)] == 1
    assert ledger[("DENY", "destination", False)] == 1
    assert ledger[(OPENED, "destination", False)] == 3
    assert not any(key.service == "unknown" for key in found)


def counted(code: str, count: str, reporter: str = "waypoint", more: str = "") -> str:
    where = 'destination_service_name="reviews",destination_service_namespace="shop"'
    labels = f'reporter="{reporter}",{more}{where},response_code="{code}"'
    return f"istio_requests_total{{{labels}}} {count}\n"


WAYPOINT_METRICS = "".join(
    [
        "# TYPE istio_requests_total counter\n",
        counted("200", "7"),
        counted("200", "2", more='source_workload="b",'),
        counted("503", "1"),
        counted("200", "50", "source"),
        counted("500", "NaN"),
        'istio_requests_total{reporter="waypoint",broken\n',
        'istio_request_bytes_bucket{reporter="waypoint"} 3\n',
    ]
).encode()


def test_a_waypoint_counts_requests_by_code_and_what_is_odd_is_passed_over() -> None:
    assert service_counters.read_requests(WAYPOINT_METRICS) == {
        Requests("shop", "reviews", "200"): 9,
        Requests("shop", "reviews", "503"): 1,
    }
    for body in (b"", b"\xff\xfe{}", b"istio_requests_total{} 1"):
        assert service_counters.read_requests(body) == {}


def counting(
    *rose: Mapping[Connections, int], pods: tuple[str, ...] = NODES
) -> dict[Probe, Answer]:
    """Ztunnels that were read twice, ten seconds apart, and counted so much in between."""
    value = read_metrics(RECORDED.read_bytes())
    answers = {}
    for pod, counters in zip(pods, [*rose, {}, {}, {}], strict=False):
        kept: Any = ((SHOP.now - timedelta(seconds=10), {}), (SHOP.now, counters))
        probe = ztunnel_probes.metrics("istio-system", pod)
        told = replace(value, connections=counters)
        answers[probe] = Answer(told, SHOP.now, kept=kept)
    return answers


def with_answers(found: Mapping[Probe, Any]) -> Snapshot:
    without = {probe: it for probe, it in SHOP.answers.items() if probe.path not in ("/metrics",)}
    return replace(SHOP, answers={**without, **found})


def of(found: Mapping[Probe, Any], service: str = "payments/ledger", waypoint: str = "") -> Traffic:
    namespace, _, name = service.partition("/")
    return service_traffic.of(with_answers(found), namespace, name, waypoint or None)


def connection(flag: str, reporter: str, *, plain: bool = False) -> Connections:
    return Connections(*LEDGER, flag, reporter, plain)


def test_a_connection_that_both_of_its_ztunnels_count_is_one() -> None:
    at_caller = {connection(OPENED, "source"): 30, connection("CONNECT", "source"): 20}
    at_target = {connection(OPENED, "destination"): 30, connection("DENY", "destination"): 20}
    found = of(counting(at_caller, at_target))
    assert found.opened == pytest.approx(3.0)
    assert found.failing == pytest.approx(2.0)
    assert found.failures == {"CONNECT": pytest.approx(2.0), "DENY": pytest.approx(2.0)}
    assert found.failed[-1] == pytest.approx(2.0 / 3), "ten seconds of the last thirty"
    assert found.watched == timedelta(seconds=10)
    assert (found.unread, found.uncounted) == ("", "")


def test_plain_text_has_no_ztunnel_at_its_caller_and_is_added() -> None:
    bare = {connection("DENY", "destination", plain=True): 10, connection("CONNECT", "source"): 5}
    assert of(counting(bare)).failing == pytest.approx(1.5)


def test_requests_and_the_share_of_5xx_are_the_waypoints() -> None:
    [pod] = service_traffic.waypoint_pods(SHOP, "shop/waypoint")
    probe = service_counters.requests_probe(pod.namespace, pod.name)
    before = {Requests("shop", "reviews", "200"): 100}
    value = {Requests("shop", "reviews", "200"): 190, Requests("shop", "reviews", "503"): 10}
    assert probe.keep is not None
    kept = probe.keep(None, before, SHOP.now - timedelta(seconds=20))
    answer = Answer(value, SHOP.now, kept=probe.keep(kept, value, SHOP.now))
    found = of({**counting(), probe: answer}, "shop/reviews", "shop/waypoint")
    assert found.requests == pytest.approx(5.0)
    assert found.errors == pytest.approx(0.1)
    assert found.requested[-1] == pytest.approx(5.0 * 20 / 30)
    other = of({**counting(), probe: answer}, "shop/catalog", "shop/waypoint")
    assert (other.requests, other.errors) == (0, None)


def test_what_was_not_read_is_not_none() -> None:
    found = of(counting(pods=NODES[:1]), "shop/reviews", "shop/waypoint")
    assert found.unread == "2 of 3 ztunnels not read; 1 of 1 waypoint pod not read"
    assert found.requests is None
    assert found.uncounted == ""
    nothing = of({})
    assert (nothing.failing, nothing.opened) == (None, None)


def test_a_service_that_no_proxy_counts_says_so_once_all_were_read() -> None:
    assert of(counting()).uncounted == (
        "no proxy counts it: it has no waypoint, and no ztunnel has seen a connection to it"
    )
    assert of(counting(pods=NODES[:2])).uncounted == ""
    assert of(counting({connection(OPENED, "source"): 1})).uncounted == ""
    assert of(counting(), "shop/reviews", "shop/waypoint").uncounted == ""


def test_of_many_ztunnels_the_sweep_tells() -> None:
    wanted = service_traffic.wanted(SHOP, ["shop/waypoint", "shop/waypoint"])
    assert len(wanted) == 4
    assert len(set(wanted)) == 4

"""The watch over access logs: whose are read, what they tell of the recorded mesh, and what is not known beside it."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from meshtui.mesh import denial_watch
from meshtui.mesh.denial_watch import Heard, Watch
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Problem, Ref, Snapshot, Trouble
from tests import recordings
from tests.recordings import Recording
from tests.ui import situations

SHOP = situations.shop()
NODE_1 = Ref(POD, "istio-system", "ztunnel-4rh2t")


def without(snapshot: Snapshot, name: str) -> Snapshot:
    """The mesh after a pod is gone."""
    pods = {key: pod for key, pod in snapshot.objects[POD].items() if not key.endswith(name)}
    return replace(snapshot, objects={**snapshot.objects, POD: pods})


def watching(snapshot: Snapshot = SHOP) -> Watch:
    watch = Watch(600)
    watch.see(snapshot)
    return watch


def read(watch: Watch, pod: Ref, node: str) -> Heard:
    for line in Recording("shop").log(node).splitlines():
        watch.take(pod, LogLine(SHOP.now, line))
    return watch.heard((), {})


def test_the_refusals_of_the_recorded_mesh_by_workload() -> None:
    """By hand from the log of node-1, as its README tells it; each is written by both sides but for plain text, and for
    what never arrived."""
    heard = recordings.heard("shop", SHOP)
    assert {(row.source, row.destination, row.port, row.reason.code, row.count) for row in heard.rows} == {
        ("shop/storefront", "payments/ledger", "8080", "no-allow", 1),
        ("plain/curl", "payments/ledger", "8080", "plain-text-under-strict", 1),
        ("shop/checkout", "payments/ledger", "8080", "no-route", 1),
        ("shop/checkout", "storefront-next.shop.svc.cluster.local", "80", "no-route", 1),
        ("shop/checkout", "payments/refunds", "8080", "no-allow", 1),
        ("shop/storefront", "payments/refunds", "8080", "no-allow", 1),
        ("shop/checkout", "shop/reviews-v1", "9999", "connection-refused", 1),
    }  # fmt: skip
    written = {row.reason.code: len(row.samples[0].lines) for row in heard.rows}
    assert written == {
        "no-allow": 2,
        "plain-text-under-strict": 1,
        "no-route": 1,
        "connection-refused": 2,
    }
    assert heard.counts.access == 14
    assert heard.counts.unread == 0


def test_the_logs_that_are_worth_reading_are_those_that_are_not_off() -> None:
    """By default a waypoint and a gateway write none."""
    proxies = watching().proxies(SHOP.now)
    assert {pod.name.partition("-")[0] for pod in proxies} == {"ztunnel"}
    assert len(proxies) == 3


def test_a_pod_that_is_gone_keeps_the_name_of_its_workload() -> None:
    watch = watching()
    watch.see(without(SHOP, "checkout-5f686c4cb7-v2nsk"))
    rows = read(watch, NODE_1, "node-1").rows
    assert {row.source for row in rows} == {"shop/checkout", "shop/storefront", "plain/curl"}


def test_a_pod_that_was_gone_before_is_one_of_the_workload_of_its_template() -> None:
    """Else each pod that a Deployment once had is a caller of its own; where nobody else is of the template, it is."""
    one, other = "checkout-5f686c4cb7-v2nsk", "checkout-5f686c4cb7-fz2sg"
    rows = read(watching(without(SHOP, one)), NODE_1, "node-1").rows
    assert {row.source for row in rows} == {"shop/checkout", "shop/storefront", "plain/curl"}
    rows = read(watching(without(without(SHOP, one), other)), NODE_1, "node-1").rows
    assert "shop/checkout-5f686c4cb7-v2nsk" in {row.source for row in rows}


def test_a_proxy_that_is_gone_has_a_gap_with_an_end() -> None:
    watch = watching()
    watch.proxies(SHOP.now)
    read(watch, NODE_1, "node-1")
    watch.see(without(SHOP, NODE_1.name))
    later = SHOP.now + timedelta(minutes=1)
    assert NODE_1 not in watch.proxies(later)
    assert [(gap.proxy, gap.until) for gap in watch.heard((), {}).gaps] == [(NODE_1.key, later)]


def test_a_proxy_that_told_of_a_refusal_of_late_matters() -> None:
    watch = watching()
    read(watch, NODE_1, "node-1")
    assert watch.matters(NODE_1, SHOP.now)
    assert not watch.matters(NODE_1, SHOP.now + timedelta(minutes=2))
    assert not watch.matters(Ref(POD, "istio-system", "ztunnel-gnq4h"), SHOP.now)


def test_how_many_are_followed_of_how_many() -> None:
    watch = watching()
    proxies = watch.proxies(SHOP.now)
    heard = watch.heard(proxies[:2], {})
    assert denial_watch.following(heard) == "following 2 of 3 ztunnels"
    assert denial_watch.following(Heard()) == "following no logs"
    watch.take(proxies[0], LogLine(SHOP.now, "trying again in 2.0 s", notice=True))
    cut = watch.heard(proxies, {})
    assert denial_watch.following(cut) == "following 2 of 3 ztunnels", "one waits for its stream"


def test_what_is_not_known_is_said_once_for_each_reason() -> None:
    watch = watching()
    problem = Problem(Trouble.FORBIDDEN, "jane may not get pods/log in istio-system")
    heard = watch.heard((), dict.fromkeys(watch.proxies(SHOP.now), problem))
    assert list(denial_watch.in_short(heard)) == [
        "3 logs cannot be read: jane may not get pods/log in istio-system",
        "access log off: 1 gateway, 2 waypoints; what they refuse is not known",
    ]
    logs, silent = denial_watch.unheard(heard)
    assert logs.startswith("the log of istio-system/ztunnel-")
    assert logs.endswith(": jane may not get pods/log in istio-system")
    assert "waypoint shop/waypoint-" in silent
    assert silent.endswith("neither a Telemetry nor accessLogFile of mesh config asks for it")


def test_what_came_to_nothing_is_counted() -> None:
    watch = watching()
    watch.take(NODE_1, LogLine(SHOP.now, "2026-11-22T12:38:00Z\terror\taccess\tconnection comp"))
    watch.take(NODE_1, LogLine(SHOP.now, "2026-11-22T12:38:01Z\tinfo\tother\tsomething\t"))
    heard = watch.heard((), {})
    assert list(denial_watch.lost(heard)) == ["1 could not be read"]


def test_only_what_concerns_the_namespaces_that_are_looked_at() -> None:
    rows = recordings.heard("shop", SHOP).rows
    assert all(denial_watch.concerns(row, ()) for row in rows)
    plain = [row for row in rows if denial_watch.concerns(row, ("plain",))]
    assert [row.source for row in plain] == ["plain/curl"]
    by_host = [row for row in rows if row.destination.startswith("storefront-next")]
    assert denial_watch.concerns(by_host[0], ("shop",))

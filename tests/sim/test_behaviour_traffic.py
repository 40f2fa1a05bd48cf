"""What goes on in the built-in cluster while nobody does anything: calls, and pods that come and go."""

from __future__ import annotations

from datetime import datetime, timedelta

from meshtui.sim.behaviour.cluster import Behaviour
from meshtui.sim.behaviour.scaling import Scaling, Swing
from meshtui.sim.behaviour.traffic import Flow
from meshtui.sim.kinds import DEPLOYMENT
from tests.sim.bench import NOW, Bench

KEY = ("", "")


def bench_with(*flows: Flow) -> Bench:
    bench = Bench(nodes=1, behaviour=Behaviour(flows=flows))
    bench.namespace("shop")
    bench.label("shop", {"istio.io/dataplane-mode": "ambient"})
    bench.app("shop", "web")
    bench.app("shop", "api")
    return bench


def lines(bench: Bench) -> list[str]:
    (ztunnel,) = bench.cluster.ztunnels
    return [line.text for line in ztunnel.log.lines if "\taccess\t" in line.text]


def test_calls_are_made_as_time_goes_by_and_not_while_it_stands() -> None:
    bench = bench_with(Flow(("shop", "web"), ("shop", "api"), 80, every=10))
    for _ in range(5):
        bench.cluster.calls.look(KEY)
    assert len(lines(bench)) == 2, "one call, seen by both sides"
    for _ in range(100):
        bench.later(seconds=1)
        bench.cluster.calls.look(KEY)
    # 100 seconds of a call every 7 to 13
    assert 2 * 7 <= len(lines(bench)) - 2 <= 2 * 15


def test_a_past_can_be_given_to_the_logs() -> None:
    bench = bench_with(Flow(("shop", "web"), ("shop", "api"), 80, every=5))
    bench.cluster.call(timedelta(minutes=2))
    stamps = [datetime.fromisoformat(line.partition("\t")[0]) for line in lines(bench)]
    assert stamps == sorted(stamps)
    assert stamps[0] < NOW - timedelta(seconds=110)
    assert NOW - timedelta(seconds=15) < stamps[-1] <= NOW
    assert bench.cluster.clock() == NOW


def test_a_flow_between_things_that_are_not_there_is_silent() -> None:
    bench = bench_with(
        Flow(("shop", "web"), ("shop", "nothing"), 80, every=5),
        Flow(("shop", "nobody"), ("shop", "api"), 80, every=5),
        Flow(("shop", "web"), ("shop", "api"), 81, every=5),
    )
    bench.cluster.calls.look(KEY)
    assert lines(bench) == []


def test_a_deployment_swings_until_someone_sets_another_number() -> None:
    bench = bench_with()
    bench.app("shop", "swing", replicas=2)
    swing = Swing(("shop", "swing"), [2, 3], every=60)
    scaling = Scaling(bench.cluster.world, [swing])

    def after(seconds: float) -> int:
        bench.later(seconds=seconds)
        scaling.look(KEY)
        bench.settle()
        return len(bench.pods("shop", app="swing"))

    assert after(0) == 2
    assert after(0) == 2, "time stands"
    assert after(11) == 3
    assert after(61) == 2
    found = bench.store.need(DEPLOYMENT, "shop", "swing")
    bench.store.update(DEPLOYMENT, {**found, "spec": {**found["spec"], "replicas": 7}})
    assert after(61) == 7
    bench.store.delete(DEPLOYMENT, "shop", "swing")
    assert after(61) == 0


def test_a_connection_ends_with_its_pods() -> None:
    bench = bench_with(Flow(("shop", "web"), ("shop", "api"), 80, every=10_000, lasting=10_000))
    bench.cluster.calls.look(KEY)
    assert lines(bench) == []
    bench.delete_pods(bench.pods("shop", app="api"))
    bench.cluster.calls.look(KEY)
    assert [line.partition('direction="')[2][:2] for line in lines(bench)] == ["in", "ou"]


def test_nobody_behind_a_service_is_no_healthy_upstream() -> None:
    flow = Flow(("shop", "web"), ("shop", "api"), 80, every=1)
    bench = bench_with(flow)
    found = bench.store.need(DEPLOYMENT, "shop", "api")
    bench.store.update(DEPLOYMENT, {**found, "spec": {**found["spec"], "replicas": 0}})
    bench.settle()
    bench.cluster.calls.look(KEY)
    (line,) = lines(bench)
    # reference istio-ambient.md, 4.7 and 4.8
    assert line.split("\t")[1:4] == ["warn", "access", "connection failed"]
    assert 'error="no healthy upstream: 10.96.' in line

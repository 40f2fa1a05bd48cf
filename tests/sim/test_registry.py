"""What istiod tells ztunnels, against a recorded dump of the same objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from meshtui.sim.behaviour.clock import Clock
from meshtui.sim.behaviour.names import Names
from meshtui.sim.behaviour.registry import Registry
from meshtui.sim.behaviour.runner import Runner
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import NAMESPACE, POD, SERVICE
from meshtui.sim.store import Store
from tests.sim.recorded import dump, shop

Raw = dict[str, Any]
NOW = datetime(2026, 11, 22, 12, 40, tzinfo=UTC)


class Record:
    """The recorded mesh, and istiod's record of it."""

    def __init__(self) -> None:
        self.store: Store = shop()
        world = World(self.store, Clock(lambda: NOW), Names(1), lambda: NOW)
        self.registry = Registry(world, "cluster.local")
        self._runner = Runner(world, [self.registry])

    def read(self) -> tuple[dict[str, Raw], dict[str, Raw]]:
        """Workloads by name, services by hostname."""
        self._runner.settle()
        workloads, services = map(msgspec.json.decode, self.registry.encoded())
        return (
            {each["name"]: each for each in workloads},
            {each["hostname"]: each for each in services},
        )


@pytest.fixture
def record() -> Record:
    return Record()


def test_workloads_are_the_recorded_ones(record: Record) -> None:
    workloads, _ = record.read()
    assert workloads == {each["name"]: each for each in dump("node-1")["workloads"]}


def test_services_are_the_recorded_ones(record: Record) -> None:
    _, services = record.read()
    recorded = {each["hostname"]: each for each in dump("node-1")["services"]}
    # the default Service has a port of the test rig's API server and no pods: the same in both
    assert services == recorded


def test_policies_are_the_recorded_ones(record: Record) -> None:
    record.read()
    recorded = {each["name"]: each for each in dump("node-1")["policies"]}
    assert {each["name"]: each for each in record.registry.policies()} == recorded


def test_a_change_is_in_the_next_reading(record: Record) -> None:
    record.read()
    pod = next(each for each in record.store.list(POD, "plain"))
    metadata = {
        **pod["metadata"],
        "annotations": {"ambient.istio.io/redirection": "enabled"},
        "labels": {"app": "other"},
    }
    record.store.update(POD, {**pod, "metadata": metadata})
    workloads, services = record.read()
    assert workloads[pod["metadata"]["name"]]["protocol"] == "HBONE"
    assert "services" not in workloads[pod["metadata"]["name"]]
    assert services["curl.plain.svc.cluster.local"]["endpoints"] == {}

    space = record.store.need(NAMESPACE, "", "plain")
    labels = {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "shop"}
    record.store.update(NAMESPACE, {**space, "metadata": {**space["metadata"], "labels": labels}})
    _, services = record.read()
    assert "waypoint" not in services["curl.plain.svc.cluster.local"], "shop does not admit plain"

    record.store.delete(SERVICE, "plain", "curl")
    record.store.delete(POD, "plain", pod["metadata"]["name"], grace=0)
    workloads, services = record.read()
    assert "curl.plain.svc.cluster.local" not in services
    assert pod["metadata"]["name"] not in workloads


def test_named_ports_are_0_at_the_service_and_told_at_the_endpoint(record: Record) -> None:
    pod = next(each for each in record.store.list(POD, "plain"))
    container = {**pod["spec"]["containers"][0], "ports": [{"name": "web", "containerPort": 8080}]}
    record.store.update(POD, {**pod, "spec": {**pod["spec"], "containers": [container]}})
    service = record.store.need(SERVICE, "plain", "curl")
    port = {**service["spec"]["ports"][0], "targetPort": "web"}
    record.store.update(SERVICE, {**service, "spec": {**service["spec"], "ports": [port]}})
    _, services = record.read()
    # reference istio-ambient.md, 4.4
    assert services["curl.plain.svc.cluster.local"]["ports"] == {"80": 0}
    (endpoint,) = services["curl.plain.svc.cluster.local"]["endpoints"].values()
    assert endpoint["port"] == {"80": 8080}

"""A small cluster with everything that acts in it, for tests that do something and see what comes of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from meshtui.sim.behaviour.cluster import Behaviour, Cluster
from meshtui.sim.bootstrap import bootstrap
from meshtui.sim.kinds import CONFIGMAP, NAMESPACE, POD, Kind, kind_of
from meshtui.sim.scenes.playing import add_app, add_namespace, add_node, apply
from meshtui.sim.scenes.reading import App, read

Raw = dict[str, Any]
NOW = datetime(2026, 11, 22, 12, 40, tzinfo=UTC)


class Bench:
    """A cluster of some nodes with Istio installed; its time stands until a test moves it."""

    def __init__(self, nodes: int = 2, behaviour: Behaviour | None = None) -> None:
        self.now = NOW
        self.cluster = Cluster(lambda: self.now, 1, behaviour or Behaviour())
        self.store = self.cluster.store
        bootstrap(self.store)
        for _ in range(nodes):
            add_node(self.cluster)
        add_namespace(self.cluster, "istio-system", {})
        for obj in installation():
            apply(self.cluster, kind_of(obj), obj)
        self.settle()

    def settle(self) -> None:
        self.cluster.settle()

    def later(self, **passed: float) -> None:
        """Some time passes."""
        self.now += timedelta(**passed)

    def namespace(self, name: str, **labels: str) -> None:
        add_namespace(self.cluster, name, {key.replace("_", "-"): v for key, v in labels.items()})

    def label(self, name: str, labels: Raw) -> None:
        """Give a namespace these labels and no others."""
        found = self.store.need(NAMESPACE, "", name)
        metadata = {**found["metadata"], "labels": labels}
        self.store.update(NAMESPACE, {**found, "metadata": metadata})
        self.settle()

    def app(self, namespace: str, name: str, **rest: Any) -> None:
        add_app(self.cluster, App(namespace, name, **rest))
        self.settle()

    def apply(self, kind: Kind, obj: Raw) -> None:
        apply(self.cluster, kind, obj)
        self.settle()

    def configure(self, **data: str) -> None:
        """Change the CNI agents' ConfigMap."""
        found = self.store.need(CONFIGMAP, "istio-system", "istio-cni-config")
        self.store.update(CONFIGMAP, {**found, "data": {**found["data"], **data}})
        self.settle()

    def pods(self, namespace: str, **labels: str) -> list[Raw]:
        return [
            pod
            for pod in self.store.list(POD, namespace)
            if labels.items() <= pod["metadata"].get("labels", {}).items()
        ]

    def pod(self, namespace: str, **labels: str) -> Raw:
        (found,) = self.pods(namespace, **labels)
        return found

    def delete_pods(self, found: Iterable[Raw]) -> None:
        for pod in found:
            self.store.delete(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
        self.settle()


def installation() -> list[Raw]:
    """The objects of an Istio installation, as the scene `shop` has them at first."""
    first = read("shop").past[0]
    return [each for each in first.objects if each["metadata"].get("namespace") != "legacy"]


def redirection(pod: Raw) -> str | None:
    found: str | None = pod["metadata"].get("annotations", {}).get("ambient.istio.io/redirection")
    return found

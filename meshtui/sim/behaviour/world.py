"""World: what all controllers of the built-in cluster work with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable
from datetime import datetime, timedelta

from meshtui.sim.behaviour.clock import Clock
from meshtui.sim.behaviour.names import Names
from meshtui.sim.behaviour.routes import ROUTES, gateways_of, services_of
from meshtui.sim.kinds import (
    ENDPOINT_SLICE,
    EVENT,
    NAMESPACE,
    NODE,
    POD,
    REPLICASET,
    SERVICE,
    Kind,
)
from meshtui.sim.objects import (
    Raw,
    controller,
    labels,
    micros,
    name,
    namespace,
    seconds,
    text,
)
from meshtui.sim.store import Change, Key, Store, key_of

ZTUNNEL = "ztunnel"
AGENT = "istio-cni-node"


class Index:
    """Objects of a kind by something that they say."""

    def __init__(self, by: Callable[[Raw], Iterable[Hashable]], *kinds: Kind) -> None:
        self.kinds = kinds
        self._by = by
        self._found: dict[Hashable, dict[tuple[Kind, Key], Raw]] = {}

    def apply(self, change: Change) -> None:
        if change.before is not None:
            for value in self._by(change.before):
                self._found.get(value, {}).pop((change.kind, key_of(change.before)), None)
        if change.after is not None:
            for value in self._by(change.after):
                found = self._found.setdefault(value, {})
                found[change.kind, key_of(change.after)] = change.after

    def clear(self) -> None:
        self._found.clear()

    def __getitem__(self, value: Hashable) -> Collection[Raw]:
        return self._found.get(value, {}).values()


class Events:
    """Writes events, and takes them away when they are an hour old, as the API server does."""

    _KEPT = timedelta(hours=1)

    def __init__(
        self, store: Store, names: Names, clock: Clock, real: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._names = names
        self._clock = clock
        self._real = real
        self._written: deque[tuple[datetime, Key]] = deque()

    def write(
        self, about: Raw, reason: str, message: str, component: str, kind: str = "Normal"
    ) -> None:
        """One event about an object; what happened over an hour ago is no longer told."""
        now = self._clock()
        self._forget()
        space = namespace(about) or "default"
        if self._real() - now > self._KEPT or not _open(self._store, space):
            return
        title = f"{name(about)}.{self._names.random.getrandbits(64):016x}"
        self._written.append((now, (space, title)))
        self._store.create(
            EVENT,
            {
                "metadata": {"name": title, "namespace": space, "uid": self._names.uid()},
                "involvedObject": {
                    "kind": about["kind"],
                    **({"namespace": space} if namespace(about) else {}),
                    "name": name(about),
                    "uid": text(about, "metadata", "uid"),
                    "apiVersion": about["apiVersion"],
                    "resourceVersion": text(about, "metadata", "resourceVersion"),
                },
                "type": kind,
                "reason": reason,
                "message": message,
                **_times(now, component),
            },
        )

    def _forget(self) -> None:
        oldest = self._real() - self._KEPT
        while self._written and self._written[0][0] < oldest:
            _, (space, title) = self._written.popleft()
            if self._store.get(EVENT, space, title) is not None:
                self._store.delete(EVENT, space, title)


def _times(now: datetime, component: str) -> Raw:
    """The scheduler writes events of the newer form, all others of the older one."""
    if component == "default-scheduler":
        return {
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "eventTime": micros(now),
            "action": "Binding",
            "reportingComponent": component,
            "reportingInstance": f"{component}-0",
        }
    return {
        "source": {"component": component},
        "firstTimestamp": seconds(now),
        "lastTimestamp": seconds(now),
        "count": 1,
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": "",
    }


class World:
    """The store with what is looked up in it often, the time, the names, and the events that are written."""

    def __init__(
        self, store: Store, clock: Clock, names: Names, real: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.clock = clock
        self.names = names
        self.events = Events(store, names, clock, real)
        self.root = "istio-system"
        self.pods_on = Index(lambda pod: [text(pod, "spec", "nodeName")], POD)
        self.pods_of = Index(lambda pod: [text(controller(pod), "uid")], POD)
        self.pods_in = Index(lambda pod: [namespace(pod)], POD)
        self.sets_of = Index(lambda each: [text(controller(each), "uid")], REPLICASET)
        self.services_in = Index(lambda service: [namespace(service)], SERVICE)
        self.slices_of = Index(_service_of, ENDPOINT_SLICE)
        self.routes_of = Index(gateways_of, *ROUTES)
        self.routes_to = Index(services_of, *ROUTES)
        self.serving = Index(_serving, POD)
        """The pods of Istio's own DaemonSets by label and node: ("ztunnel", "node-1")."""
        self.indexes: dict[Kind, list[Index]] = {}
        for index in (
            self.pods_on,
            self.pods_of,
            self.pods_in,
            self.sets_of,
            self.services_in,
            self.slices_of,
            self.routes_of,
            self.routes_to,
            self.serving,
        ):
            for kind in index.kinds:
                self.indexes.setdefault(kind, []).append(index)

    def open(self, space: str) -> bool:
        """Whether a namespace is there and not about to go: in another one nothing can be made."""
        return _open(self.store, space)

    def namespace_labels(self, space: str) -> Raw:
        return labels(self.store.get(NAMESPACE, "", space) or {})

    def node(self, title: str) -> Raw:
        return self.store.get(NODE, "", title) or {}

    def write(self, kind: Kind, obj: Raw, **changes: object) -> Raw:
        """Replace an object with some of its top-level fields changed."""
        return self.store.update(kind, {**obj, **changes})

    def write_status(self, kind: Kind, obj: Raw, status: Raw) -> Raw:
        """Replace the status of an object; nothing happens where it is the same."""
        return self.store.update(kind, {**obj, "status": status}, "status")


def _open(store: Store, space: str) -> bool:
    found = store.get(NAMESPACE, "", space)
    return found is not None and "deletionTimestamp" not in found["metadata"]


def _service_of(endpoint_slice: Raw) -> list[Hashable]:
    title = labels(endpoint_slice).get("kubernetes.io/service-name")
    return [(namespace(endpoint_slice), title)] if isinstance(title, str) else []


def _serving(pod: Raw) -> list[Hashable]:
    own = labels(pod)
    found = [own[key] for key in ("app", "k8s-app") if own.get(key) in (ZTUNNEL, AGENT)]
    return [(each, text(pod, "spec", "nodeName")) for each in found]

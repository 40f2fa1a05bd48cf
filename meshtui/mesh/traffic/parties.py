"""Parties: who calls and who is called, found in a cluster by the names that people give, and all that is written there
of whom they may call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from meshtui.mesh import (
    attachments,
    components,
    endpoints,
    meshconfig,
    peer_authentication,
    raw,
    service_specs,
    waypoints,
    workloads,
)
from meshtui.mesh.enrollment import State
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    ENDPOINT_SLICE,
    NAMESPACE,
    PEER_AUTHENTICATION,
    POD,
    REQUEST_AUTHENTICATION,
    SERVICE,
    Kind,
)
from meshtui.mesh.meshconfig import MeshConfig
from meshtui.mesh.pods import GATEWAY_NAME, Pod
from meshtui.mesh.raw import entries, number, text
from meshtui.mesh.service_specs import Port, ServiceSpec
from meshtui.mesh.snapshot import Scope, Snapshot
from meshtui.mesh.traffic import rules, tokens, verdicts
from meshtui.mesh.traffic.envoy import Mesh
from meshtui.mesh.traffic.passage import Dataplane, Party, Rulebook, Waypoint
from meshtui.mesh.tree_services import INGRESS
from meshtui.mesh.waypoints import Binding, Traffic
from meshtui.mesh.workloads import Workload

OUTSIDE = "outside"
"""A caller that is not in the mesh."""

KINDS: tuple[Kind | Scope, ...] = (
    Scope(SERVICE),
    Scope(ENDPOINT_SLICE),
    *workloads.KINDS,
    Scope(AUTHORIZATION_POLICY),
    Scope(REQUEST_AUTHENTICATION),
)


class Member(Struct, frozen=True):
    """One pod of those that a name stands for."""

    pod: str
    """ "namespace/name"; "" for a caller outside."""
    party: Party
    waypoint: Binding | None = None
    """The one before the pod, where it is called by its address."""
    odd: str = ""
    """Why it may not be in the mesh as it should be, which it is taken to be."""


class Named(Struct, frozen=True, eq=False):
    """What a name stands for. Compared by identity."""

    title: str
    """Such as "Deployment shop/checkout"."""
    members: tuple[Member, ...]
    service: ServiceSpec | None = None
    waypoint: Binding | None = None
    """The one before the Service."""
    from_gateways: bool = False
    """Gateways send to the Service through its waypoint too."""


def named(snapshot: Snapshot, name: str, *, called: bool) -> Named:
    """What is called "namespace/name" or "namespace/kind/name" (pod, deployment and other controllers, service,
    serviceaccount), or by a name alone where that is enough. A Service cannot call, and nobody outside is called.
    Raises ValueError, with words for people, where it is nothing or more than one thing."""
    if name == OUTSIDE and not called:
        return Named("a caller outside the mesh", (Member("", Party("", "", {}, Dataplane.NONE)),))
    *where, last = name.split("/")
    namespace, kind = (where[0] if where else ""), (where[1] if len(where) > 1 else "")
    if len(where) > 2 or not last:
        raise ValueError(f"{name!r} is no name such as shop/checkout or shop/deployment/checkout")
    for finder in (_pods, _controllers, *([_services] if called else []), _accounts):
        found = {each.title: each for each in finder(snapshot, namespace, kind.lower(), last)}
        if len(found) > 1:
            raise ValueError(f"{name!r} may be {' or '.join(sorted(found))}: say which")
        if found:
            return next(iter(found.values()))
    whom = (
        "pod, workload, Service or service account"
        if called
        else "pod, workload or service account"
    )
    unread = snapshot.unread(POD) or (called and snapshot.unread(SERVICE)) or ""
    raise ValueError(f"there is no {whom} {name!r}{f' ({unread})' if unread else ''}")


def rulebook(snapshot: Snapshot) -> Rulebook:
    """All that is written in a cluster of who may call whom."""
    root, configs = workloads.root_namespace(snapshot), meshconfig.of(snapshot)
    domain = workloads.trust_domain(snapshot)
    aliases = configs[0].aliases if configs else ()
    setting = text(configs[0].written, "pathNormalization", "normalization") if configs else ""
    every = rules.of(snapshot)
    kinds = (AUTHORIZATION_POLICY, PEER_AUTHENTICATION)
    return Rulebook(
        Mesh(
            root,
            (domain, *aliases),
            setting if setting not in ("", "DEFAULT") else "BASE",
            _providers(configs),
        ),
        domain,
        every,
        snapshot.once(verdicts.prepared, every, root),
        peer_authentication.in_force(snapshot, root),
        tuple(snapshot.each(REQUEST_AUTHENTICATION, tokens.read)),
        next(filter(None, map(snapshot.unread, kinds)), ""),
        snapshot.once(rules.addressed, *every),
    )


def _providers(configs: Sequence[MeshConfig]) -> frozenset[str] | None:
    """Whom CUSTOM policies may ask; None where no mesh config was read."""
    if not configs or configs[0].problem:
        return None
    return frozenset(
        text(each, "name") for each in entries(configs[0].written, "extensionProviders")
    )


def accounts(snapshot: Snapshot) -> Sequence[Named]:
    """Every service account that has pods, by namespace and name."""
    return snapshot.once(_every_account, snapshot)


def _every_account(snapshot: Snapshot) -> Sequence[Named]:
    known: dict[str, list[Workload]] = {}
    for each in _living(snapshot, ""):
        known.setdefault(f"{each.pod.namespace}/{each.pod.account}", []).append(each)
    return [
        Named(f"ServiceAccount {key}", _members(snapshot, own))
        for key, own in sorted(known.items())
    ]


def waypoint(snapshot: Snapshot, binding: Binding | None) -> Waypoint | None:
    """The proxy behind a label that names one; None where traffic goes direct."""
    if binding is None or binding.bound is False:
        return None
    pods = (
        each.pod
        for each in workloads.of(snapshot)
        if each.pod.namespace == binding.namespace
        and each.pod.labels.get(GATEWAY_NAME) == binding.name
    )
    account = next((pod.account for pod in pods), binding.name)  # istiod names it so
    return Waypoint(binding.namespace, binding.name, account)


def target_port(snapshot: Snapshot, port: Port, pod: str) -> int | None:
    """The port of a pod, by "namespace/name", behind a port of a Service; None where it has none of that name."""
    if not port.target or port.target.isdecimal():
        return int(port.target or port.number)
    namespace, _, name = pod.partition("/")
    it = snapshot.find(POD, namespace, name)
    for container in entries(it, "spec", "containers"):
        for own in entries(container, "ports"):
            if text(own, "name") == port.target:
                return number(own, "containerPort")
    return None


_Found = Iterable[Named]
_KINDS_OF = {
    "deploy": "deployment",
    "ds": "daemonset",
    "sts": "statefulset",
    "rs": "replicaset",
    "po": "pod",
    "svc": "service",
    "sa": "serviceaccount",
}


def _is(kind: str, *titles: str) -> bool:
    """Whether what was asked for may be of a kind."""
    return not kind or _KINDS_OF.get(kind, kind).rstrip("s") in titles


def _pods(snapshot: Snapshot, namespace: str, kind: str, name: str) -> _Found:
    if _is(kind, "pod"):
        for each in _living(snapshot, namespace):
            if each.pod.name == name:
                yield Named(f"Pod {each.pod.key}", _members(snapshot, [each]))


def _controllers(snapshot: Snapshot, namespace: str, kind: str, name: str) -> _Found:
    found: dict[str, list[Workload]] = {}
    for each in _living(snapshot, namespace):
        title, _, own = each.pod.controller.partition("/")
        if own == name and _is(kind, title.lower()):
            found.setdefault(f"{title} {each.pod.namespace}/{own}", []).append(each)
    for title, members in found.items():
        yield Named(title, _members(snapshot, members))


def _services(snapshot: Snapshot, namespace: str, kind: str, name: str) -> _Found:
    if not _is(kind, "service"):
        return
    bound = attachments.of_services(snapshot)
    for spec in snapshot.each(SERVICE, service_specs.read):
        if spec.name == name and namespace in ("", spec.namespace):
            answering = {*endpoints.of(snapshot).get(spec.key, endpoints.NONE).pods}
            members = [e for e in _living(snapshot, spec.namespace) if e.pod.key in answering]
            title = f"Service {spec.key}"
            opted = spec.labels.get(INGRESS) or _labels(snapshot, spec.namespace).get(INGRESS)
            waypoint = bound.get(spec.key)
            yield Named(title, _members(snapshot, members), spec, waypoint, opted == "true")


def _accounts(snapshot: Snapshot, namespace: str, kind: str, name: str) -> _Found:
    if _is(kind, "serviceaccount"):
        named = {e.pod.namespace for e in _living(snapshot, namespace) if e.pod.account == name}
        for where in sorted(named):
            yield from _by_account(snapshot, where, name)


def _by_account(snapshot: Snapshot, namespace: str, name: str) -> Iterator[Named]:
    own = [each for each in _living(snapshot, namespace) if each.pod.account == name]
    yield Named(f"ServiceAccount {namespace}/{name}", _members(snapshot, own))


def _living(snapshot: Snapshot, namespace: str) -> Iterator[Workload]:
    for each in workloads.of(snapshot):
        if namespace in ("", each.pod.namespace) and not each.pod.finished:
            yield each


def _members(snapshot: Snapshot, found: Iterable[Workload]) -> tuple[Member, ...]:
    return tuple(_member(snapshot, each) for each in sorted(found, key=lambda each: each.pod.key))


def _member(snapshot: Snapshot, each: Workload) -> Member:
    pod, state = each.pod, each.enrolled.state
    dataplane, odd = _dataplane(pod, state), ""
    if dataplane is None:
        dataplane = Dataplane.NONE if each.enrolled.wanted is False else Dataplane.ZTUNNEL
        odd = each.enrolled.reason or state.word
    party = Party(pod.namespace, pod.account, pod.labels, dataplane, pod.address or None)
    own = None
    if each.waypoint is not None:  # which may be for Services alone
        labels = _labels(snapshot, pod.namespace)
        every = waypoints.of(snapshot)
        own = waypoints.binding(every, pod.namespace, labels, pod.labels, Traffic.WORKLOAD)
    return Member(pod.key, party, own, odd)


_DATAPLANES = {
    State.CAPTURED: Dataplane.ZTUNNEL,
    State.UNASKED: Dataplane.ZTUNNEL,
    State.SIDECAR: Dataplane.SIDECAR,
    State.OUTSIDE: Dataplane.NONE,
}


def _dataplane(pod: Pod, state: State) -> Dataplane | None:
    """None where the evidence does not agree on it."""
    if GATEWAY_NAME in pod.labels and not components.is_waypoint(pod.labels):
        return Dataplane.GATEWAY
    return _DATAPLANES.get(state)


def _labels(snapshot: Snapshot, namespace: str) -> Mapping[str, str]:
    return raw.strings(snapshot.find(NAMESPACE, "", namespace), "metadata", "labels")

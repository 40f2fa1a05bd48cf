"""Gateways: those of the Gateway API that are no waypoints, and Istio's own: what each listens for, who serves it, its
routes and certificates (reference istio-ambient.md, 2.4, 8.3 and 8.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import (
    balancers,
    components,
    gateway_certificates,
    gateway_listeners,
    gateway_pods,
    grants,
    named_secrets,
    raw,
    reasons,
    routes,
    waypoints,
)
from meshtui.mesh.derived import derived
from meshtui.mesh.gateway_certificates import Served
from meshtui.mesh.gateway_listeners import Certificate, Listening
from meshtui.mesh.grants import Grant
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import (
    GATEWAY,
    GATEWAY_CLASS,
    ISTIO_GATEWAY,
    POD,
    Kind,
)
from meshtui.mesh.named_secrets import Use
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, conditions, entries, number, strings, text
from meshtui.mesh.reasons import Judged
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

KINDS: tuple[Kind | Scope, ...] = (
    Scope(GATEWAY),
    Scope(ISTIO_GATEWAY),
    GATEWAY_CLASS,
    components.PROXY_PODS,
    POD,
    *routes.KINDS,
)

_DEPLOYING = ("istio.io/gateway-controller", "istio.io/eastwest-controller")
"""Those that make pods for a Gateway."""


class Gateway(Struct, frozen=True):
    """One gateway, as it is now."""

    key: str
    verdict: Verdict
    ref: Ref
    class_name: str
    """ "" where it names none, as those of Istio's own, which select pods instead."""
    controller: str
    """ "" where the class is not known."""
    selector: Mapping[str, str]
    listeners: tuple[Listening, ...]
    addresses: tuple[str, ...]
    judged: tuple[Judged, ...]
    pods: tuple[Pod, ...] | None
    """The pods that serve it; None where they are not known, or of somebody else's making."""
    routes: int | None
    """The routes that name it as a parent; None where not all are known."""
    accepted: int
    """Those of them that it takes."""
    sets: int
    """ListenerSets that are attached to it."""
    troubles: tuple[Verdict, ...]
    """All that is wrong with it, the worst first."""
    created: datetime | None

    @property
    def is_istios(self) -> bool:
        """Whether it is one of Istio's own, of which nobody writes conditions."""
        return self.ref.kind == ISTIO_GATEWAY

    @property
    def ready(self) -> int:
        return sum(pod.healthy and not pod.terminating for pod in self.pods or ())


def of(snapshot: Snapshot) -> Sequence[Gateway]:
    """Every gateway, by namespace and name."""
    return derived(snapshot, _all)


class _Around(NamedTuple):
    """What else decides for one gateway. A tuple, so that it counts as a value where it is an input."""

    controller: str
    class_unread: str
    pods: tuple[Pod, ...]
    pods_unread: str
    uses: tuple[Use, ...]
    served: tuple[Served, ...]
    grants: tuple[Grant, ...]
    addresses: tuple[str, ...]
    routes: int
    accepted: int
    routes_unread: str


def _all(snapshot: Snapshot) -> Sequence[Gateway]:
    rows = [_at(each, snapshot.now) for each in derived(snapshot, _each)]
    return snapshot.memo.unchanged("gateways", rows)


def _each(snapshot: Snapshot) -> Sequence[Gateway]:
    """Without the time."""
    around = _Surroundings(snapshot)
    found = [
        each
        for kind, derive in ((GATEWAY, _gateway), (ISTIO_GATEWAY, _istio_gateway))
        for each in snapshot.each(kind, derive, around.of(kind))
        if each is not None
    ]
    return sorted(found, key=lambda each: (each.ref.namespace, each.ref.name, each.ref.kind.group))


class _Surroundings:
    """Looks up what decides for a gateway, in one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._classes = {
            raw.name(it): text(it, "spec", "controllerName") for it in snapshot.raw(GATEWAY_CLASS)
        }
        self._class_unread = snapshot.unread(GATEWAY_CLASS)
        self._named = gateway_pods.named(snapshot)
        self._selected = gateway_pods.selected(snapshot)
        self._balancers = balancers.of(snapshot)
        self._grants = tuple(each for found in grants.of(snapshot).values() for each in found)
        self._served = gateway_certificates.of(snapshot)
        self._uses: dict[Ref, tuple[Use, ...]] = {}
        for users in named_secrets.uses(snapshot).values():
            for use in users:
                self._uses[use.gateway] = (*self._uses.get(use.gateway, ()), use)
        unread = (snapshot.unread(each.kind) for each in routes.KINDS if isinstance(each, Scope))
        self._routes_unread = next(filter(None, unread), "")

    def of(self, kind: Kind) -> Callable[[Raw], tuple[_Around]]:
        return lambda it: (self._around(kind, it),)

    def _around(self, kind: Kind, it: Raw) -> _Around:
        ref = Ref(kind, raw.namespace(it), raw.name(it))
        uses = self._uses.get(ref, ())
        attached = routes.at(self._snapshot, ref)
        pods = (self._named if kind == GATEWAY else self._selected).get(ref.key, ())
        return _Around(
            controller=self._classes.get(text(it, "spec", "gatewayClassName"), ""),
            class_unread=self._class_unread,
            pods=pods,
            pods_unread=self._pods_unread(kind, ref.namespace),
            uses=uses,
            served=tuple(self._served[use.secret] for use in uses),
            grants=self._grants,
            addresses=balancers.before(self._balancers, pods) if kind == ISTIO_GATEWAY else (),
            routes=len(attached),
            accepted=sum(each.accepted_at(ref) for each in attached),
            routes_unread=self._routes_unread,
        )

    def _pods_unread(self, kind: Kind, namespace: str) -> str:
        if kind == ISTIO_GATEWAY:
            return self._snapshot.unread(POD)
        source = self._snapshot.covering(POD, namespace, components.GATEWAY_NAME)
        if source.complete:
            return ""
        return source.problem.text if source.problem else "the pods of gateways were not read yet"


def _gateway(it: Raw, around: _Around) -> Gateway | None:
    """One of the Gateway API; None for a waypoint."""
    class_name = text(it, "spec", "gatewayClassName")
    if waypoints.is_waypoint(class_name, around.controller):
        return None
    judged = reasons.judged(conditions(it).values(), number(it, "metadata", "generation"))
    by_hand = any(text(each, "type") == "Hostname" for each in entries(it, "spec", "addresses"))
    deployed = around.controller in _DEPLOYING and not by_hand
    listening = gateway_listeners.of_gateway(it, around.uses, around.served, around.grants)
    found = [
        _of_class(class_name, around),
        *(_placed(each) for each in listening),
        *(each.verdict for each in judged),
        *(_served_by(around, "no pod of it is there") if deployed else ()),
    ]
    if not judged:
        found.append(Verdict(Health.UNKNOWN, "no controller has said anything of it yet"))
    addresses = (text(each, "value") for each in entries(it, "status", "addresses"))
    return _row(
        it,
        GATEWAY,
        around,
        found,
        class_name=class_name,
        selector={},
        listeners=listening,
        addresses=tuple(filter(None, addresses)),
        judged=judged,
        pods=around.pods if deployed and not around.pods_unread else None,
        sets=number(it, "status", "attachedListenerSets"),
    )


def _istio_gateway(it: Raw, around: _Around) -> Gateway:
    """One of Istio's own, of which nobody writes conditions: what it needs is looked at instead."""
    selector = strings(it, "spec", "selector")
    labels = ", ".join(f"{name}={value}" for name, value in selector.items())
    nobody = f"no pod has the labels {labels}" if selector else "there is no gateway pod"
    listening = gateway_listeners.of_istio_gateway(it, around.uses, around.served)
    found = [*_served_by(around, nobody)]
    if not listening:
        found.append(Verdict(Health.WARN, "it has no servers, so that it listens for nothing"))
    return _row(
        it,
        ISTIO_GATEWAY,
        around,
        found,
        class_name="",
        selector=selector,
        listeners=listening,
        addresses=around.addresses,
        judged=(),
        pods=None if around.pods_unread else around.pods,
        sets=0,
    )


def _row(it: Raw, kind: Kind, around: _Around, found: Iterable[Verdict], **parts: Any) -> Gateway:
    ref = Ref(kind, raw.namespace(it), raw.name(it))
    wrong = _wrong(found)
    return Gateway(
        key=raw.uid(it) or f"{kind}/{ref.key}",
        verdict=wrong[0] if wrong else _WELL,
        ref=ref,
        controller=around.controller,
        routes=None if around.routes_unread else around.routes,
        accepted=around.accepted,
        troubles=wrong,
        created=raw.created(it),
        **parts,
    )


_WELL = Verdict(Health.OK, "served, and all its listeners are")


def _wrong(found: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """What is wrong or not known, the worst first."""
    wrong = [each for each in dict.fromkeys(found) if each.health.rank > Health.OK.rank]
    return tuple(sorted(wrong, key=lambda each: -each.health.rank))


def _of_class(name: str, around: _Around) -> Verdict:
    if around.controller:
        return _WELL
    if around.class_unread:
        return Verdict(Health.UNKNOWN, around.class_unread)
    if not name:
        return Verdict(Health.BAD, "it names no GatewayClass: no controller takes it up")
    return Verdict(Health.BAD, f"GatewayClass {name} does not exist: no controller takes it up")


def _placed(listening: Listening) -> Verdict:
    said = listening.said
    return Verdict(said.health, f"listener {listening.listener.title}: {said.reason}")


def _served_by(around: _Around, nobody: str) -> Iterable[Verdict]:
    """Whether any pod serves it."""
    if around.pods_unread:
        yield Verdict(Health.UNKNOWN, around.pods_unread)
    elif not around.pods:
        yield Verdict(Health.BAD, f"{nobody}: nothing serves it")
    elif not any(pod.healthy and not pod.terminating for pod in around.pods):
        yield Verdict(Health.BAD, f"0 of its {len(around.pods)} pods are ready: nothing serves it")


def _at(row: Gateway, now: datetime) -> Gateway:
    """What its certificates come to depends on the time. They come first: a Secret that is missing is why a listener is
    not programmed."""
    said = [_of_secret(each, now) for listening in row.listeners for each in listening.certificates]
    if all(each.health.rank <= Health.OK.rank for each in said):
        return row
    troubles = _wrong([*said, *row.troubles])
    return replace(row, troubles=troubles, verdict=troubles[0])


def _of_secret(certificate: Certificate, now: datetime) -> Verdict:
    found, secret = certificate.verdict(now), certificate.use.secret.key
    if secret in found.reason:
        return found
    return Verdict(found.health, f"certificate {secret}: {found.reason}")

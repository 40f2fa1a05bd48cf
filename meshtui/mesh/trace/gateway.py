"""Gateway: how a request for a host comes in: the gateway, its listener by host and port, its certificate, its route
(doctor-rules.md, G3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from meshtui.mesh import gateways, route_targets, routes
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.gateway_certificates import serves
from meshtui.mesh.gateway_listeners import Certificate, Listening
from meshtui.mesh.gateways import Gateway
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import GATEWAY, ISTIO_GATEWAY, POD
from meshtui.mesh.listeners import meet
from meshtui.mesh.routes import Route
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.trace import hops, routing
from meshtui.mesh.trace.ends import Address
from meshtui.mesh.trace.hops import Hop
from meshtui.mesh.trace.routing import ROUTE, Taken
from meshtui.mesh.traffic.calls import Http
from meshtui.mesh.tree import takes

LISTENER, SERVED, CERTIFICATE = "listener", "gateway", "certificate"


class Entry(Struct, frozen=True):
    """How far a request comes in."""

    hops: tuple[Hop, ...]
    gateway: Gateway | None = None
    rules: tuple[Taken, ...] = ()


def of(snapshot: Snapshot, address: Address, http: Http | None) -> Entry:
    """In the order in which a request meets them."""
    every = gateways.of(snapshot)
    found = _listening(every, address)
    if found is None:
        unread = next(filter(None, (snapshot.unread(kind) for kind in _KINDS)), "")
        if unread:
            return Entry((hops.unknown(LISTENER, unread),))
        return Entry((_nobody(every, address),))
    row, listening = found
    met = [
        _listener(row, listening, address),
        _served(row),
        _certificate(snapshot, listening, address),
    ]
    hop, rules = _route(snapshot, row, listening, address, http or Http())
    return Entry((*met, hop), row, tuple(rules))


_KINDS = (GATEWAY, ISTIO_GATEWAY)


def _listening(every: Sequence[Gateway], address: Address) -> tuple[Gateway, Listening] | None:
    """The listener with the most exact name of those that take the host at the port."""
    found = [
        (row, listening)
        for row in every
        for listening in row.listeners
        if listening.listener.port == address.port and listening.listener.takes(address.host)
    ]
    return max(found, key=lambda each: _exactness(each[1].listener.hostnames, address.host),
               default=None)  # fmt: skip


def _exactness(hostnames: Sequence[str], host: str) -> int:
    taking = [each for each in hostnames if meet(each, host)]
    return max((len(each) + 1000 * (not each.startswith("*")) for each in taking), default=0)


def _nobody(every: Sequence[Gateway], address: Address) -> Hop:
    """What comes nearest: the host at another port, or the port for other hosts."""
    near = []
    for row in every:
        for each in (listening.listener for listening in row.listeners):
            names = ", ".join(each.hostnames) or "any host"
            shown = Evidence(f"{row.ref.kind.title} {row.ref.key}", f"listener {each.title}",
                             f"{names}, port {each.port}", row.ref)  # fmt: skip
            if each.port == address.port or (each.hostnames and each.takes(address.host)):
                near.append(shown)
    words = f"no gateway listens for {address.host} on port {address.port}"
    return hops.broken(LISTENER, words, *near[:3], step="see what gateways listen for (:gw)")


def _listener(row: Gateway, listening: Listening, address: Address) -> Hop:
    each = listening.listener
    names = ", ".join(each.hostnames) or "any host"
    shown = Evidence(f"{row.ref.kind.title} {row.ref.key}", f"listener {each.title}",
                     f"{names}, {each.protocol} {each.port}", row.ref)  # fmt: skip
    words = f"listener {each.title} of {row.ref.kind.title} {row.ref.key} takes {address.host}"
    if address.tls != bool(each.tls) and each.tls != "redirect to HTTPS":
        spoken = "TLS" if each.tls else "no TLS"
        return hops.broken(LISTENER, f"{words}, and speaks {spoken} on port {each.port}", shown,
                           step=f"call {'https' if each.tls else 'http'}://{address.host}")  # fmt: skip
    if listening.said.health is Health.BAD:
        return hops.broken(
            LISTENER, f"{words}: {listening.said.reason}", shown, step="see it (enter)"
        )
    if listening.said.health is Health.UNKNOWN:
        return hops.unknown(LISTENER, f"{words}: {listening.said.reason}", shown)
    return hops.well(LISTENER, words, shown)


def _served(row: Gateway) -> Hop:
    """Whether any of its pods is ready, and it has an address."""
    given = ", ".join(row.addresses)
    shown = [
        Evidence(
            f"{row.ref.kind.title} {row.ref.key}", "status.addresses", given or "none", row.ref
        )
    ]
    shown += [
        Evidence(f"Pod {pod.key}", "status", "ready" if pod.healthy else pod.status,
                 Ref(POD, pod.namespace, pod.name))
        for pod in row.pods or ()
    ]  # fmt: skip
    conditions = [each.verdict for each in row.judged if each.verdict.health is Health.BAD]
    if conditions:
        return hops.broken(SERVED, conditions[0].reason, *shown, step="see the gateway (enter)")
    if row.pods is None:
        return hops.unknown(SERVED, "the pods that serve it are not known", *shown)
    if not row.ready:
        words = f"{row.ready} of {len(row.pods)} pods of {row.ref.kind.title} {row.ref.key} ready: nothing answers"
        return hops.broken(SERVED, words, *shown, step="see why no pod of it is ready")
    ready = f"{row.ready} of {len(row.pods)} pods ready"
    if not given:
        words = f"{ready}, and no load balancer gave it an address: it is reached inside the cluster alone"
        return hops.unknown(SERVED, words, *shown, step="see its Service (:svc)")
    return hops.well(SERVED, f"{ready}, {given}", *shown)


def _certificate(snapshot: Snapshot, listening: Listening, address: Address) -> Hop:
    said = Evidence(
        f"listener {listening.listener.title}", "tls", listening.listener.tls or "absent"
    )
    if not address.tls:
        return hops.well(CERTIFICATE, "no TLS is asked for: there is none", said)
    if listening.listener.tls == "Passthrough":
        return hops.well(CERTIFICATE, "TLS is passed through: that of the backend counts", said)
    found = listening.certificates
    if not found:
        return hops.broken(
            CERTIFICATE, "the listener names no certificate", said, step="see it (:gw)"
        )
    judged = [_one(snapshot, each, address) for each in found]
    return min(judged, key=lambda hop: hop.verdict.health.rank)


def _one(snapshot: Snapshot, each: Certificate, address: Address) -> Hop:
    secret, leaf = each.use.secret, each.served.certificate
    step = f"see Secret {secret.key} (:cert)"
    if leaf is None or not each.permitted:
        verdict = each.verdict(snapshot.now)
        shown = Evidence(
            f"Secret {secret.key}", "tls.crt", "no certificate of it is served", secret
        )
        if verdict.health is Health.BAD:
            return hops.broken(CERTIFICATE, verdict.reason, shown, step=step)
        return hops.unknown(CERTIFICATE, verdict.reason, shown)
    names = [name.value for name in leaf.names if name.kind == "DNS"]
    shown = Evidence(f"Secret {secret.key}", "tls.crt", f"for {', '.join(names) or 'no host'}, until "
                     f"{leaf.not_after:%Y-%m-%d %H:%M} UTC", secret)  # fmt: skip
    if not any(serves(name, address.host) for name in names):
        words = f"the certificate of Secret {secret.key} has no name for {address.host}"
        return hops.broken(CERTIFICATE, words, shown, step=step)
    if not leaf.not_before <= snapshot.now < leaf.not_after:
        words = f"the certificate of Secret {secret.key} is not valid now"
        return hops.broken(CERTIFICATE, words, shown, step=step)
    left = (leaf.not_after - snapshot.now).days
    return hops.well(CERTIFICATE, f"that of Secret {secret.key} is for {address.host}, {left} days left",
                     shown)  # fmt: skip


def _route(
    snapshot: Snapshot, row: Gateway, listening: Listening, address: Address, http: Http
) -> tuple[Hop, list[Taken]]:
    unread = route_targets.unread(snapshot)
    if unread:
        return hops.unknown(ROUTE, unread), []
    attached = routes.at(snapshot, row.ref)
    here = [
        each for each in attached if takes(listening, row.ref, each) and _for(each, address.host)
    ]
    found = [*_most_exact(here, address.host)]
    if not found:
        return _no_route(snapshot, row, listening, address), []
    rules = routing.taken(snapshot, found, http)
    names = hops.pods(f"{each.ref.kind.title} {each.ref.key}" for each in found)
    path = http.path or "what is asked for"
    return routing.told(rules, f"no rule of {names} takes {path}: the gateway answers 404"), rules


def _for(row: Route, host: str) -> bool:
    return not row.hosts or any(meet(each, host) for each in row.hosts)


def _most_exact(found: Sequence[Route], host: str) -> Iterator[Route]:
    """A more exact host comes before all that a less exact one has (Gateway API, HTTPRouteSpec.hostnames)."""
    best = max((_exactness(each.hosts, host) for each in found), default=0)
    return (each for each in found if _exactness(each.hosts, host) == best)


def _no_route(snapshot: Snapshot, row: Gateway, listening: Listening, address: Address) -> Hop:
    """With the routes that are for the host and are not taken here, and why."""
    near, why = [], ""
    for each in routes.of(snapshot):
        if not each.hosts or not _for(each, address.host):
            continue
        said = next((it for it in each.troubles if it.health.rank > Health.OK.rank), None)
        reason = (
            said.reason if said else f"attached elsewhere than listener {listening.listener.title}"
        )
        why = why or f"; {each.ref.kind.title} {each.ref.key} is for it: {reason}"
        near.append(Evidence(f"{each.ref.kind.title} {each.ref.key}", "status", reason, each.ref))
    words = f"no route of listener {listening.listener.title} is for {address.host}{why}"
    gateway = Evidence(f"{row.ref.kind.title} {row.ref.key}", "status.listeners[].attachedRoutes",
                       "not known" if listening.attached is None else f"{listening.attached}", row.ref)  # fmt: skip
    return hops.broken(
        ROUTE, words, *near[:3], gateway, step="see the routes and their hosts (:route)"
    )

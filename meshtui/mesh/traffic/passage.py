"""Passage: the proxies that judge a call on its way, whom each of them takes for the caller, and what comes of it
(istio-ambient.md, 7.1). The ztunnel of the caller judges nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import peer_authentication
from meshtui.mesh.peer_authentication import InForce, Mode
from meshtui.mesh.pods import GATEWAY_NAME
from meshtui.mesh.policies import Target
from meshtui.mesh.traffic import selection, tokens, verdicts
from meshtui.mesh.traffic.calls import Call, Http
from meshtui.mesh.traffic.envoy import Mesh
from meshtui.mesh.traffic.rules import Authorization
from meshtui.mesh.traffic.selection import Proxy
from meshtui.mesh.traffic.tokens import Authentication, Token
from meshtui.mesh.traffic.verdicts import Decision, Outcome, Prepared, Stage


class Dataplane(Enum):
    """What stands beside a workload."""

    ZTUNNEL = "ztunnel"
    SIDECAR = "sidecar"
    GATEWAY = "gateway"
    NONE = "none"


class Party(Struct, frozen=True):
    """A caller, or who is called."""

    namespace: str
    account: str
    labels: Mapping[str, str]
    dataplane: Dataplane
    address: str | None = None
    uses_waypoints: bool = False
    """Of a gateway: it sends through the waypoints of Services (`istio.io/ingress-use-waypoint`)."""

    @property
    def in_mesh(self) -> bool:
        return self.dataplane is not Dataplane.NONE


class Waypoint(Struct, frozen=True):
    """One that stands before who is called."""

    namespace: str
    name: str
    account: str


class Passage(Struct, frozen=True):
    """One call, from end to end."""

    source: Party
    destination: Party
    port: int | None
    """The pod's."""
    service: Target | None = None
    """The Service or ServiceEntry by whose name it is called; None where it is called by its address."""
    service_port: int | None = None
    waypoint: Waypoint | None = None
    """The one before the Service, or before the workload where that is called by its address."""
    http: Http | None = None
    """None for a connection that is not HTTP."""
    token: Token | None = None
    remote: str | None = None
    sni: str | None = None


class Rulebook(Struct, frozen=True, eq=False):
    """All that is written, in one mesh. Compared by identity."""

    mesh: Mesh
    trust_domain: str
    authorizations: Sequence[Authorization]
    at_ztunnels: Mapping[str, Sequence[Prepared]]
    """The same, as `verdicts.prepared` has them."""
    levels: Mapping[str, InForce]
    """PeerAuthentications by namespace."""
    authentications: Sequence[Authentication] = ()
    unread: str = ""
    """Why not all of it is known; "" where it is."""
    addressed: bool = True
    """Whether any rule may tell pods apart by their addresses."""


class Place(Enum):
    """Where a call is judged."""

    WAYPOINT = "waypoint"
    ZTUNNEL = "ztunnel"
    SIDECAR = "sidecar"
    GATEWAY = "gateway"


class Judged(Struct, frozen=True):
    """One proxy on the way, and what it does."""

    place: Place
    name: str
    """Whose proxy it is: "namespace/name" of a waypoint, the namespace of a pod."""
    principal: str | None
    """Whom it takes for the caller; "" for nobody."""
    decision: Decision

    @property
    def wants_allow(self) -> bool:
        """It refuses for want of an ALLOW: one that is not known might help."""
        refused = self.decision.outcome is Outcome.REFUSED
        return refused and self.decision.stage is Stage.AUTHORIZATION and not self.decision.policy


class Result(Struct, frozen=True):
    """What becomes of a call."""

    outcome: Outcome
    judged: tuple[Judged, ...]
    """Every proxy that judges it, up to the one that refuses."""
    unread: str = ""
    """Why it is unknown, where not all that is written could be read."""

    @property
    def decisive(self) -> Judged | None:
        """The proxy that refuses, else one that nobody can speak for, else the last; None where none judges it."""
        for outcome in (Outcome.REFUSED, Outcome.UNKNOWN):
            for each in self.judged:
                if each.decision.outcome is outcome:
                    return each
        return self.judged[-1] if self.judged else None


def judge(passage: Passage, rulebook: Rulebook) -> Result:
    """What becomes of a call, by all that is written. Where not all of that is known, only what is known to refuse it
    counts."""
    judged: list[Judged] = []
    outcome = Outcome.UNKNOWN if rulebook.unread else Outcome.ALLOWED
    for each in _stations(passage, rulebook):
        judged.append(each)
        if each.decision.outcome is Outcome.REFUSED and not (rulebook.unread and each.wants_allow):
            return Result(Outcome.REFUSED, tuple(judged))
        if each.decision.outcome is Outcome.UNKNOWN:
            outcome = Outcome.UNKNOWN
    return Result(outcome, tuple(judged), rulebook.unread)


def takes_waypoint(source: Party, by_service: bool) -> bool:
    """Whether what a caller sends goes through a waypoint that stands before whom it calls: sidecars and callers
    outside the mesh go straight there, gateways too unless they opted in."""
    if source.dataplane is Dataplane.ZTUNNEL:
        return True
    return source.dataplane is Dataplane.GATEWAY and source.uses_waypoints and by_service


def _stations(passage: Passage, rulebook: Rulebook) -> Iterator[Judged]:
    principal = _principal(passage.source, rulebook)
    source, waypoint = passage.source.address, passage.waypoint
    if waypoint and takes_waypoint(passage.source, passage.service is not None):
        call = _call(passage, principal, source, passage.service_port or passage.port)
        proxy = Proxy(
            selection.Kind.WAYPOINT,
            waypoint.namespace,
            {GATEWAY_NAME: waypoint.name},
            (passage.service,) if passage.service else (),
        )
        decision = at_envoy(proxy, call, passage.token, rulebook)
        yield Judged(Place.WAYPOINT, f"{waypoint.namespace}/{waypoint.name}", principal, decision)
        principal = identity(rulebook.trust_domain, waypoint.namespace, waypoint.account)
        source = None
    called = passage.destination
    if called.dataplane is Dataplane.ZTUNNEL:
        call = _call(passage, principal, source, passage.port)
        mesh = rulebook.mesh
        decision = verdicts.at_ztunnel_of(
            rulebook.at_ztunnels,
            call,
            mesh.root,
            _levels(rulebook, called.namespace),
            called.namespace,
            called.labels,
        )
        yield Judged(Place.ZTUNNEL, called.namespace, principal, decision)
    elif called.in_mesh:
        gateway = called.dataplane is Dataplane.GATEWAY
        kind = selection.Kind.GATEWAY if gateway else selection.Kind.SIDECAR
        proxy = Proxy(kind, called.namespace, called.labels)
        call = _call(passage, principal, source, passage.port)
        decision = at_envoy(proxy, call, passage.token, rulebook)
        place = Place.GATEWAY if gateway else Place.SIDECAR
        yield Judged(place, called.namespace, principal, decision)


def at_envoy(proxy: Proxy, call: Call, token: Token | None, rulebook: Rulebook) -> Decision:
    """What one Envoy does with a call: first its mTLS mode, then the token, then policies. A waypoint takes nothing but
    mTLS, and a gateway whatever comes."""
    if proxy.kind is selection.Kind.SIDECAR and call.principal == "":
        mtls = peer_authentication.effective(_levels(rulebook, proxy.namespace), proxy.labels)
        mode = mtls.ports.get(str(call.port), mtls.mode)
        if mode is Mode.STRICT:
            why = f"plain text, and mTLS is STRICT ({mtls.decided_by})"
            return Decision(Outcome.REFUSED, why, stage=Stage.MTLS)
    if call.http is not None and token is not None:
        claims = tokens.verified(token, rulebook.authentications, proxy, rulebook.mesh.root)
        if claims is None:
            why = "the token is not valid, or of an issuer that no RequestAuthentication names"
            return Decision(Outcome.REFUSED, why, stage=Stage.TOKEN)
        call = replace(call, http=replace(call.http, claims=claims))
    applied = selection.applying(rulebook.authorizations, proxy, rulebook.mesh.root)
    return verdicts.at_envoy(applied, call, rulebook.mesh)


def identity(trust_domain: str, namespace: str, account: str) -> str:
    """A principal, as policies write it."""
    return f"{trust_domain}/ns/{namespace}/sa/{account}"


def _principal(source: Party, rulebook: Rulebook) -> str:
    if not source.in_mesh:
        return ""
    return identity(rulebook.trust_domain, source.namespace, source.account)


_NO_LEVELS = InForce((), (), ())


def _levels(rulebook: Rulebook, namespace: str) -> InForce:
    return rulebook.levels.get(namespace, _NO_LEVELS)


def _call(passage: Passage, principal: str, source: str | None, port: int | None) -> Call:
    return Call(
        principal=principal,
        source=source,
        remote=passage.remote or source,
        destination=passage.destination.address,
        port=port,
        sni=passage.sni,
        http=passage.http,
    )

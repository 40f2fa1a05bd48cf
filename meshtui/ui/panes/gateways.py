"""Gateways: what each listens for and where, who serves it, the routes that it takes, and its certificates decoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from meshtui.mesh import (
    certificate_facts,
    certificates,
    gateways,
    named_secrets,
    pod_templates,
    raw,
)
from meshtui.mesh.gateway_listeners import Certificate, Listening
from meshtui.mesh.gateways import Gateway
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.log_levels import Proxy
from meshtui.mesh.raw import Condition
from meshtui.mesh.reasons import Judged
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui import detail, envoy_lists, evidence, level_offers, notices, times, ways
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Grid, Section
from meshtui.ui.exchange import Jump, Offer, Wants
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Line, Span, Tone, mark, said, tone


class GatewaysPane(Pane[Gateway]):
    NAME = "gateways"
    ALIASES = ("gtw", "gw", "gateway")
    TITLE = "Gateways"
    NEEDS = gateways.KINDS
    COLUMNS = (
        Column("NAMESPACE", 9, 24, 3, by=lambda row: row.ref.namespace, letter="P"),
        Column("GATEWAY", 12, 36, 0, by=lambda row: row.ref.name, letter="N"),
        Column("CLASS", 9, 24, 6),
        Column("LISTENERS", 24, 60, 0),
        Column("CERTIFICATE", 11, 14, 1),
        Column("PROGRAMMED", 10, 10, 2),
        Column("ROUTES", 6, 8, 4, right=True),
        Column("PODS", 4, 7, 5, right=True),
        Column("ADDRESS", 10, 32, 7),
        Column("AGE", 4, 6, 8, right=True, by=lambda row: since(row.created), letter="A"),
    )
    EMPTY = "There are no gateways but waypoints. :waypoints shows those."

    def rows(self, snapshot: Snapshot) -> Sequence[Gateway]:
        return gateways.of(snapshot)

    def namespace_of(self, row: Gateway) -> str:
        return row.ref.namespace

    def cells(self, row: Gateway, snapshot: Snapshot) -> Sequence[Cell]:
        return (
            row.ref.namespace,
            row.ref.name,
            _class(row),
            _listeners(row, snapshot.now),
            _nearest(row, snapshot.now),
            _programmed(row),
            _routes(row),
            _pods(row),
            ", ".join(row.addresses) or Span("–", Tone.MUTED),
            times.age(row.created, snapshot.now),
        )

    def detail(self, row: Gateway, snapshot: Snapshot) -> Iterable[Section]:
        yield from _sections(row, snapshot, whole=False)
        yield Section("Conditions", [_judged(row.judged, snapshot.now)] if row.judged else ())
        yield from envoy_lists.sections(row.pods or (), snapshot)
        for each in row.listeners:
            wrong = [one for one in each.judged if one.verdict.health is not Health.OK]
            if wrong:
                yield Section(f"Listener {each.listener.title}", [_judged(wrong, snapshot.now)])

    def described(self, row: Gateway, snapshot: Snapshot) -> Iterable[Section]:
        """Its certificates with all that they say, and the conditions of all listeners."""
        yield from _sections(row, snapshot, whole=True)
        for each in row.listeners:
            if each.judged:
                judged = _judged(each.judged, snapshot.now)
                yield Section(f"Listener {each.listener.title}", [judged])
        yield from envoy_lists.sections(row.pods or (), snapshot)
        found = self.object(row, snapshot)
        yield detail.conditions(found, snapshot.now)
        yield detail.about(found, snapshot.now)
        if found is not None:
            yield detail.happened(snapshot, row.ref, raw.uid(found))

    def wants(self, row: Gateway | None, in_view: Sequence[Gateway], snapshot: Snapshot) -> Wants:
        asked = envoy_lists.probes(row.pods or (), snapshot) if row is not None else ()
        return Wants(refs=named_secrets.refs(snapshot), probes=asked)

    def changeable(self, row: Gateway) -> Ref | None:
        return pod_templates.controller(row.pods[0]) if row.pods else None

    def meshed(self, row: Gateway) -> Ref | None:
        """The log level takes another right than to change the Gateway."""
        return None

    def mesh_menu(self, rows: Sequence[Gateway], snapshot: Snapshot) -> Sequence[Offer]:
        return level_offers.of([pod for row in rows for pod in row.pods or ()], Proxy.ENVOY)

    def onward(self, row: Gateway) -> Jump | None:
        return Jump("routes", within=f"{row.ref.kind.title}/{row.ref.key}")

    def used_by(self, row: Gateway, snapshot: Snapshot) -> Jump | None:
        return self.onward(row) if row.routes else None

    def policies_of(self, row: Gateway, snapshot: Snapshot) -> Jump | None:
        return Jump("policies", within=f"gateway/{row.ref.key}")

    def owner(self, row: Gateway, snapshot: Snapshot) -> Jump | None:
        return ways.namespace(snapshot, row.ref.namespace)

    def istioctl(self, row: Gateway, snapshot: Snapshot) -> Sequence[str]:
        pod = self.log_of(row, snapshot)
        return ("proxy-config", "listener", f"{pod.name}.{pod.namespace}") if pod else ()

    def log_of(self, row: Gateway, snapshot: Snapshot) -> Ref | None:
        return next(iter(self.logs_of(row, snapshot)), None)

    def logs_of(self, row: Gateway, snapshot: Snapshot) -> Sequence[Ref]:
        return [Ref(POD, pod.namespace, pod.name) for pod in row.pods or ()]

    def notes(self, snapshot: Snapshot) -> list[Line]:
        return notices.below(snapshot, notices.wanted(snapshot, self.NEEDS))


def _listeners(row: Gateway, now: datetime) -> Line:
    """Protocols and ports, those that are not as they should be first, with their marks."""
    spans: list[Span] = []
    worst_first = sorted(row.listeners, key=lambda each: -each.verdict(now).health.rank)
    for each in worst_first:
        health = each.verdict(now).health
        sign = f"{health.mark} " if health.rank > Health.OK.rank else ""
        words = f"{sign}{each.listener.protocol} {each.listener.port}"
        spans += [Span("  "), Span(words, tone(health) if sign else Tone.PLAIN)]
    return tuple(spans[1:]) or (Span("none", Tone.MUTED),)


def _nearest(row: Gateway, now: datetime) -> Cell:
    """The worst of the certificates, and of equals the one that expires first."""
    found = [each for listening in row.listeners for each in listening.certificates]
    if not found:
        return Span("–", Tone.MUTED)
    first = min(found, key=lambda each: (-each.verdict(now).health.rank, _days(each, now)))
    health = first.verdict(now).health
    if health.rank <= Health.OK.rank:
        return _left(first, now)
    return Span(f"{health.mark} {_left(first, now)}", tone(health))


def _days(certificate: Certificate, now: datetime) -> int:
    days = certificate.days_left(now)
    return -1 if days is None else days


def _left(certificate: Certificate, now: datetime) -> str:
    days = certificate.days_left(now)
    if days is None:
        content = certificate.served.content
        return "missing" if content.absent else "not read" if content.entries is None else "none"
    if days < 0:
        return "expired"
    return f"{days}d" if certificate.permitted else "no grant"


def _programmed(row: Gateway) -> Cell:
    found = next((each for each in row.judged if each.condition.type == "Programmed"), None)
    if found is None:
        return Span("–" if row.is_istios else "not said", Tone.MUTED)
    health = found.verdict.health
    if health is Health.OK:
        return "yes"
    return Span(f"{health.mark} {'?' if health is Health.UNKNOWN else 'no'}", tone(health))


def _routes(row: Gateway) -> Cell:
    if row.routes is None:
        return Span("?", Tone.UNKNOWN)
    return f"{row.accepted}/{row.routes}" if row.accepted != row.routes else str(row.routes)


def _pods(row: Gateway) -> Cell:
    if row.pods is None:
        return Span("–", Tone.MUTED)
    words = f"{row.ready}/{len(row.pods)}"
    if not row.ready:
        return Span(words, Tone.BAD)
    return Span(words, Tone.WARN) if row.ready < len(row.pods) else words


def _sections(row: Gateway, snapshot: Snapshot, *, whole: bool) -> Iterable[Section]:
    now = snapshot.now
    yield Section("", [said(each) for each in row.troubles[1:]])
    logs = evidence.access_log(snapshot, row.pods or ())
    yield Section("", [*_facts(row), *logs, Fact("created", times.ago(row.created, now))])
    yield Section("Listeners", [_grid(row.listeners, now)] if row.listeners else ())
    for listening in row.listeners:
        for each in listening.certificates:
            yield _certificate(each, snapshot, whole)


def _class(row: Gateway) -> Cell:
    if row.is_istios:
        return Span("Istio API", Tone.MUTED)
    return row.class_name or Span("none", Tone.MUTED)


def _facts(row: Gateway) -> Iterable[Fact]:
    if not row.is_istios:
        named = row.class_name or "none"
        yield Fact("class", f"{named}, by {row.controller or 'a controller not known'}")
    else:
        labels = (f"{name}={value}" for name, value in row.selector.items())
        yield Fact("kind", "Istio Gateway: nobody writes conditions on it")
        yield Fact("selects", ", ".join(labels) or "every gateway pod")
    yield Fact("address", ", ".join(row.addresses) or "none")
    if row.pods is None:
        yield Fact("pods", "not known, or made by somebody else")
    else:
        names = ", ".join(pod.key for pod in row.pods[:_MOST])
        yield Fact("pods", f"{row.ready} of {len(row.pods)} ready{': ' if names else ''}{names}")
    if row.routes is None:
        yield Fact("routes", (mark(Health.UNKNOWN), Span(" not all routes are known")))
    else:
        yield Fact("routes", f"{row.accepted} taken of {row.routes} that name it")
    if row.sets:
        yield Fact("sets", f"{row.sets} ListenerSets are attached, which are not shown here")


_MOST = 4
"""So many pods are named."""


def _grid(found: Sequence[Listening], now: datetime) -> Grid:
    rows: list[tuple[Cell, ...]] = [
        (
            mark(each.verdict(now).health),
            each.listener.name,
            f"{each.listener.protocol} {each.listener.port}",
            ", ".join(each.listener.hostnames) or "any host",
            each.listener.tls,
            each.listener.admits,
            "–" if each.attached is None else str(each.attached),
        )
        for each in found
    ]
    return Grid(_LISTENER, rows)


_LISTENER = (
    Column("", 1, 1, 0),
    Column("LISTENER", 12, 24, 0),
    Column("PORT", 10, 14, 0),
    Column("HOST", 14, 40, 1),
    Column("TLS", 9, 18, 2),
    Column("ADMITS", 4, 8, 4),
    Column("ROUTES", 6, 6, 3, right=True),
)


def _certificate(certificate: Certificate, snapshot: Snapshot, whole: bool) -> Section:
    """One certificate: what is wrong with it, how long it lasts, what it covers, and what it says."""
    use, now, leaf = certificate.use, snapshot.now, certificate.served.certificate
    health = said(certificate.verdict(now))
    if leaf is not None:
        health = (*health, Span(f" ({certificate_facts.lasting(leaf.not_after - now)} left)"))
    facts = [Fact("health", health)]
    chain = certificate.served.chain
    if leaf is not None and chain is not None:
        facts.append(Fact("hosts", certificate.coverage))
        trust, renewal = certificates.trust(snapshot), certificate.served.renewal
        decoded = certificate_facts.facts(leaf, chain, now, renewal, trust)
        facts += [Fact(each.label, each.text) for each in decoded if whole or each.label in _FIRST]
    return Section(f"Certificate {use.secret.key} of listener {use.listener}", facts)


_FIRST = ("valid", "issuer", "names", "key", "chain")
"""What a certificate says that is wanted at a glance."""


def _judged(found: Sequence[Judged], now: datetime) -> Grid:
    rows: list[tuple[Cell, ...]] = [
        (
            mark(each.verdict.health),
            f"{each.condition.type}={each.condition.status}",
            times.age(each.condition.since, now),
            _words(each.condition, each),
        )
        for each in found
    ]
    return Grid(_CONDITION, rows)


_CONDITION = (
    Column("", 1, 1, 0),
    Column("CONDITION", 10, 32, 0),
    Column("SINCE", 5, 8, 1, right=True),
    Column("", 20, 400, 0),
)


def _words(condition: Condition, judged: Judged) -> str:
    """In plain words where something is wrong, with what the controller said itself."""
    if judged.verdict.health is Health.OK:
        return condition.message
    return ": ".join(filter(None, (judged.verdict.reason, condition.message)))

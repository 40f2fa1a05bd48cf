"""Policies: what each asks for in words, what it is for, and who enforces it, or why nobody does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meshtui.mesh import policy_rows, raw, services
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    GATEWAY,
    PEER_AUTHENTICATION,
    REQUEST_AUTHENTICATION,
)
from meshtui.mesh.peer_authentication import Mtls
from meshtui.mesh.policy_places import NOBODY
from meshtui.mesh.policy_rows import Row
from meshtui.mesh.snapshot import Snapshot
from meshtui.ui import evidence, notices, times, ways
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Grid, Section
from meshtui.ui.exchange import Jump
from meshtui.ui.pane import Pane
from meshtui.ui.sorting import since
from meshtui.ui.spans import Cell, Line, Span, Tone, mark, said


def _reached(row: Row) -> int | None:
    return None if row.extent in _ELSEWHERE else len(row.workloads)


_ELSEWHERE = ("targets", "host")
"""What is not attached to pods."""


class PoliciesPane(Pane[Row]):
    NAME = "policies"
    ALIASES = ("pol", "policy", "ap")
    TITLE = "Policies"
    NEEDS = policy_rows.KINDS
    COLUMNS = (
        Column("NAMESPACE", 9, 24, 2, by=lambda row: row.ref.namespace, letter="P"),
        Column("KIND", 13, 15, 4),
        Column("POLICY", 12, 32, 0, by=lambda row: row.ref.name, letter="N"),
        Column("ACTION", 6, 6, 5),
        Column("SAYS", 28, 72, 0),
        Column("FOR", 13, 18, 6),
        Column("ENFORCED BY", 17, 22, 0),
        Column("WORKLOADS", 9, 9, 7, right=True, by=_reached),
        Column("AGE", 4, 6, 8, right=True, by=lambda row: since(row.created), letter="A"),
    )
    EMPTY = "There are no policies here."

    def rows(self, snapshot: Snapshot) -> Sequence[Row]:
        """All of them; those for one thing in the order in which they are judged."""
        what, _, name = self.within.partition("/")
        match what:
            case "workload":
                return policy_rows.for_workload(snapshot, name)
            case "service":
                return policy_rows.for_service(snapshot, name)
            case "serviceentry":
                return policy_rows.for_service_entry(snapshot, name)
            case "gateway":
                return policy_rows.for_gateway(snapshot, name)
            case "namespace":
                return policy_rows.for_namespace(snapshot, name)
            case _:
                return policy_rows.of(snapshot)

    def namespace_of(self, row: Row) -> str:
        """None for one that is for the whole mesh: it is for every namespace that one may look at."""
        return "" if row.extent == "mesh" else row.ref.namespace

    def cells(self, row: Row, snapshot: Snapshot) -> Sequence[Cell]:
        return (
            row.ref.namespace,
            _SHORT.get(row.kind, row.kind),
            row.ref.name,
            row.action or Span("–", Tone.MUTED),
            row.summary,
            _for(row),
            _by(row),
            str(len(row.workloads)) if row.extent not in _ELSEWHERE else Span("–", Tone.MUTED),
            times.age(row.created, snapshot.now),
        )

    def detail(self, row: Row, snapshot: Snapshot) -> Iterable[Section]:
        yield Section("", [said(each) for each in row.troubles[1:]])
        yield Section("", [*_facts(row)])
        yield Section("Enforced by", [_places(row)] if row.places else ())
        yield Section("Rules", [_rules(row)] if row.rules else ())
        if row.ref.kind in (AUTHORIZATION_POLICY, PEER_AUTHENTICATION):
            yield Section("mTLS in force", [*_modes(row)])
        yield Section("Workloads", [_workloads(row)] if row.workloads else ())
        yield Section("Services", [*_services(row, snapshot)])
        yield Section("", [Fact("created", times.ago(row.created, snapshot.now))])

    def onward(self, row: Row) -> Jump | None:
        pane = "services" if row.extent in _ELSEWHERE else "workloads"
        return Jump(pane, within=f"policy/{row.named}")

    def used_by(self, row: Row, snapshot: Snapshot) -> Jump | None:
        """The waypoint or gateway that enforces it, or the one that is named and is not there."""
        for place in row.places:
            namespace, _, name = place.waypoint.partition("/")
            it = snapshot.find(GATEWAY, namespace, name) if name else None
            if it is not None:
                pane = "gateways" if place.by == "gateway" else "waypoints"
                return Jump(pane, key=raw.uid(it))
        return next(
            (Jump("waypoints", key=f"named/{p.waypoint}") for p in row.places if p.waypoint), None
        )

    def owner(self, row: Row, snapshot: Snapshot) -> Jump | None:
        return ways.namespace(snapshot, row.ref.namespace)

    def istioctl(self, row: Row, snapshot: Snapshot) -> Sequence[str]:
        if row.ref.kind != AUTHORIZATION_POLICY:
            return ()
        return ("ztunnel-config", "policy", "--policy-namespace", row.ref.namespace)

    def notes(self, snapshot: Snapshot) -> list[Line]:
        return notices.below(snapshot, notices.wanted(snapshot, self.NEEDS))


_MOST = 40
"""So many rows of a list stand in the detail."""
_SHORT = {
    kind.title: short
    for kind, short in (
        (AUTHORIZATION_POLICY, "Authorization"),
        (PEER_AUTHENTICATION, "PeerAuth"),
        (REQUEST_AUTHENTICATION, "RequestAuth"),
    )
}


def _for(row: Row) -> str:
    """What it is attached to, in short."""
    match row.extent:
        case "mesh":
            return "the mesh"
        case "namespace":
            return "its namespace"
        case "selector":
            return "a selector"
        case "targets":
            return ", ".join(dict.fromkeys(each.kind or "?" for each in row.targets))
        case _:
            return "a host"


def _by(row: Row) -> Cell:
    """Who enforces it; "nobody" stands out where that is wrong."""
    if not row.by:
        return Span(NOBODY, Tone.MUTED)
    spans: list[Span] = []
    for by in row.by:
        wrong = any(each.by == by and each.health is Health.BAD for each in row.places)
        mild = any(each.by == by and each.health is Health.WARN for each in row.places)
        tone = Tone.BAD if wrong else Tone.WARN if mild else Tone.PLAIN
        if by == NOBODY and tone is Tone.PLAIN:
            if spans:
                continue
            tone = Tone.MUTED
        spans += [Span(", ")] if spans else []
        spans.append(Span(by, tone))
    left_out = sum(each.by == NOBODY for each in row.rules)
    if left_out and row.by != (NOBODY,):
        left = "no rule" if left_out == len(row.rules) else f"-{left_out} rules"
        spans.append(Span(f" ✗ {left}", Tone.BAD))
    return tuple(spans)


def _facts(row: Row) -> Iterable[Fact]:
    if step := next((each.step for each in row.places if each.step), ""):
        yield Fact("next", Span(step, Tone.STRONG))
    yield Fact("says", row.summary)
    if row.in_effect:
        yield Fact("in effect", (mark(Health.BAD), Span(f" {row.in_effect}")))
    yield Fact("for", _attached(row))
    if row.accepted is not None:
        told = row.accepted
        words = f"{told.type}={told.status} {told.reason}: {told.message}"
        yield Fact("istiod", words)


def _attached(row: Row) -> str:
    """What it is for, and how that is written."""
    if row.selector:
        labels = ", ".join(f"{label}={value}" for label, value in row.selector.items())
        return f"{row.whom} (selector {labels})"
    if row.targets:
        named = ", ".join(f"{each.kind or '?'} {each.name}" for each in row.targets)
        return f"{row.whom} (targetRefs {named})"
    return "the Service or host that it names" if row.extent == "host" else row.whom


def _places(row: Row) -> Grid:
    rows: list[tuple[Cell, ...]] = [
        (mark(each.health), each.by, each.of, each.reason) for each in row.places[:_MOST]
    ]
    columns = (
        Column("", 1, 1, 0),
        Column("BY", 7, 8, 0),
        Column("FOR", 11, 40, 0),
        Column("", 12, 400, 0),
    )
    return Grid(columns, rows)


def _rules(row: Row) -> Grid:
    rows: list[tuple[Cell, ...]] = [
        (mark(each.verdict.health), str(number), each.by, f"{each.rule}: {each.verdict.reason}")
        for number, each in enumerate(row.rules[:_MOST], 1)
    ]
    if len(row.rules) > _MOST:
        rows.append(("", "", "", f"and {len(row.rules) - _MOST:,} more: y shows them"))
    columns = (
        Column("", 1, 1, 0),
        Column("RULE", 4, 4, 1, right=True),
        Column("BY", 7, 16, 0),
        Column("", 16, 400, 0),
    )
    return Grid(columns, rows)


def _modes(row: Row) -> Iterable[Line]:
    """The modes of its workloads, each with what decides it and for how many."""
    found: dict[str, tuple[Mtls, int]] = {}
    for each in row.workloads:
        words = evidence.mtls_words(each.mtls)
        found[words] = (each.mtls, found.get(words, (each.mtls, 0))[1] + 1)
    for words, (mtls, number) in found.items():
        health = Health.UNKNOWN if mtls.reason else Health.NONE
        noun = "workload" if number == 1 else "workloads"
        yield said(Verdict(health, f"{words}: {number:,} {noun}"))


def _workloads(row: Row) -> Grid:
    found = sorted(row.workloads, key=lambda each: each.pod.key)
    rows: list[tuple[Cell, ...]] = [
        (mark(each.enrolled.state.health), each.pod.key, each.enrolled.word)
        for each in found[:_MOST]
    ]
    if len(found) > _MOST:
        rows.append(("", f"and {len(found) - _MOST:,} more: enter lists them", ""))
    columns = (Column("", 1, 1, 0), Column("WORKLOAD", 16, 52, 0), Column("ENROLLED", 8, 20, 1))
    return Grid(columns, rows)


def _services(row: Row, snapshot: Snapshot) -> Iterable[Line]:
    """Those that it names, or that its workloads answer for."""
    named = {*row.services}
    if row.pods:
        named |= {
            each.spec.key
            for each in services.of(snapshot)
            if each.endpoints is not None and not row.pods.isdisjoint(each.endpoints.pods)
        }
    found = sorted(named)
    for key in found[:_MOST]:
        yield (Span(key),)
    if len(found) > _MOST:
        yield (Span(f"and {len(found) - _MOST:,} more", Tone.MUTED),)

"""Verdict answers: whether A may call B, by which policy and rule; and the matrix, who may call one and whom it may
call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, POD, Kind
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.trace import ends
from meshtui.mesh.trace.ends import Question
from meshtui.mesh.traffic import between, parties
from meshtui.mesh.traffic.between import Judgement
from meshtui.mesh.traffic.between import Row as Account
from meshtui.mesh.traffic.parties import OUTSIDE
from meshtui.mesh.traffic.passage import Judged, Place
from meshtui.mesh.traffic.verdicts import Outcome
from meshtui.ui.answers import Answer, Answered
from meshtui.ui.columns import Column
from meshtui.ui.detail import Fact, Section
from meshtui.ui.exchange import Wants
from meshtui.ui.spans import Line, Span, Tone

_HEALTH: Mapping[Outcome, Health] = {
    Outcome.ALLOWED: Health.OK,
    Outcome.REFUSED: Health.BAD,
    Outcome.UNKNOWN: Health.UNKNOWN,
}
_WORDS: Mapping[Outcome, str] = {
    Outcome.ALLOWED: "allowed",
    Outcome.REFUSED: "refused",
    Outcome.UNKNOWN: "depends",
}


class VerdictAsked(Struct, frozen=True, eq=False):
    """`:verdict A B[:port]`: every proxy that judges the call, and what it does."""

    question: Question

    @property
    def title(self) -> str:
        return f"Verdict · {self.question.title}"

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("AT", 20, 40, 0),
            Column("WHY", 24, 200, 0),
            Column("CALLER", 36, 60, 1),
            Column("PODS", 24, 40, 2),
        )

    @property
    def needs(self) -> Sequence[Kind | Scope]:
        return parties.KINDS

    def answer(self, snapshot: Snapshot) -> Answer:
        called, port = ends.destination(snapshot, self.question.called)
        source = parties.named(snapshot, self.question.source, called=False)
        found = between.judge(snapshot, source, called, port, self.question.http)
        outcome = between.outcome(found)
        rows = tuple(row for at, each in enumerate(found) for row in _stations(at, each))
        whom = f"{source.title} → {called.title}{f':{port}' if port is not None else ''}"
        verdict = Verdict(_HEALTH[outcome], f"{outcome.value}: {whom}")
        return Answer(verdict, tuple(_under(found)), rows)

    def wants(self, snapshot: Snapshot) -> Wants:
        return Wants()

    def reversed(self) -> VerdictAsked | None:
        asked, name = self.question, ends.bare(self.question.called)
        if "/service/" in name or asked.source == OUTSIDE:
            return None
        return VerdictAsked(replace(asked, source=name, called=asked.source))


def _under(found: Sequence[Judgement]) -> Iterator[Line]:
    """What decides, and the nearest miss."""
    told: dict[str, None] = {}
    for each in found:
        decisive = each.result.decisive
        if decisive is not None:
            told[decisive.decision.reason] = None
            told |= dict.fromkeys(f"nearest: {miss}" for miss in decisive.decision.misses)
        told |= dict.fromkeys(filter(None, (each.result.unread, each.depends)))
    if not found:
        told["no pod is known that could be called"] = None
    yield from ((Span(f"  {each}"),) for each in [*told][:3])


def _stations(at: int, each: Judgement) -> Iterator[Answered]:
    pods = ", ".join(each.called)
    if not each.result.judged:
        reason = each.result.unread or "no proxy judges it: policies have no say there"
        health = _HEALTH[each.result.outcome]
        yield Answered(f"{at}", Verdict(health, reason), ("–", reason, "", pods), (), _pod(each))
    for judged in each.result.judged:
        decision = judged.decision
        place = judged.place.value
        where = (
            f"{place} {judged.name}"
            if judged.place is Place.WAYPOINT
            else f"{place} in {judged.name}"
        )
        yield Answered(
            f"{at} {where}",
            Verdict(_HEALTH[decision.outcome], decision.reason),
            (where, decision.reason, judged.principal or "nobody (plain text)", pods),
            tuple(_judged(each, judged)),
            _policy(judged) or _pod(each),
        )


def _judged(each: Judgement, judged: Judged) -> Iterator[Section]:
    decision = judged.decision
    facts = [
        Fact("caller", judged.principal or "nobody (plain text)"),
        Fact("from", ", ".join(pod or OUTSIDE for pod in each.callers)),
        Fact("to", ", ".join(each.called)),
    ]
    if decision.policy:
        rule = f", rule {decision.rule + 1}" if decision.rule is not None else ""
        facts.append(Fact("policy", f"{decision.policy}{rule}"))
    facts += [Fact("nearest", Span(f"{miss}", Tone.STRONG)) for miss in decision.misses]
    facts += [Fact("audited", key) for key in decision.audited]
    facts += [Fact("on trial", key) for key in decision.dry_run]
    facts += [Fact("depends", each.depends)] if each.depends else []
    yield Section("", facts)


def _policy(judged: Judged) -> Ref | None:
    """The policy that decides, or that nearly lets it in."""
    misses = judged.decision.misses
    key = judged.decision.policy or (misses[0].policy if misses else "")
    namespace, _, name = key.partition("/")
    return Ref(AUTHORIZATION_POLICY, namespace, name) if name else None


def _pod(each: Judgement) -> Ref | None:
    namespace, _, name = next(iter(each.called), "").partition("/")
    return Ref(POD, namespace, name) if name else None


class WhoAsked(Struct, frozen=True, eq=False):
    """`:who B[:port]`: by service account who may call it, and whom it may call."""

    party: str

    @property
    def title(self) -> str:
        return f"Who may call {self.party}, and whom it may call"

    @property
    def columns(self) -> Sequence[Column]:
        return (
            Column("WAY", 8, 8, 0),
            Column("SERVICE ACCOUNT", 16, 48, 0),
            Column("IS", 7, 8, 0),
            Column("BY", 20, 160, 1),
        )

    @property
    def needs(self) -> Sequence[Kind | Scope]:
        return parties.KINDS

    def answer(self, snapshot: Snapshot) -> Answer:
        called, port = ends.destination(snapshot, self.party)
        into = between.callers(snapshot, called, port)
        rows = [_account("calls it", each) for each in _sorted(into)]
        if called.members:
            out = between.callees(snapshot, called)
            rows += [_account("it calls", each) for each in _sorted(out)]
        may = [each.account for each in into if each.outcome is Outcome.ALLOWED]
        open_ = sum(each.outcome is Outcome.UNKNOWN for each in into)
        named = ", ".join(may[:4]) + (f" and {len(may) - 4} more" if len(may) > 4 else "")
        on = f" on port {port}" if port is not None else ""
        words = f"{called.title} may be called{on} by {named or 'nobody for sure'}"
        depends = f"; of {open_} it depends" if open_ else ""
        return Answer(
            Verdict(Health.NONE, f"{words}{depends}"), _PORTS if port is None else (), tuple(rows)
        )

    def wants(self, snapshot: Snapshot) -> Wants:
        return Wants()

    def reversed(self) -> WhoAsked | None:
        return None


_PORTS: tuple[Line, ...] = (
    (Span("  of no port in particular: `:who NAME:8080` asks about one", Tone.MUTED),),
)


def _sorted(found: Sequence[Account]) -> Sequence[Account]:
    """Those who may before those of whom it depends, and those who may not last."""
    order = (Outcome.ALLOWED, Outcome.UNKNOWN, Outcome.REFUSED)
    return sorted(found, key=lambda each: order.index(each.outcome))


def _account(way: str, row: Account) -> Answered:
    decisive = [each.result.decisive for each in row.judgements]
    found = [each for each in decisive if each is not None]
    health = Health.NONE if row.outcome is Outcome.REFUSED else _HEALTH[row.outcome]
    why = dict.fromkeys(each.decision.reason for each in found)
    reason = "; ".join(why) or next((each.result.unread for each in row.judgements), "")
    reason = reason or "no proxy judges it: policies have no say there"
    cells = (way, row.account, Span(_WORDS[row.outcome], _TONES[row.outcome]), reason)
    told = tuple(
        section
        for each in row.judgements
        for judged in each.result.judged
        for section in _judged(each, judged)
    )
    ref = next(filter(None, map(_policy, found)), None)
    return Answered(f"{way} {row.account}", Verdict(health, reason), cells, told, ref)


_TONES: Mapping[Outcome, Tone] = {
    Outcome.ALLOWED: Tone.OK,
    Outcome.REFUSED: Tone.MUTED,
    Outcome.UNKNOWN: Tone.UNKNOWN,
}

"""What `meshtui verdict` prints: the same answer as text, JSON and YAML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from meshtui.commands import documents
from meshtui.mesh.health import Health
from meshtui.mesh.printable import plain
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.traffic.between import Judgement
from meshtui.mesh.traffic.nearest import Miss
from meshtui.mesh.traffic.parties import OUTSIDE, Named
from meshtui.mesh.traffic.passage import Judged
from meshtui.mesh.traffic.verdicts import Outcome

SCHEMA = "meshtui.verdict/v1"
"""What `schema` says in JSON and YAML. It gets a new number where a field changes its meaning or goes."""

_HEALTH = {
    Outcome.ALLOWED: Health.OK,
    Outcome.REFUSED: Health.BAD,
    Outcome.UNKNOWN: Health.UNKNOWN,
}


class Report(Struct, frozen=True, eq=False):
    """What is to be told."""

    snapshot: Snapshot
    source: Named
    called: Named
    port: int | None
    outcome: Outcome
    judgements: Sequence[Judgement]
    notes: Sequence[str]
    missing: Sequence[str]
    """What could not be read."""


def table(report: Report) -> str:
    return "\n".join(map(plain, _lines(report))) + "\n"


def _lines(report: Report) -> Iterator[str]:
    port = f":{report.port}" if report.port is not None else ""
    mark = _HEALTH[report.outcome].mark
    whom = f"{report.source.title} → {report.called.title}{port}"
    yield f"{mark} {report.outcome.value}  {whom}"
    for each in report.judgements:
        if len(report.judgements) > 1:
            yield f"  {each.result.outcome.value}: {_named(each.callers)} → {_named(each.called)}"
        for judged in each.result.judged:
            yield from _station(judged)
        if not each.result.judged:
            yield "    no proxy judges it: policies have no say there"
        for why in filter(None, (each.result.unread, each.depends)):
            yield f"    {why}"


def _station(judged: Judged) -> Iterator[str]:
    decision = judged.decision
    place = f"{judged.place.value} {judged.name}"
    if judged.place.value != "waypoint":
        place = f"{judged.place.value} in {judged.name}"
    who = judged.principal or "nobody (plain text)"
    yield f"  {_HEALTH[decision.outcome].mark} {place}: {decision.reason}"
    yield f"    caller    {who}"
    for miss in decision.misses:
        yield f"    nearest   {miss}"
    for title, keys in (("audited", decision.audited), ("on trial", decision.dry_run)):
        if keys:
            yield f"    {title:<9} {', '.join(keys)}"


def _named(pods: Sequence[str]) -> str:
    return ", ".join(each or OUTSIDE for each in pods)


def _document(report: Report) -> dict[str, Any]:
    return {
        **documents.head(SCHEMA, report.snapshot, report.missing),
        "from": report.source.title,
        "to": report.called.title,
        "port": report.port,
        "outcome": report.outcome.value,
        "notes": [*report.notes],
        "judgements": [_judgement(each) for each in report.judgements],
    }


def _judgement(each: Judgement) -> dict[str, Any]:
    return {
        "callers": [pod or OUTSIDE for pod in each.callers],
        "called": [*each.called],
        "outcome": each.result.outcome.value,
        "unknownBecause": each.result.unread or each.depends,
        "proxies": [_proxy(judged) for judged in each.result.judged],
    }


def _proxy(judged: Judged) -> dict[str, Any]:
    decision = judged.decision
    return {
        "place": judged.place.value,
        "name": judged.name,
        "caller": judged.principal,
        "outcome": decision.outcome.value,
        "stage": decision.stage.value,
        "reason": decision.reason,
        "policy": decision.policy or None,
        "rule": decision.rule,
        "nearest": [_miss(miss) for miss in decision.misses],
        "audited": [*decision.audited],
        "dryRun": [*decision.dry_run],
    }


def _miss(miss: Miss) -> dict[str, Any]:
    return {
        "policy": miss.policy,
        "rule": miss.rule,
        "fields": [
            {"field": each.field, "wanted": [*each.wanted], "given": each.given}
            for each in miss.fields
        ],
    }


FORMATS = documents.formats(table, _document)

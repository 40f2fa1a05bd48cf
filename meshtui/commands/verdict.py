"""`meshtui verdict`: whether one party may call another, by which policy and rule, and if not, what nearly lets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import click

from meshtui.commands import verdict_reports, whole
from meshtui.commands.verdict_reports import Report
from meshtui.commands.whole import Asked
from meshtui.mesh import scopes
from meshtui.mesh.health import Health
from meshtui.mesh.trace import ends
from meshtui.mesh.traffic import between, parties
from meshtui.mesh.traffic.calls import Http
from meshtui.mesh.traffic.parties import Named
from meshtui.mesh.traffic.verdicts import Outcome
from meshtui.settings import Settings

ALLOWED, NOT_ALLOWED, USAGE, UNREADABLE = 0, 1, 2, 3
"""Exit statuses; what is unknown is not allowed."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked."""

    source: str
    called: str
    port: int | None
    method: str | None = None
    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """By name as it was given."""
    output: str = "table"

    @property
    def destination(self) -> str:
        """Who is called, with the port."""
        return self.called if self.port is None else f"{self.called}:{self.port}"

    @property
    def http(self) -> Http | None:
        """What is told of a request; None where nothing is."""
        if self.method is None and self.path is None and not self.headers:
            return None
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = headers.pop("host", None) or headers.pop(":authority", None)
        return Http(self.method, host, self.path, headers)


def run(order: Order, settings: Settings) -> int:
    """Asks, and gives the exit status. The answer goes to standard output, all else to standard error."""
    snapshot = whole.reached(settings, partial(_asked, settings))
    if snapshot is None:
        return UNREADABLE
    missing = tuple(whole.missing(snapshot, parties.KINDS))
    for line in missing:
        click.echo(f"meshtui: not read: {line}", err=True)
    try:
        source = parties.named(snapshot, order.source, called=False)
        called, port = ends.destination(snapshot, order.destination)
        found = between.judge(snapshot, source, called, port, order.http)
    except ValueError as error:
        click.echo(f"meshtui: {error}", err=True)
        return UNREADABLE if missing else USAGE
    notes = tuple(dict.fromkeys(_notes(source, called)))
    for line in notes:
        click.echo(f"meshtui: {line}", err=True)
    outcome = between.outcome(found)
    report = Report(snapshot, source, called, port, outcome, found, notes, missing)
    click.echo(verdict_reports.FORMATS[order.output](report), nl=False)
    return ALLOWED if outcome is Outcome.ALLOWED else NOT_ALLOWED


def _notes(source: Named, called: Named) -> Iterator[str]:
    """What beside policies decides whether the call arrives."""
    for each in (*source.members, *called.members):
        if each.odd:
            yield f"{each.pod} is judged as if its place in the mesh were clear: {each.odd}"
    bindings = [called.waypoint] if called.service else [each.waypoint for each in called.members]
    for binding in bindings:
        if binding is not None and binding.health is not Health.NONE and binding.reason:
            yield binding.reason
    if not called.members:
        yield f"no pod answers for {called.title}"


def _asked(settings: Settings, namespaces: Sequence[str]) -> Asked:
    """All that counts for policies."""
    probes = whole.dumps if settings.sweep else lambda snapshot: ()
    return Asked(scopes.of(parties.KINDS, namespaces), probes, lambda snapshot: ())

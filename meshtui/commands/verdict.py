"""`meshtui verdict`: whether one party may call another, by which policy and rule, and if not, what nearly lets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import click
from msgspec import Struct, field

from meshtui.commands import frame, verdict_reports, whole
from meshtui.commands.frame import Told
from meshtui.commands.verdict_reports import Report
from meshtui.commands.whole import Asked
from meshtui.mesh import scopes
from meshtui.mesh.health import Health
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.trace import ends
from meshtui.mesh.traffic import between, parties
from meshtui.mesh.traffic.calls import Http
from meshtui.mesh.traffic.parties import Named
from meshtui.mesh.traffic.verdicts import Outcome
from meshtui.settings import Settings


class Order(Struct, frozen=True):
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
    """Asks, and gives the exit status."""
    return frame.answer(settings, partial(_asked, settings), parties.KINDS, partial(_told, order))


def _told(order: Order, snapshot: Snapshot, missing: Sequence[str]) -> Told:
    try:
        source = parties.named(snapshot, order.source, called=False)
        called, port = ends.destination(snapshot, order.destination)
        found = between.judge(snapshot, source, called, port, order.http)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    notes = tuple(dict.fromkeys(_notes(source, called)))
    outcome = between.outcome(found)
    report = Report(snapshot, source, called, port, outcome, found, notes, missing)
    text = verdict_reports.FORMATS[order.output](report)
    return Told(text, well=outcome is Outcome.ALLOWED, notes=notes)


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

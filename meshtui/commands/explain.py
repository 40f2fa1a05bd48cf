"""`meshtui explain`: every hop from one party to another, what decides each, and the first that is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import click
from msgspec import Struct, field

from meshtui.commands import explain_reports, frame
from meshtui.commands.explain_reports import Report
from meshtui.commands.frame import Told
from meshtui.commands.whole import Asked
from meshtui.mesh import named_secrets, scopes
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.trace import walk
from meshtui.mesh.trace.ends import Question
from meshtui.settings import Settings


class Order(Struct, frozen=True):
    """What is asked."""

    source: str
    called: str
    method: str | None = None
    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """By name as it was given."""
    output: str = "table"

    @property
    def question(self) -> Question:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Question(self.source, self.called, self.method, self.path, headers)


def run(order: Order, settings: Settings) -> int:
    """Asks, and gives the exit status."""
    asked = partial(_asked, settings, order.question)
    return frame.answer(settings, asked, walk.KINDS, partial(_told, order))


def _told(order: Order, snapshot: Snapshot, missing: Sequence[str]) -> Told:
    try:
        found = walk.of(snapshot, order.question)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    text = explain_reports.FORMATS[order.output](Report(snapshot, found, missing))
    return Told(text, well=found.headline is None, notes=found.notes)


def _asked(settings: Settings, asked: Question, namespaces: Sequence[str]) -> Asked:
    """All that decides on the way, with the dumps and the last access lines of the ztunnels at both ends."""
    return Asked(
        scopes.of(walk.KINDS, namespaces),
        lambda snapshot: walk.probes(snapshot, asked) if settings.sweep else (),
        named_secrets.refs,
        tails=lambda snapshot: walk.tails(snapshot, asked) if settings.sweep else (),
    )

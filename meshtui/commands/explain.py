"""`meshtui explain`: every hop from one party to another, what decides each, and the first that is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import click

from meshtui.commands import explain_reports, whole
from meshtui.commands.explain_reports import Report
from meshtui.commands.whole import Asked
from meshtui.mesh import named_secrets, scopes
from meshtui.mesh.trace import walk
from meshtui.mesh.trace.ends import Question
from meshtui.settings import Settings

WELL, NOT_WELL, USAGE, UNREADABLE = 0, 1, 2, 3
"""Exit statuses; what is not known is not well."""


@dataclass(frozen=True, slots=True)
class Order:
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
    """Asks, and gives the exit status. The answer goes to standard output, all else to standard error."""
    asked = order.question
    snapshot = whole.reached(settings, partial(_asked, settings, asked))
    if snapshot is None:
        return UNREADABLE
    missing = tuple(whole.missing(snapshot, walk.KINDS))
    for line in missing:
        click.echo(f"meshtui: not read: {line}", err=True)
    try:
        found = walk.of(snapshot, asked)
    except ValueError as error:
        click.echo(f"meshtui: {error}", err=True)
        return UNREADABLE if missing else USAGE
    for line in found.notes:
        click.echo(f"meshtui: {line}", err=True)
    click.echo(explain_reports.FORMATS[order.output](Report(snapshot, found, missing)), nl=False)
    return WELL if found.headline is None else NOT_WELL


def _asked(settings: Settings, asked: Question, namespaces: Sequence[str]) -> Asked:
    """All that decides on the way, with the dumps and the last access lines of the ztunnels at both ends."""
    return Asked(
        scopes.of(walk.KINDS, namespaces),
        lambda snapshot: walk.probes(snapshot, asked) if settings.sweep else (),
        named_secrets.refs,
        tails=lambda snapshot: walk.tails(snapshot, asked) if settings.sweep else (),
    )

"""Frame: what is the same of every command that looks at a whole cluster and tells something of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import click
from msgspec import Struct

from meshtui.commands import whole
from meshtui.commands.whole import Asked
from meshtui.mesh.kinds import Kind
from meshtui.mesh.snapshot import Scope, Snapshot
from meshtui.settings import Settings

WELL, NOT_WELL, USAGE, UNREADABLE = 0, 1, 2, 3
"""Exit statuses; what is not known is not well."""


class Told(Struct, frozen=True):
    """What a command has to tell."""

    text: str
    """It goes to standard output, all else to standard error."""
    well: bool
    notes: Sequence[str] = ()
    """What is to be said of it, a line each."""


def answer(
    settings: Settings,
    asked: Callable[[Sequence[str]], Asked],
    needs: Iterable[Kind | Scope],
    tell: Callable[[Snapshot, Sequence[str]], Told],
    *,
    strict: bool = False,
) -> int:
    """Reads the cluster, tells what `tell` makes of it and of what of `needs` could not be read, and gives the exit
    status. `tell` may raise click.UsageError, for a name that is nothing. With `strict`, a cluster that was read only
    in part is one that could not be read."""
    snapshot = whole.reached(settings, asked)
    if snapshot is None:
        return UNREADABLE
    missing = tuple(whole.missing(snapshot, needs))
    try:
        told = tell(snapshot, missing)
    except click.UsageError as error:
        _complain([*_not_read(missing), error.format_message()])
        return UNREADABLE if missing else USAGE
    return say(told, missing, strict=strict)


def say(told: Told, missing: Sequence[str] = (), *, strict: bool = False) -> int:
    """Tells it, and gives the exit status."""
    click.echo(told.text, nl=False)
    _complain([*told.notes, *_not_read(missing)])
    if missing and strict:
        return UNREADABLE
    return WELL if told.well else NOT_WELL


def _complain(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(f"meshtui: {line}", err=True)


def _not_read(missing: Iterable[str]) -> list[str]:
    return [f"not read: {each}" for each in missing]

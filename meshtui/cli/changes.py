"""The commands that change the cluster, and the one that tells what was changed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from meshtui.cli.options import (
    also_behind,
    as_text_or_json,
    read_only,
    seconds,
    settings,
    statuses,
    together,
)

_change_options = together(
    click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
    click.option(
        "--yes",
        is_flag=True,
        help="Ask nothing. Where the context's name looks like production, --context must be given too.",
    ),
    click.option(
        "--timeout",
        metavar="DURATION",
        callback=seconds,
        help="Wait so long for the evidence of each change: 30s, 2m. 0 is the default, 60s.",
    ),
    read_only,
)
"""How a change is made without a screen."""

_STATUSES = statuses(
    "done and proved, by what the ztunnels say",
    "done, but not proved in time; it says what is missing of which pod",
    "usage: a wrong option, no such namespace, nobody to ask and no --yes",
    "not reachable: no connection, no credentials, or an answer that never came",
    "refused: by you, by read-only, by rights, by the server, or changed by somebody else meanwhile",
)


@click.command(epilog=_STATUSES)
@click.argument("wanted", nargs=-1, required=True, metavar="NAMESPACE…")
@click.option(
    "--waypoint",
    default="",
    metavar="[NAMESPACE/]NAME",
    help="Bind each to this waypoint then, which has to be ready.",
)
@_change_options
@also_behind
@click.pass_context
def enroll(ctx: click.Context, /, wanted: tuple[str, ...], **flags: Any) -> None:
    """Take namespaces into the mesh, one after the other, each proved before the next is touched.

    What would go wrong is said first, then the change as the server would make it; every step is in the audit. Pods
    are not restarted. It stops at the first failure and says what was not touched.
    """
    _order(ctx, wanted, flags)


@click.command(epilog=_STATUSES)
@click.argument("wanted", nargs=-1, required=True, metavar="NAMESPACE…")
@_change_options
@also_behind
@click.pass_context
def unenroll(ctx: click.Context, /, wanted: tuple[str, ...], **flags: Any) -> None:
    """Take namespaces out of the mesh, one after the other, each proved before the next is touched.

    Their label for a waypoint stays. It stops at the first failure and says what was not touched.
    """
    _order(ctx, wanted, flags, leave=True)


def _order(
    ctx: click.Context, names: tuple[str, ...], flags: Mapping[str, Any], *, leave: bool = False
) -> None:
    from meshtui.commands import enroll
    from meshtui.kube.audit import default_path

    if not (flags["yes"] or flags["dry_run"] or sys.stdin.isatty()):
        raise click.UsageError("there is nobody to ask: give --yes, or --dry-run")
    sources = [each.get_parameter_source("context") for each in (ctx, ctx.parent) if each]
    order = enroll.Order(
        tuple(dict.fromkeys(names)),
        leave=leave,
        waypoint=flags.get("waypoint", ""),
        dry_run=flags["dry_run"],
        yes=flags["yes"],
        patience=flags["timeout"] or enroll.PATIENCE,
        context_named=click.core.ParameterSource.COMMANDLINE in sources,
    )
    said = {} if flags["read_only"] is None else {"read_only": flags["read_only"]}
    ctx.exit(enroll.run(order, settings(ctx, **said), default_path()))


@click.group()
def audit() -> None:
    """Tell what was changed from here, or was not, and check that nobody edited what tells it."""


@audit.command()
@as_text_or_json
@click.pass_context
def show(ctx: click.Context, /, output: str) -> None:
    """Print the steps of all changes, oldest first. Exit status: 0; 3 where the file cannot be read."""
    from meshtui.commands import audit
    from meshtui.kube.audit import AuditError, default_path

    try:
        for line in audit.show(default_path(), output):
            click.echo(line)
    except AuditError as error:
        click.echo(f"meshtui: {error}", err=True)
        ctx.exit(audit.UNREADABLE)


@audit.command()
@as_text_or_json
@click.pass_context
def verify(ctx: click.Context, /, output: str) -> None:
    """Check that each line follows from the one before. Exit status: 0 it does; 1 it does not; 3 where the file cannot
    be read."""
    from meshtui.commands import audit
    from meshtui.kube.audit import AuditError, default_path

    try:
        report, status = audit.verify(default_path(), output)
    except AuditError as error:
        click.echo(f"meshtui: {error}", err=True)
        ctx.exit(audit.UNREADABLE)
    click.echo(report)
    ctx.exit(status)

"""The commands that tell how the mesh stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from meshtui.cli.options import (
    READ_IN_PART,
    USAGE,
    also_behind,
    as_table_json_or_yaml,
    schema,
    seconds,
    settings,
    statuses,
    strict,
)

_SOUND = "nothing is failing, as far as could be read"


@click.command(epilog=statuses(_SOUND, "something is failing", USAGE, READ_IN_PART))
@as_table_json_or_yaml
@strict
@schema
@also_behind
@click.pass_context
def status(ctx: click.Context, /, **flags: Any) -> None:
    """Say how the mesh stands: what is worst, its parts, how far it reaches, and what comes up. Nothing is changed."""
    from meshtui.commands import status

    ctx.exit(status.run(status.Order(**flags), settings(ctx)))


_ENDING = "a certificate is failing; with --expiring, or will end within that"


@click.command(epilog=statuses(_SOUND, _ENDING, USAGE, READ_IN_PART))
@click.option(
    "--expiring",
    metavar="DURATION",
    callback=seconds,
    help="Only what ends within so long unless somebody renews it: 7d, 36h.",
)
@as_table_json_or_yaml
@strict
@schema
@also_behind
@click.pass_context
def certs(ctx: click.Context, /, **flags: Any) -> None:
    """List the certificates of workloads, CAs and gateways, the most overdue first. Private keys are never read.

    Those of workloads that renew normally are one line for each namespace.
    """
    from meshtui.commands import certs

    expiring = timedelta(seconds=flags["expiring"]) if flags["expiring"] else None
    order = certs.Order(expiring, flags["output"], strict=flags["strict"])
    ctx.exit(certs.run(order, settings(ctx)))

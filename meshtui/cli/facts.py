"""The commands that tell how the mesh stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from meshtui.cli.options import also_behind, as_table_json_or_yaml, schema, seconds, strict

_STATUSES = """\
\b
Exit status:
  0  nothing is failing, as far as could be read
  1  something is failing
  2  usage, or the configuration
  3  the cluster could not be read; with --strict also where it was read only in part
"""


@click.command(epilog=_STATUSES)
@as_table_json_or_yaml
@strict
@schema
@also_behind
@click.pass_context
def status(ctx: click.Context, /, **flags: Any) -> None:
    """Say how the mesh stands: what is worst, its parts, how far it reaches, and what comes up. Nothing is changed."""
    from meshtui.commands import documents, status
    from meshtui.configuration import load
    from meshtui.settings import config_path

    if flags["schema"]:
        click.echo(documents.schema("status"), nl=False)
        return
    order = status.Order(flags["output"], strict=flags["strict"])
    ctx.exit(status.run(order, load(ctx.obj, config_path())))


_CERTS_STATUSES = _STATUSES.replace(
    "something is failing", "a certificate is failing; with --expiring, or will end within that"
)


@click.command(epilog=_CERTS_STATUSES)
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
    from meshtui.commands import certs, documents
    from meshtui.configuration import load
    from meshtui.settings import config_path

    if flags["schema"]:
        click.echo(documents.schema("certs"), nl=False)
        return
    expiring = timedelta(seconds=flags["expiring"]) if flags["expiring"] else None
    order = certs.Order(expiring, flags["output"], strict=flags["strict"])
    ctx.exit(certs.run(order, load(ctx.obj, config_path())))

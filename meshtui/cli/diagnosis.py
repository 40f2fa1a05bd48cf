"""`meshtui doctor`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from meshtui.cli.options import (
    READ_IN_PART,
    USAGE,
    also_behind,
    evidence,
    names,
    schema,
    settings,
    statuses,
    strict,
)

_SEVERITIES = ["critical", "high", "medium", "low", "info"]


@click.command(
    epilog=statuses(
        "nothing at or above the severity that --fail-on names",
        "findings, or YAML that cannot be read",
        USAGE,
        READ_IN_PART,
    )
)
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="DIR|FILE|-",
    type=click.Path(path_type=Path),
    help="Look at YAML before it is applied, over what the cluster has; may be repeated.",
)
@click.option("--alone", is_flag=True, help="Look at the files without a cluster.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Have the server try each object of the files: what it refuses (IST0106). Nothing is stored.",
)
@click.option(
    "--code",
    "codes",
    multiple=True,
    metavar="CODE,…",
    callback=names,
    help="Apply only these rules, such as AMB-010.",
)
@click.option(
    "--severity",
    type=click.Choice(_SEVERITIES),
    default="info",
    show_default=True,
    help="Tell what is at least so severe.",
)
@click.option(
    "--fail-on",
    type=click.Choice([*_SEVERITIES, "never"]),
    default="high",
    show_default=True,
    help="The severity from which on the exit status is 1.",
)
@click.option(
    "-o",
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(["table", "json", "yaml", "markdown", "sarif", "junit"]),
    help="How to print it.",
)
@strict
@evidence("Ask every ztunnel too")
@click.option(
    "--again",
    metavar="SECONDS",
    type=click.IntRange(0, 3600),
    default=0,
    help="Read the counters of ztunnels again after so long, for rules that go by how they rise.",
)
@click.option(
    "--logs",
    is_flag=True,
    help="Read the last ten minutes of the logs of ztunnels and CNI agents too, for rules that go by them.",
)
@click.option("--muted", is_flag=True, help="Tell what is muted too; it never counts.")
@schema
@click.option("--explain", metavar="CODE", help="Print what a rule is about, and nothing else.")
@also_behind
@click.pass_context
def doctor(ctx: click.Context, /, **flags: Any) -> None:
    """Say what is wrong with the mesh, show what it was seen by, and what to do. Nothing is changed.

    With -f it looks at files before they are applied and tells what is about them, or would be new.
    """
    from meshtui.commands import doctor
    from meshtui.mesh.doctor.findings import Severity
    from meshtui.mesh.doctor.rules import RULES

    if flags["explain"]:
        told = doctor.explanation(flags["explain"])
        if not told:
            raise click.UsageError(f"there is no rule {flags['explain']}")
        click.echo(told, nl=False)
        return
    codes = tuple(code.upper() for code in flags["codes"])
    unknown = [code for code in codes if code not in RULES]
    if unknown:
        raise click.UsageError(f"there is no rule {unknown[0]}")
    if flags["logs"] and (flags["alone"] or not flags["evidence"]):
        raise click.UsageError("--logs needs a cluster, and goes not with --no-evidence")
    if flags["alone"] and not flags["files"]:
        raise click.UsageError("--alone needs files to look at: -f")
    if flags["dry_run"] and (flags["alone"] or not flags["files"]):
        raise click.UsageError("--dry-run needs files, -f, and a cluster")
    for path in flags["files"]:
        if str(path) != "-" and not path.exists():
            raise click.UsageError(f"there is no {path}")
    order = doctor.Order(
        codes,
        severity=Severity[flags["severity"].upper()],
        fail_on=None if flags["fail_on"] == "never" else Severity[flags["fail_on"].upper()],
        output=flags["output"],
        strict=flags["strict"],
        files=flags["files"],
        alone=flags["alone"],
        dry_run=flags["dry_run"],
        again=timedelta(seconds=flags["again"]),
        muted=flags["muted"],
        logs=flags["logs"],
    )
    ctx.exit(doctor.run(order, settings(ctx, sweep=flags["evidence"])))

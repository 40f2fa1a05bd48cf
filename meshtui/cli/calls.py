"""The commands about calls from one workload to another: who may, why one does not get through, and who was refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from meshtui.cli.options import (
    USAGE,
    also_behind,
    as_table_json_or_yaml,
    evidence,
    schema,
    seconds,
    settings,
    statuses,
    together,
)


@click.command(
    epilog=statuses(
        "nobody was refused, as far as could be read",
        "somebody was refused, or did not get through",
        USAGE,
        "no log could be read; with --strict also where not all is known",
    )
)
@click.option(
    "--since",
    default="10m",
    show_default=True,
    metavar="DURATION",
    callback=seconds,
    help="Read the logs from so long ago on: 10m, 1h30m.",
)
@click.option("--follow", is_flag=True, help="Go on until interrupted, and print what is new.")
@as_table_json_or_yaml
@click.option(
    "--streams",
    type=click.IntRange(1, 1000),
    default=120,
    show_default=True,
    help="Read so many logs at once; where there are more, they take turns.",
)
@click.option("--strict", is_flag=True, help="Logs that were read only in part could not be read.")
@schema
@also_behind
@click.pass_context
def denials(ctx: click.Context, /, **flags: Any) -> None:
    """Say who is refused by whom, and why, by the access logs of all ztunnels, waypoints and gateways.

    Both sides of a refusal are one; those with the same source, destination and reason are one row. Nothing is changed.
    """
    from meshtui.commands import denials

    order = denials.Order(**{**flags, "since": max(1, int(flags["since"] or 0))})
    ctx.exit(denials.run(order, settings(ctx)))


def _headers(
    ctx: click.Context, param: click.Parameter, written: Sequence[str]
) -> Mapping[str, str]:
    found = dict(each.split("=", 1) for each in written if "=" in each)
    if len(found) < len(written):
        raise click.UsageError("a header is given once, as NAME=VALUE")
    return found


def _needed(ctx: click.Context, param: click.Parameter, called: str) -> str:
    if not called:
        raise click.UsageError("say who calls and who is called: A B:8080")
    return called


_call = together(
    click.argument("source", metavar="A", required=False, default=""),
    click.argument("called", metavar="B[:PORT]", required=False, default="", callback=_needed),
    click.option("--method", metavar="METHOD", help="The HTTP method, such as GET."),
    click.option("--path", metavar="PATH", help="The path, with its query."),
    click.option(
        "--header",
        "headers",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_headers,
        help="A header; may be repeated. Those that are not given are not known.",
    ),
)
"""Who calls whom, and what is known of the request."""


_UNNAMED = "usage: a wrong option, or a name that is nothing or more than one thing"
_UNREAD = "the cluster could not be read"


@click.command(
    epilog=statuses("nothing is in the way", "a hop fails, or is not known", _UNNAMED, _UNREAD)
)
@_call
@as_table_json_or_yaml
@evidence("Ask the ztunnels at both ends")
@schema
@also_behind
@click.pass_context
def explain(ctx: click.Context, /, evidence: bool, **flags: Any) -> None:
    """Say why A does not reach B: every hop between them, what decides each, and the first that is broken. Nothing is
    sent into the mesh.

    A is a pod, a workload, a service account or "outside"; B a Service, a pod, a host name or a URL, such as
    https://shop.acme.example/cart. Names are as for verdict; of a Service with one port that need not be said.
    """
    from meshtui.commands import explain

    ctx.exit(explain.run(explain.Order(**flags), settings(ctx, sweep=evidence)))


@click.command(epilog=statuses("allowed", "refused, or not known", _UNNAMED, _UNREAD))
@_call
@as_table_json_or_yaml
@evidence("Ask every ztunnel whom it serves")
@schema
@also_behind
@click.pass_context
def verdict(ctx: click.Context, /, called: str, evidence: bool, **flags: Any) -> None:
    """Say whether A may call B, by which policy and rule, and if none lets it, which nearly would. Nothing is sent.

    A is a pod, a workload, a service account or "outside"; B one of the first three or a Service. Names are
    NAMESPACE/NAME, NAMESPACE/KIND/NAME where that is needed, or NAME where it is enough. The port is the Service's
    where B is one, else the pod's.
    """
    from meshtui.commands import verdict

    whom, colon, port = called.partition(":")
    if colon and not (port.isascii() and port.isdigit() and 0 < len(port) < 6):
        raise click.UsageError(f"{port!r} is no port")
    order = verdict.Order(called=whom, port=int(port) if port else None, **flags)
    ctx.exit(verdict.run(order, settings(ctx, sweep=evidence)))

"""The command about the way of a call from one workload to another."""

from __future__ import annotations

from typing import Any

import click

from meshtui.cli.options import as_table_json_or_yaml

_STATUSES = """\
\b
Exit status:
  0  nothing is in the way
  1  a hop fails, or is not known
  2  usage: a wrong option, or a name that is nothing or more than one thing
  3  the cluster could not be read
"""


@click.command(epilog=_STATUSES)
@click.argument("source", metavar="A", required=False, default="")
@click.argument("called", metavar="B[:PORT]", required=False, default="")
@click.option("--method", metavar="METHOD", help="The HTTP method, such as GET.")
@click.option("--path", metavar="PATH", help="The path, with its query, where B is no URL.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME=VALUE",
    help="A header; may be repeated. Those that are not given are not known.",
)
@as_table_json_or_yaml
@click.option(
    "--evidence/--no-evidence",
    default=True,
    help="Ask the ztunnels at both ends, or look at objects alone.",
)
@click.option(
    "--schema", is_flag=True, help="Print the JSON schema of -o json and yaml, and nothing else."
)
@click.pass_context
def explain(ctx: click.Context, /, source: str, called: str, **flags: Any) -> None:
    """Say why A does not reach B: every hop between them, what decides each, and the first that is broken. Nothing is
    sent into the mesh.

    A is a pod, a workload, a service account or "outside"; B a Service, a pod, a host name or a URL, such as
    https://shop.acme.example/cart. Names are as for verdict; of a Service with one port that need not be said.
    """
    from meshtui.commands import explain
    from meshtui.configuration import load
    from meshtui.settings import config_path

    if flags["schema"]:
        click.echo(explain.schema(), nl=False)
        return
    if not called:
        raise click.UsageError("say who calls and who is called: A B:8080")
    headers = dict(each.split("=", 1) for each in flags["headers"] if "=" in each)
    if len(headers) < len(flags["headers"]):
        raise click.UsageError("a header is given once, as NAME=VALUE")
    order = explain.Order(source, called, flags["method"], flags["path"], headers, flags["output"])
    settings = load({**ctx.obj, "sweep": flags["evidence"]}, config_path())
    ctx.exit(explain.run(order, settings))

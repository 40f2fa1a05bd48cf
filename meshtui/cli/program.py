"""The commands about the program itself and its built-in cluster."""

from __future__ import annotations

from typing import Any

import click

from meshtui.cli.options import also_behind, as_text_or_json, given, screen_options, settings


@click.command()
@click.option(
    "--scene", default="shop", show_default=True, metavar="NAME", help="What is in the cluster."
)
@click.option("--list", "listed", is_flag=True, help="List the scenes.")
@click.option(
    "--pods", type=click.IntRange(min=0), default=0, help="So many more pods, such as 5000."
)
@click.option(
    "--serve", is_flag=True, help="Serve it without a screen, for kubectl, until interrupted."
)
@screen_options
@click.pass_context
def demo(
    ctx: click.Context,
    /,
    scene: str,
    listed: bool,
    pods: int,
    serve: bool,
    **flags: Any,
) -> None:
    """Show a built-in cluster with a living ambient mesh in it. Nothing else is needed, and nothing is left behind.

    It is a Kubernetes API on this machine alone, which ends with the program. What is labelled, applied or deleted in
    it, here or with kubectl, has the consequences that it would have in a real mesh.
    """
    from meshtui.commands import demo

    if listed:
        click.echo(demo.listing(), nl=False)
        return
    if complaint := demo.complaint(scene):
        raise click.UsageError(complaint)
    if serve:
        ctx.exit(demo.serve(scene, pods))
    from msgspec.structs import replace

    from meshtui import running, start

    wanted = start.settings({**ctx.obj, **given(flags)})
    with demo.started(scene, pods) as kubeconfig:
        ctx.exit(running.run(replace(wanted, kubeconfig=(kubeconfig,), context="")))


@click.command()
@as_text_or_json
@also_behind
@click.pass_context
def info(ctx: click.Context, /, output: str) -> None:
    """Print versions, and the files that are read and written."""
    from meshtui.commands import info

    click.echo(info.report(settings(ctx), output), nl=False)


@click.command()
@click.argument("roles", nargs=-1, type=click.Choice(["read", "evidence", "operate"]))
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME",
    help="A Secret whose certificate may be read, such as one that a gateway names; may be repeated.",
)
def rbac(roles: tuple[str, ...], secrets: tuple[str, ...]) -> None:
    """Print the smallest ClusterRoles, all or those named.

    \b
    read      what the panes list and watch
    evidence  what ztunnels say themselves (port-forward), logs, and the certificates in named Secrets
    operate   the changes that can be made from the screen
    """
    from meshtui.commands import rbac

    click.echo(rbac.manifest(roles or tuple(rbac.ROLES), secrets), nl=False)

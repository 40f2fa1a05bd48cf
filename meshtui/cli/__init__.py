"""The command line: flags to Settings, and which part of the program to start with them. This is the program itself
with what all commands share; the commands are beside it.

Everything but click is imported where it is used: `meshtui --version` answers in a tenth of a second, and what has no
screen never loads one.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

import click

from meshtui import __version__
from meshtui.cli.calls import denials, explain, verdict
from meshtui.cli.changes import audit, enroll, unenroll
from meshtui.cli.diagnosis import doctor
from meshtui.cli.facts import certs, status
from meshtui.cli.options import cluster_options, given, screen_options
from meshtui.cli.program import demo, info, rbac

EXAMPLES = """\
\b
Examples:
  meshtui                              the current context of your kubeconfig
  meshtui --context prod-eu1 -n shop,payments
  meshtui --as oncall --as-group sre   as somebody else sees it
  meshtui --pane certificates          start at a pane
  meshtui demo                         the built-in cluster; nothing else is needed
  meshtui demo --scene ghost           one with a story
  meshtui rbac | kubectl apply -f -    the rights it needs, as ClusterRoles
  meshtui enroll plain --dry-run       what taking a namespace into the mesh would do
  meshtui doctor                       what is wrong with the mesh, and what to do
  meshtui doctor -f manifests/ --alone and with files, in CI
  meshtui explain web cart:8080        why one does not reach another, hop by hop
  meshtui denials --since 1h           who was refused by whom, and why
  meshtui verdict web cart:8080        may one call another, by which policy, and if not, why
  meshtui status                       how the mesh stands, on one screen of text
  meshtui certs --expiring 7d          what ends within a week unless somebody renews it
  meshtui audit verify                 whether the record of your changes is whole

Every option can come from the environment too, --request-timeout as MESHTUI_REQUEST_TIMEOUT and so on. Flags outweigh
the environment, and that outweighs the configuration file ("meshtui info" tells where it is looked for).
"""


@click.group(
    commands=[
        demo,
        info,
        rbac,
        enroll,
        unenroll,
        doctor,
        explain,
        denials,
        verdict,
        certs,
        status,
        audit,
    ],
    invoke_without_command=True,
    epilog=EXAMPLES,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "MESHTUI",
        "max_content_width": 110,
    },
)
@cluster_options
@screen_options
@click.version_option(__version__, message="meshtui %(version)s")
@click.pass_context
def meshtui(ctx: click.Context, /, **flags: Any) -> None:
    """See what an Istio ambient mesh really does: labels, CNI agent, ztunnel, istiod and certificates side by side.

    Without a command it shows the cluster that kubectl would talk to. Nothing has to be installed there.
    """
    ctx.obj = given(flags)
    if ctx.invoked_subcommand is None:
        gc.disable()  # all that is imported stays; `running.run` decides how it goes on

        from meshtui import places, running, start

        ctx.exit(running.run(start.settings(ctx.obj), places.default_path()))


def main() -> None:
    """Run the program with the arguments of this process, and end it with its exit status."""
    try:
        status = meshtui.main(prog_name="meshtui", standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"meshtui: {error.format_message()}", err=True)
        status = error.exit_code
    except click.Abort:
        status = 130
    except BaseExceptionGroup as group:
        if group.split(BrokenPipeError)[1] is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads what is left
        status = 1  # as click ends where no session is around it
    _end(status or 0)


def _end(status: int) -> None:
    """Ends the process as it stands: to take 10,000 pods apart in its memory takes longer than all else."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads what is left
        status = status or 1
    sys.stderr.flush()
    os._exit(status)

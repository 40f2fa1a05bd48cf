"""The command line: flags to Settings, and which part of the program to start with them.

Everything but click is imported where it is used: `meshtui --version` answers in a tenth of a second, and what has no
screen never loads one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from meshtui import __version__

Command = TypeVar("Command", bound=Callable[..., Any])

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
  meshtui denials --since 1h           who was refused by whom, and why
  meshtui verdict web cart:8080        may one call another, by which policy, and if not, why
  meshtui audit verify                 whether the record of your changes is whole

Every option can come from the environment too, --request-timeout as MESHTUI_REQUEST_TIMEOUT and so on. Flags outweigh
the environment, and that outweighs the configuration file ("meshtui info" tells where it is looked for).
"""


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A duration as kubectl takes it: Go's, such as 10s or 1m30s, or a whole number of seconds. Zero says nothing."""
    if value is None:
        return None
    from durationpy import from_str

    try:
        seconds = float(from_str(f"{value}s" if value.isdecimal() else value).total_seconds())
    except ValueError:
        seconds = -1.0
    if seconds < 0:
        raise click.BadParameter(f"{value!r} is not a duration such as 10s, 1m30s or 500ms")
    return seconds or None


def _names(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The names in options that take several at a time, separated by commas."""
    return tuple(name for value in values for name in value.split(",") if name)


def _one(ctx: click.Context, param: click.Parameter, value: Path | None) -> tuple[Path, ...]:
    return () if value is None else (value,)


def _together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_read_only_option = click.option(
    "--read-only/--write",
    default=None,
    help="Allow no changes, or allow them where the context's name looks like production.",
)

screen_options = _together(
    _read_only_option,
    click.option(
        "--sweep/--no-sweep",
        default=None,
        help="Read the ztunnels of all nodes in turn (the default), or only those on screen.",
    ),
    click.option("--pane", metavar="NAME", help="The pane to start at, such as workloads."),
    click.option("--theme", metavar="NAME", help="The colours."),
    click.option(
        "--log-file",
        type=click.Path(path_type=Path, dir_okay=False, writable=True),
        help="Write to this file what the session goes through. Nothing secret is in it.",
    ),
)
"""How the screen starts."""

_as_text_or_json = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print it."
)

_as_table_json_or_yaml = click.option(
    "-o",
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(["table", "json", "yaml"]),
    help="How to print it.",
)


@click.group(
    invoke_without_command=True,
    epilog=EXAMPLES,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "MESHTUI",
        "max_content_width": 110,
    },
)
@click.option("--context", help="The kubeconfig context to start with.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path),
    callback=_one,
    help="The kubeconfig file, in place of $KUBECONFIG and ~/.kube/config.",
)
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME,…",
    callback=_names,
    help="Look at these namespaces only.",
)
@click.option(
    "-A",
    "--all-namespaces",
    is_flag=True,
    default=None,
    help="Look at all namespaces, whatever the configuration says.",
)
@click.option("--as", "impersonate", metavar="USER", help="Impersonate a user.")
@click.option(
    "--as-group",
    "impersonate_groups",
    multiple=True,
    metavar="GROUP",
    help="Impersonate a group; may be repeated.",
)
@click.option(
    "--request-timeout",
    metavar="DURATION",
    callback=_seconds,
    help="Give up a request that should answer at once after this long: 10s, 1m. 0 is the default, 10s.",
)
@screen_options
@click.version_option(__version__, message="meshtui %(version)s")
@click.pass_context
def meshtui(ctx: click.Context, /, **flags: Any) -> None:
    """See what an Istio ambient mesh really does: labels, CNI agent, ztunnel, istiod and certificates side by side.

    Without a command it shows the cluster that kubectl would talk to. Nothing has to be installed there.
    """
    ctx.obj = _given(flags)
    if ctx.invoked_subcommand is None:
        from meshtui import app, start

        ctx.exit(app.run(start.settings(ctx.obj)))


@meshtui.command()
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
    from dataclasses import replace

    from meshtui import app, start

    settings = start.settings({**ctx.obj, **_given(flags)})
    with demo.started(scene, pods) as kubeconfig:
        ctx.exit(app.run(replace(settings, kubeconfig=(kubeconfig,), context="")))


@meshtui.command()
@_as_text_or_json
@click.pass_obj
def info(given: Mapping[str, Any], /, output: str) -> None:
    """Print versions, and the files that are read and written."""
    from meshtui.commands import info
    from meshtui.configuration import load
    from meshtui.settings import config_path

    click.echo(info.report(load(given, config_path()), output), nl=False)


@meshtui.command()
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


_change_options = _together(
    click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
    click.option(
        "--yes",
        is_flag=True,
        help="Ask nothing. Where the context's name looks like production, --context must be given too.",
    ),
    click.option(
        "--timeout",
        metavar="DURATION",
        callback=_seconds,
        help="Wait so long for the evidence of each change: 30s, 2m. 0 is the default, 60s.",
    ),
    _read_only_option,
)
"""How a change is made without a screen."""

_STATUSES = """\
\b
Exit status:
  0  done and proved, by what the ztunnels say
  1  done, but not proved in time; it says what is missing of which pod
  2  usage: a wrong option, no such namespace, nobody to ask and no --yes
  3  not reachable: no connection, no credentials, or an answer that never came
  4  refused: by you, by read-only, by rights, by the server, or changed by somebody else meanwhile
"""


@meshtui.command(epilog=_STATUSES)
@click.argument("namespaces", nargs=-1, required=True, metavar="NAMESPACE…")
@click.option(
    "--waypoint",
    default="",
    metavar="[NAMESPACE/]NAME",
    help="Bind each to this waypoint then, which has to be ready.",
)
@_change_options
@click.pass_context
def enroll(ctx: click.Context, /, namespaces: tuple[str, ...], **flags: Any) -> None:
    """Take namespaces into the mesh, one after the other, each proved before the next is touched.

    What would go wrong is said first, then the change as the server would make it; every step is in the audit. Pods
    are not restarted. It stops at the first failure and says what was not touched.
    """
    _order(ctx, namespaces, flags)


@meshtui.command(epilog=_STATUSES)
@click.argument("namespaces", nargs=-1, required=True, metavar="NAMESPACE…")
@_change_options
@click.pass_context
def unenroll(ctx: click.Context, /, namespaces: tuple[str, ...], **flags: Any) -> None:
    """Take namespaces out of the mesh, one after the other, each proved before the next is touched.

    Their label for a waypoint stays. It stops at the first failure and says what was not touched.
    """
    _order(ctx, namespaces, flags, leave=True)


def _order(
    ctx: click.Context, names: tuple[str, ...], flags: Mapping[str, Any], *, leave: bool = False
) -> None:
    from meshtui.commands import enroll
    from meshtui.configuration import load
    from meshtui.kube.audit import default_path
    from meshtui.settings import config_path

    if not (flags["yes"] or flags["dry_run"] or sys.stdin.isatty()):
        raise click.UsageError("there is nobody to ask: give --yes, or --dry-run")
    above = ctx.parent
    named = above.get_parameter_source("context") if above else None
    order = enroll.Order(
        tuple(dict.fromkeys(names)),
        leave=leave,
        waypoint=flags.get("waypoint", ""),
        dry_run=flags["dry_run"],
        yes=flags["yes"],
        patience=flags["timeout"] or enroll.PATIENCE,
        context_named=named is click.core.ParameterSource.COMMANDLINE,
    )
    said = {} if flags["read_only"] is None else {"read_only": flags["read_only"]}
    settings = load({**ctx.obj, **said}, config_path())
    ctx.exit(enroll.run(order, settings, default_path()))


_SEVERITIES = ["critical", "high", "medium", "low", "info"]
_DOCTORS_STATUSES = """\
\b
Exit status:
  0  nothing at or above the severity that --fail-on names
  1  findings, or YAML that cannot be read
  2  usage, or the configuration
  3  the cluster could not be read; with --strict also where it was read only in part
"""


@meshtui.command(epilog=_DOCTORS_STATUSES)
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
    "--code",
    "codes",
    multiple=True,
    metavar="CODE,…",
    callback=_names,
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
@click.option(
    "--strict",
    is_flag=True,
    help="A cluster that was read only in part could not be read: exit status 3.",
)
@click.option(
    "--evidence/--no-evidence",
    default=True,
    help="Ask every ztunnel too, or look at objects alone.",
)
@click.option(
    "--schema", is_flag=True, help="Print the JSON schema of -o json and yaml, and nothing else."
)
@click.option("--explain", metavar="CODE", help="Print what a rule is about, and nothing else.")
@click.pass_context
def doctor(ctx: click.Context, /, **flags: Any) -> None:
    """Say what is wrong with the mesh, show what it was seen by, and what to do. Nothing is changed.

    With -f it looks at files before they are applied and tells what is about them, or would be new.
    """
    from meshtui.commands import doctor
    from meshtui.configuration import load
    from meshtui.mesh.doctor.findings import Severity
    from meshtui.mesh.doctor.rules import RULES
    from meshtui.settings import config_path

    if flags["schema"]:
        click.echo(doctor.schema(), nl=False)
        return
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
    if flags["alone"] and not flags["files"]:
        raise click.UsageError("--alone needs files to look at: -f")
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
    )
    settings = load({**ctx.obj, "sweep": flags["evidence"]}, config_path())
    ctx.exit(doctor.run(order, settings))


_DENIALS_STATUSES = """\
\b
Exit status:
  0  nobody was refused, as far as could be read
  1  somebody was refused, or did not get through
  2  usage, or the configuration
  3  no log could be read; with --strict also where not all is known
"""


@meshtui.command(epilog=_DENIALS_STATUSES)
@click.option(
    "--since",
    default="10m",
    show_default=True,
    metavar="DURATION",
    callback=_seconds,
    help="Read the logs from so long ago on: 10m, 1h30m.",
)
@click.option("--follow", is_flag=True, help="Go on until interrupted, and print what is new.")
@_as_table_json_or_yaml
@click.option(
    "--streams",
    type=click.IntRange(1, 1000),
    default=120,
    show_default=True,
    help="Read so many logs at once; where there are more, they take turns.",
)
@click.option("--strict", is_flag=True, help="Logs that were read only in part could not be read.")
@click.option(
    "--schema", is_flag=True, help="Print the JSON schema of -o json and yaml, and nothing else."
)
@click.pass_context
def denials(ctx: click.Context, /, **flags: Any) -> None:
    """Say who is refused by whom, and why, by the access logs of all ztunnels, waypoints and gateways.

    Both sides of a refusal are one; those with the same source, destination and reason are one row. Nothing is changed.
    """
    from meshtui.commands import denials
    from meshtui.configuration import load
    from meshtui.settings import config_path

    if flags["schema"]:
        click.echo(denials.schema(), nl=False)
        return
    order = denials.Order(
        since=max(1, int(flags["since"] or 0)),
        follow=flags["follow"],
        output=flags["output"],
        strict=flags["strict"],
        streams=flags["streams"],
    )
    ctx.exit(denials.run(order, load(ctx.obj, config_path())))


_VERDICTS_STATUSES = """\
\b
Exit status:
  0  allowed
  1  refused, or not known
  2  usage: a wrong option, or a name that is nothing or more than one thing
  3  the cluster could not be read
"""


@meshtui.command(epilog=_VERDICTS_STATUSES)
@click.argument("source", metavar="A", required=False, default="")
@click.argument("called", metavar="B[:PORT]", required=False, default="")
@click.option("--method", metavar="METHOD", help="The HTTP method, such as GET.")
@click.option("--path", metavar="PATH", help="The path, with its query.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME=VALUE",
    help="A header; may be repeated. Those that are not given are not known.",
)
@_as_table_json_or_yaml
@click.option(
    "--evidence/--no-evidence",
    default=True,
    help="Ask every ztunnel whom it serves, or look at objects alone.",
)
@click.option(
    "--schema", is_flag=True, help="Print the JSON schema of -o json and yaml, and nothing else."
)
@click.pass_context
def verdict(ctx: click.Context, /, source: str, called: str, **flags: Any) -> None:
    """Say whether A may call B, by which policy and rule, and if none lets it, which nearly would. Nothing is sent.

    A is a pod, a workload, a service account or "outside"; B one of the first three or a Service. Names are
    NAMESPACE/NAME, NAMESPACE/KIND/NAME where that is needed, or NAME where it is enough. The port is the Service's
    where B is one, else the pod's.
    """
    from meshtui.commands import verdict
    from meshtui.configuration import load
    from meshtui.settings import config_path

    if flags["schema"]:
        click.echo(verdict.schema(), nl=False)
        return
    if not called:
        raise click.UsageError("say who calls and who is called: A B:8080")
    whom, colon, port = called.partition(":")
    if colon and not (port.isascii() and port.isdigit() and 0 < len(port) < 6):
        raise click.UsageError(f"{port!r} is no port")
    headers = dict(each.split("=", 1) for each in flags["headers"] if "=" in each)
    if len(headers) < len(flags["headers"]):
        raise click.UsageError("a header is given once, as NAME=VALUE")
    order = verdict.Order(
        source,
        whom,
        int(port) if port else None,
        flags["method"],
        flags["path"],
        headers,
        flags["output"],
    )
    settings = load({**ctx.obj, "sweep": flags["evidence"]}, config_path())
    ctx.exit(verdict.run(order, settings))


@meshtui.group()
def audit() -> None:
    """Tell what was changed from here, or was not, and check that nobody edited what tells it."""


@audit.command()
@_as_text_or_json
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
@_as_text_or_json
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


def _given(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The flags that were used."""
    return {name: value for name, value in flags.items() if value not in (None, ())}


def main() -> None:
    """Run the program with the arguments of this process, and end it with its exit status."""
    try:
        status = meshtui.main(prog_name="meshtui", standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"meshtui: {error.format_message()}", err=True)
        status = error.exit_code
    except click.Abort:
        status = 130
    sys.exit(status or 0)

"""What the commands share: how values of options are read, options that several of them have, and the settings that
come of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from meshtui.cli import completion

if TYPE_CHECKING:
    from meshtui.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
Read = Callable[[click.Context, click.Parameter, Any], Any]


def seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A duration as kubectl takes it: Go's, such as 10s or 1m30s, or a whole number of seconds. Days are taken too: 7d.
    Zero says nothing."""
    if value is None:
        return None
    from durationpy import from_str

    try:
        length = float(from_str(f"{value}s" if value.isdecimal() else value).total_seconds())
    except ValueError:
        length = -1.0
    if length < 0:
        raise click.BadParameter(f"{value!r} is not a duration such as 10s, 1m30s or 500ms")
    return length or None


def names(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The names in options that take several at a time, separated by commas."""
    return tuple(name for value in values for name in value.split(",") if name)


def one(ctx: click.Context, param: click.Parameter, value: Path | None) -> tuple[Path, ...]:
    """An option that is given once, where the setting takes several."""
    return () if value is None else (value,)


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_FILE = click.Path(path_type=Path)


def _options_of_a_cluster(*, of_command: bool) -> Callable[[Command], Command]:
    """Which cluster, as whom, and what of it. The program takes them before a command; a command takes them too, and
    keeps them with what the program was given."""

    def option(*called: str, read: Read | None = None, **rest: Any) -> Callable[[Command], Command]:
        if not of_command:
            return click.option(*called, callback=read, **rest)
        return click.option(*called, callback=partial(_keep, read), expose_value=False, **rest)

    return together(
        option(
            "--context",
            shell_complete=completion.contexts,
            help="The kubeconfig context to start with.",
        ),
        option(
            "--kubeconfig",
            type=click.Path(path_type=Path),
            read=one,
            help="The kubeconfig file, in place of $KUBECONFIG and ~/.kube/config.",
        ),
        option(
            "-n",
            "--namespace",
            "namespaces",
            multiple=True,
            metavar="NAME,…",
            read=names,
            shell_complete=completion.namespaces,
            help="Look at these namespaces only.",
        ),
        option(
            "-A",
            "--all-namespaces",
            is_flag=True,
            default=None,
            help="Look at all namespaces, whatever the configuration says.",
        ),
        option("--cluster", metavar="NAME", help="Reach this cluster of the kubeconfig instead."),
        option("--user", metavar="NAME", help="Be this user of the kubeconfig instead."),
        option("--as", "impersonate", metavar="USER", help="Impersonate a user."),
        option(
            "--as-group",
            "impersonate_groups",
            multiple=True,
            metavar="GROUP",
            help="Impersonate a group; may be repeated.",
        ),
        option(
            "--request-timeout",
            metavar="DURATION",
            read=seconds,
            help="Give up a request that should answer at once after this long: 10s, 1m. 0 is the default, 10s.",
        ),
        option("-s", "--server", metavar="URL", help="The address of the API server."),
        option(
            "--token",
            metavar="TOKEN",
            help="A bearer token; in $MESHTUI_TOKEN no list of processes shows it.",
        ),
        option("--client-certificate", type=_FILE, help="The certificate to be known by."),
        option("--client-key", type=_FILE, help="Its key."),
        option("--certificate-authority", type=_FILE, help="What vouches for the API server."),
        option(
            "--insecure-skip-tls-verify",
            is_flag=True,
            default=None,
            help="Do not look who the API server is; the header says so.",
        ),
        option(
            "--tls-server-name", metavar="NAME", help="The name that its certificate has to bear."
        ),
    )


def _keep(read: Read | None, ctx: click.Context, param: click.Parameter, value: Any) -> None:
    found = read(ctx, param, value) if read else value
    if param.name is not None and found not in (None, ()):
        ctx.obj = {**(ctx.obj or {}), param.name: found}


cluster_options = _options_of_a_cluster(of_command=False)
also_behind = _options_of_a_cluster(of_command=True)
"""The same options behind the name of a command."""

read_only = click.option(
    "--read-only/--write",
    default=None,
    help="Allow no changes, or allow them where the context's name looks like production.",
)

screen_options = together(
    read_only,
    click.option(
        "--sweep/--no-sweep",
        default=None,
        help="Read the ztunnels of all nodes in turn (the default), or only those on screen.",
    ),
    click.option("--pane", metavar="NAME", help="The pane to start at, such as workloads."),
    click.option(
        "--theme",
        metavar="NAME",
        help="The colours: dark, light, high-contrast, deuteranopia, tritanopia or one of Textual's.",
    ),
    click.option(
        "--ascii/--no-ascii",
        default=None,
        help="Draw nothing but ASCII; without either, where the locale is not UTF-8.",
    ),
    click.option(
        "--log-file",
        type=click.Path(path_type=Path, dir_okay=False, writable=True),
        help="Write to this file what the session goes through. Nothing secret is in it.",
    ),
)
"""How the screen starts."""

as_text_or_json = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print it."
)

as_table_json_or_yaml = click.option(
    "-o",
    "--output",
    default="table",
    show_default=True,
    type=click.Choice(["table", "json", "yaml"]),
    help="How to print it.",
)


strict = click.option(
    "--strict",
    is_flag=True,
    help="A cluster that was read only in part could not be read: exit status 3.",
)


def _print_schema(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from meshtui.commands import documents

        click.echo(documents.schema(ctx.command.name or ""), nl=False)
        ctx.exit()


schema = click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON schema of -o json and yaml, and nothing else.",
)


def evidence(without: str) -> Callable[[Command], Command]:
    """Whether ztunnels are asked; the help begins with what is left out otherwise."""
    words = f"{without}, or look at objects alone."
    return click.option("--evidence/--no-evidence", default=True, help=words)


USAGE = "usage, or the configuration"
READ_IN_PART = "the cluster could not be read; with --strict also where it was read only in part"


def statuses(*meanings: str) -> str:
    """The end of a command's help: what its exit statuses mean, from 0 on."""
    lines = (f"  {status}  {meaning}" for status, meaning in enumerate(meanings))
    return "\n".join(("\b", "Exit status:", *lines))


def settings(ctx: click.Context, **more: Any) -> Settings:
    """What a command goes by: the configuration, outweighed by what the program and the command were given."""
    from meshtui.configuration import load
    from meshtui.settings import config_path

    return load({**ctx.obj, **more}, config_path())


def given(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The flags that were used."""
    return {name: value for name, value in flags.items() if value not in (None, ())}

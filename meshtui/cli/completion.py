"""Completion: what the shell is offered for the options of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from meshtui.settings import Settings


def contexts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from meshtui.commands import completion

    return _offered(completion.contexts, ctx, "", incomplete)


def namespaces(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Of several separated by commas, the last."""
    from meshtui.commands import completion

    before, comma, last = incomplete.rpartition(",")
    return _offered(completion.namespaces, ctx, before + comma, last)


def _offered(
    names: Callable[[Settings], Sequence[str]], ctx: click.Context, before: str, incomplete: str
) -> list[CompletionItem]:
    known = names(_settings(ctx))
    return [CompletionItem(before + name) for name in known if name.startswith(incomplete)]


def _settings(ctx: click.Context) -> Settings:
    """By what was typed so far, before the command and behind it."""
    from meshtui.cli.options import given
    from meshtui.configuration import load
    from meshtui.settings import config_path

    before = ctx.parent.params if ctx.parent else {}
    typed = {**given(before), **(ctx.obj or {})} if ctx.parent else given(ctx.params)
    return load(typed, config_path())

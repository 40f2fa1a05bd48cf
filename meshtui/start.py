"""What has to hold before the screen starts: a terminal that can draw, and names that the screen knows."""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace
from textual.binding import Binding
from textual.dom import DOMNode

import meshtui.app  # brings all that may come on screen, for `choices`
from meshtui.configuration import Choices, load, unknown
from meshtui.mesh.printable import plain
from meshtui.settings import Settings, config_path
from meshtui.ui.ascii import is_needed
from meshtui.ui.panes import NAMED
from meshtui.ui.themes import NAMES as THEMES
from meshtui.ui.themes import TERMINALS_OWN, has_few_colours


def settings(given: Mapping[str, Any]) -> Settings:
    """The settings to start the screen with; `given` are fields of Settings, from flags. The log begins here.

    Raises ClickException where there is nothing to draw on, UsageError where a flag names what there is not.
    """
    _need_a_terminal()
    known = choices()
    found = load(given, config_path(), known)
    if found.pane and found.pane.lower() not in NAMED:
        raise click.UsageError(unknown("pane", found.pane, NAMED))
    if "theme" in given and found.theme not in known.themes:
        raise click.UsageError(unknown("theme", found.theme, sorted(known.themes)))
    if found.log_file:
        _log_to(found.log_file)
    if found.ascii is None:
        found = replace(found, ascii=is_needed())
    if "theme" in given:
        return _worn_everywhere(found, found.theme)
    return _worn_everywhere(found, TERMINALS_OWN) if has_few_colours() else found


def _worn_everywhere(found: Settings, theme: str) -> Settings:
    """With a theme that outweighs those of the configuration: a flag does, and what the terminal can show."""
    contexts = {name: replace(each, theme="") for name, each in found.contexts.items()}
    return replace(found, theme=theme, contexts=contexts)


def choices() -> Choices:
    """The themes, and the bindings of all that may come on screen."""
    classes: list[type[DOMNode]] = [DOMNode]
    for each in classes:
        classes.extend(each.__subclasses__())
    bindings = {
        binding.id
        for each in classes
        if each.__module__.startswith("meshtui.")
        for binding in each.BINDINGS
        if isinstance(binding, Binding) and binding.id
    }
    return Choices(themes=THEMES, bindings=bindings)


def _need_a_terminal() -> None:
    # Textual reads from standard input and draws on standard error.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.ClickException(f"there is no terminal to draw on; {_without_a_screen()}")
    if (term := os.environ.get("TERM")) in ("dumb", "unknown"):
        raise click.ClickException(f"the terminal cannot draw (TERM={term}); {_without_a_screen()}")


def _without_a_screen() -> str:
    """The commands that need none: all but the one that shows the built-in cluster."""
    program = click.get_current_context().find_root().command
    assert isinstance(program, click.Group)
    named = ", ".join(name for name in sorted(program.commands) if name != "demo")
    return f"without a screen there are these commands of meshtui: {named}, and demo --serve"


class _Plain(logging.Formatter):
    """Nothing that a cluster says can pass for another line, or do something to the terminal of who reads the log."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return plain(super().formatMessage(record))


def _log_to(path: Path) -> None:
    try:
        path.touch(mode=0o600)
        file = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None
    file.setFormatter(_Plain("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(file)
    log = logging.getLogger("meshtui")
    log.setLevel(logging.INFO)
    log.info("meshtui %s on Python %s", meshtui.__version__, platform.python_version())

"""The help: every key that works here and every command, from the live bindings themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.app import App
from textual.binding import ActiveBinding

from meshtui.ui import arguments, filters
from meshtui.ui.commands import Command
from meshtui.ui.spans import Line, Span, Tone

HANG = 32
"""Where what a key or command does begins, and goes on where it is wrapped."""

_GROUPS = {
    "pane": "This row",
    "rows": "Rows and columns",
    "table": "Moving",
    "lines": "Moving",
    "reader": "Reading",
    "tree": "This row",
    "log": "Reading",
    "yaml": "Reading",
    "app": "Everywhere",
}


def lines(
    app: App[Any], bindings: Iterable[ActiveBinding], commands: Sequence[Command]
) -> list[Line]:
    """The help as lines: keys by group, each with what it does, then the commands."""
    groups: dict[str, dict[str, list[str]]] = {}
    for active in bindings:
        binding = active.binding
        if not binding.description or not active.enabled:
            continue
        area = (binding.id or "app").partition(".")[0]
        title = _GROUPS.get(area, f"This pane: {area}")
        of_title = groups.setdefault(title, {})
        of_title.setdefault(binding.description, []).append(app.get_key_display(binding))
    found: list[Line] = []
    for title in sorted(groups, key=_place):
        found += [(), (Span(f" {title}", Tone.STRONG),)]
        for description, keys in groups[title].items():
            shown = " ".join(dict.fromkeys(keys))
            found.append((Span(f"   {shown:<{HANG - 3}}", Tone.ACCENT), Span(description)))
    found += [(), (Span(" Commands", Tone.STRONG),), *aliases(commands)]
    found += [(), (Span(" Behind a pane's name", Tone.STRONG),), *_forms(arguments.FORMS)]
    found += [(), (Span(" Filters", Tone.STRONG),), *_forms(filters.FORMS)]
    return found[1:]


def aliases(commands: Sequence[Command]) -> list[Line]:
    """The commands with their other names, a line each."""
    found: list[Line] = []
    for command in (each for each in commands if each.listed):
        name, *others = (f":{name}" for name in command.names)
        also = f" ({' '.join(others)})" if others else ""
        shown = f"   {name} {command.takes}"
        found.append(
            (Span(f"{shown:<{HANG}}", Tone.ACCENT), Span(command.help), Span(also, Tone.MUTED))
        )
    words = "any other kind that the cluster serves, as kubectl names it"
    found.append(
        (Span(f"{'   :cm :crd :vs.networking.istio.io':<{HANG - 1}} ", Tone.ACCENT), Span(words))
    )
    return found


def _forms(forms: Iterable[tuple[str, str]]) -> list[Line]:
    return [
        (Span(f"   {written:<{HANG - 3}}", Tone.ACCENT), Span(means)) for written, means in forms
    ]


def _place(title: str) -> tuple[int, str]:
    order = ["This row", "Rows and columns", "Moving", "Reading"]
    if title == "Everywhere":
        return 9, title
    return (order.index(title) if title in order else 6), title

"""Commands: what may be typed behind `:`, and the ranked completion of what was typed so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from meshtui.ui.unbound import COMMANDS


def _nothing() -> Sequence[str]:
    return ()


class Command(Struct, frozen=True):
    """One command: its name first, then its aliases."""

    names: tuple[str, ...]
    help: str
    run: Callable[[str], object]
    """Given what stands behind the name."""
    choices: Callable[[], Iterable[str]] = _nothing
    """What may stand behind the name, as known now; those that begin with "@" where that was typed."""
    takes: str = ""
    """What stands behind the name, for the help: "[NAMESPACE,…]"; "" where nothing may."""
    closed: bool = False
    """Whether nothing but one of the choices may stand there."""
    listed: bool = True
    """Whether the help names it, and scattered letters find it: not so with every kind that the cluster serves."""


class Completion(Struct, frozen=True):
    """One way to go on: the whole text, and of a command what it would do."""

    text: str
    help: str = ""


def aliases(lines: Mapping[str, str], run: Callable[[str], object]) -> list[Command]:
    """A command for each line that has a name of one's own; what stands behind the name goes behind the line."""

    def command(name: str, line: str) -> Command:
        return Command((name,), f":{line}", lambda rest: run(f"{line} {rest}"), takes="[…]")

    return [command(name, line) for name, line in lines.items()]


def spelled(text: str) -> str:
    """A typed line with its command: "@prod" is "ctx prod"."""
    line = text.lstrip()
    return f"ctx {line[1:]}" if line.startswith("@") else line


def split(text: str) -> tuple[str, str]:
    """A typed line as name and argument."""
    name, _, argument = text.strip().partition(" ")
    return name.lower(), argument.strip()


def find(commands: Iterable[Command], name: str) -> Command | None:
    """The command of that name or alias."""
    return next((command for command in commands if name in command.names), None)


def complete(commands: Sequence[Command], text: str, most: int = 8) -> list[Completion]:
    """The best ways to go on from a text: commands while the name is typed, then the command's own choices."""
    name, space, argument = spelled(text).partition(" ")
    command = find(commands, name.lower())
    if space and command is not None:
        before, last = _begun(command, argument)
        ranked = sorted(
            (rank, choice)
            for choice in command.choices()
            if choice.startswith("@") == last.startswith("@")
            and (rank := _rank(last.lower(), choice.lower())) is not None
        )
        return [Completion(f"{command.names[0]} {before}{choice}") for _, choice in ranked[:most]]
    found = []
    for position, each in enumerate(commands):
        names = each.names if each.listed else [n for n in each.names if name.lower() in n]
        ranks = [r for alias in names if (r := _rank(name.lower(), alias)) is not None]
        if ranks:
            found.append((min(ranks), position, each))
    return [Completion(each.names[0], each.help) for _, _, each in sorted(found, key=_order)[:most]]


def _begun(command: Command, argument: str) -> tuple[str, str]:
    """What stands before the word that is being typed, and the word: of several namespaces the last one."""
    if command.closed:
        return "", argument.strip()
    before, space, word = argument.rpartition(" ")
    names, comma, last = word.rpartition(",")
    return f"{before}{space}{names}{comma}", last


def is_whole(commands: Sequence[Command], text: str) -> bool:
    """Whether a text says all by itself, so that no completion may replace it."""
    name, argument = split(spelled(text))
    command = find(commands, name)
    if command is None:
        return bool(argument) or name in COMMANDS  # what k9s calls so is no part of another's name
    last = argument if command.closed else argument.rpartition(" ")[2]
    if last == "@" and sum(each.startswith(last) for each in command.choices()) > 1:
        return True  # no context is meant more than another: it is said that one is wanted
    return not (last.startswith("@") or (last and command.closed)) or last in command.choices()


def _order(ranked: tuple[Rank, int, Command]) -> tuple[Rank, int]:
    return ranked[0], ranked[1]


Rank = tuple[int, int]
"""Smaller fits better."""


def _rank(typed: str, choice: str) -> Rank | None:
    """How well a choice fits: the same, begins so, holds it (the sooner the better), holds its letters in order (the
    closer together the better); None where it does not."""
    if typed == choice:
        return 0, 0
    if choice.startswith(typed):
        return 1, 0
    if (at := choice.find(typed)) > 0:
        return 2, at
    first = at = choice.find(typed[0])
    for letter in typed[1:]:
        if at >= 0:
            at = choice.find(letter, at + 1)
    return (3, at - first) if at >= 0 and first >= 0 else None

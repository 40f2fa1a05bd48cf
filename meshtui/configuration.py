"""The configuration file: what it may say, and what to say of its mistakes.

theme = "light"                 # `:theme` completes them all
ascii = true                    # draw nothing but ASCII
bell = true                     # ring it for what becomes critical while the terminal is in the background
quit_on_ctrl_c = "double"       # or at the "first", or "never"

[keys]                          # other keys for a binding, by its id; `?` shows those in force
"app.help" = "f1,question_mark"

[aliases]                       # commands of one's own, behind `:`; what is typed behind one goes behind its line
led = "workloads payments /ledger"

[contexts."prod-eu1"]           # what holds in one context
read_only = true
namespaces = ["shop", "payments"]
colour = "#aa3366"
theme = "high-contrast"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import replace

from meshtui.settings import ContextSettings, Quitting, Settings


class Choices(Struct, frozen=True):
    """What the screen has to choose from."""

    themes: Collection[str]
    bindings: Collection[str]
    """Their ids."""


def load(given: Mapping[str, Any], path: Path, choices: Choices | None = None) -> Settings:
    """The settings of a configuration file, outweighed by what was `given` as fields of Settings. A theme that was
    given holds in every context.

    Never raises: what is wrong with the file becomes `complaints`, and what is right in it counts all the same. Without
    `choices`, names of themes and bindings are not looked at.
    """
    said, complaints = _read(path, choices)
    if "theme" in given:
        contexts = said.get("contexts", {})
        said["contexts"] = {name: replace(each, theme="") for name, each in contexts.items()}
    return Settings(**{**said, **given, "config_file": path, "complaints": complaints})


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """What to say of a name that is not among the known ones: the nearest of them, or all."""
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"unknown {what} {name!r}; {hint}"


def _read(path: Path, choices: Choices | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}, ()
    except UnicodeDecodeError:
        return {}, (f"{path} is not UTF-8 text",)
    except OSError as error:
        return {}, (f"{path} cannot be read: {error.strerror}",)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return {}, (f"{path} is not TOML: {error}",)
    mistakes: list[_Mistake] = []
    said = _fields((), table, _CONFIG, mistakes)
    said["contexts"] = {
        name: ContextSettings(**_fields(("contexts", name), fields, _CONTEXT, mistakes))
        for name, fields in said.get("contexts", {}).items()
    }
    if choices is not None:
        named: dict[tuple[str, ...], str] = {("theme",): said.get("theme", "")}
        named |= {("contexts", name, "theme"): it.theme for name, it in said["contexts"].items()}
        for at, theme in named.items():
            if theme and theme not in choices.themes:
                mistakes.append((at, unknown("theme", theme, sorted(choices.themes))))
        for binding in said.get("keys", {}):
            if binding not in choices.bindings:
                what = unknown("binding", binding, sorted(choices.bindings))
                mistakes.append((("keys", binding), what))
    return said, tuple(f"{path}, line {_line(text, at)}: {what}" for at, what in mistakes)


_Mistake = tuple[tuple[str, ...], str]
"""The path of a key, and what is wrong with it."""


def _fields(
    at: tuple[str, ...],
    table: Mapping[str, Any],
    readers: Mapping[str, Callable[[Any], Any]],
    mistakes: list[_Mistake],
) -> dict[str, Any]:
    """What a table says; unknown keys and values that cannot be what they should be become mistakes."""
    said = {}
    for key, value in table.items():
        if key not in readers:
            mistakes.append(((*at, key), unknown("key", key, readers)))
            continue
        try:
            said[key] = readers[key](value)
        except ValueError as error:
            mistakes.append(((*at, key), f"{key} must be {error}"))
    return said


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("text in quotes")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _colour(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("#[0-9a-fA-F]{6}", value):
        raise ValueError('a colour such as "#aa3366"')
    return value


def _quitting(value: Any) -> str:
    if value not in get_args(Quitting):
        raise ValueError('"first", "double" or "never"')
    return str(value)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError('a list of names, such as ["shop", "payments"]')
    return tuple(value)


def _keys(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(keys, str) for keys in value.values()):
        raise ValueError('a table of keys by binding, such as "app.help" = "f1,question_mark"')
    return value


def _aliases(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(map(_is_alias, value, value.values())):
        raise ValueError(
            'a table of commands by a word, such as led = "workloads payments /ledger"'
        )
    lines = {name.lower(): line.strip().removeprefix(":") for name, line in value.items()}
    for name in lines:
        word, passed = name, set[str]()
        while word in lines and word not in passed:
            passed.add(word)
            word = lines[word].split()[0].lower()
        if word in passed:
            raise ValueError(f"without a circle: {name} leads to {word} again")
    return lines


def _is_alias(name: str, line: Any) -> bool:
    return (
        " " not in name and isinstance(line, str) and bool(line.strip().removeprefix(":").strip())
    )


def _tables(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
        raise ValueError('a table for each context, such as [contexts."prod-eu1"]')
    return value


_CONTEXT = {"read_only": _flag, "namespaces": _names, "colour": _colour, "theme": _text}
_CONFIG = {
    "theme": _text,
    "ascii": _flag,
    "bell": _flag,
    "quit_on_ctrl_c": _quitting,
    "keys": _keys,
    "aliases": _aliases,
    "contexts": _tables,
}


def _line(text: str, at: tuple[str, ...]) -> int:
    """The line that a key stands in, or the table around it where the key has no line of its own (tomllib keeps no
    positions)."""
    nearest, depth = 1, 0
    for number, path in _paths(text):
        shared = path[: len(at)]
        if shared == at[: len(shared)] and len(shared) > depth:
            nearest, depth = number, len(shared)
    return nearest


def _paths(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The lines that name a table or a key, each with its path; lines inside a longer value may pass for one."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = line.lstrip().startswith("[")
        try:
            named = tomllib.loads(line if header else f"{line.partition('=')[0]} = 0")
        except tomllib.TOMLDecodeError:
            continue
        path = _path(named)
        table = path if header else table
        yield number, path if header else (*table, *path)


def _path(named: Any) -> tuple[str, ...]:
    if not isinstance(named, dict) or not named:
        return ()
    [(key, inner)] = named.items()
    return (key, *_path(inner))

"""Settings: what the command line, the environment and the configuration file say, as one value."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from platformdirs import user_config_path


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What the configuration says of one context."""

    read_only: bool | None = None
    """None lets the context's name decide."""
    namespaces: tuple[str, ...] = ()
    """Those to look at where no flag names any; empty for all that one may see."""
    colour: str = ""
    """Of the context's name in the header: a name or #rrggbb; "" to choose one from the name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to start. Nothing in it is read again later; a change of context makes a new session."""

    kubeconfig: tuple[Path, ...] = ()
    """In order, the first to name a thing wins; empty for `KUBECONFIG`, then `~/.kube/config`, then in-cluster."""
    context: str = ""
    """"" for the current one."""
    namespaces: tuple[str, ...] = ()
    """As named on the command line; empty where none were. `namespaces_of` tells what holds in a context."""
    all_namespaces: bool = False
    """Whether all were asked for, whatever the configuration says of a context."""
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()
    request_timeout: float = 10.0
    """Seconds until a request that should answer at once is given up."""
    read_only: bool | None = None
    """What the flags say; None leaves it to the configuration and the name of the context (`production.read_only`)."""
    sweep: bool = True
    """Whether the ztunnels of all nodes are read, or only those on screen."""
    pane: str = ""
    """The pane to open first; "" for the first one."""
    theme: str = ""
    """"" for the default one."""
    ascii: bool = False
    """Whether marks and bars are drawn with ASCII characters only."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys, separated by commas, by the id of the binding that they are for."""
    contexts: Mapping[str, ContextSettings] = field(default_factory=dict)
    """What the configuration says, by context."""
    config_file: Path | None = None
    """Where the configuration was looked for."""
    complaints: tuple[str, ...] = field(default=())
    """What was wrong with the configuration, a line each; any of them makes the session read-only."""

    def about(self, context: str) -> ContextSettings:
        """What the configuration says of a context."""
        return self.contexts.get(context, ContextSettings())

    def namespaces_of(self, context: str) -> tuple[str, ...]:
        """The namespaces to look at in a context; empty for all that one may see."""
        if self.all_namespaces:
            return ()
        return self.namespaces or self.about(context).namespaces


def config_path() -> Path:
    """Where the configuration is looked for: `MESHTUI_CONFIG_DIR`, else as the XDG base directories have it."""
    directory = os.environ.get("MESHTUI_CONFIG_DIR")
    return (Path(directory) if directory else user_config_path("meshtui")) / "config.toml"


def load(given: Mapping[str, Any], path: Path) -> Settings:
    """The settings of a configuration file, outweighed by what was `given` as fields of Settings.

    Never raises: what is wrong with the file becomes `complaints`, and what is right in it counts all the same.
    """
    said, complaints = _read(path)
    return Settings(**{**said, **given, "config_file": path, "complaints": complaints})


def _read(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
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
            near = get_close_matches(key, readers, n=1)
            known = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(readers)}"
            mistakes.append(((*at, key), f"unknown key {key!r}; {known}"))
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


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError('a list of names, such as ["shop", "payments"]')
    return tuple(value)


def _keys(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(keys, str) for keys in value.values()):
        raise ValueError('a table of keys by binding, such as "app.help" = "f1,question_mark"')
    return value


def _tables(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
        raise ValueError('a table for each context, such as [contexts."prod-eu1"]')
    return value


_CONTEXT = {"read_only": _flag, "namespaces": _names, "colour": _text}
_CONFIG = {"theme": _text, "ascii": _flag, "keys": _keys, "contexts": _tables}


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

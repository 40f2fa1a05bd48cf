"""Manifests: objects as they are written in YAML files, before a server has seen them; and where one cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import yaml
from msgspec import Struct

from meshtui.mesh import kinds
from meshtui.mesh.kinds import Kind
from meshtui.mesh.raw import Raw, entries, name, text


class Manifest(Struct, frozen=True, eq=False):
    """One object of a file."""

    kind: Kind
    raw: Raw
    file: str
    line: int
    """Where its document begins; 1 for the first line."""


class Mistake(Struct, frozen=True):
    """A document that is no object, and why."""

    file: str
    line: int
    column: int
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.words}"


def read(written: str, file: str) -> Iterator[Manifest | Mistake]:
    """The objects of one file, lists unpacked; those of kinds that nobody here reads are passed over."""
    line = 1
    for document in re.split(r"^---(?=\s)", written, flags=re.MULTILINE):
        yield from _document(document, file, line)
        line += document.count("\n")


def _document(written: str, file: str, line: int) -> Iterator[Manifest | Mistake]:
    try:
        loaded = yaml.load(written, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        row, column = (mark.line, mark.column + 1) if mark else (0, 1)
        yield Mistake(file, line + row, column, error.problem or "it is not YAML")
        return
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        yield Mistake(file, line, 1, (str(error).splitlines() or ["it is not YAML"])[0])
        return
    if loaded is None:
        return
    if not isinstance(loaded, Mapping) or not text(loaded, "kind"):
        yield Mistake(file, line, 1, "it is no object of Kubernetes: it has no kind")
        return
    for raw in _unpacked(loaded):
        kind = of(raw)
        if kind is not None and not (name(raw) or text(raw, "metadata", "generateName")):
            yield Mistake(file, line, 1, f"this {kind.title} has no name (metadata.name)")
        elif kind is not None:
            yield Manifest(kind, raw, file, line)


def _unpacked(loaded: Raw) -> Iterator[Raw]:
    if text(loaded, "kind").endswith("List") and "items" in loaded:
        yield from entries(loaded, "items")
    else:
        yield loaded


def of(raw: Raw) -> Kind | None:
    """The kind of an object that says what it is; None for one that nobody here reads."""
    group, _, _ = text(raw, "apiVersion").rpartition("/")
    return _KINDS.get((group, text(raw, "kind")))


KINDS = tuple(kind for kind in vars(kinds).values() if isinstance(kind, Kind))
"""Those that somebody here reads."""
_KINDS = {(kind.group, kind.title.removeprefix("Istio ")): kind for kind in KINDS}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Times stay as they are written, as in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}

"""What the commands' documents have in common: their heads and their two forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, TypeVar

import yaml

from meshtui import __version__
from meshtui.mesh.snapshot import Snapshot

R = TypeVar("R")


def head(schema: str, snapshot: Snapshot, missing: Sequence[str]) -> dict[str, Any]:
    """The first fields of a document: in what form it is, of what, when, and whether it is whole."""
    server = snapshot.server
    return {
        "schema": schema,
        "meshtui": __version__,
        "context": server.context,
        "server": server.url,
        "at": snapshot.now.isoformat(timespec="seconds"),
        "complete": not missing,
        "missing": [*missing],
    }


def as_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_yaml(document: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def formats(
    table: Callable[[R], str], document: Callable[[R], Mapping[str, Any]]
) -> Mapping[str, Callable[[R], str]]:
    """How a report is printed as each of what `--output` takes."""
    return {
        "table": table,
        "json": lambda report: as_json(document(report)),
        "yaml": lambda report: as_yaml(document(report)),
    }


def schema(command: str) -> str:
    """The JSON schema of what a command prints as JSON and YAML."""
    return files(__package__).joinpath(f"{command}-v1.schema.json").read_text()


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]

"""YAML inside of a string, as annotations and ConfigMaps hold it."""

from __future__ import annotations

from typing import Any

import yaml


def read(written: str) -> Any:
    """What it says. ValueError, with the first line of why, where it cannot be read."""
    try:
        return yaml.load(written, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError((str(error).splitlines() or ["it is not YAML"])[0]) from error


def read_or_none(written: str) -> Any:
    """What it says; None where it cannot be read."""
    try:
        return read(written)
    except ValueError:
        return None

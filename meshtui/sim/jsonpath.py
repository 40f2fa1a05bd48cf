"""The JSONPath of printer columns: names, `[*]`, `[0]` and `[?(@.a=="b")]`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.(?P<name>(?:[^.\[\\]|\\.)+)
      | \[(?P<all>\*)\]
      | \[(?P<index>-?\d+)\]
      | \['(?P<quoted>[^']+)'\]
      | \[\?\(@\.(?P<key>[\w.]+)\s*==\s*["'](?P<value>[^"']*)["']\)\]""",
    re.VERBOSE,
)


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[re.Match[str], ...]:
    return tuple(_STEP.finditer(path))


def find(obj: Any, path: str) -> list[Any]:
    """The values at a path; none where a step is missing."""
    values: Iterable[Any] = [obj]
    for step in _steps(path):
        values = [found for value in values for found in _follow(value, step)]
    return list(values)


def _follow(value: Any, step: re.Match[str]) -> Iterator[Any]:
    name = step["name"] or step["quoted"]
    if name is not None:
        name = name.replace("\\.", ".")
        if isinstance(value, dict) and name in value:
            yield value[name]
    elif isinstance(value, list):
        if step["all"]:
            yield from value
        elif step["index"]:
            index = int(step["index"])
            yield from value[index : index + 1 or None]
        else:
            yield from (each for each in value if find(each, f".{step['key']}") == [step["value"]])

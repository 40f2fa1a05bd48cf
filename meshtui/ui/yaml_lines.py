"""An object as lines of YAML, its keys in a tone of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from meshtui.mesh.raw import Raw
from meshtui.ui.spans import Line, Span, Tone

_KEY = re.compile(r"^(\s*(?:- )*)([^\s:#'\"]+:)(?= |$)(.*)$")


def lines(obj: Raw) -> list[Line]:
    """The object as YAML, in the order that the server gave."""
    text = yaml.dump(
        _unshared(obj), Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=4096
    )
    return [_toned(each) for each in text.splitlines()]


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _unshared(value: Any) -> Any:
    """A copy in which nothing stands twice, so that no anchors are written."""
    if isinstance(value, Mapping):
        return {key: _unshared(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_unshared(each) for each in value]
    return value


def _toned(text: str) -> Line:
    found = _KEY.match(text)
    if found is None:
        return (Span(text),)
    indent, key, rest = found.groups()
    return (Span(indent), Span(key, Tone.ACCENT), Span(rest))

"""An object as lines of YAML, its keys in a tone of their own."""

from __future__ import annotations

import re

from meshtui.mesh import diff
from meshtui.mesh.kinds import SECRET
from meshtui.mesh.raw import Raw
from meshtui.ui.spans import Line, Span, Tone

_KEY = re.compile(r"^(\s*(?:- )*)([^\s:#'\"]+:)(?= |$)(.*)$")


def lines(obj: Raw) -> list[Line]:
    """The object as YAML, in the order that the server gave."""
    left_out = [(Span(_LEFT_OUT, Tone.MUTED),)] if obj.get("kind") == SECRET.title else []
    return [*left_out, *(_toned(each) for each in diff.text(obj).splitlines())]


_LEFT_OUT = "# only the certificates of a Secret are read: no key, and no token"


def _toned(text: str) -> Line:
    found = _KEY.match(text)
    if found is None:
        return (Span(text),)
    indent, key, rest = found.groups()
    return (Span(indent), Span(key, Tone.ACCENT), Span(rest))

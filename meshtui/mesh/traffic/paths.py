"""Paths of requests: what Envoy compares of them, and the path templates of policies, `{*}` and `{**}`."""

from __future__ import annotations

import re

from meshtui.mesh.traffic.matching import Kind, Pattern

ONE, MANY = "{*}", "{**}"

_PCHAR = r"a-zA-Z0-9\-._~%!$&'()+,;:@="
_LITERAL = re.compile(rf"[{_PCHAR}]+")
"""A segment by RFC 3986, as Envoy's templates take it."""


def is_template(value: str) -> bool:
    return ONE in value or MANY in value


def is_literal(segment: str) -> bool:
    """Whether it may stand between the slashes of a template."""
    return _LITERAL.fullmatch(segment) is not None


def valid(value: str) -> bool:
    """Whether a policy may hold this path: the segments of a template are literals, `{*}`, or one `{**}` after all
    `{*}`; nothing else may have braces."""
    template, many = is_template(value), False
    for segment in value.strip("/").split("/"):
        if segment in (ONE, MANY):
            if many:
                return False
            many = segment == MANY
        elif "{" in segment or "}" in segment or (template and not is_literal(segment)):
            return False
    return True


def of_envoy(template: str) -> str:
    """A template as Envoy writes it."""
    return template.replace(ONE, "*").replace(MANY, "**")


def template(value: str) -> Pattern:
    """What a template matches: `{*}` one segment that is not empty, `{**}` any number of them. Raises ValueError for
    one that no API server takes."""
    if not valid(value):
        raise ValueError(f"path template {value} is not valid")
    parts = (re.escape(part) if part not in (ONE, MANY) else _WILD[part] for part in _split(value))
    return Pattern(Kind.REGEX, "".join(parts))


_WILD = {ONE: f"[{_PCHAR}]+", MANY: f"[{_PCHAR}/]*"}


def _split(value: str) -> list[str]:
    return re.split(r"(\{\*\*?\})", value)


_UNRESERVED = re.compile(r"%(2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE])")
"""Escapes of letters, digits and "-._~", which say no more than the character itself (RFC 3986, 2.3)."""
_ESCAPED = re.compile(r'[ "<>^`{|}]')
_PARAMETERS = re.compile(r"(/\.\.?);[^/]*")
"""Of a segment that is "." or "..", which does not lose its meaning by them."""


def compared(path: str, normalization: str = "BASE") -> str:
    """What is compared of a path as it was sent: without query and fragment, normalized as the mesh config says
    ("NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"; BASE is Istio's default, and Envoy's `normalize_path`,
    to a real one of which the tests hold this)."""
    path = path.partition("?")[0].partition("#")[0]
    if normalization == "NONE":
        return path
    if normalization == "DECODE_AND_MERGE_SLASHES":
        path = re.sub(r"%2[fF]", "/", path)
        path = re.sub(r"%5[cC]", "/", path)
    path = _UNRESERVED.sub(lambda found: chr(int(found[1], 16)), _PARAMETERS.sub(r"\1", path))
    path = _without_dots(path.replace("\\", "/"))
    path = _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", path)
    if normalization in ("MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"):
        path = re.sub("/{2,}", "/", path)
    return path


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4, of a path that begins with a slash; any other is left as it is."""
    if not path.startswith("/") or "/." not in path:
        return path
    kept: list[str] = []
    segments = path[1:].split("/")
    for segment in segments:
        if segment == ".." and kept:
            kept.pop()
        elif segment not in (".", ".."):
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)

"""Access lines of ztunnels, in both of their forms (reference istio-ambient.md, 4.7; recordings `shop` and `no-ca`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from meshtui.mesh.access.lines import AccessLine, Direction, End, Unfinished, Unreadable
from meshtui.mesh.raw import moment, text

_HEAD = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\S+)\t *(?P<level>[A-Za-z]+)\t(?P<scope>[^\t]*)\t(?P<message>[^\t]*)(?:\t|$)",
    re.ASCII,
)
_FIELD = re.compile(
    r'([\w.]+)=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s"]*))(?: +|$)', re.ASCII | re.DOTALL
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_MILLISECONDS = re.compile(r"(\d{1,15})ms", re.ASCII)

_SCOPE = "access"
_COMPLETE, _FAILED = "connection complete", "connection failed"
_DIRECTIONS = {each.value: each for each in (Direction.INBOUND, Direction.OUTBOUND)}


def of_text(line: str) -> AccessLine | None:
    """A line as it is written by default; None for one of another scope. Raises Unreadable."""
    head = _HEAD.match(line)
    if head is None:
        if f"\t{_SCOPE}" in line[:80] or f"\t{_COMPLETE}\t" in line[:120]:
            raise Unfinished("it breaks off before what it says")
        return None
    if head["scope"].partition(":")[0] != _SCOPE:
        return None
    message = head["message"]
    if message not in (_COMPLETE, _FAILED):
        if _COMPLETE.startswith(message) or _FAILED.startswith(message):
            raise Unfinished("it breaks off before what it says")
        return None
    return _line(head["time"], head["level"], message, _fields(line, head.end()))


def of_json(members: Mapping[str, Any]) -> AccessLine | None:
    """A line as it is written under LOG_FORMAT=json; None for one of another scope. Raises Unreadable."""
    message = text(members, "message")
    if text(members, "scope") != _SCOPE or message not in (_COMPLETE, _FAILED):
        return None
    return _line(text(members, "time"), text(members, "level"), message, members)


def _fields(line: str, begin: int) -> Mapping[str, str]:
    """Names to values. Raises Unfinished where something else stands among them."""
    found: dict[str, str] = {}
    for each in _FIELD.finditer(line, begin):
        if each.start() != begin:
            break
        name, quoted, bare = each.groups()
        found[name] = bare if quoted is None else _unquoted(quoted) if "\\" in quoted else quoted
        begin = each.end()
    if begin != len(line):
        raise Unfinished("it breaks off within a field")
    return found


def _unquoted(value: str) -> str:
    """What Rust's debug form of a string stands for."""
    return _ESCAPE.sub(_character, value)


def _character(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    if code:
        number = int(code, 16)
        return chr(number) if number < 0xD800 or 0xDFFF < number < 0x110000 else "�"
    return _PLAIN.get(escape[3], escape[3])


def _line(time: str, level: str, message: str, fields: Mapping[str, Any]) -> AccessLine:
    """Both forms have the same fields; a line that has all of its message is known by its end: the duration, and the
    error where the level says that there is one."""
    at, direction = moment(time), _DIRECTIONS.get(text(fields, "direction"))
    if at is None or direction is None:
        raise Unreadable("without a time and a direction it says nothing")
    error, duration = text(fields, "error"), text(fields, "duration")
    failed = message == _FAILED or level.lower() in ("error", "warn")
    if failed and not error:
        raise Unreadable("it failed, and the reason is not there")
    if not failed and not duration:
        raise Unreadable("it breaks off before its end")
    return AccessLine(
        at=at,
        direction=direction,
        source=_end(fields, "src"),
        destination=_end(fields, "dst"),
        asked=text(fields, "dst.hbone_addr"),
        service=text(fields, "dst.service"),
        sent=_count(fields.get("bytes_sent")),
        received=_count(fields.get("bytes_recv")),
        duration=_duration(duration),
        error=error,
    )


def _end(fields: Mapping[str, Any], which: str) -> End:
    return End(
        text(fields, f"{which}.addr"),
        text(fields, f"{which}.workload"),
        text(fields, f"{which}.namespace"),
        text(fields, f"{which}.identity"),
    )


def _count(written: Any) -> int | None:
    """Text writes it as digits, JSON as a number."""
    if isinstance(written, str):
        return (
            int(written)
            if written.isascii() and written.isdecimal() and len(written) < 20
            else None
        )
    return written if type(written) is int and written >= 0 else None


def _duration(written: str) -> timedelta | None:
    found = _MILLISECONDS.fullmatch(written)
    return timedelta(milliseconds=int(found[1])) if found and len(found[1]) < 14 else None

"""Access lines of waypoints and gateways: Istio's default text, and its JSON (reference istio-ambient.md, 5.5). A form
of somebody's own cannot be read: such lines count as unread."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from meshtui.mesh.access.lines import AccessLine, Direction, End, Response, Unfinished, Unreadable
from meshtui.mesh.raw import moment, text

_QUOTED, _BARE = r'"([^"]*)"', r"(\S+)"
_FIELDS = {
    "start_time": r"\[([^\]\s]*)\]",
    "request": _QUOTED,
    "response_code": _BARE,
    "response_flags": _BARE,
    "response_code_details": _BARE,
    "connection_termination_details": _BARE,
    "upstream_transport_failure_reason": _QUOTED,
    "bytes_received": _BARE,
    "bytes_sent": _BARE,
    "duration": _BARE,
    "upstream_service_time": _BARE,
    "x_forwarded_for": _QUOTED,
    "user_agent": _QUOTED,
    "request_id": _QUOTED,
    "authority": _QUOTED,
    "upstream_host": _QUOTED,
    "upstream_cluster": _BARE,
    "upstream_local_address": _BARE,
    "downstream_local_address": _BARE,
    "downstream_remote_address": _BARE,
    "requested_server_name": _BARE,
    "route_name": _BARE,
}
"""In their order. A quotation mark within a value is not escaped: such a line is not read, rather than read wrongly."""
_DEFAULT = re.compile(" ".join(_FIELDS.values()) + r"\s*")
_BEGIN = re.compile(r"\[\d{4}-\d\d-\d\dT", re.ASCII)
_SEEN = ("start_time", "response_flags")
"""What every line in Istio's JSON has, and no line of another kind."""

_OWN_WORK = ("rbac_access_denied", "jwt_authn_access_denied", "ext_authz_denied")
"""Beginnings of the details that say that it was refused here, by a filter."""


def of_text(line: str) -> AccessLine | None:
    """A line in Istio's default format; None for one that begins like none. Raises Unreadable."""
    if _BEGIN.match(line) is None:
        return None
    found = _DEFAULT.fullmatch(line)
    if found is None:
        raise Unfinished("it is not in Istio's default format, or breaks off")
    return _line(dict(zip(_FIELDS, found.groups(), strict=True)))


def of_json(members: Mapping[str, Any]) -> AccessLine | None:
    """A line in Istio's JSON; None for one about something else. Raises Unreadable."""
    if not all(name in members for name in _SEEN):
        return None
    return _line(members)


def _line(fields: Mapping[str, Any]) -> AccessLine:
    at = moment(text(fields, "start_time"))
    if at is None:
        raise Unreadable("without a time it says nothing")
    response = Response(
        status=_number(fields, "response_code") or 0,
        flags=tuple(filter(None, _value(fields, "response_flags").split(","))),
        details=_details(fields),
    )
    cluster = _value(fields, "upstream_cluster").split("|")
    service, port = (cluster[3], cluster[1]) if len(cluster) == 4 else ("", "")
    local = _value(fields, "downstream_local_address")
    asked = f"{service}:{port}" if service and port.isdecimal() else local
    duration = _number(fields, "duration")
    return AccessLine(
        at=at,
        direction=Direction.BETWEEN,
        source=End(_value(fields, "downstream_remote_address")),
        destination=End(_value(fields, "upstream_host")),
        asked=asked,
        service=service,
        sent=_number(fields, "bytes_sent"),
        received=_number(fields, "bytes_received"),
        duration=timedelta(milliseconds=duration) if duration is not None else None,
        error=_error(response, _value(fields, "upstream_transport_failure_reason")),
        response=response,
    )


def _details(fields: Mapping[str, Any]) -> str:
    """Of the two details the one that says more: TCP has the second alone."""
    details = _value(fields, "response_code_details")
    ended = _value(fields, "connection_termination_details")
    return ended if ended.startswith(_OWN_WORK) or not details else details


def _error(response: Response, upstream: str) -> str:
    """Why the proxy itself refused or failed; "" where it handed on what the destination answered, whatever that is."""
    if not response.flags and not response.details.startswith(_OWN_WORK):
        return ""
    said = (",".join(response.flags), response.details, upstream)
    return " ".join(part for part in said if part)


def _value(fields: Mapping[str, Any], name: str) -> str:
    """ "-" and null stand for nothing."""
    found = text(fields, name)
    return "" if found == "-" else found


def _number(fields: Mapping[str, Any], name: str) -> int | None:
    """Text writes digits, JSON a number."""
    found = fields.get(name)
    if isinstance(found, str):
        found = int(found) if found.isascii() and found.isdecimal() and len(found) < 14 else None
    return found if type(found) is int and 0 <= found < 10**14 else None

"""Requests: whether a rule of a route takes a request of which not all need be known (Gateway API, HTTPRouteMatch and
GRPCRouteMatch; Istio, HTTPMatchRequest)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs

from meshtui.mesh.kinds import GRPC_ROUTE, VIRTUAL_SERVICE, Kind
from meshtui.mesh.raw import Raw, entries, table, text
from meshtui.mesh.traffic.calls import Http
from meshtui.mesh.traffic.trials import every, some

_LONGEST = 300
"""A longer expression is not tried: it may be one that takes for ever."""


def takes(kind: Kind, rule: Raw, http: Http) -> bool | None:
    """None where that hangs on what is not known of the request."""
    if kind == VIRTUAL_SERVICE:
        found = [_virtual(each, http) for each in entries(rule, "match")]
    elif kind == GRPC_ROUTE:
        found = [_grpc(each, http) for each in entries(rule, "matches")]
    else:
        found = [_http(each, http) for each in entries(rule, "matches")]
    return some(found) if found else True


def rank(kind: Kind, rule: Raw) -> tuple[int, int, int, int, int]:
    """Which of several rules that take a request comes first, the smallest: the one with the most exact path, then the
    longest, then with a method, the most headers and queries (Gateway API, HTTPRouteRule). Rules of a VirtualService
    have the order in which they stand."""
    if kind == VIRTUAL_SERVICE:
        return (0, 0, 0, 0, 0)
    return min((_rank(each) for each in entries(rule, "matches")), default=(2, 0, 1, 0, 0))


def _rank(match: Raw) -> tuple[int, int, int, int, int]:
    path = table(match, "path")
    value = text(path, "value") or "/"
    exact = text(path, "type") == "Exact" or bool(table(match, "method"))
    return (
        0 if exact else 1,
        -len(value),
        0 if text(match, "method") else 1,
        -len(entries(match, "headers")),
        -len(entries(match, "queryParams")),
    )


def _http(match: Raw, http: Http) -> bool | None:
    return every(
        (
            _path(table(match, "path"), http),
            _is(text(match, "method"), http.method),
            *(_named(each, _header(http, text(each, "name"))) for each in entries(match, "headers")),
            *(_named(each, _query(http, text(each, "name")))
              for each in entries(match, "queryParams")),
        )
    )  # fmt: skip


def _path(match: Raw, http: Http) -> bool | None:
    kind, value = text(match, "type") or "PathPrefix", text(match, "value") or "/"
    if kind == "PathPrefix" and value == "/":
        return True
    path = None if http.path is None else http.path.partition("?")[0]
    if path is None:
        return None
    if kind == "Exact":
        return path == value
    if kind == "RegularExpression":
        return _like(value, path)
    whole = value.rstrip("/")
    return path == whole or path.startswith(f"{whole}/")


def _is(wanted: str, given: str | None) -> bool | None:
    if not wanted:
        return True
    return None if given is None else wanted == given


def _named(match: Raw, given: str | None) -> bool | None:
    """A header or query; what is not told of is not known."""
    if given is None:
        return None
    wanted = text(match, "value")
    return _like(wanted, given) if text(match, "type") == "RegularExpression" else wanted == given


def _header(http: Http, name: str) -> str | None:
    return http.headers.get(name.lower())


def _query(http: Http, name: str) -> str | None:
    if http.path is None:
        return None
    found = parse_qs(http.path.partition("?")[2], keep_blank_values=True)
    return found.get(name, [""])[0]


def _like(pattern: str, given: str) -> bool | None:
    """Envoy's RE2 knows less than Python; None for what either does not read."""
    if len(pattern) > _LONGEST or len(given) > _LONGEST or _NESTED.search(pattern):
        return None
    try:
        return re.fullmatch(pattern, given) is not None
    except (re.error, OverflowError, RecursionError):
        return None


_NESTED = re.compile(r"[)\]}*+?][*+{]")
"""What repeats something that may repeat: RE2 reads such a thing in no time, and Python may not."""


def _grpc(match: Raw, http: Http) -> bool | None:
    method = table(match, "method")
    found = [_named(each, _header(http, text(each, "name"))) for each in entries(match, "headers")]
    service, _, name = (http.path or "").partition("?")[0].lstrip("/").partition("/")
    like = text(method, "type") == "RegularExpression"
    for wanted, given in ((text(method, "service"), service), (text(method, "method"), name)):
        if wanted:
            known = None if http.path is None else given
            found.append(
                None if known is None else _like(wanted, known) if like else wanted == known
            )
    return every(found)


def _virtual(match: Raw, http: Http) -> bool | None:
    return every(_virtual_fields(match, http))


def _virtual_fields(match: Raw, http: Http) -> Iterator[bool | None]:
    path = None if http.path is None else http.path.partition("?")[0]
    yield _string(table(match, "uri"), path)
    yield _string(table(match, "method"), http.method)
    yield _string(table(match, "authority"), http.host)
    for name in table(match, "headers"):
        yield _string(table(match, "headers", name), _header(http, str(name)))
    for name in table(match, "queryParams"):
        yield _string(table(match, "queryParams", name), _query(http, str(name)))
    if any(field in match for field in ("port", "sourceLabels", "gateways", "sniHosts")):
        yield None


def _string(match: Mapping[str, object], given: str | None) -> bool | None:
    """Istio's StringMatch; one without fields takes what is there."""
    if not match:
        return True
    if given is None:
        return None
    if "exact" in match:
        return text(match, "exact") == given
    if "prefix" in match:
        return given.startswith(text(match, "prefix"))
    return _like(text(match, "regex"), given)

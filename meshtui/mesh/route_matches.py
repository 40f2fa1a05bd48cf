"""Route matches: for which requests a rule is, and what it does to them, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from meshtui.mesh.raw import Raw, entries, number, strings, table, text


def of_rule(rule: Raw, *, grpc: bool) -> tuple[str, ...]:
    """The alternatives of a rule of an HTTPRoute or GRPCRoute; empty where it takes everything."""
    words = [_grpc(each) if grpc else _http(each) for each in entries(rule, "matches")]
    return () if "" in words else tuple(words)


def _http(match: Raw) -> str:
    path = table(match, "path")
    return _joined(
        text(match, "method"),
        _path(text(path, "type") or "PathPrefix", text(path, "value") or "/"),
        *(_named("header", each) for each in entries(match, "headers")),
        *(_named("query", each) for each in entries(match, "queryParams")),
    )


def _path(kind: str, value: str) -> str:
    """ "" for the prefix that every path has."""
    if kind == "Exact":
        return f"{value} exactly"
    if kind == "RegularExpression":
        return f"path like {value}"
    return "" if value == "/" else f"{value.rstrip('/')} and below"


def _grpc(match: Raw) -> str:
    method = table(match, "method")
    service, name = text(method, "service"), text(method, "method")
    called = f"{service or '*'}/{name or '*'}" if service or name else ""
    if called and text(method, "type") == "RegularExpression":
        called = f"method like {called}"
    return _joined(called, *(_named("header", each) for each in entries(match, "headers")))


def _named(what: str, match: Raw) -> str:
    sign = "like" if text(match, "type") == "RegularExpression" else "is"
    return f"{what} {text(match, 'name')} {sign} {text(match, 'value')}"


_ACTIONS: Mapping[str, str] = {
    "RequestHeaderModifier": "changes headers of the request",
    "ResponseHeaderModifier": "changes headers of the response",
    "RequestRedirect": "redirects",
    "URLRewrite": "rewrites the URL",
    "RequestMirror": "mirrors",
    "ExtensionRef": "an extension",
    "CORS": "CORS",
}


def action(written: Raw) -> str:
    """What a filter of the Gateway API does."""
    kind = text(written, "type")
    words = _ACTIONS.get(kind, kind or "a filter without a type")
    mirrored = text(written, "requestMirror", "backendRef", "name")
    target = _redirected(table(written, "requestRedirect"))
    if mirrored:
        return f"{words} to {mirrored}"
    return f"{words} to {target}" if target else words


def _redirected(redirect: Raw) -> str:
    scheme, host, port = (
        text(redirect, "scheme"),
        text(redirect, "hostname"),
        number(redirect, "port"),
    )
    where = f"{scheme}://{host}" if scheme and host else scheme or host
    return f"{where}:{port}" if where and port else where


def of_virtual_service(match: Raw) -> str:
    """One alternative of an HTTP, TLS or TCP rule of a VirtualService."""
    port = number(match, "port")
    snis = match.get("sniHosts")
    return (
        _joined(
            _how("method", table(match, "method")),
            _uri(table(match, "uri")),
            _how("authority", table(match, "authority")),
            *(_how(f"header {name}", each) for name, each in _tables(match, "headers")),
            *(_how(f"query {name}", each) for name, each in _tables(match, "queryParams")),
            f"port {port}" if port else "",
            *(
                f"SNI {each}"
                for each in (snis if isinstance(snis, list) else ())
                if isinstance(each, str)
            ),
            *(f"from {name}={value}" for name, value in strings(match, "sourceLabels").items()),
        )
        or "everything"
    )


def _tables(match: Raw, field: str) -> Iterable[tuple[str, Raw]]:
    return ((str(name), table(match, field, name)) for name in table(match, field))


def _uri(match: Raw) -> str:
    if exact := text(match, "exact"):
        return _path("Exact", exact)
    if like := text(match, "regex"):
        return _path("RegularExpression", like)
    return _path("PathPrefix", text(match, "prefix") or "/")


def _how(what: str, match: Raw) -> str:
    """A StringMatch of Istio's; an empty one asks only that it be there."""
    if exact := text(match, "exact"):
        return f"{what} is {exact}"
    if prefix := text(match, "prefix"):
        return f"{what} begins with {prefix}"
    if like := text(match, "regex"):
        return f"{what} like {like}"
    return f"{what} is there" if what.startswith(("header", "query")) else ""


def of_ingress(host: str, path: Raw) -> str:
    """A path of an Ingress; "" for everything."""
    kind = {"Exact": "Exact"}.get(text(path, "pathType"), "PathPrefix")
    return _joined(host, _path(kind, text(path, "path") or "/"))


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))

"""Envoy's RBAC rules, judged as they are written, and calls to judge by them: the other side of a comparison, which
shares nothing with what is compared but the form of a call."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterator
from typing import Any

from meshtui.mesh.raw import Raw
from meshtui.mesh.traffic.calls import Call, Http

_JWT = "envoy.filters.http.jwt_authn"


def holds(rule: Raw, call: Call) -> bool | None:
    """Whether one policy of an RBAC filter matches; None where that hangs on Envoy's dynamic metadata."""
    return _and(
        _or(_node(each, call) for each in rule["permissions"]),
        _or(_node(each, call) for each in rule["principals"]),
    )


def calls(case: Raw) -> Iterator[Call]:
    """Calls that the values in the policies of a case suggest, and some that they do not."""
    words = sorted({word.replace("*", "x") for word in _words(case["objects"])})
    names = [word for word in words if "/" not in word and not word.startswith("spiffe")]
    principals = ["", "cluster.local/ns/other/sa/a"]
    principals += [word for word in words if word.count("/") == 4] or ["principal", "not-principal"]
    principals += [f"cluster.local/ns/{name}/sa/a" for name in names[:12]]
    principals += ["td/ns/my-ns/sa/my-sa", "td/ns/foo/sa/sa-only", "new-td/ns/foo/sa/all-td"]
    domains = [case["trustDomain"] or "td", *case["trustDomainAliases"]]
    rest = [each.split("/", 1)[1] for each in principals if each.count("/") == 4]
    principals += [f"{domain}/{each}" for domain in domains for each in rest[:6]]
    methods = [word for word in words if "method[" in word] or ["method", "GET", "not-method"]
    ports = [80, 90, 8000, 8080, 9000, 91, 7]
    tcp = not any("methods" in str(it) or "paths" in str(it) for it in case["objects"])
    found = [word for word in words if word.startswith("/")] or ["/"]
    https = [
        Http(method, host, path, {"x-header": header}, True, claims)
        for method, host, path, header, claims in itertools.islice(
            itertools.product(
                methods,
                ["EXACT.com", "not-exact.com", "a.suffix.com"],
                [*found, "/path/template/x?q", "/other"],
                ["header", "not-header"],
                [{}, {"iss": "requestPrincipals", "sub": "", "aud": ["audiences"]}],
            ),
            0,
            None,
            7,
        )
    ]
    if case["mode"] == "tcp" or tcp:
        https = [*https[:2]]
    for n, (principal, port) in enumerate(itertools.product(principals, ports)):
        yield Call(
            principal=principal,
            source=("1.2.3.4", "10.10.10.10", "9.0.0.1")[n % 3],
            remote=("5.6.1.1", "10.10.10.10", "172.18.4.4")[n % 3],
            destination=("10.10.10.10", "90.10.10.10")[n % 2],
            port=port,
            sni=("exact.com", "not-exact.com", "")[n % 3],
            http=None if case["mode"] == "tcp" else https[n % len(https)],
        )


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if type(value) is list else ():
        yield from _words(each)


def _node(it: Raw, call: Call) -> bool | None:
    ((kind, inner),) = it.items()
    match kind:
        case "any":
            return True
        case "andRules" | "andIds":
            return _and(*(_node(each, call) for each in inner.get("rules", inner.get("ids"))))
        case "orRules" | "orIds":
            return _or(_node(each, call) for each in inner.get("rules", inner.get("ids")))
        case "notRule" | "notId":
            found = _node(inner, call)
            return None if found is None else not found
        case "destinationPort":
            return bool(call.port == inner)
        case "destinationIp":
            return _in(inner, call.destination)
        case "directRemoteIp":
            return _in(inner, call.source)
        case "remoteIp":
            return _in(inner, call.remote)
        case "requestedServerName":
            return _text(inner, call.sni or "")
        case "authenticated":
            uri = f"spiffe://{call.principal}"
            return bool(call.principal) and _text(inner["principalName"], uri)
        case "filterState":
            uri = f"spiffe://{call.principal}"
            return bool(call.principal) and _text(inner["stringMatch"], uri)
        case "metadata":
            return _metadata(inner, call)
    assert call.http is not None, kind
    path = (call.http.path or "").partition("?")[0]
    match kind:
        case "urlPath":
            return _text(inner["path"], path)
        case "uriTemplate":
            return _template(inner["typedConfig"]["pathTemplate"], path)
        case "header":
            return _header(inner, call.http)
    raise AssertionError(kind)


def _header(it: Raw, http: Http) -> bool:
    pseudo = {":authority": http.host, ":method": http.method, ":path": http.path}
    value = pseudo.get(it["name"], http.headers.get(it["name"].lower()))
    if value is None:
        return False
    return bool(it.get("presentMatch")) or _text(it["stringMatch"], value)


def _metadata(it: Raw, call: Call) -> bool | None:
    if it["filter"] != _JWT:
        return None
    value: Any = {"payload": call.http.claims if call.http else None}
    for step in it["path"]:
        value = value.get(step["key"]) if isinstance(value, dict) else None
    return _value(it["value"], value)


def _value(it: Raw, value: Any) -> bool:
    if "stringMatch" in it:
        return isinstance(value, str) and _text(it["stringMatch"], value)
    if "orMatch" in it:
        return any(_value(each, value) for each in it["orMatch"]["valueMatchers"])
    one = it["listMatch"]["oneOf"]
    return isinstance(value, list) and any(_value(one, each) for each in value)


def _text(it: Raw, value: str) -> bool:
    if it.get("ignoreCase"):
        value = value.lower()
    if "exact" in it:
        return bool(value == it["exact"])
    if "prefix" in it:
        return value.startswith(it["prefix"])
    if "suffix" in it:
        return value.endswith(it["suffix"])
    return re.fullmatch(it["safeRegex"]["regex"], value) is not None


def _template(template: str, path: str) -> bool:
    parts = re.split(r"(\*\*|\*)", template)
    wild = {"*": "[^/]+", "**": ".*"}
    return re.fullmatch("".join(wild.get(p, re.escape(p)) for p in parts), path) is not None


def _in(it: Raw, address: str | None) -> bool:
    assert address is not None
    network = ipaddress.ip_network(f"{it['addressPrefix']}/{it['prefixLen']}", strict=False)
    return ipaddress.ip_address(address) in network


def _and(*found: bool | None) -> bool | None:
    if False in found:
        return False
    return None if None in found else True


def _or(found: Any) -> bool | None:
    seen = list(found)
    if True in seen:
        return True
    return None if None in seen else False

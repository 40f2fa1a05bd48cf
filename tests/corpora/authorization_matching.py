"""How values of policies match, by Istio's own tests (`authorization/matching`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from meshtui.mesh.raw import Raw
from meshtui.mesh.traffic import envoy, matching, paths, ztunnel
from meshtui.mesh.traffic import trust_domains as domains
from meshtui.mesh.traffic import values as allowed
from meshtui.mesh.traffic.matching import Pattern

Pair = tuple[Any, Any]
"""What was expected, and what was found."""


def strings(file: Raw, case: Raw) -> Pair:
    if case["layer"] == "ztunnel":
        return case["expect"], ztunnel.is_text(case["matcher"], case["text"])
    if case["kind"] == "serviceAccount":
        pattern = matching.service_account(case["value"], case.get("policyNamespace", ""))
    elif case["kind"] == "namespace":
        pattern = matching.namespace(case["value"])
    else:
        pattern = matching.text(case["value"], case.get("prefix", ""))
    return case["expect"], pattern.matches(case["text"])


def patterns(file: Raw, case: Raw) -> Pair:
    kind, value, expected = case["kind"], case["value"], case["expect"]
    if kind == "requestPrincipal":
        issuer, subject = matching.request_principal(value)
        return expected, {"issuer": _pattern(issuer), "subject": _pattern(subject)}
    if kind == "destination.port":
        return expected, {"type": "port", "text": str(matching.port(value))}
    if kind in ("source.ip", "remote.ip", "destination.ip"):
        found = {"type": "cidr", "text": str(matching.interface(value))}
        if "of" in expected:
            found["of"] = expected["of"]
        return expected, found
    if kind == "path" and paths.is_template(value):
        return expected, {"type": "template", "text": paths.of_envoy(value)}
    namespace = case.get("policyNamespace", "")
    makers: Mapping[str, Callable[[str], Pattern]] = {
        "text": lambda value: matching.text(value, case.get("prefix", "")),
        "header": matching.header,
        "method": matching.header,
        "host": matching.host,
        "path": matching.text,
        "serviceAccount": lambda value: matching.service_account(value, namespace),
        "source.serviceAccount": lambda value: matching.service_account(value, namespace),
        "source.namespace": matching.namespace,
        "source.trustDomain": matching.trust_domain,
        "source.principal": matching.principal,
    }
    maker = makers.get(
        kind, matching.header if kind.startswith("request.headers") else matching.text
    )
    return expected, _pattern(maker(value))


def _pattern(found: Pattern) -> dict[str, Any]:
    told: dict[str, Any] = {"type": found.kind.value, "ignoreCase": found.ignore_case}
    return told if found.kind is matching.Kind.PRESENT else {**told, "text": found.text}


def templates(file: Raw, case: Raw) -> Pair:
    match case["kind"]:
        case "match":
            path = paths.compared(case["path"])
            valid = filter(paths.valid, case["templates"])
            found: Any = any(paths.template(each).matches(path) for each in valid)
        case "valid":
            found = paths.valid(case["path"])
        case "literal":
            found = paths.is_literal(case["path"])
        case "is-template":
            found = paths.is_template(case["path"])
        case _:
            found = paths.of_envoy(case["path"])
    return case["expect"], found


def trust_domains(file: Raw, case: Raw) -> Pair:
    match case["kind"]:
        case "replace":
            every = (case["trustDomain"], *case["trustDomainAliases"])
            return case["expect"], [*domains.expanded(case["principals"], every)]
        case "replace-one":
            try:
                found = domains.replaced(case["principal"], case["trustDomain"]), None
            except ValueError as error:
                return [case["expect"], case["error"]], [None, str(error)]
            return [case["expect"], case["error"]], [*found]
        case "of-principal":
            return case["expect"], domains.of(case["principal"])
        case "enforced":
            return case["expect"], domains.enforced(case["principal"])
        case _:
            return case["expect"], domains.is_among(case["value"], case["list"])


def values(file: Raw, case: Raw) -> Pair:
    match case["kind"]:
        case "condition":
            found: Any = allowed.condition(case["key"], case["values"])
        case "wildcard":
            found = allowed.wildcards(case["values"])
        case "trustDomain":
            found = allowed.trust_domains(case["values"])
        case "port":
            found = allowed.ports(case["values"])
        case "brackets":
            found = envoy.name_in_brackets(case["text"])
        case _:
            names = envoy.nested_names(case["text"])
            found = names if names is None else [*names]
    return case["expect"], found

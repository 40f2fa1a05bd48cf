"""Envoy: rules of AuthorizationPolicies as istiod writes them for waypoints, gateways and sidecars, held against a
call (its `pilot/pkg/security/authz/model`; istio-ambient.md, 7.4 and 7.5).

What cannot be written for an Envoy, such as a port that is none or an HTTP field for a TCP connection, drops the whole
rule of an ALLOW; of any other action it drops the value alone, and a field that loses all of them is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from meshtui.mesh.raw import dig
from meshtui.mesh.traffic import matching, paths, trust_domains
from meshtui.mesh.traffic.calls import Call, Http
from meshtui.mesh.traffic.matching import SPIFFE, Pattern
from meshtui.mesh.traffic.rules import Authorization, Requirement, Requirements, negated
from meshtui.mesh.traffic.trials import Alternative, Test, Trial

Given = tuple[Any, ...] | None
"""What a call has for an attribute: nothing, one value or several; None where it is not known."""
Matcher = Callable[[Any], bool]


class Mesh(Struct, frozen=True):
    """What of the mesh config counts for rules."""

    root: str = "istio-system"
    """The namespace whose policies are for the whole mesh."""
    trust_domains: tuple[str, ...] = ()
    """The mesh's own and its aliases."""
    normalization: str = "BASE"
    """Of paths, as the mesh config names it."""
    providers: frozenset[str] | None = None
    """Whom CUSTOM policies may ask, by name; None where that is not known."""


def trials(policy: Authorization, call: Call, mesh: Mesh) -> list[Trial]:
    """Each of its rules that an Envoy gets. A call that is not HTTP goes through a TCP filter chain."""
    found = []
    for place, rule in enumerate(policy.rules):
        if any(_subject(each.attribute) is None for each in rule.conditions):
            continue  # an attribute that istiod does not know drops the rule, whatever the action
        against = partial(_alternative, policy, call, mesh)
        try:
            clauses = [
                tuple(map(against, some)) for some in (rule.sources, rule.operations) if some
            ]
            clauses += [(against((each,)),) for each in rule.conditions]
        except _UnwritableError:
            continue
        found.append(Trial(policy.key, place, tuple(clauses)))
    return found


class _UnwritableError(Exception):
    """No Envoy gets a rule of an ALLOW that has this in it."""


def _alternative(
    policy: Authorization, call: Call, mesh: Mesh, fields: Requirements
) -> Alternative:
    tests = []
    for each in fields:
        for values, negative in ((each.values, False), (each.not_values, True)):
            matchers = list(_matchers(policy, call, mesh, each, values))
            if matchers:
                tests.append(_test(each, values, negative, matchers, call, mesh))
    return tuple(tests)


def _matchers(
    policy: Authorization, call: Call, mesh: Mesh, field: Requirement, values: Sequence[str]
) -> Iterable[Matcher]:
    if field.attribute == "source.principal":
        values = trust_domains.expanded(values, mesh.trust_domains)
    elif field.attribute == "source.trustDomain":
        values = trust_domains.with_aliases(values, mesh.trust_domains)
    for value in values:
        try:
            if call.http is None and _is_http(field.attribute):
                raise ValueError(f"{field.field} is for HTTP alone")
            if not _is_named(field.attribute):
                raise ValueError(f"{field.field} names nothing in brackets")
            yield _matcher(field.attribute, value, policy.namespace)
        except ValueError as error:
            if policy.policy.action == "ALLOW":
                raise _UnwritableError from error


def _test(
    field: Requirement,
    values: Sequence[str],
    negative: bool,
    matchers: Iterable[Matcher],
    call: Call,
    mesh: Mesh,
) -> Test:
    subject = _subject(field.attribute)
    given = subject(call, mesh) if subject else None
    found = None if given is None else any(one(each) for one in matchers for each in given)
    name = field.field
    if negative:
        name = f"not {name}" if "." in name else negated(name)
    told = None if given is None else ", ".join(_told(each) for each in given)
    return Test(name, tuple(values), told, found if found is None else found is not negative)


def _told(given: Any) -> str:
    return (
        "/".join(map(str, given)) if isinstance(given, tuple) else str(given).removeprefix(SPIFFE)
    )


def _matcher(attribute: str, value: str, namespace: str) -> Matcher:
    """Raises ValueError for what cannot be written for an Envoy."""
    match attribute:
        case "destination.port":
            wanted = str(matching.port(value))
            return lambda given: bool(given == wanted)
        case "source.ip" | "remote.ip" | "destination.ip":
            matching.interface(value)
            return partial(_is_in, value)
        case "request.auth.principal":
            issuer, subject = matching.request_principal(value)
            return lambda given: issuer.matches(given[0]) and subject.matches(given[1])
        case _:
            return _pattern(attribute, value, namespace).matches


def _pattern(attribute: str, value: str, namespace: str) -> Pattern:
    match attribute:
        case "source.principal":
            return matching.principal(value)
        case "source.namespace":
            return matching.namespace(value)
        case "source.serviceAccount":
            return matching.service_account(value, namespace)
        case "source.trustDomain":
            return matching.trust_domain(value)
        case ":authority":
            return matching.host(value)
        case ":path":
            return paths.template(value) if paths.is_template(value) else matching.text(value)
        case _ if attribute == ":method" or attribute.startswith(_HEADERS):
            return matching.header(value)
        case _:
            return matching.text(value)


def _is_in(value: str, given: str) -> bool:
    address = matching.address(given)
    return address is not None and matching.contains(value, address)


_HEADERS, _CLAIMS = "request.headers", "request.auth.claims"


def _is_http(attribute: str) -> bool:
    return attribute.startswith((":", "request."))


def _is_named(attribute: str) -> bool:
    """Whether a header or a claim has a name, as it must."""
    for kind in (_CLAIMS, _HEADERS):
        if attribute.startswith(kind):
            return name_in_brackets(attribute.removeprefix(kind)) is not None
    return True


def _identity(call: Call) -> Given:
    if call.principal is None:
        return None
    return (SPIFFE + call.principal,) if call.principal else ()


def _one(value: Any) -> Given:
    return None if value is None else (str(value),)


def _http(call: Call) -> Http:
    return call.http or Http()


def _path(call: Call, mesh: Mesh) -> Given:
    path = _http(call).path
    return None if path is None else (paths.compared(path, mesh.normalization),)


def _token(call: Call) -> Given:
    """Issuer and subject of the token that was verified."""
    claims = _http(call).claims
    if claims is None:
        return None
    issuer, subject = dig(claims, "iss"), dig(claims, "sub")
    return ((issuer, subject),) if isinstance(issuer, str) and isinstance(subject, str) else ()


_SUBJECTS: Mapping[str, Callable[[Call, Mesh], Given]] = {
    "source.principal": lambda call, mesh: _identity(call),
    "source.namespace": lambda call, mesh: _identity(call),
    "source.serviceAccount": lambda call, mesh: _identity(call),
    "source.trustDomain": lambda call, mesh: _identity(call),
    "source.ip": lambda call, mesh: _one(call.source),
    "remote.ip": lambda call, mesh: _one(call.remote),
    "destination.ip": lambda call, mesh: _one(call.destination),
    "destination.port": lambda call, mesh: _one(call.port),
    "connection.sni": lambda call, mesh: None if call.sni is None else (call.sni,),
    ":authority": lambda call, mesh: _one(_http(call).host),
    ":method": lambda call, mesh: _one(_http(call).method),
    ":path": _path,
    "request.auth.principal": lambda call, mesh: _token(call),
    "request.auth.audiences": lambda call, mesh: _claim(("aud",), call, mesh),
    "request.auth.presenter": lambda call, mesh: _claim(("azp",), call, mesh),
}


def _subject(attribute: str) -> Callable[[Call, Mesh], Given] | None:
    """How to find an attribute; None for one that istiod does not know."""
    if attribute in _SUBJECTS:
        return _SUBJECTS[attribute]
    if attribute.startswith(_CLAIMS):
        names = nested_names(attribute.removeprefix(_CLAIMS))
        return partial(_claim, names or ())
    if attribute.startswith(_HEADERS):
        return partial(_header, name_in_brackets(attribute.removeprefix(_HEADERS)) or "")
    if attribute.startswith("experimental.envoy.filters."):
        return lambda call, mesh: None  # Envoy's dynamic metadata: no one outside knows
    return None


def _header(name: str, call: Call, mesh: Mesh) -> Given:
    http = _http(call)
    if name in _PSEUDO:
        return _one(getattr(http, _PSEUDO[name]))
    value = http.headers.get(name.lower())
    if value is None:
        return () if http.all_headers else None
    return (value,)


_PSEUDO = {":authority": "host", ":method": "method", ":path": "path"}


def _claim(names: tuple[str, ...], call: Call, mesh: Mesh) -> Given:
    claims = _http(call).claims
    if claims is None:
        return None
    found = dig(claims, *names)
    if isinstance(found, str):
        return tuple(found.split(" ")) if names in _SPACED else (found,)
    if isinstance(found, list):
        return tuple(each for each in found if isinstance(each, str))
    return ()


_SPACED = (("scope",), ("permission",))
"""Claims that istiod has Envoy read as lists, parted by spaces."""


def name_in_brackets(text: str) -> str | None:
    """The name in "[name]"; None where there are no brackets around it."""
    inside = text.startswith("[") and text.endswith("]") and len(text) > 1
    return text[1:-1] if inside else None


def nested_names(text: str) -> tuple[str, ...] | None:
    """The names in "[a][b]", from the outside; anything else in brackets is one name. None where there are none."""
    parts = text[1:-1].split("][") if name_in_brackets(text) is not None else []
    if parts and not any("[" in part or "]" in part for part in parts):
        return tuple(parts)
    whole = name_in_brackets(text)
    return None if whole is None else (whole,)

"""Values: what the fields of an AuthorizationPolicy may hold, by the rules of Istio's own validation
(`pkg/config/security`). What no API server would take is found in files, and in clusters without the webhook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from meshtui.mesh.traffic import matching
from meshtui.mesh.traffic.rules import Authorization


def refused(policy: Authorization) -> Iterator[str]:
    """What of its rules Istio's validation does not take, a line each."""
    for number, rule in enumerate(policy.rules, 1):
        for fields in (*rule.sources, *rule.operations):
            for each in fields:
                given = (*each.values, *each.not_values)
                if not _FIELDS.get(each.attribute, _whatever)(given):
                    yield f"rule {number}: {each.field} has {_quoted(given)}, which Istio does not take"
        for each in rule.conditions:
            given = (*each.values, *each.not_values)
            if not condition(each.field, given):
                yield f"rule {number}: when {each.field} is {_quoted(given)}, which Istio does not take"


def _quoted(given: Sequence[str]) -> str:
    return ", ".join(f"“{each}”" for each in given) or "nothing"


def condition(key: str, values: Sequence[str]) -> bool:
    """Whether a `when` may have these values, or values that are not to be, for a key."""
    if "" in values:
        return False
    if key.startswith(("request.headers", "request.auth.claims", "experimental.envoy.filters.")):
        opened = key.find("[")
        return key.endswith("]") and 0 < opened < len(key) - 2
    may = _KEYS.get(key)
    return may is not None and may(values)


def wildcards(values: Iterable[str]) -> bool:
    """Exact, prefix, suffix or presence: one star at most, at an end."""
    return all(
        each and (each.count("*") == 0 or (each.count("*") == 1 and "*" in (each[0], each[-1])))
        for each in values
    )


def trust_domains(values: Sequence[str]) -> bool:
    return wildcards(values) and not any("/" in each for each in values)


def service_accounts(values: Sequence[str]) -> bool:
    """ "account" or "namespace/account", sixteen at most, without stars."""
    return len(values) <= 16 and all(
        0 < len(each) <= 320 and "*" not in each and each.count("/") < 2 and all(each.split("/"))
        for each in values
    )


def ports(values: Iterable[str]) -> bool:
    return _readable(values, matching.port)


def addresses(values: Iterable[str]) -> bool:
    return _readable(values, matching.interface)


def _readable(values: Iterable[str], read: Callable[[str], Any]) -> bool:
    try:
        for each in values:
            read(each)
    except ValueError:
        return False
    return True


def _whatever(values: Sequence[str]) -> bool:
    return True


_FIELDS: Mapping[str, Callable[[Sequence[str]], bool]] = {
    "destination.port": ports,
    "source.ip": addresses,
    "remote.ip": addresses,
    "source.serviceAccount": service_accounts,
    "source.trustDomain": trust_domains,
}
"""Of the fields of sources and operations, by the attribute that each is about."""

_KEYS: Mapping[str, Callable[[Sequence[str]], bool]] = {
    "source.ip": addresses,
    "remote.ip": addresses,
    "destination.ip": addresses,
    "destination.port": ports,
    "source.serviceAccount": service_accounts,
    "source.trustDomain": wildcards,
    "source.namespace": _whatever,
    "source.principal": _whatever,
    "request.auth.principal": _whatever,
    "request.auth.audiences": _whatever,
    "request.auth.presenter": _whatever,
    "connection.sni": _whatever,
}

"""Ztunnel: its policies, in the form of `/config_dump`, held against a connection (ztunnel's `src/rbac.rs`;
istio-ambient.md, 7.8). Dumps come from far away: odd fields are as good as absent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from meshtui.mesh.raw import Raw, dig, text
from meshtui.mesh.traffic import conversion, matching
from meshtui.mesh.traffic.calls import Call
from meshtui.mesh.traffic.matching import Kind, Pattern
from meshtui.mesh.traffic.rules import Authorization, negated
from meshtui.mesh.traffic.trials import Alternative, Clause, Test, Trial

_NOTHING_LEFT = (Test("a field that a ztunnel knows", (), "", False),)
"""A match without fields matches nothing."""


def key(policy: Raw) -> str:
    """ "namespace/name", as workloads list it and ztunnels log it."""
    return f"{text(policy, 'namespace')}/{text(policy, 'name')}"


def applying(policies: Iterable[Raw], namespace: str, attached: Collection[str]) -> list[Raw]:
    """Of all that a ztunnel knows, those for a workload that lists `attached` as its `authorizationPolicies`."""
    return [
        each
        for each in policies
        if text(each, "scope") == "Global"
        or (text(each, "scope") == "Namespace" and text(each, "namespace") == namespace)
        or (text(each, "scope") == "WorkloadSelector" and key(each) in attached)
    ]


def trials(policy: Raw, call: Call, places: Sequence[int] | None = None) -> list[Trial]:
    """Each of its rules. `places` are those of the rules in the policy that it was made of, where they differ."""
    found = _list(policy, "rules")
    numbers = range(len(found)) if places is None else places
    return [
        Trial(key(policy), place, tuple(_clause(clause, call) for clause in _entries(rule)))
        for place, rule in zip(numbers, found, strict=False)
    ]


def dropped(policy: Authorization, call: Call) -> list[Trial]:
    """The rules of an ALLOW that istiod leaves out, with the fields that it leaves them out for."""
    found = []
    for place, rule in enumerate(policy.rules):
        http = conversion.http_fields(rule)
        if http:
            lacking = Test(f"a waypoint for its {', '.join(http)}", (), "at a ztunnel", False)
            left = conversion.clauses(rule, policy.namespace)
            own = tuple(_clause([each for each in c if each], call) for c in left)
            found.append(Trial(policy.key, place, (((lacking,),), *own)))
    return found


def _clause(clause: Any, call: Call) -> Clause:
    """One without matches holds always."""
    return tuple(_match(each, call) for each in _entries(clause)) or ((),)


def _match(match: Any, call: Call) -> Alternative:
    tests = []
    for field, (given, holds) in _FIELDS.items():
        for name, negative in ((field, False), (negated(field), True)):
            wanted = _list(match, name)
            if wanted:
                told = given(call)
                found = None if told is None else any(holds(each, told) for each in wanted)
                answer = found if found is None else found is not negative
                tests.append(Test(_WRITTEN.get(name, name), _words(wanted), told, answer))
    return tuple(tests) or _NOTHING_LEFT


def _principal(call: Call) -> str | None:
    return call.principal


def _namespace(call: Call) -> str | None:
    return call.principal if call.principal is None else _parts(call.principal)[0]


def _account(call: Call) -> str | None:
    return call.principal if call.principal is None else "/".join(_parts(call.principal)).strip("/")


def _parts(principal: str) -> tuple[str, str]:
    """Namespace and service account of an identity; "" twice in any other form."""
    parts = principal.split("/")
    if len(parts) != 5 or parts[1] != "ns" or parts[3] != "sa":
        return "", ""
    return parts[2], parts[4]


def is_text(wanted: Any, given: str) -> bool:
    """Whether a matcher of a dump, such as {"Prefix": "a"}, takes a text."""
    if dig(wanted, "Presence") is not None or wanted == "Presence":
        return bool(given)
    kinds = (("Exact", Kind.EXACT), ("Prefix", Kind.PREFIX), ("Suffix", Kind.SUFFIX))
    for name, kind in kinds:
        own = dig(wanted, name)
        if isinstance(own, str):
            return Pattern(kind, own).matches(given)
    return False


def _is_principal(wanted: Any, given: str) -> bool:
    """No matcher takes a caller without identity."""
    return bool(given) and is_text(wanted, given)


def _is_account(wanted: Any, given: str) -> bool:
    return bool(given) and given == f"{text(wanted, 'namespace')}/{text(wanted, 'serviceAccount')}"


def _is_address(wanted: Any, given: str) -> bool:
    own = matching.address(given)
    try:
        return own is not None and isinstance(wanted, str) and matching.contains(wanted, own)
    except ValueError:
        return False


def _is_port(wanted: Any, given: str) -> bool:
    return isinstance(wanted, int) and not isinstance(wanted, bool) and str(wanted) == given


_FIELDS: Mapping[str, tuple[Callable[[Call], str | None], Callable[[Any, str], bool]]] = {
    "principals": (_principal, _is_principal),
    "namespaces": (_namespace, is_text),
    "serviceAccounts": (_account, _is_account),
    "sourceIps": (lambda call: call.source, _is_address),
    "destinationIps": (lambda call: call.destination, _is_address),
    "destinationPorts": (lambda call: None if call.port is None else str(call.port), _is_port),
}
_WRITTEN = {
    "sourceIps": "ipBlocks",
    "notSourceIps": "notIpBlocks",
    "destinationIps": "destination.ip",
    "notDestinationIps": "not destination.ip",
    "destinationPorts": "ports",
    "notDestinationPorts": "notPorts",
}
"""What policies call the same."""


def _words(wanted: Iterable[Any]) -> tuple[str, ...]:
    """Values of a dump as a policy writes them."""
    return tuple(map(_word, wanted))


def _word(wanted: Any) -> str:
    if isinstance(wanted, Mapping):
        if "serviceAccount" in wanted:
            return f"{text(wanted, 'namespace')}/{text(wanted, 'serviceAccount')}"
        if "Presence" in wanted:
            return "*"
        if "Suffix" in wanted:
            return f"*{text(wanted, 'Suffix')}"
        return f"{text(wanted, 'Prefix')}*" if "Prefix" in wanted else text(wanted, "Exact")
    return str(wanted)


def _list(value: Any, field: str) -> list[Any]:
    return _entries(dig(value, field))


def _entries(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []

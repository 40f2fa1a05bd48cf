"""L7 rules: which parts of an AuthorizationPolicy a ztunnel does not understand, and what is left of it there
(istio-ambient.md, 7.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from meshtui.mesh.checks import count
from meshtui.mesh.raw import Raw, dig, entries, table, text

_OPERATION = ("methods", "notMethods", "paths", "notPaths", "hosts", "notHosts")
_SOURCE = ("requestPrincipals", "notRequestPrincipals", "remoteIpBlocks", "notRemoteIpBlocks")
_WHEN = frozenset(
    ("source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port")
)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that only a waypoint understands."""

    field: str
    """Such as "spec.rules[0].to[1].operation.methods"."""
    value: str


def parts(policy: Raw) -> Sequence[Part]:
    """All of a policy, in the order in which they stand."""
    return [
        each
        for at, rule in enumerate(entries(policy, "spec", "rules"))
        for each in of_rule(rule, at)
    ]


def of_rule(rule: Raw, at: int = 0) -> Sequence[Part]:
    """Those of one rule, the policy's rule number `at`."""
    return list(_parts(rule, f"spec.rules[{at}]"))


def _parts(rule: Raw, path: str) -> Iterator[Part]:
    for clause, inner, known in (("from", "source", _SOURCE), ("to", "operation", _OPERATION)):
        for at, match in enumerate(entries(rule, clause)):
            for field in known:
                value = dig(match, inner, field)
                if value:
                    yield Part(f"{path}.{clause}[{at}].{inner}.{field}", _words(value))
    for at, condition in enumerate(entries(rule, "when")):
        key = text(condition, "key")
        if key not in _WHEN:
            yield Part(f"{path}.when[{at}].key", key)


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def effect(policy: Raw, action: str) -> str:
    """What a ztunnel makes of a policy with such parts, in words; "" where it has none."""
    rules = entries(policy, "spec", "rules")
    touched = [rule for rule in rules if of_rule(rule)]
    if not touched:
        return ""
    if action == "ALLOW":
        if len(touched) == len(rules):
            return "all its rules are dropped, and everything is refused"
        return f"{count(len(touched), 'rule')} of {len(rules)} dropped: more is refused than is written"
    void = [rule for rule in touched if any(map(_is_void, _clauses(rule)))]
    if len(void) == len(rules):
        return "it has no effect: nothing is refused by it"
    if len(void) == len(touched):
        return f"{count(len(void), 'rule')} of {len(rules)} without effect: less is refused than is written"
    return "the L7 parts are ignored: more is refused than is written"


def _clauses(rule: Raw) -> Iterator[Sequence[tuple[Raw, Iterable[str]]]]:
    """Each clause with its alternatives; of `when` each condition is one of its own."""
    for clause, inner, known in (("from", "source", _SOURCE), ("to", "operation", _OPERATION)):
        found = [(table(match, inner), known) for match in entries(rule, clause)]
        if found:
            yield found
    for condition in entries(rule, "when"):
        yield [({"key": 1} if text(condition, "key") in _WHEN else {}, ())]


def _is_void(clause: Sequence[tuple[Raw, Iterable[str]]]) -> bool:
    """Whether nothing is left of a clause without its L7 parts: it never matches then."""
    return all(
        not any(value for key, value in match.items() if key not in known)
        for match, known in clause
    )

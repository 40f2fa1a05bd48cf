"""Ztunnel rules: what a ztunnel, which sees no HTTP, makes of the rules of an AuthorizationPolicy (istio-ambient.md,
7.5; AMB-028 of doctor-rules.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from meshtui.mesh import authorization_rules
from meshtui.mesh.authorization_rules import fields, positive
from meshtui.mesh.checks import count
from meshtui.mesh.raw import Raw, entries, text

_L4_SOURCE = ("principals", "serviceAccounts", "namespaces", "ipBlocks")
_L4_OPERATION = ("ports",)
_L4_KEYS = (
    "source.ip",
    "source.namespace",
    "source.principal",
    "destination.ip",
    "destination.port",
)
_SILENT = ("trustDomains", "notTrustDomains")
"""What a ztunnel is not told, and istiod says nothing about."""
_SECTIONS = (("from", "source", _L4_SOURCE), ("to", "operation", _L4_OPERATION))


class Attribute(Struct, frozen=True):
    """One thing that only a waypoint understands."""

    name: str
    """As istiod names it: the field, or the key of a condition."""
    field: str
    """Such as "spec.rules[0].to[1].operation.methods"."""
    value: str


def unseen(policy: Raw) -> Sequence[Attribute]:
    """All that a policy asks for that a ztunnel cannot see, in the order in which it stands."""
    rules = enumerate(authorization_rules.of(policy))
    return [each for at, rule in rules for each in _unseen(rule, f"spec.rules[{at}]")]


def http_attributes(rule: Raw) -> tuple[str, ...]:
    """What one rule asks for that a ztunnel cannot see, in the order from, to, when, each once."""
    return tuple(dict.fromkeys(each.name for each in _unseen(rule, "")))


def _unseen(rule: Raw, path: str) -> Iterator[Attribute]:
    for section, holder, known in _SECTIONS:
        for at, it in enumerate(entries(rule, section)):
            for name, value in fields(it, holder).items():
                if positive(name) not in known and name not in _SILENT:
                    yield Attribute(name, f"{path}.{section}[{at}].{holder}.{name}", _words(value))
    for at, it in enumerate(entries(rule, "when")):
        key = text(it, "key")
        if key not in _L4_KEYS:
            yield Attribute(key or "when", f"{path}.when[{at}].key", key)


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def at_ztunnel(action: str, rule: Raw) -> Raw | None:
    """The rule as a ztunnel has it: without the attributes that it cannot see. None where no call matches it any more:
    one that allows is left out as soon as it has such an attribute, one that denies is dead where a clause had no
    other."""
    if action == "ALLOW" and http_attributes(rule):
        return None
    kept: dict[str, object] = {}
    for section, holder, known in _SECTIONS:
        written = entries(rule, section)
        left = [each for it in written if (each := _stripped(it, holder, known))]
        if written and not left:
            return None
        if left:
            kept[section] = [{holder: each} for each in left]
    conditions = entries(rule, "when")
    if any(text(it, "key") not in _L4_KEYS for it in conditions):
        return None
    if conditions:
        kept["when"] = conditions
    return kept


def _stripped(it: Raw, holder: str, known: Sequence[str]) -> Raw:
    return {name: each for name, each in fields(it, holder).items() if positive(name) in known}


def effect(policy: Raw, action: str) -> str:
    """What a ztunnel makes of a policy that asks for what it cannot see, in words; "" where it asks for nothing so."""
    rules = authorization_rules.of(policy)
    touched = [rule for rule in rules if http_attributes(rule)]
    dead = [rule for rule in touched if at_ztunnel(action, rule) is None]
    if not touched:
        return ""
    if action == "ALLOW":
        if len(dead) == len(rules):
            return "all its rules are dropped, and everything is refused"
        return (
            f"{count(len(dead), 'rule')} of {len(rules)} dropped: more is refused than is written"
        )
    if len(dead) == len(rules):
        return "it has no effect: nothing is refused by it"
    if len(dead) == len(touched):
        return f"{count(len(dead), 'rule')} of {len(rules)} without effect: less is refused than is written"
    return "the L7 parts are ignored: more is refused than is written"

"""Rules: AuthorizationPolicies as they are written, read without trusting them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from meshtui.mesh import policies
from meshtui.mesh.kinds import AUTHORIZATION_POLICY
from meshtui.mesh.policies import Policy
from meshtui.mesh.raw import Raw, dig, entries, table, text
from meshtui.mesh.snapshot import Snapshot

SOURCE_FIELDS: Mapping[str, str] = {
    "principals": "source.principal",
    "requestPrincipals": "request.auth.principal",
    "serviceAccounts": "source.serviceAccount",
    "trustDomains": "source.trustDomain",
    "namespaces": "source.namespace",
    "remoteIpBlocks": "remote.ip",
    "ipBlocks": "source.ip",
}
"""The fields of a source, by the attribute that a `when` calls the same."""
OPERATION_FIELDS: Mapping[str, str] = {
    "hosts": ":authority",
    "methods": ":method",
    "paths": ":path",
    "ports": "destination.port",
}
"""Those of an operation; the first three have no `when`, and are named here as Envoy's pseudo headers."""


class Requirement(Struct, frozen=True):
    """One field of a source or an operation, or one `when`."""

    field: str
    """As it is written, such as "principals" or "request.headers[x]"."""
    attribute: str
    """What it is about, whichever way it is written."""
    values: tuple[str, ...]
    not_values: tuple[str, ...]


Requirements = tuple[Requirement, ...]
"""All of them must hold."""


class Rule(Struct, frozen=True):
    """All that is in it must hold; of the sources one, and of the operations one."""

    sources: tuple[Requirements, ...]
    operations: tuple[Requirements, ...]
    conditions: Requirements


class Authorization(Struct, frozen=True, eq=False):
    """One AuthorizationPolicy with its rules. Compared by identity."""

    policy: Policy
    rules: tuple[Rule, ...]
    selects: bool
    """It has a selector, be it an empty one."""
    dry_run: bool
    provider: str
    """Whom a CUSTOM policy asks."""

    @property
    def key(self) -> str:
        return self.policy.ref.key

    @property
    def namespace(self) -> str:
        return self.policy.ref.namespace


def of(snapshot: Snapshot) -> tuple[Authorization, ...]:
    """All of them, by namespace and name."""
    return snapshot.once(_sorted, *snapshot.each(AUTHORIZATION_POLICY, read))


def addressed(*every: Authorization) -> bool:
    """Whether any of them asks for an address."""
    return any(
        field.attribute in ("source.ip", "remote.ip", "destination.ip")
        for each in every
        for rule in each.rules
        for fields in (*rule.sources, *rule.operations, rule.conditions)
        for field in fields
    )


def _sorted(*every: Authorization) -> tuple[Authorization, ...]:
    return tuple(sorted(every, key=lambda each: each.key))


def read(it: Raw) -> Authorization:
    """What one raw AuthorizationPolicy says. Never raises."""
    spec = table(it, "spec")
    return Authorization(
        policy=policies.read(it),
        rules=tuple(map(_rule, entries(spec, "rules"))),
        selects=dig(spec, "selector") is not None,
        dry_run=policies.dry_run(it),
        provider=text(spec, "provider", "name"),
    )


def _rule(it: Raw) -> Rule:
    return Rule(
        sources=tuple(
            tuple(_fields(table(each, "source"), SOURCE_FIELDS)) for each in entries(it, "from")
        ),
        operations=tuple(
            tuple(_fields(table(each, "operation"), OPERATION_FIELDS)) for each in entries(it, "to")
        ),
        conditions=tuple(map(_condition, entries(it, "when"))),
    )


def _fields(it: Raw, known: Mapping[str, str]) -> Iterator[Requirement]:
    for field, attribute in known.items():
        values, not_values = strings(it, field), strings(it, negated(field))
        if values or not_values:
            yield Requirement(field, attribute, values, not_values)


def _condition(it: Raw) -> Requirement:
    key = text(it, "key")
    return Requirement(key, key, strings(it, "values"), strings(it, "notValues"))


def negated(field: str) -> str:
    """The field that says the opposite: "notPrincipals" of "principals"."""
    return f"not{field[:1].upper()}{field[1:]}"


def strings(it: Raw, field: str) -> tuple[str, ...]:
    """The strings in a list; anything else in it is passed over, for no API server takes it."""
    found: Any = dig(it, field)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()

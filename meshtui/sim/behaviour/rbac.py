"""What a ztunnel decides on a connection: whether its policies refuse it, and in which words.

The texts are those of the recorded access logs.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from meshtui.sim.objects import Raw


class Connection(Struct, frozen=True):
    """A connection as the ztunnel of its destination sees it."""

    source_ip: str
    destination_ip: str
    port: int
    identity: str = ""
    """The SPIFFE identity of the caller; empty for plain text."""

    @property
    def principal(self) -> str:
        return self.identity.removeprefix("spiffe://")

    @property
    def namespace(self) -> str:
        return self._part("ns")

    @property
    def account(self) -> str:
        return self._part("sa")

    def _part(self, key: str) -> str:
        parts = self.principal.split("/")
        return parts[parts.index(key) + 1] if key in parts[:-1] else ""


def applicable(policies: Iterable[Raw], workload: Raw) -> list[Raw]:
    """The policies of a dump that hold for a workload of it."""
    listed = workload.get("authorizationPolicies", ())
    return [
        policy
        for policy in policies
        if policy["scope"] == "Global"
        or (policy["scope"] == "Namespace" and policy["namespace"] == workload["namespace"])
        or f"{policy['namespace']}/{policy['name']}" in listed
    ]


def refusal(policies: Iterable[Raw], connection: Connection) -> str:
    """The error of the access log if these policies refuse a connection; empty if they let it pass."""
    allows = []
    for policy in policies:
        if policy.get("dryRun"):
            continue
        if policy["action"] == "Allow":
            allows.append(policy)
        elif _holds(policy, connection):
            which = f"{policy['namespace']}/{policy['name']}"
            return f"connection closed due to policy rejection: explicitly denied by: {which}"
    if not allows or any(_holds(policy, connection) for policy in allows):
        return ""
    return "connection closed due to policy rejection: allow policies exist, but none allowed"


def _holds(policy: Raw, connection: Connection) -> bool:
    """Rules are alternatives, the clauses of a rule all have to hold, the matches of a clause are alternatives."""
    return any(
        all(not clause or any(_matches(match, connection) for match in clause) for clause in rule)
        for rule in policy["rules"]
    )


def _matches(match: Raw, connection: Connection) -> bool:
    """An empty match matches nothing."""
    return bool(match) and all(
        any(_is(key, value, connection) for value in values)
        if not key.startswith("not")
        else not any(_is(key[3].lower() + key[4:], value, connection) for value in values)
        for key, values in match.items()
    )


def _is(key: str, value: object, connection: Connection) -> bool:
    match key:
        case "principals":
            return _string(value, connection.principal)
        case "namespaces":
            return _string(value, connection.namespace)
        case "serviceAccounts":
            own = {"namespace": connection.namespace, "serviceAccount": connection.account}
            return bool(connection.identity) and value == own
        case "sourceIps":
            return _inside(str(value), connection.source_ip)
        case "destinationIps":
            return _inside(str(value), connection.destination_ip)
        case "destinationPorts":
            return value == connection.port
    return False


def _string(value: object, actual: str) -> bool:
    match value:
        case {"Exact": str(wanted)}:
            return actual == wanted
        case {"Prefix": str(wanted)}:
            return actual.startswith(wanted)
        case {"Suffix": str(wanted)}:
            return actual.endswith(wanted)
        case {"Presence": _}:
            return bool(actual)
    return False


@lru_cache(maxsize=4096)
def _inside(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)

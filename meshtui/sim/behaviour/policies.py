"""What istiod makes of AuthorizationPolicies for ztunnels: L4 rules in the form of a `/config_dump`, the names that a
workload lists, and the condition ZtunnelAccepted.

The rules are those of the recorded verdicts (tests/data/recordings/verdicts.json) and of Istio's own tests.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Sequence

from meshtui.sim.objects import (
    Raw,
    annotation,
    full_name,
    mapping,
    mappings,
    name,
    namespace,
    subset,
    text,
)

PRESENT: Raw = {"Presence": []}
_SENT = ("ALLOW", "DENY")
_DRY_RUN = "istio.io/dry-run"
_SOURCE = {
    "principals": "principals",
    "namespaces": "namespaces",
    "serviceAccounts": "serviceAccounts",
    "ipBlocks": "sourceIps",
}
_OPERATION = {"ports": "destinationPorts"}
_WHEN = {
    "source.ip": "sourceIps",
    "source.namespace": "namespaces",
    "source.principal": "principals",
    "destination.ip": "destinationIps",
    "destination.port": "destinationPorts",
}
_HTTP_SOURCE = ("remoteIpBlocks", "requestPrincipals")
_HTTP_OPERATION = ("hosts", "methods", "paths")


def targets(policy: Raw) -> list[Raw]:
    """The targetRefs of a policy, the older single targetRef too."""
    spec = mapping(policy, "spec")
    one = mapping(spec, "targetRef")
    return mappings(spec, "targetRefs") or ([one] if one else [])


def authorization(policy: Raw, root: str) -> Raw | None:
    """An AuthorizationPolicy as the ztunnel gets it; None if it is not sent to ztunnels."""
    if targets(policy) or _not_sent(policy):
        return None
    action = _action(policy)
    rules = [
        clauses(rule, namespace(policy))
        for rule in mappings(policy, "spec", "rules")
        if action == "DENY" or not http_attributes(rule)
    ]
    wide = "Global" if namespace(policy) == root else "Namespace"
    scope = "WorkloadSelector" if selector(policy) else wide
    return dumped(name(policy), namespace(policy), scope, action.title(), rules)


def ztunnel_condition(policy: Raw) -> Raw | None:
    """The condition ZtunnelAccepted, without times; None for a policy with targetRefs."""
    if targets(policy):
        return None
    condition = {"type": "ZtunnelAccepted", "observedGeneration": _generation(policy)}
    if refused := _not_sent(policy):
        return condition | {"status": "False", "reason": "UnsupportedValue", "message": refused}
    rules = mappings(policy, "spec", "rules")
    found = dict.fromkeys(itertools.chain.from_iterable(http_attributes(each) for each in rules))
    if not found:
        return condition | {
            "status": "True",
            "reason": "Accepted",
            "message": "attached to ztunnel",
        }
    message = (
        f"ztunnel does not support HTTP attributes (found: {', '.join(found)}). "
        "In ambient mode you must use a waypoint proxy to enforce HTTP rules. "
    ) + _what_is_left(policy)
    return condition | {"status": "True", "reason": "UnsupportedValue", "message": message}


def http_attributes(rule: Raw) -> list[str]:
    """The attributes in a rule that a ztunnel cannot see, in the order from, to, when."""
    found = []
    for entry in mappings(rule, "from"):
        found += _present(mapping(entry, "source"), _HTTP_SOURCE)
    for entry in mappings(rule, "to"):
        found += _present(mapping(entry, "operation"), _HTTP_OPERATION)
    found += [key for each in mappings(rule, "when") if (key := text(each, "key")) not in _WHEN]
    return list(dict.fromkeys(found))


def attached(
    workload_namespace: str, workload_labels: Raw, policies: Iterable[Raw], root: str
) -> list[str]:
    """The policies that select a workload, as it lists them in `authorizationPolicies`."""
    return sorted(
        full_name(policy)
        for policy in policies
        if selector(policy)
        and namespace(policy) in (workload_namespace, root)
        and subset(selector(policy), workload_labels)
        and not targets(policy)
        and not _not_sent(policy)
    )


def selector(policy: Raw) -> Raw:
    """The labels of its selector; empty where it has none."""
    return mapping(policy, "spec", "selector", "matchLabels")


def is_enforced(policy: Raw) -> bool:
    """Whether a policy allows or denies anything, and is no dry run."""
    return _action(policy) in _SENT and annotation(policy, _DRY_RUN) != "true"


def clauses(rule: Raw, own_namespace: str) -> list[list[Raw]]:
    """The clauses of one rule in the form of a dump, in istiod's order: to, from, then each when."""
    found = []
    if to := mappings(rule, "to"):
        found.append([_match(mapping(each, "operation"), _OPERATION, own_namespace) for each in to])
    if sources := mappings(rule, "from"):
        found.append([_match(mapping(each, "source"), _SOURCE, own_namespace) for each in sources])
    for when in mappings(rule, "when"):
        field = _WHEN.get(text(when, "key"))
        match: Raw = {}
        if field:
            _put(match, field, when.get("values"), own_namespace)
            _put(match, _negated(field), when.get("notValues"), own_namespace)
        found.append([match])
    return found


def dumped(title: str, space: str, scope: str, action: str, rules: Sequence[object]) -> Raw:
    """A policy in the form of a `/config_dump`."""
    return {
        "name": title,
        "namespace": space,
        "scope": scope,
        "action": action,
        "rules": list(rules),
        "dryRun": False,
    }


def _action(policy: Raw) -> str:
    return text(policy, "spec", "action") or "ALLOW"


def _not_sent(policy: Raw) -> str:
    """Why no ztunnel gets a policy; empty if they do."""
    if (action := _action(policy)) not in _SENT:
        return f"ztunnel does not support the {action} action"
    if annotation(policy, _DRY_RUN) == "true":
        return (
            f'found policy "{full_name(policy)}" using dry-run annotation, but support for ambient '
            "dry-run authorizationPolicies isn't enabled"
        )
    return ""


def _what_is_left(policy: Raw) -> str:
    if _action(policy) == "ALLOW":
        return (
            "Within an ALLOW policy, rules matching HTTP attributes are omitted. "
            "This will be more restrictive than requested."
        )
    rules = [clauses(rule, namespace(policy)) for rule in mappings(policy, "spec", "rules")]
    if any(all(not clause or any(clause) for clause in rule) for rule in rules):
        return (
            "DENY policy with HTTP attributes is enforced without the HTTP rules. "
            "This will be more restrictive than requested."
        )
    return (
        "After omitting unsupported HTTP attributes, this DENY policy has no enforceable rules at "
        "ztunnel and will have no effect. Deploy a waypoint proxy and use a targetRef to enforce "
        "this policy."
    )


def _generation(policy: Raw) -> str:
    """Istio's own kinds carry it as a string."""
    return str(mapping(policy, "metadata").get("generation") or 1)


def _present(fields: Raw, wanted: Iterable[str]) -> list[str]:
    names = itertools.chain.from_iterable((each, _negated(each)) for each in wanted)
    return [each for each in names if fields.get(each)]


def _negated(field: str) -> str:
    return "not" + field[0].upper() + field[1:]


def _match(fields: Raw, known: dict[str, str], own_namespace: str) -> Raw:
    match: Raw = {}
    for field, target in known.items():
        _put(match, target, fields.get(field), own_namespace)
        _put(match, _negated(target), fields.get(_negated(field)), own_namespace)
    return match


def _put(match: Raw, target: str, values: object, own_namespace: str) -> None:
    """Add the values in the ztunnel's form; those that cannot be read are dropped, as istiod drops them."""
    given = (
        [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
    )
    found = [_value(target, value, own_namespace) for value in given]
    if readable := [each for each in found if each is not None]:
        match[target] = readable


def _value(target: str, value: str, own_namespace: str) -> object:
    target = target.removeprefix("not").lower()
    if target == "destinationports":
        return int(value) if value.isdecimal() and int(value) < 65536 else None
    if target.endswith("ips"):
        try:
            return str(ipaddress.ip_interface(value))
        except ValueError:
            return None
    if target == "serviceaccounts":
        space, _, account = value.rpartition("/")
        return {"namespace": space or own_namespace, "serviceAccount": account}
    return _string(value)


def _string(value: str) -> Raw:
    if value == "*":
        return PRESENT
    if value.startswith("*"):
        return {"Suffix": value[1:]}
    if value.endswith("*"):
        return {"Prefix": value[:-1]}
    return {"Exact": value}

"""What a waypoint decides on a plain request: a GET of / without a token, from a workload that has an identity.

The rules are those of Istio's reference of AuthorizationPolicy: which policies a waypoint enforces, and what of a rule
such a request meets.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from meshtui.sim.behaviour.policies import clauses, dumped, http_attributes, is_enforced, targets
from meshtui.sim.behaviour.rbac import Connection, refusal
from meshtui.sim.behaviour.references import GATEWAY_API, group_kind
from meshtui.sim.kinds import AUTHORIZATION_POLICY
from meshtui.sim.objects import Raw, mapping, mappings, name, namespace, sequence, text
from meshtui.sim.store import Key, Store

_SEEN = {"methods": "GET", "paths": "/"}
_L4 = ("ports", "notPorts")


def refuses(store: Store, root: str, waypoint: Key, service: Key, connection: Connection) -> bool:
    """Whether the policies for a service, or for its waypoint, refuse a plain request."""
    found = [
        _dumped(each)
        for each in store.list(AUTHORIZATION_POLICY)
        if is_enforced(each)
        and any(_is_for(each, target, root, waypoint, service) for target in targets(each))
    ]
    return bool(refusal(found, connection))


def _dumped(policy: Raw) -> Raw:
    """A policy in the form that ztunnels get, with the rules that a plain request may meet."""
    action = text(policy, "spec", "action") or "ALLOW"
    rules = [left for each in mappings(policy, "spec", "rules") if (left := _left(each))]
    decided = [clauses(each, namespace(policy)) for each in rules]
    return dumped(name(policy), namespace(policy), "", action.title(), decided)


def _is_for(policy: Raw, target: Raw, root: str, waypoint: Key, service: Key) -> bool:
    key = namespace(policy), text(target, "name")
    match group_kind(target, "", ""):
        case ("", "Service"):
            return key == service
        case (group, "Gateway"):
            return group == GATEWAY_API and key == waypoint
        case (group, "GatewayClass"):
            return group == GATEWAY_API and key == (root, "istio-waypoint")
    return False


def _left(rule: Raw) -> Raw | None:
    """What of a rule is still to be decided for a plain request, who calls and which port; None for one that it does
    not meet."""
    sources, operations = mappings(rule, "from"), mappings(rule, "to")
    open_to = [each for each in sources if not _wants_token(each)]
    met = [each for each in operations if _is_met(mapping(each, "operation"))]
    unseen = http_attributes({"when": rule.get("when")})
    if unseen or (sources and not open_to) or (operations and not met):
        return None
    by_port = [each for each in met if any(mapping(each, "operation").get(key) for key in _L4)]
    return {**rule, "from": open_to, "to": by_port if by_port == met else []}


def _wants_token(source: Raw) -> bool:
    return bool(sequence(source, "source", "requestPrincipals"))


def _is_met(operation: Raw) -> bool:
    """Whether a GET of / is among the methods and paths of an operation; any host is."""
    return all(
        (not operation.get(field) or _among(operation, field, seen))
        and not _among(operation, f"not{field.title()}", seen)
        for field, seen in _SEEN.items()
    )


def _among(operation: Raw, field: str, seen: str) -> bool:
    wanted = (each for each in sequence(operation, field) if isinstance(each, str))
    return any(fnmatchcase(seen, each.replace("[", "[[]").replace("?", "[?]")) for each in wanted)

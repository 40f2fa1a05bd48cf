"""Conversion: what istiod makes of AuthorizationPolicies and PeerAuthentications on the way to a ztunnel, which knows
nothing of HTTP, and the condition it writes (its `pilot/pkg/serviceregistry/ambient/authorization.go`;
istio-ambient.md, 7.2, 7.5 and 7.6). Policies for ztunnels are in the form of their `/config_dump`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from meshtui.mesh.peer_authentication import InForce, Mode, PeerAuthentication
from meshtui.mesh.raw import Raw
from meshtui.mesh.traffic import matching
from meshtui.mesh.traffic.rules import Authorization, Requirement, Rule, negated

STRICT = "istio_converted_static_strict"
_PRESENT: Raw = {"Presence": []}
_PLAIN_TEXT: Raw = {"notPrincipals": [_PRESENT]}


class Acceptance(Struct, frozen=True):
    """A condition as istiod writes it."""

    type: str
    status: bool
    reason: str
    message: str


class Converted(Struct, frozen=True, eq=False):
    """What becomes of one AuthorizationPolicy. Compared by identity."""

    policy: Raw | None
    """None where no ztunnel gets it."""
    rules: tuple[int, ...] = ()
    """Of each rule in it, the place of the one that it was made of."""
    acceptance: Acceptance | None = None
    """None where istiod says nothing of ztunnels."""

    @property
    def effective(self) -> bool:
        """Whether any rule of it can match."""
        return self.policy is not None and any(map(is_alive, self.policy["rules"]))


def authorization(policy: Authorization, root: str) -> Converted:
    """One AuthorizationPolicy; `root` is the namespace whose policies are for the whole mesh."""
    if policy.dry_run:
        return _refused(
            f'found policy "{policy.namespace}/{policy.policy.ref.name}" using dry-run annotation,'
            " but support for ambient dry-run authorizationPolicies isn't enabled"
        )
    if policy.policy.targets:
        return Converted(None)
    action = policy.policy.action
    if action not in ("ALLOW", "DENY"):
        return _refused(f"ztunnel does not support the {action} action")
    kept = [
        (place, rule)
        for place, rule in enumerate(policy.rules)
        if action == "DENY" or not http_fields(rule)
    ]
    converted = {
        "action": action.capitalize(),
        "dryRun": False,
        "name": policy.policy.ref.name,
        "namespace": policy.namespace,
        "rules": [clauses(rule, policy.namespace) for _, rule in kept],
        "scope": _scope(policy, root),
    }
    places = tuple(place for place, _ in kept)
    dropped = sorted({field for rule in policy.rules for field in http_fields(rule)})
    return Converted(converted, places, _accepted(action, dropped, converted))


def peer_authentication(policy: PeerAuthentication, levels: InForce) -> Raw | None:
    """The policy made of a PeerAuthentication for pods with modes for single ports; None where none is needed.
    `levels` are those of its namespace. One for all ports is the shared `static_strict`."""
    ports = {int(port): mode for port, mode in policy.ports.items() if _is_port(port)}
    if policy.selector is None or not ports or policy not in levels.workloads:
        return None
    inherited = _inherited(levels)
    open_ports: list[int] = []
    groups: list[list[list[Raw]]] = []
    for port, mode in sorted(ports.items()):
        if mode is Mode.STRICT:
            own = policy.mode if policy.mode is not Mode.UNSET else inherited
            if own is not Mode.STRICT and not _strict_by_mesh(levels):
                groups.append([[{"destinationPorts": [port], **_PLAIN_TEXT}]])
        elif mode in _OPEN and (policy.mode is Mode.STRICT or _may_be_strict(policy, levels)):
            open_ports.append(port)
    rules: list[list[Raw]] = [[_PLAIN_TEXT]] if policy.mode is Mode.STRICT else []
    rules += [[{"notDestinationPorts": [port]}] for port in open_ports]
    if (policy.mode is Mode.STRICT and not open_ports) or not (rules or groups):
        return None
    if inherited is Mode.STRICT and open_ports:
        rules.append([_PLAIN_TEXT])
    return {
        "action": "Deny",
        "dryRun": False,
        "name": f"converted_peer_authentication_{policy.name}",
        "namespace": policy.namespace,
        "rules": [*groups, *([rules] if rules else [])],
        "scope": "WorkloadSelector",
    }


def static_strict(root: str) -> Raw:
    """The policy for all that is STRICT. Ztunnels get it as soon as there is any PeerAuthentication, and it counts
    where a workload lists it."""
    return {
        "action": "Deny",
        "dryRun": False,
        "name": STRICT,
        "namespace": root,
        "rules": [[[_PLAIN_TEXT]]],
        "scope": "WorkloadSelector",
    }


def attached(
    policies: Iterable[Authorization],
    levels: InForce,
    root: str,
    namespace: str,
    labels: Mapping[str, str],
) -> list[str]:
    """What a workload with these labels lists as its `authorizationPolicies`: policies with a selector that takes it,
    by name, then what stands for PeerAuthentications. `levels` are those of its namespace."""
    selecting = (
        each.key
        for each in policies
        if each.selects
        and authorization(each, root).policy is not None
        and each.namespace in (root, namespace)
        and each.policy.selector.items() <= labels.items()
    )
    return [*sorted(selecting), *_of_peer_authentications(levels, root, labels)]


def http_fields(rule: Rule) -> tuple[str, ...]:
    """The fields of a rule that a ztunnel cannot look at, as istiod names them."""
    found: list[str] = []
    for each in (one for fields in (*rule.sources, *rule.operations) for one in fields):
        if each.attribute in _HTTP:
            found += [each.field] if each.values else []
            found += [negated(each.field)] if each.not_values else []
    found += [each.field for each in rule.conditions if each.attribute not in _L4]
    return tuple(dict.fromkeys(found))


def clauses(rule: Rule, namespace: str) -> list[list[Raw]]:
    """What is left of a rule: its operations, its sources and each `when`, as alternatives. An alternative of which
    nothing is left matches nothing."""
    written = [[_match(each, namespace) for each in some] for some in _alternatives(rule)]
    return written + [[_match((each,), namespace)] for each in rule.conditions]


def is_alive(rule: Sequence[Sequence[Raw]]) -> bool:
    """Whether a rule for ztunnels can match: an alternative without fields matches nothing."""
    return all(not clause or any(any(match.values()) for match in clause) for clause in rule)


def _alternatives(rule: Rule) -> Iterator[tuple[tuple[Requirement, ...], ...]]:
    if rule.operations:
        yield rule.operations
    if rule.sources:
        yield rule.sources


_HTTP = frozenset((":authority", ":method", ":path", "remote.ip", "request.auth.principal"))
"""What makes a source or an operation one of HTTP. Trust domains are not among them: they go without a word."""
_L4: Mapping[str, str] = {
    "source.namespace": "namespaces",
    "source.principal": "principals",
    "source.ip": "sourceIps",
    "destination.port": "destinationPorts",
    "destination.ip": "destinationIps",
}
"""The attributes of a `when` that ztunnels know, by their field in a dump."""


def _match(requirements: Iterable[Requirement], namespace: str) -> Raw:
    found: dict[str, list[Any]] = {}
    for each in requirements:
        field = _L4.get(each.attribute)
        if each.attribute == "source.serviceAccount" and each.field == "serviceAccounts":
            field = "serviceAccounts"
        if field is None:
            continue
        for name, values in ((field, each.values), (negated(field), each.not_values)):
            read = list(_READERS[field](values, namespace))
            if read:
                found[name] = read
    return found


def _strings(values: Iterable[str], _: str) -> Iterator[Any]:
    for value in values:
        if value == "*":
            yield _PRESENT
        elif value.startswith("*"):
            yield {"Suffix": value[1:]}
        elif value.endswith("*"):
            yield {"Prefix": value[:-1]}
        else:
            yield {"Exact": value}


def _accounts(values: Iterable[str], namespace: str) -> Iterator[Any]:
    for value in values:
        where, account = matching.account_of(value, namespace)
        yield {"namespace": where, "serviceAccount": account}


def _ports(values: Iterable[str], _: str) -> Iterator[Any]:
    yield from _read(values, matching.port)


def _addresses(values: Iterable[str], _: str) -> Iterator[Any]:
    yield from _read(values, lambda value: str(matching.interface(value)))


def _read(values: Iterable[str], read: Callable[[str], Any]) -> Iterator[Any]:
    """What cannot be read is dropped without a word."""
    for value in values:
        try:
            yield read(value)
        except ValueError:
            continue


_READERS: Mapping[str, Callable[[Iterable[str], str], Iterator[Any]]] = {
    "namespaces": _strings,
    "principals": _strings,
    "serviceAccounts": _accounts,
    "sourceIps": _addresses,
    "destinationIps": _addresses,
    "destinationPorts": _ports,
}


def _scope(policy: Authorization, root: str) -> str:
    if policy.selects:
        return "WorkloadSelector"
    return "Global" if policy.namespace == root else "Namespace"


def _refused(message: str) -> Converted:
    acceptance = Acceptance("ZtunnelAccepted", False, "UnsupportedValue", message)
    return Converted(None, acceptance=acceptance)


def _accepted(action: str, dropped: Sequence[str], converted: Raw) -> Acceptance:
    if not dropped:
        return Acceptance("ZtunnelAccepted", True, "Accepted", "attached to ztunnel")
    what = "Within an ALLOW policy, rules matching HTTP attributes are omitted."
    so = "This will be more restrictive than requested."
    if action == "DENY":
        what = "DENY policy with HTTP attributes is enforced without the HTTP rules."
        if not any(map(is_alive, converted["rules"])):
            what = (
                "After omitting unsupported HTTP attributes, this DENY policy has no enforceable"
                " rules at ztunnel and will have no effect."
            )
            so = "Deploy a waypoint proxy and use a targetRef to enforce this policy."
    message = (
        f"ztunnel does not support HTTP attributes (found: {', '.join(dropped)}). In ambient mode"
        f" you must use a waypoint proxy to enforce HTTP rules. {what} {so}"
    )
    return Acceptance("ZtunnelAccepted", True, "UnsupportedValue", message)


_OPEN = (Mode.PERMISSIVE, Mode.DISABLE)


def _is_port(written: str) -> bool:
    return bool([*_read((written,), matching.port)])


def _inherited(levels: InForce) -> Mode:
    """The mode of namespace or mesh; UNSET where neither says any."""
    for level in (levels.namespace, levels.mesh):
        if level and level[0].mode is not Mode.UNSET:
            return level[0].mode
    return Mode.UNSET


def _strict_by_mesh(levels: InForce) -> bool:
    """istiod leaves out a rule for a STRICT port where the mesh is STRICT and the namespace says nothing, whatever the
    workload says itself."""
    unset = not levels.namespace or levels.namespace[0].mode is Mode.UNSET
    return unset and bool(levels.mesh) and levels.mesh[0].mode is Mode.STRICT


def _may_be_strict(policy: PeerAuthentication, levels: InForce) -> bool:
    """istiod looks at the nearest level that has an object, even where that leaves the mode open."""
    nearest = levels.namespace or levels.mesh
    return policy.mode is Mode.UNSET and bool(nearest) and nearest[0].mode is Mode.STRICT


def _of_peer_authentications(
    levels: InForce, root: str, labels: Mapping[str, str]
) -> Iterator[str]:
    strict = _inherited(levels) is Mode.STRICT
    own = next(
        (each for each in levels.workloads if (each.selector or {}).items() <= labels.items()), None
    )
    by_port = False
    if own is not None:
        if own.mode is not Mode.UNSET:
            strict = own.mode is Mode.STRICT
        modes = set(own.ports.values())
        if not strict:
            by_port = Mode.STRICT in modes
        elif own.mode is Mode.STRICT:
            by_port = bool(modes & {*_OPEN})
        else:
            by_port = Mode.PERMISSIVE in modes
    if strict and not by_port:
        yield f"{root}/{STRICT}"
    if own is not None and by_port:
        yield f"{own.namespace}/converted_peer_authentication_{own.name}"

"""Policies: AuthorizationPolicies, where each is enforced, and what istiod says of that (rules of istio-ambient.md, 7.2
and 2.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh import authorization_rules, raw, ztunnel_rules
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, GATEWAY_API
from meshtui.mesh.raw import Condition, Raw, conditions, entries, strings, table, text
from meshtui.mesh.snapshot import Ref, Snapshot

DRY_RUN = "istio.io/dry-run"


class Target(NamedTuple):
    """What a `targetRef` names."""

    kind: str
    namespace: str
    """"" for an object of the cluster."""
    name: str


class Policy(Struct, frozen=True, eq=False):
    """One AuthorizationPolicy. Compared by identity."""

    ref: Ref
    action: str
    """ "ALLOW", "DENY", "CUSTOM" or "AUDIT"."""
    selector: Mapping[str, str]
    """The labels of the pods it is for; empty where it is for all of its namespace, or has targets."""
    targets: tuple[Target, ...]
    accepted: Condition | None
    """What istiod wrote of its place: ZtunnelAccepted, or with targets WaypointAccepted."""
    l7: bool
    """A ztunnel cannot enforce all of it: a rule is about HTTP, or its action is CUSTOM or AUDIT."""

    @property
    def verdict(self) -> Verdict:
        """How it is enforced, by its condition, whose status alone does not tell: `True` with a reason other than
        "Accepted" is a policy of which a part is left out."""
        said = self.accepted
        if said is None:
            return Verdict(Health.UNKNOWN, "istiod has not said whether it is in force")
        words = f"{said.reason}: {said.message}" if said.message else said.reason
        if said.status != "True":
            return Verdict(Health.BAD, f"not in force: {words}")
        return Verdict(Health.OK if said.reason == "Accepted" else Health.WARN, words)


class Policies(Struct, frozen=True, eq=False):
    """All policies by what they are for. Compared by identity."""

    of_target: Mapping[Target, tuple[Policy, ...]]
    """Enforced by the waypoint of the target, and nowhere without one."""
    of_pods: Mapping[str, tuple[Policy, ...]]
    """Enforced by the ztunnels of the pods that they select, by namespace, with those of the root namespace, which are
    for all."""
    root: str

    def for_pods(self, namespace: str) -> tuple[Policy, ...]:
        """Those that may be for pods of a namespace: its own and the mesh's."""
        return self.of_pods.get(namespace) or self.of_pods.get(self.root, ())

    def for_waypoint(self, namespace: str, name: str, class_name: str) -> tuple[Policy, ...]:
        """Those for all traffic through a waypoint."""
        return (
            *self.of_target.get(Target("Gateway", namespace, name), ()),
            *self.of_target.get(Target("GatewayClass", "", class_name), ()),
        )


def of(snapshot: Snapshot, root: str) -> Policies:
    """All policies of a snapshot. `root` is the namespace whose policies are for the whole mesh."""
    return snapshot.once(_policies, root, *snapshot.each(AUTHORIZATION_POLICY, read))


def every(snapshot: Snapshot) -> Iterable[Policy]:
    """Each policy by itself, in the order of the snapshot's."""
    return snapshot.each(AUTHORIZATION_POLICY, read)


def selecting(policies: Iterable[Policy], labels: Sequence[Mapping[str, str]]) -> Iterator[Policy]:
    """Of policies for pods, those that select at least one pod with such labels."""
    for each in policies:
        if any(each.selector.items() <= own.items() for own in labels):
            yield each


def targets(it: Raw) -> tuple[Target, ...]:
    """What any object of Istio's names in `targetRefs`, or in the older `targetRef`."""
    spec = table(it, "spec")
    named = entries(spec, "targetRefs") or [*filter(None, [table(spec, "targetRef")])]
    return tuple(_target(each, raw.namespace(it)) for each in named)


def dry_run(it: Raw) -> bool:
    """Whether an AuthorizationPolicy is only to be tried."""
    return raw.annotation(it, DRY_RUN) in ("1", "t", "T", "true", "TRUE", "True")


def _policies(root: str, *every: Policy) -> Policies:
    of_target: dict[Target, list[Policy]] = {}
    of_pods: dict[str, list[Policy]] = {}
    for each in sorted(every, key=lambda each: each.ref.key):
        for target in each.targets:
            if target.kind != "GatewayClass" or each.ref.namespace == root:
                of_target.setdefault(target, []).append(each)
        if not each.targets:
            of_pods.setdefault(each.ref.namespace, []).append(each)
    return Policies(
        {target: tuple(found) for target, found in of_target.items()},
        {
            namespace: tuple(found) if namespace == root else (*of_pods.get(root, ()), *found)
            for namespace, found in of_pods.items()
        },
        root,
    )


_GROUPS = {
    "Service": ("", "core"),
    "ServiceEntry": ("networking.istio.io",),
    "Gateway": (GATEWAY_API,),
    "GatewayClass": (GATEWAY_API,),
}


def read(it: Raw) -> Policy:
    """One policy. Never raises."""
    spec, named = table(it, "spec"), targets(it)
    said = conditions(it)
    action = text(spec, "action") or "ALLOW"
    unseen = map(ztunnel_rules.http_attributes, authorization_rules.of(it))
    return Policy(
        ref=Ref(AUTHORIZATION_POLICY, raw.namespace(it), raw.name(it)),
        action=action,
        selector=strings(spec, "selector", "matchLabels"),
        targets=named,
        accepted=said.get("WaypointAccepted" if named else "ZtunnelAccepted"),
        l7=action not in ("ALLOW", "DENY") or any(unseen),
    )


def _target(it: Raw, namespace: str) -> Target:
    """A target in another namespace is never found, and neither is a kind that has no waypoint: no object matches."""
    kind = text(it, "kind")
    elsewhere = text(it, "namespace") not in ("", namespace)
    if elsewhere or text(it, "group") not in _GROUPS.get(kind, ()):
        return Target("", namespace, text(it, "name"))
    return Target(kind, "" if kind == "GatewayClass" else namespace, text(it, "name"))

"""Authorization policies: rules that nobody enforces, or that come to something else than is written (doctor-rules.md,
D5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from meshtui.mesh import (
    attachments,
    components,
    meshconfig,
    pods,
    policies,
    raw,
    workloads,
    ztunnel_rules,
)
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import SHOWN, crowd, enrolled_in, older, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity, Unsure
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    DEPLOYMENT,
    GATEWAY,
    GATEWAY_CLASS,
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    STATEFULSET,
    Kind,
)
from meshtui.mesh.pods import Pod
from meshtui.mesh.policies import Policy, Target
from meshtui.mesh.raw import Raw, annotation, strings
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.waypoints import Binding
from meshtui.mesh.ztunnel_rules import Attribute

NEEDS = (Scope(AUTHORIZATION_POLICY), meshconfig.SCOPE, *capture.NEEDS)

AT_ZTUNNEL = Rule(
    "AMB-028",
    "a policy has L7 rules, and only a ztunnel enforces it",
    Severity.CRITICAL,
    why="A ztunnel leaves out what it cannot read: an ALLOW refuses more, a DENY may refuse nothing.",
    remedy="attach it by targetRefs to the Service or its waypoint",
    link="docs/ambient/usage/l7-features/",
)
NOWHERE = Rule(
    "AMB-029",
    "a policy is attached to nothing that enforces it",
    Severity.HIGH,
    why="What it refuses gets through.",
    remedy="bind a waypoint to what it targets, or correct the reference",
    link="docs/ambient/usage/l7-features/",
)
ACTION = Rule(
    "AMB-030",
    "a policy asks a ztunnel for something that it does not do",
    Severity.MEDIUM,
    why="The policy is not sent to any ztunnel.",
    remedy="attach it by targetRefs to a waypoint, or use ALLOW or DENY",
    link="docs/ambient/usage/l4-policy/",
)


def at_ztunnel(snapshot: Snapshot) -> Findings:
    root = workloads.root_namespace(snapshot)
    for policy, parts in _with_parts(snapshot):
        if policy.targets or not parts or policy.action not in ("ALLOW", "DENY"):
            continue
        selected = _selected(snapshot, policy, root)
        it = snapshot.find(AUTHORIZATION_POLICY, policy.ref.namespace, policy.ref.name)
        if not selected or it is None:
            continue
        what = ztunnel_rules.effect(it, policy.action)
        says = (
            f"{policy.action} {policy.ref.key} is for {crowd(selected)}, at their ztunnels: {what}"
        )
        evidence = [seen(policy.ref, part.field, part.value) for part in parts[:SHOWN]]
        yield Found(AT_ZTUNNEL, (policy.ref,), says, (*evidence, *_condition(policy)))


def _with_parts(snapshot: Snapshot) -> Iterator[tuple[Policy, Sequence[Attribute]]]:
    parts = snapshot.each(AUTHORIZATION_POLICY, ztunnel_rules.unseen)
    return zip(policies.every(snapshot), parts, strict=True)


def _selected(snapshot: Snapshot, policy: Policy, root: str) -> Sequence[Pod]:
    """The pods in the mesh that a policy without targets is for."""
    every = enrolled_in(snapshot)
    if policy.ref.namespace == root:
        among: Iterable[Pod] = (pod for pods in every.values() for pod in pods)
    else:
        among = every.get(policy.ref.namespace, ())
    return [pod for pod in among if policy.selector.items() <= pod.labels.items()]


def _condition(policy: Policy) -> Iterator[Evidence]:
    said = policy.accepted
    if said is not None:
        words = f"{said.status} ({said.reason}: {said.message})"
        yield seen(policy.ref, f"status.conditions[{said.type}]", words, said.since)


def nowhere(snapshot: Snapshot) -> Findings:
    root = workloads.root_namespace(snapshot)
    takes = _Takes(snapshot, root)
    for policy in policies.every(snapshot):
        if policy.targets:
            yield from _at_targets(snapshot, policy)
        elif policy.selector and not takes.any(policy):
            yield from _of_nobody(snapshot, policy, policy.ref.namespace == root)


class _Takes:
    """Whether policies select any pod, looked up once for all of them."""

    def __init__(self, snapshot: Snapshot, root: str) -> None:
        self._held = snapshot.memo.grouped(
            "selected by policies", pods.of(snapshot), attrgetter("namespace")
        )
        own = {
            each.ref.key: each for each in policies.every(snapshot) if each.ref.namespace != root
        }
        found = snapshot.memo.each(
            "policies that take pods",
            own,
            _takes,
            lambda it: (self._held.get(it.ref.namespace, ()),),
        )
        self._known = dict(zip(own, found, strict=True))

    def any(self, policy: Policy) -> bool:
        """Those of the root namespace select pods anywhere."""
        known = self._known.get(policy.ref.key)
        return any(_takes(policy, each) for each in self._held.values()) if known is None else known


def _takes(policy: Policy, among: Iterable[Pod]) -> bool:
    return any(policy.selector.items() <= pod.labels.items() for pod in among)


def _at_targets(snapshot: Snapshot, policy: Policy) -> Iterator[Found | Unsure]:
    """As istiod says; where it says nothing, by what the targets are bound to."""
    it = snapshot.find(AUTHORIZATION_POLICY, policy.ref.namespace, policy.ref.name)
    said, called = policy.accepted, f"{policy.action} {policy.ref.key}"
    causes = tuple(
        (code, Ref(_KINDS[target.kind], target.namespace, target.name))
        for target in policy.targets
        if target.kind in _KINDS
        for code in ("AMB-019", "AMB-021", "AMB-023")
    )
    if said is not None:
        if said.status == "False" or said.reason == "PartiallyInvalid":
            where = "in part" if said.status == "True" else "nowhere"
            says = f"{called} is enforced {where}: {said.reason}: {said.message}"
            yield Found(NOWHERE, (policy.ref,), says, tuple(_condition(policy)), symptom_of=causes)
        return
    if it is None or _is_new(snapshot, it):
        return
    lost = [why for target in policy.targets if (why := _unbound(snapshot, target))]
    if lost:
        says = f"{called} is enforced nowhere: {'; '.join(lost)}"
        shown = (seen(policy.ref, "spec.targetRefs", "; ".join(lost)),)
        yield Found(NOWHERE, (policy.ref,), says, shown, symptom_of=causes)


_KINDS: Mapping[str, Kind] = {
    "Service": SERVICE,
    "ServiceEntry": SERVICE_ENTRY,
    "Gateway": GATEWAY,
    "GatewayClass": GATEWAY_CLASS,
}


def _unbound(snapshot: Snapshot, target: Target) -> str:
    """Why no waypoint enforces what is for a target; "" where one does, or that is not known."""
    kind = _KINDS.get(target.kind)
    if kind is None:
        return f"{target.name} is in another namespace, or of a kind that has no waypoint"
    called = f"{kind.title} {target.name}"
    if snapshot.find(kind, target.namespace, target.name) is None:
        return "" if snapshot.unread(kind, target.namespace or None) else f"there is no {called}"
    if kind in (GATEWAY, GATEWAY_CLASS):
        return ""
    waypoint = _bindings(snapshot).get((kind, f"{target.namespace}/{target.name}"))
    if waypoint is None:
        return "" if snapshot.unread(NAMESPACE) else f"{called} has no waypoint"
    return waypoint.reason if waypoint.bound is False else ""


def _bindings(snapshot: Snapshot) -> Mapping[tuple[Kind, str], Binding]:
    return {
        (each.kind, each.key): each.binding
        for found in attachments.of(snapshot).values()
        for each in found
        if each.kind in (SERVICE, SERVICE_ENTRY)
    }


def _is_new(snapshot: Snapshot, policy: Raw) -> bool:
    """Whether istiod may not have got to it; one that is not applied yet is judged as it would be."""
    created = raw.created(policy)
    return created is not None and not older(created, snapshot.now, 30)


def _of_nobody(snapshot: Snapshot, policy: Policy, everywhere: bool) -> Iterator[Found]:
    """A selector that takes no pod, and none that a workload scaled to nothing would have."""
    it = snapshot.find(AUTHORIZATION_POLICY, policy.ref.namespace, policy.ref.name)
    where = None if everywhere else policy.ref.namespace
    beside = any(where in (None, pod.namespace) for pod in pods.of(snapshot).values())
    unread = any(snapshot.unread(kind, where) for kind in (POD, DEPLOYMENT, STATEFULSET))
    if not beside or unread or it is None or _is_new(snapshot, it):
        return  # where there are no pods at all, they may be yet to come
    wanted = policy.selector.items()
    for kind in (DEPLOYMENT, STATEFULSET):
        for each in snapshot.raw(kind):
            labels = strings(each, "spec", "template", "metadata", "labels")
            here = everywhere or raw.namespace(each) == policy.ref.namespace
            if here and wanted <= labels.items():
                return
    written = ", ".join(f"{key}={value}" for key, value in policy.selector.items())
    says = f"{policy.action} {policy.ref.key} selects no pod: none has {written}"
    shown = (seen(policy.ref, "spec.selector.matchLabels", written),)
    yield Found(NOWHERE, (policy.ref,), says, shown, "correct its selector, or delete it")


def unsupported(snapshot: Snapshot) -> Findings:
    root = workloads.root_namespace(snapshot)
    tried = (
        components.environment(snapshot, "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY") == "true"
    )
    for it, policy in zip(
        snapshot.raw(AUTHORIZATION_POLICY), policies.every(snapshot), strict=True
    ):
        dry = annotation(it, "istio.io/dry-run") == "true"
        custom = policy.action in ("CUSTOM", "AUDIT")
        if policy.targets or not (custom or (dry and not tried)):
            continue
        selected = _selected(snapshot, policy, root)
        if not selected:
            continue
        why = f"action {policy.action}" if custom else "a dry run"
        says = f"{policy.ref.key} is for {crowd(selected)}, at their ztunnels, which know no {why.removeprefix('a ')}"
        field = "spec.action" if custom else "metadata.annotations[istio.io/dry-run]"
        shown = (seen(policy.ref, field, policy.action if custom else "true"), *_condition(policy))
        yield Found(ACTION, (policy.ref,), says, shown)


ANALYZERS = (
    Analyzer("L7 policies at ztunnels", (AT_ZTUNNEL,), NEEDS, at_ztunnel),
    Analyzer(
        "policies that nobody enforces",
        (NOWHERE,),
        (
            Scope(AUTHORIZATION_POLICY),
            meshconfig.SCOPE,
            *attachments.KINDS,
            DEPLOYMENT,
            STATEFULSET,
        ),
        nowhere,
    ),
    Analyzer(
        "policies that ztunnels do not know", (ACTION,), (*NEEDS, components.ISTIOD), unsupported
    ),
)

"""What istiod writes on BackendTLSPolicies: `status.ancestors`, one for each target, and for each Gateway that sends
there.

Rules and words are those of Istio's own cases of Gateway API status.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from meshtui.sim.behaviour.certificates import missing_root
from meshtui.sim.behaviour.classes import class_of
from meshtui.sim.behaviour.conditions import bad, good, stamped
from meshtui.sim.behaviour.references import GATEWAY_API, Problem, group_kind
from meshtui.sim.behaviour.routes import CONTROLLER, ROUTES, gateways_of
from meshtui.sim.kinds import (
    BACKEND_TLS_POLICY,
    CONFIGMAP,
    GATEWAY,
    SERVICE,
    SERVICE_ENTRY,
)
from meshtui.sim.objects import (
    Raw,
    annotation,
    mapping,
    mappings,
    name,
    namespace,
    text,
    uid,
)
from meshtui.sim.store import Key, Store

_MESH_CONTROLLER = "istio.io/mesh-controller"
_OURS = (CONTROLLER, _MESH_CONTROLLER)
_TARGETS = {("", "Service"): SERVICE, ("networking.istio.io", "ServiceEntry"): SERVICE_ENTRY}
_VALID = "Configuration is valid"
_IGNORE = "istio.io/ignore-policy-attachment"


@dataclass(frozen=True, slots=True)
class _Judged:
    """What comes of one targetRef."""

    reference: Raw
    conditions: list[Raw]
    gateways: list[Key]
    """Those whose routes send to it."""


def ancestors(store: Store, policy: Raw, stamp: str) -> list[Raw]:
    """The `status.ancestors` of a policy: what others wrote stays, what istiod says is new."""
    before = mappings(policy, "status", "ancestors")
    judged = [_judge(store, policy, each) for each in mappings(policy, "spec", "targetRefs")]
    said = [(_MESH_CONTROLLER, _ancestor(each.reference), each.conditions) for each in judged]
    for key in sorted({key for each in judged for key in each.gateways}):
        reference = {"group": GATEWAY_API, "kind": "Gateway", "name": key[1]}
        said.append((CONTROLLER, reference, judged[-1].conditions))
    found = [each for each in before if each.get("controllerName") not in _OURS]
    for controller, reference, conditions in said:
        same = {"ancestorRef": reference, "controllerName": controller}
        old = next((each for each in before if each | same == each), {})
        known = mappings(old, "conditions")
        found.append({**same, "conditions": stamped(policy, known, conditions, stamp)})
    return found


def _is_ignored(policy: Raw) -> bool:
    return annotation(policy, _IGNORE) == "true"


def _ancestor(reference: Raw) -> Raw:
    return {
        key: value
        for key in ("group", "kind", "name", "sectionName")
        if (value := reference.get(key)) is not None
    }


def _judge(store: Store, policy: Raw, reference: Raw) -> _Judged:
    if _is_ignored(policy):
        message = f"Ignored by Istio due to annotation {_IGNORE}=true"
        return _Judged(reference, [bad("Accepted", "IgnoredByIstio", message)], [])
    accepted = good("Accepted", "Accepted", _VALID)
    resolved = good("ResolvedRefs", "ResolvedRefs", _VALID)
    if problem := _root_problem(store, policy):
        resolution, why = problem
        accepted = bad("Accepted", "NoValidCACertificate", f"Certificate reference invalid: {why}")
        resolved = bad("ResolvedRefs", *resolution)
    missing = _target_problem(store, policy, reference)
    if missing:
        accepted = bad("Accepted", "TargetNotFound", f"targetRefs invalid: {missing}")
    elif first := _first(store, policy, reference):
        other = f'Conflicts with BackendTLSPolicy "{name(first)}" targeting the same backend'
        accepted = bad("Accepted", "Conflicted", other)
    key = namespace(policy), text(reference, "name")
    gateways = [] if missing else list(_gateways_to(store, key))
    return _Judged(reference, [accepted, resolved], gateways)


def _root_problem(store: Store, policy: Raw) -> tuple[Problem, str] | None:
    """What ResolvedRefs says of the certificate authority that is named, and why it cannot be used."""
    references = mappings(policy, "spec", "validation", "caCertificateRefs")
    if not references:
        return None
    kind, title = text(references[0], "kind"), text(references[0], "name")
    if group_kind(references[0], "", "") != ("", "ConfigMap"):
        why = f"unsupported kind {kind}"
        return ("InvalidKind", f"Certificate reference not supported: {why}"), why
    found = store.get(CONFIGMAP, namespace(policy), title)
    if found is None:
        why = f"reference {namespace(policy)}/{title} (of kind {kind}) not found"
        return ("InvalidCACertificateRef", f"Certificate reference not found: {why}"), why
    if why := missing_root(mapping(found, "data")):
        return ("InvalidCACertificateRef", f"Certificate invalid: {why}"), why
    return None


def _target_problem(store: Store, policy: Raw, reference: Raw) -> str:
    """Why a target cannot be found; empty where it can."""
    of = group_kind(reference, "", "Service")
    if of not in _TARGETS:
        return f"unsupported kind {of[1]}"
    space, title = namespace(policy), text(reference, "name")
    found = store.get(_TARGETS[of], space, title)
    if found is None:
        return f"reference {space}/{title} (of kind {of[1]}) not found"
    section = text(reference, "sectionName")
    ports = [text(each, "name") for each in mappings(found, "spec", "ports")]
    if section and section not in ports:
        return f'sectionName "{section}" does not exist in {of[1]} {space}/{title}'
    return ""


def _first(store: Store, policy: Raw, reference: Raw) -> Raw | None:
    """The policy that has the same target and comes before: the oldest, then by name."""
    rivals = [
        each
        for each in store.list(BACKEND_TLS_POLICY, namespace(policy))
        if not _is_ignored(each)
        and any(_same(each, reference) for each in mappings(each, "spec", "targetRefs"))
    ]
    first = min(rivals, key=_age, default=policy)
    return first if uid(first) != uid(policy) else None


def _same(one: Raw, other: Raw) -> bool:
    return _ancestor(one) == _ancestor(other)


def _age(policy: Raw) -> tuple[str, str]:
    return text(policy, "metadata", "creationTimestamp"), name(policy)


def _gateways_to(store: Store, target: Key) -> Iterator[Key]:
    """The Gateways of Istio's that routes with this backend name."""
    for kind in ROUTES:
        for route in store.list(kind):
            if target in _backends(route):
                yield from (key for key in gateways_of(route) if _is_istios(store, key))


def _backends(route: Raw) -> Iterable[Key]:
    for rule in mappings(route, "spec", "rules"):
        for each in mappings(rule, "backendRefs"):
            yield text(each, "namespace") or namespace(route), text(each, "name")


def _is_istios(store: Store, key: Key) -> bool:
    gateway = store.get(GATEWAY, *key)
    return gateway is not None and class_of(store, gateway) is not None

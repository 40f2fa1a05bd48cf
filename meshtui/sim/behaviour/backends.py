"""What istiod writes on what is attached to backends: BackendTLSPolicies, and of the experimental kinds of Gateway API
XBackends and XBackendTrafficPolicies. It says it once for each target, and for each Gateway that sends there.

Rules and words are those of Istio's own cases of Gateway API status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meshtui.sim.behaviour.certificates import missing_root
from meshtui.sim.behaviour.classes import class_of
from meshtui.sim.behaviour.conditions import (
    CONTROLLER,
    MESH_CONTROLLER,
    Said,
    bad,
    entries,
    good,
)
from meshtui.sim.behaviour.references import (
    GATEWAY_API,
    XBACKEND,
    Problem,
    group_kind,
    key_of_reference,
)
from meshtui.sim.behaviour.routes import ROUTES, gateways_of
from meshtui.sim.kinds import (
    BACKEND_TLS_POLICY,
    CONFIGMAP,
    GATEWAY,
    SERVICE,
    SERVICE_ENTRY,
    Kind,
)
from meshtui.sim.objects import Raw, annotation, mapping, mappings, name, namespace, text, uid
from meshtui.sim.store import Key, Store

_SERVICES: Mapping[tuple[str, str], Kind] = {("", "Service"): SERVICE}
_HOSTS = {**_SERVICES, ("networking.istio.io", "ServiceEntry"): SERVICE_ENTRY}
_VALID = "Configuration is valid"
_IGNORE = "istio.io/ignore-policy-attachment"
_RESOLVED = good("ResolvedRefs", "ResolvedRefs", _VALID)


def tls_ancestors(store: Store, policy: Raw, stamp: str) -> list[Raw]:
    """The `status.ancestors` of a BackendTLSPolicy."""
    said, gateways = [], set[Key]()
    for reference in mappings(policy, "spec", "targetRefs"):
        conditions = _tls_conditions(store, policy, reference)
        said.append(Said(MESH_CONTROLLER, _ancestor(reference), conditions))
        if not _is_ignored(policy) and not _missing(store, policy, reference, _HOSTS):
            kind = group_kind(reference, "", "Service")
            gateways |= set(_gateways_to(store, kind, key_of_reference(policy, reference)))
    for key in sorted(gateways):
        reference = {"group": GATEWAY_API, "kind": "Gateway", "name": key[1]}
        said.append(Said(CONTROLLER, reference, said[-1].conditions))
    return entries(policy, "ancestor", said, stamp)


def traffic_ancestors(store: Store, policy: Raw, stamp: str) -> list[Raw]:
    """The `status.ancestors` of an XBackendTrafficPolicy."""
    said = []
    for reference in mappings(policy, "spec", "targetRefs"):
        accepted = good("Accepted", "Accepted", _VALID)
        if "sessionPersistence" in mapping(policy, "spec"):
            unsupported = "but Istio does not support the following fields: sessionPersistence"
            accepted = good("Accepted", "Accepted", f"{_VALID}, {unsupported}")
        if missing := _missing(store, policy, reference, _SERVICES):
            accepted = bad("Accepted", "TargetNotFound", f"targetRefs invalid: {missing}")
        if _is_ignored(policy):
            accepted = _ignored()
        said.append(Said(MESH_CONTROLLER, _ancestor(reference), [accepted]))
    return entries(policy, "ancestor", said, stamp)


def backend_parents(store: Store, backend: Raw, stamp: str) -> list[Raw]:
    """The `status.parents` of an XBackend."""
    validation = mapping(backend, "spec", "tls", "validation")
    conditions = _root_conditions(store, backend, validation)
    if text(backend, "spec", "tls", "mode") == "ClientAndServer":
        unsupported = "Istio does not support client certificates on backend"
        message = f"unsupported ClientAndServer TLS mode: {unsupported}"
        conditions[0] = bad("Accepted", "Invalid", message)
    kind = XBACKEND.group, XBACKEND.name
    own = {"group": kind[0], "kind": kind[1], "name": name(backend)}
    said = [Said(MESH_CONTROLLER, own, conditions)]
    for key in sorted(set(_gateways_to(store, kind, (namespace(backend), name(backend))))):
        gateway = {"group": GATEWAY_API, "kind": "Gateway", "namespace": key[0], "name": key[1]}
        said.append(Said(CONTROLLER, gateway, conditions))
    return entries(backend, "parent", said, stamp)


def _tls_conditions(store: Store, policy: Raw, reference: Raw) -> list[Raw]:
    if _is_ignored(policy):
        return [_ignored()]
    conditions = _root_conditions(store, policy, mapping(policy, "spec", "validation"))
    if missing := _missing(store, policy, reference, _HOSTS):
        conditions[0] = bad("Accepted", "TargetNotFound", f"targetRefs invalid: {missing}")
    elif first := _first(store, policy, reference):
        other = f'Conflicts with BackendTLSPolicy "{name(first)}" targeting the same backend'
        conditions[0] = bad("Accepted", "Conflicted", other)
    return conditions


def _root_conditions(store: Store, obj: Raw, validation: Raw) -> list[Raw]:
    """Accepted and ResolvedRefs, by whether the certificate authority is there that is named first."""
    references = mappings(validation, "caCertificateRefs")
    problem = _root_problem(store, obj, references[0]) if references else None
    if problem is None:
        return [good("Accepted", "Accepted", _VALID), _RESOLVED]
    resolution, why = problem
    message = f"Certificate reference invalid: {why}"
    return [bad("Accepted", "NoValidCACertificate", message), bad("ResolvedRefs", *resolution)]


def _root_problem(store: Store, obj: Raw, reference: Raw) -> tuple[Problem, str] | None:
    """What ResolvedRefs says of a certificate authority, and why it cannot be used."""
    kind, title = text(reference, "kind"), text(reference, "name")
    if group_kind(reference, "", "") != ("", "ConfigMap"):
        why = f"unsupported kind {kind}"
        return ("InvalidKind", f"Certificate reference not supported: {why}"), why
    found = store.get(CONFIGMAP, namespace(obj), title)
    if found is None:
        why = f"reference {namespace(obj)}/{title} (of kind {kind}) not found"
        return ("InvalidCACertificateRef", f"Certificate reference not found: {why}"), why
    if why := missing_root(mapping(found, "data")):
        return ("InvalidCACertificateRef", f"Certificate invalid: {why}"), why
    return None


def _is_ignored(policy: Raw) -> bool:
    return annotation(policy, _IGNORE) == "true"


def _ignored() -> Raw:
    message = f"Ignored by Istio due to annotation {_IGNORE}=true"
    return bad("Accepted", "IgnoredByIstio", message)


def _ancestor(reference: Raw) -> Raw:
    fields = ("group", "kind", "name", "sectionName")
    return {key: value for key in fields if (value := reference.get(key)) is not None}


def _missing(
    store: Store, policy: Raw, reference: Raw, kinds: Mapping[tuple[str, str], Kind]
) -> str:
    """Why a target cannot be found; empty where it can."""
    of = group_kind(reference, "", "Service")
    if of not in kinds:
        return f"unsupported kind {of[1]}"
    space, title = namespace(policy), text(reference, "name")
    found = store.get(kinds[of], space, title)
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
        and _ancestor(reference) in map(_ancestor, mappings(each, "spec", "targetRefs"))
    ]
    first = min(rivals, key=_age, default=policy)
    return first if uid(first) != uid(policy) else None


def _age(policy: Raw) -> tuple[str, str]:
    return text(policy, "metadata", "creationTimestamp"), name(policy)


def _gateways_to(store: Store, kind: tuple[str, str], key: Key) -> Iterator[Key]:
    """The Gateways of Istio's that routes with this backend name."""
    for route in (route for each in ROUTES for route in store.list(each)):
        for backend in _backends(route):
            is_it = group_kind(backend, "", "Service") == kind
            if is_it and key_of_reference(route, backend) == key:
                yield from (each for each in gateways_of(route) if _is_istios(store, each))


def _backends(route: Raw) -> Iterator[Raw]:
    for rule in mappings(route, "spec", "rules"):
        yield from mappings(rule, "backendRefs")


def _is_istios(store: Store, key: Key) -> bool:
    gateway = store.get(GATEWAY, *key)
    return gateway is not None and class_of(store, gateway) is not None

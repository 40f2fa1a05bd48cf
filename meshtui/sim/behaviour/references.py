"""References from one object of the Gateway API to another: whether they are allowed, and to what they lead."""

from __future__ import annotations

import hashlib

from meshtui.sim.kinds import REFERENCE_GRANT, SERVICE, SERVICE_ENTRY, Kind
from meshtui.sim.objects import Raw, at, mappings, namespace, sequence, text
from meshtui.sim.store import Key, Store

GATEWAY_API = "gateway.networking.k8s.io"
DOMAIN = "svc.cluster.local"
_EXPERIMENTAL = "gateway.networking.x-k8s.io"
XBACKEND = Kind(_EXPERIMENTAL, "xbackends", "XBackend", ("v1alpha1",), status=True)
XBACKEND_TRAFFIC_POLICY = Kind(
    _EXPERIMENTAL,
    "xbackendtrafficpolicies",
    "XBackendTrafficPolicy",
    ("v1alpha1",),
    status=True,
)
INFERENCE_POOL = Kind("inference.networking.k8s.io", "inferencepools", "InferencePool")
_OPTIONAL = {(each.group, each.name): each for each in (XBACKEND, INFERENCE_POOL)}
"""Backends that the built-in cluster has once someone has installed their definitions."""

Problem = tuple[str, str]
"""A reason and a message."""


def group_kind(reference: Raw, group: str, kind: str) -> tuple[str, str]:
    """What kind a reference names; the defaults where it does not say. Kubernetes' core group is empty."""
    named, of = reference.get("group"), reference.get("kind")
    known = named if isinstance(named, str) else group
    return "" if known == "core" else known, of if isinstance(of, str) else kind


def key_of_reference(obj: Raw, reference: Raw) -> Key:
    """Namespace and name of what an object refers to."""
    return text(reference, "namespace") or namespace(obj), text(reference, "name")


def place(obj: Raw, reference: Raw) -> tuple[object, ...]:
    """What a reference to a parent means, whatever of it is left to defaults."""
    section, port = text(reference, "sectionName"), str(reference.get("port") or "")
    kind = group_kind(reference, GATEWAY_API, "Gateway")
    return kind, key_of_reference(obj, reference), section, port


def granted(store: Store, by: Raw, to: tuple[str, str], space: str, title: str) -> bool:
    """Whether a ReferenceGrant lets an object refer to something, of a group and kind, in another namespace."""
    return any(
        any(
            text(each, "kind") == text(by, "kind") and text(each, "namespace") == namespace(by)
            for each in mappings(grant, "spec", "from")
        )
        and any(
            (text(each, "group"), text(each, "kind")) == to and text(each, "name") in ("", title)
            for each in mappings(grant, "spec", "to")
        )
        for grant in store.list(REFERENCE_GRANT, space)
    )


def backend_problem(store: Store, route: Raw, backend: Raw, *, grants: bool) -> Problem | None:
    """Why a route's backend cannot be used. `grants`: whether one in another namespace needs a ReferenceGrant."""
    of = group, kind = group_kind(backend, "", "Service")
    space, title = text(backend, "namespace") or namespace(route), text(backend, "name")
    if grants and space != namespace(route) and not granted(store, route, of, space, title):
        message = (
            f"backendRef {title}/{space} not accessible to a {text(route, 'kind')} in namespace "
            f'"{namespace(route)}" (missing a ReferenceGrant?)'
        )
        return "RefNotPermitted", message
    match of:
        case ("", "Service") if "." in title:
            message = "the name of the Service must be used, not the hostname."
            return "InvalidDestination", f"service name invalid; {message}"
        case ("networking.istio.io", "Hostname") if text(backend, "namespace"):
            return "InvalidDestination", "namespace may not be set with Hostname type"
        case ("networking.istio.io", "Hostname"):
            problem = None if _hosted(store, space, title) else _missing(title)
        case ("", "Service") | ("multicluster.x-k8s.io", "ServiceImport"):
            is_there = store.get(SERVICE, space, title) is not None
            problem = None if is_there else _missing(f"{title}.{space}.{DOMAIN}")
        case _ if (optional := _OPTIONAL.get(of)) in store.kinds:
            return _optional_problem(store, optional, space, backend)
        case _:
            return (
                "InvalidKind",
                f'referencing unsupported backendRef: group "{group}" kind "{kind}"',
            )
    if backend.get("port") is None:
        return "InvalidDestination", "port is required in backendRef"
    return problem


def _missing(host: str) -> Problem:
    return "BackendNotFound", f"backend({host}) not found"


def _hosted(store: Store, space: str, host: str) -> bool:
    """Whether a Service or ServiceEntry of a namespace has this hostname."""
    title, _, rest = host.partition(".")
    if rest == f"{space}.{DOMAIN}" and store.get(SERVICE, space, title):
        return True
    return any(host in sequence(each, "spec", "hosts") for each in store.list(SERVICE_ENTRY, space))


def _optional_problem(store: Store, kind: Kind, space: str, backend: Raw) -> Problem | None:
    title, port = text(backend, "name"), backend.get("port")
    found = store.get(kind, space, title)
    if found is None:
        return _missing(title)
    if kind == INFERENCE_POOL:
        # istiod makes a Service of its own for a pool, and sends there
        derived = f"{title}-ip-{hashlib.sha256(title.encode()).hexdigest()[:8]}"
        is_there = store.get(SERVICE, space, derived) is not None
        return None if is_there else _missing(f"{derived}.{space}.{DOMAIN}")
    if port not in (None, expected := at(found, "spec", "port", "port")):
        message = f"backend({title}) does not expose port {port}, expected {expected}"
        return "BackendNotFound", message
    return None

"""What istiod writes on GatewayClasses and Gateways.

Reasons and messages are the recorded ones (tests/data/recordings/shop).
"""

from __future__ import annotations

from collections.abc import Sequence

from meshtui.sim.behaviour.proxies import CLASSES, class_of, title
from meshtui.sim.behaviour.routes import attached, granted, route_kinds
from meshtui.sim.kinds import ENDPOINT_SLICE, SECRET, SERVICE
from meshtui.sim.objects import (
    Raw,
    labels,
    mapping,
    mappings,
    merged,
    namespace,
    text,
)
from meshtui.sim.store import Store

_CERTIFICATE_KINDS = (("", "Secret"), ("core", "Secret"))


def gateway_class(class_name: str) -> Raw:
    """A GatewayClass as istiod makes it at its start."""
    of_class = CLASSES[class_name]
    return {
        "metadata": {"name": class_name},
        "spec": {"controllerName": of_class.controller, "description": of_class.description},
    }


def class_status(gateway_class: Raw, stamp: str) -> Raw:
    condition = {
        "type": "Accepted",
        "status": "True",
        "reason": "Accepted",
        "message": "Handled by Istio controller",
        "observedGeneration": mapping(gateway_class, "metadata").get("generation") or 1,
    }
    return {
        "conditions": merged(mappings(gateway_class, "status", "conditions"), [condition], stamp)
    }


def status(store: Store, gateway: Raw, routes: list[Raw], stamp: str) -> Raw:
    """The whole status of a Gateway, given the routes that name it."""
    listeners = [
        _listener(store, gateway, each, routes, stamp)
        for each in mappings(gateway, "spec", "listeners")
    ]
    programmed, addresses = _programmed(store, gateway)
    conditions = [
        _accepted(listeners),
        programmed,
        _good("ResolvedRefs", "ResolvedRefs", "All references resolved"),
    ]
    result = {
        "conditions": _stamped(
            gateway, mappings(gateway, "status", "conditions"), conditions, stamp
        ),
        "listeners": listeners,
    }
    return {"addresses": addresses, **result} if addresses else result


def secrets_of(gateway: Raw) -> list[tuple[str, str]]:
    """The Secrets that its listeners name."""
    return [
        (text(reference, "namespace") or namespace(gateway), text(reference, "name"))
        for listener in mappings(gateway, "spec", "listeners")
        for reference in mappings(listener, "tls", "certificateRefs")
    ]


def _accepted(listeners: Sequence[Raw]) -> Raw:
    valid = [all(map(_fine, mappings(each, "conditions"))) for each in listeners]
    if all(valid):
        return _good("Accepted", "Accepted", "Resource accepted")
    return {
        "type": "Accepted",
        "status": "True" if any(valid) else "False",
        "reason": "ListenersNotValid",
        "message": "One or more of the Gateway's listeners are invalid"
        if any(valid)
        else "None of the Gateway's listeners are valid",
    }


def _programmed(store: Store, gateway: Raw) -> tuple[Raw, list[Raw]]:
    """The condition Programmed, and the addresses: by the Service and its endpoints."""
    of_class = class_of(gateway)
    assert of_class is not None
    space, own = namespace(gateway), title(gateway)
    host = f"{own}.{space}.svc.cluster.local"
    found = store.get(SERVICE, space, own)
    slices = [
        each
        for each in store.list(ENDPOINT_SLICE, space)
        if labels(each).get("kubernetes.io/service-name") == own
    ]
    once = bool(mappings(gateway, "status", "addresses"))
    if found is None or not (once or any(each.get("endpoints") for each in slices)):
        message = f'Failed to assign to any requested addresses: hostname "{host}" not found'
        return _bad("Programmed", "AddressNotAssigned", message), []
    ports = sorted({str(each.get("port")) for each in mappings(gateway, "spec", "listeners")})
    assigned = [f"{host}:{port}" for port in ports]
    if of_class.service == "LoadBalancer":
        outside = mappings(found, "status", "loadBalancer", "ingress")
        if not outside:
            message = (
                f"Assigned to service(s) {_listed(assigned)}, but failed to assign to all requested "
                f'addresses: address pending for hostname "{host}"'
            )
            return _bad("Programmed", "AddressNotAssigned", message), []
        addresses = [
            {"type": "IPAddress", "value": each["ip"]}
            if each.get("ip")
            else {"type": "Hostname", "value": text(each, "hostname")}
            for each in outside
        ]
    else:
        address = text(found, "spec", "clusterIP")
        addresses = [
            {"type": "IPAddress", "value": address},
            {"type": "Hostname", "value": host},
        ]
    message = f"Resource programmed, assigned to service(s) {_listed(assigned)}"
    return _good("Programmed", "Programmed", message), addresses


def _listener(store: Store, gateway: Raw, listener: Raw, routes: list[Raw], stamp: str) -> Raw:
    wrong = _wrong_protocol(gateway, listener)
    certificate = _certificate(store, gateway, listener)
    fine = "No errors found"
    accepted = _good("Accepted", "Accepted", fine)
    programmed = _good("Programmed", "Programmed", fine)
    resolved = _good("ResolvedRefs", "ResolvedRefs", fine)
    if wrong:
        accepted = _bad("Accepted", "UnsupportedProtocol", wrong)
    if certificate:
        programmed = _bad("Programmed", "Invalid", "Bad TLS configuration")
        resolved = _bad("ResolvedRefs", *certificate)
    conflicted = {
        "type": "Conflicted",
        "status": "False",
        "reason": "NoConflicts",
        "message": fine,
    }
    before = next(
        (
            each
            for each in mappings(gateway, "status", "listeners")
            if each.get("name") == listener.get("name")
        ),
        {},
    )
    conditions = [accepted, conflicted, programmed, resolved]
    return {
        "attachedRoutes": attached(store, gateway, listener, routes),
        "conditions": _stamped(gateway, mappings(before, "conditions"), conditions, stamp),
        "name": text(listener, "name"),
        "supportedKinds": route_kinds(listener),
    }


def _wrong_protocol(gateway: Raw, listener: Raw) -> str:
    of_class = class_of(gateway)
    if of_class is not None and of_class.mode == "waypoint":
        if (listener.get("port"), listener.get("protocol")) != (15008, "HBONE"):
            return 'Expected a single listener on port 15008 with protocol "HBONE"'
    elif listener.get("protocol") not in ("HTTP", "HTTPS", "TLS", "TCP"):
        return f'protocol "{text(listener, "protocol")}" is unsupported'
    return ""


def _certificate(store: Store, gateway: Raw, listener: Raw) -> tuple[str, str] | None:
    """Reason and message if a listener has not the certificate that it names."""
    tls = mapping(listener, "tls")
    if not tls or text(tls, "mode") == "Passthrough":
        return None
    for reference in mappings(tls, "certificateRefs"):
        space, secret = text(reference, "namespace") or namespace(gateway), text(reference, "name")
        group, kind = text(reference, "group"), text(reference, "kind") or "Secret"
        if (group, kind) not in _CERTIFICATE_KINDS:
            message = f"invalid certificate reference {group}/{kind}/{secret}."
            return "InvalidCertificateRef", message
        if space != namespace(gateway) and not granted(store, gateway, "Secret", space, secret):
            message = (
                f"certificateRef {secret}/{space} not accessible to a Gateway in namespace "
                f'"{namespace(gateway)}" (missing a ReferenceGrant?)'
            )
            return "RefNotPermitted", message
        if store.get(SECRET, space, secret) is None:
            message = (
                f"invalid certificate reference {group}/{kind}/{secret}., "
                f"secret {space}/{secret} not found"
            )
            return "InvalidCertificateRef", message
    return None


def _stamped(gateway: Raw, before: list[Raw], conditions: list[Raw], stamp: str) -> list[Raw]:
    generation = mapping(gateway, "metadata").get("generation") or 1
    return merged(
        before, [{**each, "observedGeneration": generation} for each in conditions], stamp
    )


def _fine(condition: Raw) -> bool:
    wanted = "False" if condition.get("type") == "Conflicted" else "True"
    return condition.get("status") == wanted


def _good(kind: str, reason: str, message: str) -> Raw:
    return {"type": kind, "status": "True", "reason": reason, "message": message}


def _bad(kind: str, reason: str, message: str) -> Raw:
    return {"type": kind, "status": "False", "reason": reason, "message": message}


def _listed(items: list[str]) -> str:
    """a, a and b, or a, b, and c."""
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"

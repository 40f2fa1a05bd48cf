"""The certificates that Gateways and their listeners name: those that they show, and those that they verify others by.

Rules and words are those of Istio's own cases of Gateway API status, and of Gateway API's conformance tests.
"""

from __future__ import annotations

from meshtui.sim.behaviour.references import Problem, granted, group_kind
from meshtui.sim.kinds import CONFIGMAP, SECRET
from meshtui.sim.objects import Raw, mapping, mappings, namespace, text
from meshtui.sim.store import Store

_SECRET = ("", "Secret")
_AUTHORITIES = {_SECRET: SECRET, ("", "ConfigMap"): CONFIGMAP}
_ROOTS = ("cacert", "ca.crt")


def server_problem(store: Store, owner: Raw, listener: Raw) -> Problem | None:
    """Why a listener of a Gateway or ListenerSet has no certificate; None too where it needs none of its own."""
    tls = mapping(listener, "tls")
    builtin = text(tls, "options", "gateway.istio.io/tls-terminate-mode").startswith("ISTIO_")
    if not tls or text(tls, "mode") == "Passthrough" or builtin:
        return None
    references = mappings(tls, "certificateRefs")
    if len(references) > 2:
        message = "TLS mode can only support up to 2 server certificates"
        return "InvalidCertificateRef", message
    problems = [_secret_problem(store, owner, each) for each in references]
    found = [each for each in problems if each]
    if not found or None in problems:
        return None
    return found[0][0], "; ".join(message for _, message in found)


def _secret_problem(store: Store, owner: Raw, reference: Raw) -> Problem | None:
    own, title = text(reference, "namespace"), text(reference, "name")
    space = own or namespace(owner)
    of = group, kind = group_kind(reference, *_SECRET)
    invalid = f"invalid certificate reference {group}/{kind}/{title}.{own}, "
    if of != _SECRET:
        return "InvalidCertificateRef", invalid + "only secret is allowed"
    if store.get(SECRET, space, title) is None:
        return "InvalidCertificateRef", invalid + f"secret {space}/{title} not found"
    if space != namespace(owner) and not granted(store, owner, _SECRET, space, title):
        message = (
            f"certificateRef {title}/{space} not accessible to a Gateway in namespace "
            f'"{namespace(owner)}" (missing a ReferenceGrant?)'
        )
        return "RefNotPermitted", message
    return None


def client_problem(store: Store, gateway: Raw) -> Problem | None:
    """Why a Gateway has no certificate to show to backends; None too where it is to show none."""
    reference = mapping(gateway, "spec", "tls", "backend", "clientCertificateRef")
    problem = _secret_problem(store, gateway, reference) if reference else None
    if problem is None or problem[0] == "RefNotPermitted":
        return problem
    return "InvalidClientCertificateRef", problem[1]


def authority_problems(
    store: Store, gateway: Raw, listener: Raw, port: object
) -> list[Problem | None]:
    """What is wrong with each of the authorities that the clients of an HTTPS listener are verified by."""
    if text(listener, "protocol") != "HTTPS" or text(listener, "tls", "mode") == "Passthrough":
        return []
    frontend = mapping(gateway, "spec", "tls", "frontend")
    found = mapping(frontend, "default")
    for each in mappings(frontend, "perPort"):
        if each.get("port") == port:
            found = mapping(each, "tls")
    references = mappings(found, "validation", "caCertificateRefs")
    return [_authority_problem(store, gateway, each) for each in references]


def _authority_problem(store: Store, gateway: Raw, reference: Raw) -> Problem | None:
    of = group, kind = group_kind(reference, "", "")
    own, title = text(reference, "namespace"), text(reference, "name")
    space = own or namespace(gateway)
    invalid = f"invalid CA certificate reference {group}/{kind}/{title}.{own}, "
    if of not in _AUTHORITIES:
        return "InvalidCACertificateKind", invalid + "only secret and configmap are allowed"
    found = store.get(_AUTHORITIES[of], space, title)
    if found is None:
        return "InvalidCACertificateRef", invalid + f"{kind.lower()} {space}/{title} not found"
    if of != _SECRET:
        data = mapping(found, "data")
        if missing := missing_root(data):
            return "InvalidCACertificateRef", invalid + missing
        if not any("-----BEGIN CERTIFICATE-----" in text(data, each) for each in _ROOTS):
            return "InvalidCACertificateRef", invalid + "the bundle is malformed"
    if space != namespace(gateway) and not granted(store, gateway, of, space, title):
        message = (
            f"caCertificateRef {title}/{space} not accessible to a Gateway in namespace "
            f'"{namespace(gateway)}" (missing a ReferenceGrant?)'
        )
        return "RefNotPermitted", message
    return None


def missing_root(data: Raw) -> str:
    """Why the data of a ConfigMap have no certificate of an authority; empty where they have one."""
    if any(text(data, each) for each in _ROOTS):
        return ""
    found = ", ".join(sorted(map(str, data)))
    return f"found secret, but didn't have expected keys {' or '.join(_ROOTS)}; found: {found}"

"""CustomResourceDefinitions: the one that makes a kind known, and the kind that one makes known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from meshtui.sim.kinds import CRD, Kind

_AGE = ("Age", "date", ".metadata.creationTimestamp")
_WIDE = ("Description",)
"""Columns of priority 1, which `-o wide` shows."""
_HOSTS = ("Hosts", "string", ".spec.hosts")
_HOSTNAMES = ("Hostnames", "string", ".spec.hostnames")


def _condition(name: str) -> tuple[str, str, str]:
    return (name, "string", f'.status.conditions[?(@.type=="{name}")].status')


PRINTER_COLUMNS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "gatewayclasses.gateway.networking.k8s.io": (
        ("Controller", "string", ".spec.controllerName"),
        _condition("Accepted"),
        _AGE,
        ("Description", "string", ".spec.description"),
    ),
    "gateways.gateway.networking.k8s.io": (
        ("Class", "string", ".spec.gatewayClassName"),
        ("Address", "string", ".status.addresses[*].value"),
        _condition("Programmed"),
        _AGE,
    ),
    "listenersets.gateway.networking.k8s.io": (
        _condition("Accepted"),
        _condition("Programmed"),
        _AGE,
    ),
    "httproutes.gateway.networking.k8s.io": (_HOSTNAMES, _AGE),
    "grpcroutes.gateway.networking.k8s.io": (_HOSTNAMES, _AGE),
    "authorizationpolicies.security.istio.io": (("Action", "string", ".spec.action"), _AGE),
    "peerauthentications.security.istio.io": (("Mode", "string", ".spec.mtls.mode"), _AGE),
    "destinationrules.networking.istio.io": (("Host", "string", ".spec.host"), _AGE),
    "virtualservices.networking.istio.io": (
        ("Gateways", "string", ".spec.gateways"),
        _HOSTS,
        _AGE,
    ),
    "serviceentries.networking.istio.io": (
        _HOSTS,
        ("Location", "string", ".spec.location"),
        ("Resolution", "string", ".spec.resolution"),
        _AGE,
    ),
    "workloadentries.networking.istio.io": (_AGE, ("Address", "string", ".spec.address")),
}
"""`additionalPrinterColumns` (name, type, JSONPath) by name of the definition, as the projects ship them."""

_BUNDLE = {
    "gateway.networking.k8s.io/bundle-version": "v1.6.1",
    "gateway.networking.k8s.io/channel": "standard",
}
_SCHEMA = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definition(kind: Kind) -> dict[str, Any]:
    """The definition of a custom kind, without a schema of its own."""
    columns = PRINTER_COLUMNS.get(str(kind), (_AGE,))
    rest: dict[str, Any] = {
        "schema": {"openAPIV3Schema": _SCHEMA},
        "additionalPrinterColumns": [
            {
                "name": name,
                "type": type_,
                "jsonPath": path,
                **({"priority": 1} if name in _WIDE else {}),
            }
            for name, type_, path in columns
        ],
        **({"subresources": {"status": {}}} if kind.status else {}),
    }
    versions = [
        {"name": version, "served": True, "storage": version == kind.versions[0], **rest}
        for version in kind.versions
    ]
    names = {
        "plural": kind.plural,
        "singular": kind.singular,
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        **({"shortNames": list(kind.short)} if kind.short else {}),
        **({"categories": list(kind.categories)} if kind.categories else {}),
    }
    bundled = kind.group == "gateway.networking.k8s.io"
    return {
        "apiVersion": CRD.api_version,
        "kind": CRD.name,
        "metadata": {"name": str(kind), **({"annotations": _BUNDLE} if bundled else {})},
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "conversion": {"strategy": "None"},
            "versions": versions,
        },
    }


def defined(crd: Mapping[str, Any]) -> Kind:
    """The kind that a definition makes known; KeyError or TypeError where it is none."""
    spec = crd["spec"]
    names = spec["names"]
    served = [version for version in spec["versions"] if version.get("served")]
    served.sort(key=lambda version: _priority(version["name"]))
    first = (served[0].get("subresources") or {}) if served else {}
    return Kind(
        spec["group"],
        names["plural"],
        names["kind"],
        tuple(version["name"] for version in served),
        tuple(names.get("shortNames") or ()),
        namespaced=spec.get("scope") == "Namespaced",
        status="status" in first,
        scale="scale" in first,
        custom=True,
        generations=True,
        categories=tuple(names.get("categories") or ()),
    )


def _priority(version: str) -> tuple[int, int, int, str]:
    """Kubernetes' order of versions, best first: v2, v1, v2beta1, v1beta2, v1alpha1, then anything else by name."""
    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if found is None:
        return 3, 0, 0, version
    stage = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return stage, -int(found[1]), -int(found[3] or 0), ""


def established(crd: dict[str, Any], at: str) -> dict[str, Any]:
    """A definition whose names are accepted, which the API server says within moments."""
    spec = crd["spec"]
    conditions = [
        {
            "type": "NamesAccepted",
            "status": "True",
            "reason": "NoConflicts",
            "message": "no conflicts found",
            "lastTransitionTime": at,
        },
        {
            "type": "Established",
            "status": "True",
            "reason": "InitialNamesAccepted",
            "message": "the initial names have been accepted",
            "lastTransitionTime": at,
        },
    ]
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    status = {"conditions": conditions, "acceptedNames": spec["names"], "storedVersions": stored}
    return {**crd, "status": status}

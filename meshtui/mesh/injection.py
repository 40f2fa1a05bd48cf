"""Injection: by which labels a new pod gets a sidecar (istio-ambient.md, 1.5)."""

from __future__ import annotations

from collections.abc import Mapping

from meshtui.mesh.revisions import REVISION

INJECTION = "istio-injection"
LABELS = (INJECTION, REVISION)
"""Of a namespace, for its pods."""
INJECT = "sidecar.istio.io/inject"
"""Of a pod, for itself alone: the injector never writes it."""


def asked_by(namespace: Mapping[str, str]) -> str:
    """The label of a namespace by which its new pods get a sidecar; "" where none does. `istio-injection` beats a
    revision, whatever it says, and only "enabled" is injection."""
    if INJECTION in namespace:
        return INJECTION if namespace[INJECTION] == "enabled" else ""
    return REVISION if REVISION in namespace else ""

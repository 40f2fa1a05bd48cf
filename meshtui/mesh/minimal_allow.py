"""Minimal ALLOW: the policy that would let refused calls through, and nothing else: this identity, this workload, this
port. It is to be read and applied by a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from meshtui.mesh import pods
from meshtui.mesh.denial_rows import Row
from meshtui.mesh.snapshot import Snapshot

_GENERATED = re.compile(
    r"pod-template-hash|controller-revision-hash|pod-template-generation|controller-uid|job-name|istio-locality"
    r"|(?:[\w.-]+\.)?(?:kubernetes|k8s|istio)\.io/(?!name$|instance$|component$|part-of$).*"
)
"""Labels that controllers and clouds write on pods, which the next pod of a workload need not have."""


def why_not(row: Row, labels: Mapping[str, str]) -> str:
    """Why no ALLOW can be offered; "" where one can. `labels` are those of the pod in `row.ref`; none where it is not
    known."""
    if not row.reason.allow:
        return "no ALLOW policy would change this"
    if not row.identities:
        return "the caller has no identity that a policy could name: take it into the mesh first"
    if row.ref is None or not row.port.isdecimal():
        return "the lines do not tell which workload or port was called"
    if not _selector(labels):
        return "the labels of the destination are not known; without them the policy would be for its whole namespace"
    return ""


def labels(row: Row, snapshot: Snapshot) -> Mapping[str, str]:
    """Those of the pod that refused; none where it is not known."""
    pod = pods.of(snapshot).get(row.ref.key) if row.ref else None
    return pod.labels if pod else {}


def of(row: Row, labels: Mapping[str, str]) -> str:
    """The policy as YAML; "" where `why_not` says something."""
    found = policy(row, labels)
    return str(yaml.safe_dump(found, sort_keys=False)) if found else ""


def policy(row: Row, labels: Mapping[str, str]) -> dict[str, Any]:
    """The policy as an object; empty where `why_not` says something."""
    if why_not(row, labels) or row.ref is None:
        return {}
    principals = sorted(each.removeprefix("spiffe://") for each in row.identities)
    caller, called = (each.rpartition("/")[2] for each in (row.source, row.destination))
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {
            "name": _name(f"allow-{caller}-to-{called}-{row.port}"),
            "namespace": row.ref.namespace,
        },
        "spec": {
            "selector": {"matchLabels": _selector(labels)},
            "action": "ALLOW",
            "rules": [
                {
                    "from": [{"source": {"principals": principals}}],
                    "to": [{"operation": {"ports": [row.port]}}],
                }
            ],
        },
    }


def _selector(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in sorted(labels.items()) if not _GENERATED.fullmatch(name)}


def _name(words: str) -> str:
    """As Kubernetes allows it."""
    return re.sub(r"[^a-z0-9-]+", "-", words.lower())[:253].strip("-")

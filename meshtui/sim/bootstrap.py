"""What every API server makes for itself before anyone asks: its namespaces, and roles to look around with."""

from __future__ import annotations

from meshtui.sim.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, NAMESPACE
from meshtui.sim.objects import Raw
from meshtui.sim.rights import AUTHENTICATED, EVERYTHING, EVERYWHERE, MASTERS
from meshtui.sim.store import Store

_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_RBAC = "rbac.authorization.k8s.io"
_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"]

_ROLES: dict[str, tuple[str, list[Raw]]] = {
    "cluster-admin": (MASTERS, [EVERYTHING, EVERYWHERE]),
    "system:basic-user": (
        AUTHENTICATED,
        [
            {
                "apiGroups": ["authorization.k8s.io"],
                "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                "verbs": ["create"],
            },
            {
                "apiGroups": ["authentication.k8s.io"],
                "resources": ["selfsubjectreviews"],
                "verbs": ["create"],
            },
        ],
    ),
    "system:discovery": (
        AUTHENTICATED,
        [{"nonResourceURLs": [*_DISCOVERY, *_PUBLIC], "verbs": ["get"]}],
    ),
    "system:public-info-viewer": (
        AUTHENTICATED,
        [{"nonResourceURLs": _PUBLIC, "verbs": ["get"]}],
    ),
}
"""Roles by name: the group that has each, and its rules; from kube-apiserver's bootstrap policy."""


def bootstrap(store: Store) -> None:
    """Add what is missing of it."""
    for name in _NAMESPACES:
        if store.get(NAMESPACE, "", name) is None:
            labels = {"kubernetes.io/metadata.name": name}
            store.create(
                NAMESPACE,
                {
                    "metadata": {"name": name, "labels": labels},
                    "spec": {"finalizers": ["kubernetes"]},
                    "status": {"phase": "Active"},
                },
            )
    for name, (group, rules) in _ROLES.items():
        labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
        metadata = {"name": name, "labels": labels}
        if store.get(CLUSTER_ROLE, "", name) is None:
            store.create(CLUSTER_ROLE, {"metadata": metadata, "rules": rules})
        if store.get(CLUSTER_ROLE_BINDING, "", name) is None:
            binding = {
                "metadata": metadata,
                "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
                "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": group}],
            }
            store.create(CLUSTER_ROLE_BINDING, binding)

"""`meshtui rbac`: the smallest ClusterRoles. Each grants what the one before it does not: bind as many as are wanted,
cluster-wide or by namespace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import yaml

from meshtui.mesh import preflight, verification
from meshtui.mesh.kinds import EVENT, Kind
from meshtui.mesh.named_secrets import PLUGGED_IN, SELF_SIGNED
from meshtui.mesh.snapshot import Scope
from meshtui.ui.panes import PANES

Rule = Mapping[str, list[str]]

_READ = """\
What the panes list and watch, what is looked at before a change, and the YAML of one object. Cluster-wide:
  kubectl create clusterrolebinding meshtui-read --clusterrole=meshtui-read --group=GROUP"""

_EVIDENCE = """\
What ztunnels and istiod say themselves, logs, and the certificates in Secrets, each read by its name. A port-forward
over WebSocket needs "get", and from Kubernetes 1.35 on "create" too. In the namespace of ztunnel and istiod, and in
those whose logs and Secrets may be read:
  kubectl create rolebinding meshtui-evidence -n istio-system --clusterrole=meshtui-evidence --group=GROUP"""

_OPERATE = """\
The changes that can be made from the screen: enrollment, waypoints and restarts; to edit and delete other objects takes
the right to patch and to delete those. Where they may be made:
  kubectl create rolebinding meshtui-operate -n NAMESPACE --clusterrole=meshtui-operate --group=GROUP
(A namespace's own labels need a clusterrolebinding.)"""


def manifest(roles: Iterable[str], secrets: Collection[str] = ()) -> str:
    """The YAML of ClusterRoles by their short names, for `kubectl apply`; `secrets` may be read besides the CAs'."""
    return "---\n".join(_document(role, secrets) for role in roles)


def _document(role: str, secrets: Collection[str]) -> str:
    purpose, rules = ROLES[role]
    comment = "".join(f"# {line}\n" for line in purpose.splitlines())
    return comment + yaml.safe_dump(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": f"meshtui-{role}"},
            "rules": rules(secrets),
        },
        sort_keys=False,
        default_flow_style=None,
        width=120,
    )


def _read(secrets: Collection[str]) -> list[Rule]:
    """A rule for each API group, and one for each kind of which only objects of certain names are watched."""
    kinds: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for kind, names in _watched().items():
        kinds.setdefault((kind.group, tuple(sorted(names))), set()).add(kind.plural)
    return [
        _rule(group, sorted(plurals), ["get", "list", "watch"], names)
        for (group, names), plurals in sorted(kinds.items())
    ]


def _watched() -> dict[Kind, set[str]]:
    """The kinds that panes need, with the events of a selected row and what is looked at before and after a change; the
    names of those needed, and no names where all are. The server authorizes a list narrowed by the field metadata.name
    as a request for that name."""
    watched: dict[Kind, set[str]] = {}
    whole: set[Kind] = set()
    before_and_after = (*preflight.KINDS, *verification.KINDS)
    for need in (EVENT, *before_and_after, *(need for pane in PANES for need in pane.NEEDS)):
        scope = need if isinstance(need, Scope) else Scope(need)
        names = watched.setdefault(scope.kind, set())
        if scope.name:
            names.add(scope.name)
        else:
            whole.add(scope.kind)
    return {kind: set() if kind in whole else names for kind, names in watched.items()}


def _evidence(secrets: Collection[str]) -> list[Rule]:
    return [
        _rule("", ["pods/portforward"], ["get", "create"]),
        _rule("", ["pods/log"], ["get"]),
        _rule("", ["secrets"], ["get"], sorted({PLUGGED_IN, SELF_SIGNED, *secrets})),
    ]


def _operate(secrets: Collection[str]) -> list[Rule]:
    return [
        _rule("", ["namespaces", "services"], ["patch"]),
        _rule("apps", ["daemonsets", "deployments", "statefulsets"], ["patch"]),
        _rule("gateway.networking.k8s.io", ["gateways"], ["create", "patch", "delete"]),
    ]


def _rule(group: str, resources: list[str], verbs: list[str], names: Iterable[str] = ()) -> Rule:
    rule = {"apiGroups": [group], "resources": resources, "verbs": verbs}
    return {**rule, "resourceNames": list(names)} if names else rule


ROLES: Mapping[str, tuple[str, Callable[[Collection[str]], list[Rule]]]] = {
    "read": (_READ, _read),
    "evidence": (_EVIDENCE, _evidence),
    "operate": (_OPERATE, _operate),
}
"""By short name: what a role is for, and its rules, given the Secrets that may be read."""

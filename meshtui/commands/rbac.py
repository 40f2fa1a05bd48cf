"""`meshtui rbac`: the smallest ClusterRoles. Each grants what the one before it does not: bind as many as are wanted,
cluster-wide or by namespace."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

import yaml

from meshtui.ui import roles
from meshtui.ui.roles import Rule

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

ROLES: Mapping[str, str] = {"read": _READ, "evidence": _EVIDENCE, "operate": _OPERATE}
"""By short name: what a role is for, and how it is bound."""


def manifest(names: Iterable[str], secrets: Collection[str] = ()) -> str:
    """The YAML of ClusterRoles by their short names, for `kubectl apply`; `secrets` may be read besides the CAs'."""
    rules = {role.name: role.rules for role in roles.ROLES}
    return "---\n".join(_document(name, rules[name](secrets)) for name in names)


def _document(name: str, rules: Sequence[Rule]) -> str:
    comment = "".join(f"# {line}\n" for line in ROLES[name].splitlines())
    alike = groupby(rules, lambda rule: (rule.kind.group, rule.verbs, rule.names))
    return comment + yaml.safe_dump(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": f"meshtui-{name}"},
            "rules": [_rule(group, verbs, names, each) for (group, verbs, names), each in alike],
        },
        sort_keys=False,
        default_flow_style=None,
        width=120,
    )


def _rule(
    group: str, verbs: Iterable[str], names: Sequence[str], alike: Iterable[Rule]
) -> Mapping[str, list[str]]:
    resources = [rule.resource for rule in alike]
    rule = {"apiGroups": [group], "resources": resources, "verbs": list(verbs)}
    return {**rule, "resourceNames": list(names)} if names else rule

"""`meshtui rbac`: the rights that are enough, and none that are not needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from meshtui.commands.rbac import ROLES, manifest
from meshtui.mesh import preflight, verification
from meshtui.mesh.kinds import Kind
from meshtui.mesh.snapshot import Scope
from meshtui.ui.panes import PANES
from tests.cluster.cluster import RBAC, Cluster
from tests.cluster.kubeconfig import Api
from tests.cluster.waiting import until

Raw = dict[str, Any]

NEEDS = [
    need if isinstance(need, Scope) else Scope(need)
    for needs in (preflight.KINDS, verification.KINDS, *(pane.NEEDS for pane in PANES))
    for need in needs
]


def role(name: str, *secrets: str) -> Raw:
    document = yaml.safe_load(manifest([name], secrets))
    assert (document["apiVersion"], document["kind"]) == (
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
    )
    assert document["metadata"] == {"name": f"meshtui-{name}"}
    return dict(document)


def grants(name: str, *secrets: str) -> set[tuple[str, str, str]]:
    """Each verb that a role grants on each resource of each group."""
    return {
        (verb, resource, group)
        for rule in role(name, *secrets)["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
        for group in rule["apiGroups"]
    }


def test_all_roles_are_one_stream_of_documents() -> None:
    names = [each["metadata"]["name"] for each in yaml.safe_load_all(manifest(ROLES))]
    assert names == ["meshtui-read", "meshtui-evidence", "meshtui-operate"]


def test_reading_is_what_the_panes_watch_and_the_events_of_a_row() -> None:
    kinds = {("events", ""), *((scope.kind.plural, scope.kind.group) for scope in NEEDS)}
    assert grants("read") == {(verb, *kind) for verb in ("get", "list", "watch") for kind in kinds}
    assert "secrets" not in {resource for _, resource, _ in grants("read")}


def test_evidence_is_port_forwards_logs_and_secrets_by_name() -> None:
    """Kubernetes 1.35 asks for `create` on a port-forward over WebSocket where older ones asked for `get`."""
    assert grants("evidence") == {
        ("get", "pods/portforward", ""),
        ("create", "pods/portforward", ""),
        ("get", "pods/log", ""),
        ("get", "secrets", ""),
    }


@pytest.mark.parametrize("secrets", [(), ("shop-tls", "edge-tls")])
def test_secrets_are_the_authorities_and_those_named(secrets: tuple[str, ...]) -> None:
    [rule] = [
        each for each in role("evidence", *secrets)["rules"] if "secrets" in each["resources"]
    ]
    assert set(rule["resourceNames"]) == {"cacerts", "istio-ca-secret", *secrets}


def test_operating_reads_nothing_and_touches_no_pod() -> None:
    granted = grants("operate")
    assert {verb for verb, _, _ in granted} == {"patch", "create", "delete"}
    assert ("patch", "namespaces", "") in granted
    assert {resource for _, resource, _ in granted}.isdisjoint({"pods", "secrets", "configmaps"})


def test_no_role_grants_everything_of_anything() -> None:
    for name in ROLES:
        assert "*" not in {part for grant in grants(name) for part in grant}


async def bound(cluster: Cluster, *names: str) -> Path:
    """The kubeconfig of a user with these roles, as an administrator would give them."""
    kubeconfig = await cluster.kubeconfig_of("oncall")
    for name in names:
        own = f"{cluster.namespace}-{name}"
        await cluster.api.create(f"{RBAC}/clusterroles", {**role(name), "metadata": {"name": own}})
        authority = "rbac.authorization.k8s.io"
        await cluster.api.create(
            f"{RBAC}/clusterrolebindings",
            {
                "metadata": {"name": own},
                "roleRef": {"apiGroup": authority, "kind": "ClusterRole", "name": own},
                "subjects": [
                    {"apiGroup": authority, "kind": "User", "name": f"oncall.{cluster.namespace}"}
                ],
            },
        )
    return kubeconfig


async def served(cluster: Cluster, kind: Kind) -> str:
    """The path of a kind at the best version that we read and the server has."""
    for version in kind.versions:
        root = f"/apis/{kind.group}/{version}" if kind.group else f"/api/{version}"
        found = await cluster.api.get(root)
        if found.status == 200 and kind.plural in {
            each["name"] for each in found.body["resources"]
        }:
            return f"{root}/{kind.plural}"
    raise AssertionError(f"{kind} is not served")


async def test_the_reading_role_is_enough_for_every_pane(cluster: Cluster) -> None:
    await cluster.add_pod("web")
    kubeconfig = await bound(cluster, "read")
    here = [scope for scope in NEEDS if not scope.kind.foreign]  # neither cluster has those
    paths = [(await served(cluster, scope.kind), scope) for scope in here]
    async with Api.connected(kubeconfig) as oncall:

        async def holds() -> bool:
            return (await oncall.get("/api/v1/pods", limit=1)).status == 200

        await until(holds)
        for path, scope in paths:
            query = {"labelSelector": scope.labels, "fieldSelector": scope.fields, "limit": "1"}
            listed = await oncall.get(path, **{key: said for key, said in query.items() if said})
            assert listed.status == 200, (path, listed.body)
        refused = {
            path: (await oncall.get(path)).status
            for path in ("/api/v1/secrets", cluster.path("pods", "web") + "/log")
        }
    assert set(refused.values()) == {403}, refused

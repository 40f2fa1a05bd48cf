"""Who one is, what one may, and in which words it is refused: with users of real RBAC roles."""

from __future__ import annotations

import aiohttp
import pytest
import yaml

from tests.cluster.cluster import Cluster, Rule, lines
from tests.cluster.forward import forwarded
from tests.cluster.kubeconfig import Api, Raw

AUTHORIZATION = "/apis/authorization.k8s.io/v1"
AUTHENTICATION = "/apis/authentication.k8s.io/v1"


async def allowed(api: Api, verb: str, resource: str, namespace: str = "") -> bool:
    plural, _, subresource = resource.partition("/")
    attributes = {
        "verb": verb,
        "resource": plural,
        "subresource": subresource,
        "namespace": namespace,
    }
    said = await api.create(
        f"{AUTHORIZATION}/selfsubjectaccessreviews",
        {"spec": {"resourceAttributes": attributes}},
    )
    answer: bool = said["status"]["allowed"]
    return answer


async def test_one_is_told_who_one_is(cluster: Cluster) -> None:
    kubeconfig = await cluster.kubeconfig_of("jane")
    async with Api.connected(kubeconfig) as jane:
        said = await jane.create(f"{AUTHENTICATION}/selfsubjectreviews", {})
    info = said["status"]["userInfo"]
    assert info["username"] == f"jane.{cluster.namespace}"
    assert "system:authenticated" in info["groups"]


async def test_without_rights_nothing_is_given_away(cluster: Cluster) -> None:
    await cluster.add_pod("web")
    kubeconfig = await cluster.kubeconfig_of("jane")
    async with Api.connected(kubeconfig) as jane:
        refusal = await jane.get(cluster.path("pods"))
        version = await jane.get("/version")
        apis = await jane.get("/apis")
    assert (refusal.status, refusal.body["reason"]) == (403, "Forbidden")
    assert refusal.body["message"] == (
        f'pods is forbidden: User "jane.{cluster.namespace}" cannot list resource "pods" '
        f'in API group "" in the namespace "{cluster.namespace}"'
    )
    assert refusal.body["details"] == {"kind": "pods"}
    assert (version.status, apis.status) == (200, 200)


async def test_a_role_in_one_namespace_says_nothing_of_another(cluster: Cluster) -> None:
    other = await cluster.add_namespace("other")
    rule = Rule("get list watch", "pods", namespace=cluster.namespace)
    kubeconfig = await cluster.kubeconfig_of("jane", rule)
    async with Api.connected(kubeconfig) as jane:
        here = await jane.get(cluster.path("pods"))
        there = await jane.get(cluster.path("pods", namespace=other))
        everywhere = await jane.get("/api/v1/pods")
        assert await allowed(jane, "list", "pods", cluster.namespace)
        assert not await allowed(jane, "list", "pods", other)
        assert not await allowed(jane, "list", "pods")
    assert [answer.status for answer in (here, there, everywhere)] == [200, 403, 403]
    assert everywhere.body["message"].endswith('in API group "" at the cluster scope')


async def test_one_may_list_and_not_watch(cluster: Cluster) -> None:
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("get list", "pods", namespace=cluster.namespace)
    )
    async with Api.connected(kubeconfig) as jane:
        listed = await jane.get(cluster.path("pods"))
        watched = await jane.get(cluster.path("pods"), watch="true", timeoutSeconds=1)
    assert (listed.status, watched.status) == (200, 403)
    assert "cannot watch resource" in watched.body["message"]


async def test_one_object_may_be_named(cluster: Cluster) -> None:
    for name in ("mine", "other"):
        await cluster.api.create(cluster.path("configmaps"), {"metadata": {"name": name}})
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("get", "configmaps", namespace=cluster.namespace)
    )
    async with Api.connected(kubeconfig) as jane:
        got = await jane.get(cluster.path("configmaps", "mine"))
        secret = await jane.get(cluster.path("secrets", "mine"))
    assert got.status == 200
    assert secret.status == 403
    assert secret.body["message"].startswith('secrets "mine" is forbidden: User "jane.')
    assert secret.body["details"] == {"name": "mine", "kind": "secrets"}


async def test_the_rules_of_a_namespace_are_told(cluster: Cluster) -> None:
    rules = (
        Rule("get list watch", "pods pods/log", namespace=cluster.namespace),
        Rule("list", "nodes"),
    )
    kubeconfig = await cluster.kubeconfig_of("jane", *rules)
    async with Api.connected(kubeconfig) as jane:
        said = await jane.create(
            f"{AUTHORIZATION}/selfsubjectrulesreviews",
            {"spec": {"namespace": cluster.namespace}},
        )
    granted = {
        (resource, verb)
        for rule in said["status"]["resourceRules"]
        if rule["apiGroups"] == [""]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted >= {("pods", "watch"), ("pods/log", "get"), ("nodes", "list")}
    assert ("secrets", "get") not in granted
    assert said["status"]["incomplete"] is False


@pytest.mark.parametrize("held", ["get", "create"])
async def test_a_port_forward_by_websocket_needs_both_of_its_verbs(
    cluster: Cluster, held: str
) -> None:
    """Since Kubernetes 1.35 `create` is asked for beside `get`."""
    await cluster.add_pod("web")
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule(held, "pods/portforward", namespace=cluster.namespace)
    )
    async with Api.connected(kubeconfig) as jane:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            async with forwarded(jane, cluster.path("pods", "web"), [15000]):
                pass
        other = {"get": "create", "create": "get"}[held]
        assert await allowed(jane, held, "pods/portforward", cluster.namespace)
        assert not await allowed(jane, other, "pods/portforward", cluster.namespace)
    assert refusal.value.status == 403


async def test_a_log_needs_a_right_of_its_own(cluster: Cluster) -> None:
    await cluster.add_pod("web", log=lines("hello"))
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("get list watch", "pods", namespace=cluster.namespace)
    )
    async with Api.connected(kubeconfig) as jane:
        refusal = await jane.get(cluster.path("pods", "web") + "/log")
    assert refusal.status == 403
    assert 'cannot get resource "pods/log"' in refusal.body["message"]


async def test_reading_is_not_writing(cluster: Cluster) -> None:
    await cluster.add_pod("web")
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("get list watch", "pods", namespace=cluster.namespace)
    )
    label: Raw = {"metadata": {"labels": {"a": "b"}}}
    async with Api.connected(kubeconfig) as jane:
        path = cluster.path("pods", "web")
        answers = [
            await jane.send("PATCH", path, label, content_type="application/merge-patch+json"),
            await jane.send("DELETE", path),
            await jane.send("POST", cluster.path("pods"), {"metadata": {"name": "x"}}),
        ]
    verbs = ("patch", "delete", "create")
    for verb, answer in zip(verbs, answers, strict=True):
        assert answer.status == 403
        assert f'cannot {verb} resource "pods"' in answer.body["message"]


async def test_an_administrator_may_come_as_someone_else(cluster: Cluster) -> None:
    await cluster.kubeconfig_of("jane", Rule("list", "pods", namespace=cluster.namespace))
    as_jane = {"Impersonate-User": f"jane.{cluster.namespace}"}
    pods = await cluster.api.send("GET", cluster.path("pods"), headers=as_jane)
    secrets = await cluster.api.send("GET", cluster.path("secrets"), headers=as_jane)
    assert (pods.status, secrets.status) == (200, 403)
    assert f'User "jane.{cluster.namespace}" cannot list' in secrets.body["message"]


async def test_coming_as_someone_else_is_a_right(cluster: Cluster) -> None:
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("list", "pods", namespace=cluster.namespace)
    )
    async with Api.connected(kubeconfig) as jane:
        refusal = await jane.send(
            "GET", cluster.path("pods"), headers={"Impersonate-User": "admin"}
        )
    assert refusal.status == 403
    assert "cannot impersonate" in refusal.body["message"]


async def test_a_group_that_one_comes_with_may_have_rights(cluster: Cluster) -> None:
    headers = {"Impersonate-User": "someone", "Impersonate-Group": "system:masters"}
    answer = await cluster.api.send("GET", cluster.path("secrets"), headers=headers)
    assert answer.status == 200


async def test_a_wrong_token_is_not_let_in(cluster: Cluster) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": "wrong"}
    kubeconfig = cluster.scratch / "stranger.kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    async with Api.connected(kubeconfig) as stranger:
        answer = await stranger.get(cluster.path("pods"))
    assert answer.status == 401
    assert (answer.body["kind"], answer.body["reason"]) == ("Status", "Unauthorized")

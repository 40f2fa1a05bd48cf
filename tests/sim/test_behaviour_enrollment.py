"""Enrolling in the built-in cluster: labels that someone sets, and what CNI agents, ztunnels and istiod make of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from meshtui.sim.behaviour.cluster import Cluster
from meshtui.sim.kinds import CONFIGMAP, DAEMONSET, NAMESPACE, POD, SERVICE_ACCOUNT
from meshtui.sim.scenes import load
from tests.sim.bench import Bench, redirection

Raw = dict[str, Any]
AMBIENT = {"istio.io/dataplane-mode": "ambient"}


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.namespace("plain")
    bench.app("plain", "web", replicas=3)
    return bench


def dumps(cluster: Cluster) -> dict[str, Raw]:
    """The dump of every ztunnel, by node."""
    return {each.node: msgspec.json.decode(each.dump()) for each in cluster.ztunnels}


def proxied(cluster: Cluster, pod: Raw) -> bool:
    """Whether the ztunnel of its node says so."""
    state: Raw = dumps(cluster)[pod["spec"]["nodeName"]]["workloadState"]
    return bool(state.get(pod["metadata"]["uid"], {}).get("state") == "Up")


def protocols(cluster: Cluster, pod: Raw) -> set[str]:
    """What all ztunnels say of a pod."""
    return {
        workload["protocol"]
        for dump in dumps(cluster).values()
        for workload in dump["workloads"]
        if workload["name"] == pod["metadata"]["name"]
    }


def identities(cluster: Cluster, node: str) -> set[str]:
    found = dumps(cluster)[node]["certificates"]
    return {each["identity"] for each in found if each["state"] == "Available"}


async def until(true: Callable[[], bool]) -> None:
    """Wait until something has come true; not every such thing is a change of an object."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - ztunnels tell nobody
            await asyncio.sleep(0.01)


def test_a_label_set_at_run_time_enrolls_running_pods_and_its_loss_releases_them(
    bench: Bench,
) -> None:
    before = bench.pods("plain")
    assert not any(proxied(bench.cluster, pod) for pod in before)
    bench.label("plain", AMBIENT)
    pods = bench.pods("plain")
    assert {pod["metadata"]["uid"] for pod in pods} == {pod["metadata"]["uid"] for pod in before}
    for pod in pods:
        assert redirection(pod) == "enabled"
        assert proxied(bench.cluster, pod)
        assert protocols(bench.cluster, pod) == {"HBONE"}
        wanted = "spiffe://acmellc.local/ns/plain/sa/web"
        assert wanted in identities(bench.cluster, pod["spec"]["nodeName"])
    bench.label("plain", {})
    for pod in bench.pods("plain"):
        assert redirection(pod) is None
        assert not proxied(bench.cluster, pod)
        assert protocols(bench.cluster, pod) == {"TCP"}
        assert not identities(bench.cluster, pod["spec"]["nodeName"])


def test_it_is_told_who_wrote_the_annotation_and_when(bench: Bench) -> None:
    def writers() -> dict[str, str]:
        (pod, *_) = bench.pods("plain")
        return {each["manager"]: each["time"] for each in pod["metadata"]["managedFields"]}

    made = "2026-11-22T12:40:00Z"
    assert writers() == {"kube-controller-manager": made, "kubelet": made}
    bench.later(hours=2)
    bench.label("plain", AMBIENT)
    told = writers()
    assert told.pop("install-cni") == "2026-11-22T14:40:00Z"
    assert told == {"kube-controller-manager": made, "kubelet": made}


async def test_it_happens_by_itself_and_not_at_once() -> None:
    cluster = load("shop", seed=3)
    running = asyncio.create_task(cluster.run())
    try:
        space = cluster.store.need(NAMESPACE, "", "plain")
        metadata = {**space["metadata"], "labels": AMBIENT}
        cluster.store.update(NAMESPACE, {**space, "metadata": metadata})
        (pod,) = cluster.store.list(POD, "plain")
        await asyncio.sleep(0)
        assert redirection(cluster.store.list(POD, "plain")[0]) is None
        await until(lambda: redirection(cluster.store.list(POD, "plain")[0]) == "enabled")
        assert proxied(cluster, pod)

        cluster.store.delete(POD, "plain", pod["metadata"]["name"])
        await until(
            lambda: any(
                redirection(each) == "enabled" and each["metadata"]["uid"] != pod["metadata"]["uid"]
                for each in cluster.store.list(POD, "plain")
            ),
        )
        await until(lambda: not proxied(cluster, pod))
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


# reference istio-ambient.md, 1.2
LABELS = [
    ("ambient", None, True),
    ("ambient", "none", False),
    ("ambient", "ambient", True),
    ("ambient", "foo", True),
    (None, "ambient", True),
    (None, None, False),
    ("none", None, False),
]


@pytest.mark.parametrize(("of_namespace", "of_pod", "captured"), LABELS)
def test_labels_decide_as_documented(
    bench: Bench, of_namespace: str | None, of_pod: str | None, captured: bool
) -> None:
    bench.label("plain", {"istio.io/dataplane-mode": of_namespace} if of_namespace else {})
    labels = {"istio.io/dataplane-mode": of_pod} if of_pod else {}
    bench.app("plain", "one", labels=labels)
    assert redirection(bench.pod("plain", app="one")) == ("enabled" if captured else None)


def test_sidecars_host_network_and_excluded_namespaces_stay_out(bench: Bench) -> None:
    bench.label("plain", {**AMBIENT, "istio-injection": "enabled"})
    bench.app("plain", "injected")
    injected = bench.pod("plain", app="injected")
    assert "sidecar.istio.io/status" in injected["metadata"]["annotations"]
    assert redirection(injected) is None

    spec = {"hostNetwork": True, "containers": [{"name": "a", "image": "a:1"}]}
    bench.label("plain", AMBIENT)
    bench.apply(POD, {"metadata": {"name": "host", "namespace": "plain"}, "spec": spec})
    assert redirection(bench.store.need(POD, "plain", "host")) is None

    bench.configure(EXCLUDE_NAMESPACES="kube-system,guarded")
    bench.namespace("guarded")
    bench.app("guarded", "web")
    bench.label("guarded", AMBIENT)
    assert redirection(bench.pod("guarded")) is None


def test_the_agents_follow_the_selectors_of_their_config_map(bench: Bench) -> None:
    bench.configure(
        AMBIENT_ENABLEMENT_SELECTOR="""
        - podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}
          namespaceSelector: {matchLabels: {mesh: "yes"}}
        """
    )
    bench.label("plain", AMBIENT)
    assert {redirection(pod) for pod in bench.pods("plain")} == {None}
    bench.label("plain", {"mesh": "yes"})
    assert {redirection(pod) for pod in bench.pods("plain")} == {"enabled"}
    bench.configure(AMBIENT_ENABLEMENT_SELECTOR="]: not yaml")
    assert {redirection(pod) for pod in bench.pods("plain")} == {None}, "the default holds"


def test_without_a_ztunnel_a_pod_is_pending_and_without_an_agent_nothing_happens() -> None:
    bench = Bench(nodes=1)
    bench.namespace("plain")
    bench.app("plain", "web")
    ztunnel = bench.store.need(DAEMONSET, "istio-system", "ztunnel")
    agent = bench.store.need(DAEMONSET, "istio-system", "istio-cni-node")
    bench.store.delete(DAEMONSET, "istio-system", "ztunnel")
    bench.label("plain", AMBIENT)
    # reference istio-ambient.md, 1.3: rules are in the pod, no ztunnel has accepted it
    assert redirection(bench.pod("plain")) == "pending"

    bench.store.delete(DAEMONSET, "istio-system", "istio-cni-node")
    bench.app("plain", "late")
    assert redirection(bench.pod("plain", app="late")) is None

    for found in (agent, ztunnel):
        metadata = {k: found["metadata"][k] for k in ("name", "namespace", "labels")}
        bench.apply(DAEMONSET, {"metadata": metadata, "spec": found["spec"]})
    for pod in bench.pods("plain"):
        assert redirection(pod) == "enabled"
        assert proxied(bench.cluster, pod)


def test_a_new_ztunnel_gets_the_pods_of_its_node(bench: Bench) -> None:
    bench.label("plain", AMBIENT)
    bench.delete_pods(bench.pods("istio-system", app="ztunnel"))
    assert all(proxied(bench.cluster, pod) for pod in bench.pods("plain"))
    assert len(dumps(bench.cluster)) == 2


def test_every_namespace_gets_roots_and_a_service_account(bench: Bench) -> None:
    bench.namespace("new")
    bench.settle()
    assert bench.store.get(SERVICE_ACCOUNT, "new", "default")
    roots = bench.store.need(CONFIGMAP, "new", "istio-ca-root-cert")
    assert roots["data"] == {"root-cert.pem": bench.cluster.authority.root.pem}
    assert roots["metadata"]["labels"] == {"istio.io/config": "true"}
    bench.store.update(CONFIGMAP, {**roots, "data": {}})
    bench.settle()
    assert bench.store.need(CONFIGMAP, "new", "istio-ca-root-cert")["data"] == roots["data"]


def test_a_ghost_is_annotated_and_not_proxied_until_it_is_restarted(bench: Bench) -> None:
    bench.label("plain", AMBIENT)
    bench.cluster.agents.fail((), ["plain/haunted"])
    bench.app("plain", "haunted")
    ghost = bench.pod("plain", app="haunted")
    assert redirection(ghost) == "enabled"
    assert protocols(bench.cluster, ghost) == {"HBONE"}
    wanted = "spiffe://acmellc.local/ns/plain/sa/haunted"
    assert wanted in identities(bench.cluster, ghost["spec"]["nodeName"])
    assert not proxied(bench.cluster, ghost)
    bench.delete_pods([ghost])
    assert proxied(bench.cluster, bench.pod("plain", app="haunted"))

"""Deployments, DaemonSets, StatefulSets and Services of the built-in cluster: pods come, roll over and go."""

from __future__ import annotations

import re
from typing import Any

import pytest

from meshtui.sim.kinds import (
    DAEMONSET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    JOB,
    NAMESPACE,
    NODE,
    POD,
    REPLICASET,
    SERVICE,
    STATEFULSET,
)
from meshtui.sim.scenes.playing import add_node
from meshtui.sim.store import Store
from tests.sim.bench import Bench
from tests.sim.recorded import shop

Raw = dict[str, Any]


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.namespace("shop")
    bench.app("shop", "web", replicas=2)
    return bench


@pytest.fixture(scope="module")
def recorded() -> Store:
    return shop()


def untimed(value: Any) -> Any:
    """Without times, and without the hash of a template, which is another one here."""
    if isinstance(value, list):
        return sorted((untimed(each) for each in value), key=repr)
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if not k.endswith("Time")}
    return (
        re.sub(r"(?<=-)[bcdfghjklmnpqrstvwxz2456789]{8,10}\b", "HASH", value)
        if isinstance(value, str)
        else value
    )


def shape(value: Any) -> Any:
    """Keys and types at every level."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value)


def test_a_deployment_has_pods_named_as_kubernetes_names_them(bench: Bench) -> None:
    (replica_set,) = bench.store.list(REPLICASET, "shop")
    digest = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{digest}"
    pods = bench.pods("shop")
    assert len(pods) == 2
    for pod in pods:
        # apimachinery's rand: no vowels, no 0, 1 and 3
        assert re.fullmatch(
            rf"web-{digest}-[bcdfghjklmnpqrstvwxz2456789]{{5}}", pod["metadata"]["name"]
        )
        assert pod["metadata"]["ownerReferences"][0]["uid"] == replica_set["metadata"]["uid"]
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2, "siblings are spread over nodes"
    assert len({pod["status"]["podIP"] for pod in pods}) == 2


def test_deployments_and_replica_sets_have_the_recorded_status(
    bench: Bench, recorded: Store
) -> None:
    for kind in (DEPLOYMENT, REPLICASET):
        ours = next(each for each in bench.store.list(kind, "shop"))
        theirs = next(
            each for each in recorded.list(kind, "shop") if "checkout" in each["metadata"]["name"]
        )
        status = untimed(theirs["status"])
        text = repr(status).replace("checkout", "web")
        assert repr(untimed(ours["status"])) == text
        notes = {k: v for k, v in theirs["metadata"]["annotations"].items() if "kubectl" not in k}
        assert ours["metadata"]["annotations"] == notes


def test_a_daemon_set_has_the_recorded_status(bench: Bench, recorded: Store) -> None:
    ours = bench.store.need(DAEMONSET, "istio-system", "ztunnel")["status"]
    theirs = recorded.need(DAEMONSET, "istio-system", "ztunnel")["status"]
    assert ours == {key: 2 if value == 3 else value for key, value in theirs.items()}


def test_a_pod_says_what_a_kubelet_says(bench: Bench, recorded: Store) -> None:
    ours = shape(bench.pods("shop")[0])
    theirs = shape(next(p for p in recorded.list(POD, "shop") if "checkout" in str(p["metadata"])))
    assert theirs["status"].keys() <= ours["status"].keys()
    assert theirs["status"]["conditions"] == ours["status"]["conditions"]
    container, recorded_one = (
        ours["status"]["containerStatuses"],
        theirs["status"]["containerStatuses"],
    )
    assert recorded_one[0].items() <= container[0].items()
    conditions = {each["type"] for each in bench.pods("shop")[0]["status"]["conditions"]}
    assert {"Initialized", "Ready", "ContainersReady", "PodScheduled"} <= conditions


def test_endpoint_slices_have_the_recorded_form(bench: Bench, recorded: Store) -> None:
    (ours,) = bench.store.list(ENDPOINT_SLICE, "shop")
    theirs = next(
        each
        for each in recorded.list(ENDPOINT_SLICE, "shop")
        if each["metadata"]["labels"]["kubernetes.io/service-name"] == "checkout"
    )
    for part in ("endpoints", "ports", "addressType"):
        assert shape(ours[part]) == shape(theirs[part])
    assert shape(ours["metadata"]["ownerReferences"]) == shape(
        theirs["metadata"]["ownerReferences"]
    )
    assert ours["metadata"]["labels"] == {
        **theirs["metadata"]["labels"],
        "app": "web",
        "kubernetes.io/service-name": "web",
    }
    listed = {each["addresses"][0] for each in ours["endpoints"]}
    assert listed == {pod["status"]["podIP"] for pod in bench.pods("shop")}


def test_a_restart_replaces_all_pods_and_keeps_enough_of_them(bench: Bench) -> None:
    before = {pod["metadata"]["uid"] for pod in bench.pods("shop")}
    seen = bench.store.version
    deployment = bench.store.need(DEPLOYMENT, "shop", "web")
    template = {
        **deployment["spec"]["template"],
        "metadata": {
            **deployment["spec"]["template"]["metadata"],
            "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-22T12:41:00Z"},
        },
    }
    spec = {**deployment["spec"], "template": template}
    bench.store.update(DEPLOYMENT, {**deployment, "spec": spec})
    bench.settle()

    pods = bench.pods("shop")
    assert len(pods) == 2
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in pods)
    sizes = {each["spec"]["replicas"] for each in bench.store.list(REPLICASET, "shop")}
    assert sizes == {0, 2}
    told = [
        change.object["status"].get("availableReplicas", 0)
        for change in bench.store.changes(seen, DEPLOYMENT)
    ]
    assert min(told) >= 2, "maxUnavailable is a quarter, rounded down: none"
    after = bench.store.need(DEPLOYMENT, "shop", "web")
    assert after["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"

    undone = {**after, "spec": {**after["spec"], "template": deployment["spec"]["template"]}}
    bench.store.update(DEPLOYMENT, undone)
    bench.settle()
    assert len(bench.store.list(REPLICASET, "shop")) == 2, "the old ReplicaSet serves again"
    after = bench.store.need(DEPLOYMENT, "shop", "web")
    assert after["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


def test_scaling_and_deleting(bench: Bench) -> None:
    def scale(replicas: int) -> None:
        found = bench.store.need(DEPLOYMENT, "shop", "web")
        spec = {**found["spec"], "replicas": replicas}
        bench.store.update(DEPLOYMENT, {**found, "spec": spec})
        bench.settle()

    first = {pod["metadata"]["uid"] for pod in bench.pods("shop")}
    bench.later(minutes=1)
    scale(5)
    assert len(bench.pods("shop")) == 5
    scale(2)
    assert {pod["metadata"]["uid"] for pod in bench.pods("shop")} == first, "the newest go first"
    scale(0)
    assert bench.pods("shop") == []
    (empty,) = bench.store.list(ENDPOINT_SLICE, "shop")
    assert empty["endpoints"] == []
    scale(1)
    bench.store.delete(DEPLOYMENT, "shop", "web")
    bench.settle()
    assert bench.pods("shop") == []
    assert bench.store.list(REPLICASET, "shop") == []
    bench.store.delete(SERVICE, "shop", "web")
    assert bench.store.list(ENDPOINT_SLICE, "shop") == []


def test_a_deleted_pod_is_replaced_and_events_tell(bench: Bench) -> None:
    gone, kept = bench.pods("shop")
    bench.delete_pods([gone])
    names = {pod["metadata"]["name"] for pod in bench.pods("shop")}
    assert kept["metadata"]["name"] in names
    assert gone["metadata"]["name"] not in names
    assert len(names) == 2
    told = {
        (event["involvedObject"]["name"], event["reason"])
        for event in bench.store.list(EVENT, "shop")
    }
    assert (gone["metadata"]["name"], "Killing") in told
    (new,) = names - {kept["metadata"]["name"]}
    # the reasons that a scheduler and a kubelet give to every pod that starts
    assert {(new, each) for each in ("Scheduled", "Pulled", "Created", "Started")} <= told


def test_events_are_the_recorded_form_and_go_after_an_hour(bench: Bench, recorded: Store) -> None:
    ours = {event["reason"]: event for event in bench.store.list(EVENT, "shop")}
    for reason in ("Scheduled", "SuccessfulCreate", "ScalingReplicaSet"):
        theirs = next(event for event in recorded.list(EVENT) if event["reason"] == reason)
        assert shape(ours[reason]) == shape(theirs), reason
    bench.later(minutes=61)
    bench.delete_pods(bench.pods("shop")[:1])
    left = {
        event["firstTimestamp"] or event["eventTime"] for event in bench.store.list(EVENT, "shop")
    }
    assert min(left).startswith("2026-11-22T13:41")


def test_a_daemon_set_rolls_node_by_node_unless_told_not_to(bench: Bench) -> None:
    def upgrade(strategy: Raw, image: str) -> None:
        found = bench.store.need(DAEMONSET, "istio-system", "istio-cni-node")
        template = found["spec"]["template"]
        containers = [{**template["spec"]["containers"][0], "image": image}]
        spec = {
            **found["spec"],
            "updateStrategy": strategy,
            "template": {**template, "spec": {**template["spec"], "containers": containers}},
        }
        bench.store.update(DAEMONSET, {**found, "spec": spec})
        bench.settle()

    def images() -> list[str]:
        found = bench.pods("istio-system", **{"k8s-app": "istio-cni-node"})
        return sorted(pod["spec"]["containers"][0]["image"] for pod in found)

    upgrade({"type": "OnDelete"}, "cni:2")
    assert "cni:2" not in images()
    bench.delete_pods(bench.pods("istio-system", **{"k8s-app": "istio-cni-node"})[:1])
    assert images().count("cni:2") == 1
    upgrade({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}, "cni:3")
    assert images() == ["cni:3", "cni:3"]
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    upgrade(surge, "cni:4")
    assert images() == ["cni:4", "cni:4"]
    add_node(bench.cluster)
    bench.settle()
    assert images() == ["cni:4"] * 3


def test_a_stateful_set_has_pods_by_number(bench: Bench) -> None:
    labels = {"app": "db"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "db", "image": "db:1"}]},
    }
    spec = {
        "replicas": 3,
        "serviceName": "db",
        "selector": {"matchLabels": labels},
        "template": template,
    }
    bench.apply(STATEFULSET, {"metadata": {"name": "db", "namespace": "shop"}, "spec": spec})
    assert [pod["metadata"]["name"] for pod in bench.pods("shop", app="db")] == [
        "db-0",
        "db-1",
        "db-2",
    ]
    assert bench.store.need(STATEFULSET, "shop", "db")["status"]["readyReplicas"] == 3
    uids = {pod["metadata"]["uid"] for pod in bench.pods("shop", app="db")}
    spec["template"] = {**template, "spec": {"containers": [{"name": "db", "image": "db:2"}]}}
    spec["replicas"] = 2
    bench.apply(STATEFULSET, {"metadata": {"name": "db", "namespace": "shop"}, "spec": spec})
    found = bench.pods("shop", app="db")
    assert [pod["metadata"]["name"] for pod in found] == ["db-0", "db-1"]
    assert uids.isdisjoint(pod["metadata"]["uid"] for pod in found)


def test_a_pod_that_no_node_takes_waits_and_says_so(bench: Bench) -> None:
    spec = {"nodeSelector": {"disk": "fast"}, "containers": [{"name": "a", "image": "a:1"}]}
    bench.apply(POD, {"metadata": {"name": "picky", "namespace": "shop"}, "spec": spec})
    pod = bench.store.need(POD, "shop", "picky")
    assert pod["status"]["phase"] == "Pending"
    (condition,) = pod["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    node = bench.store.list(NODE)[0]
    metadata = {**node["metadata"], "name": "node-fast", "uid": "", "labels": {"disk": "fast"}}
    bench.store.create(NODE, {**node, "metadata": metadata})
    bench.settle()
    assert bench.store.need(POD, "shop", "picky")["status"]["phase"] == "Running"


def test_a_namespace_goes_with_everything_in_it(bench: Bench) -> None:
    bench.store.delete(NAMESPACE, "", "shop")
    bench.settle()
    assert bench.store.get(NAMESPACE, "", "shop") is None
    assert bench.pods("shop") == []
    assert bench.store.list(EVENT, "shop") == []


def test_a_job_runs_its_pods_to_their_end(bench: Bench) -> None:
    template = {
        "metadata": {"labels": {"app": "once"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "once", "image": "once:1"}]},
    }
    job = {"metadata": {"name": "once", "namespace": "shop"}}
    bench.apply(JOB, {**job, "spec": {"completions": 3, "parallelism": 2, "template": template}})
    pods = bench.pods("shop", app="once")
    assert [pod["status"]["phase"] for pod in pods] == ["Succeeded"] * 3
    status = bench.store.need(JOB, "shop", "once")["status"]
    assert status["succeeded"] == 3
    assert [each["type"] for each in status["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert "active" not in status

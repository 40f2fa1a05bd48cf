"""What a pod says of itself, in kubectl's words.

The cases of READY, STATUS and RESTARTS are those of Kubernetes 1.36.3's own tests of `kubectl get pods`
(`TestPrintPod` and `TestPrintPodWithRestartableInitContainer`), with the answers that stand there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meshtui.mesh import pods
from meshtui.mesh.kinds import POD
from tests import recordings

NOW = datetime(2026, 11, 22, 12, 39, tzinfo=UTC)


def running(restarts: int = 0, *, ready: bool = False, ago: float | None = None) -> dict[str, Any]:
    return _container({"running": {}}, restarts, ready, ago)


def waiting(reason: str = "", restarts: int = 0) -> dict[str, Any]:
    return _container({"waiting": {"reason": reason} if reason else {}}, restarts)


def ended(
    reason: str = "", code: int = 0, restarts: int = 0, ago: float | None = None, signal: int = 0
) -> dict[str, Any]:
    state: dict[str, Any] = {"exitCode": code}
    if reason:
        state["reason"] = reason
    if signal:
        state["signal"] = signal
    return _container({"terminated": state}, restarts, ago=ago)


def sidecar(name: str, container: dict[str, Any], started: bool) -> dict[str, Any]:
    return {**container, "name": name, "started": started}


def _container(
    state: dict[str, Any], restarts: int, ready: bool = False, ago: float | None = None
) -> dict[str, Any]:
    last = {"terminated": {"finishedAt": _before(ago)}} if ago is not None else {}
    return {"state": state, "lastState": last, "restartCount": restarts, "ready": ready}


def _before(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod(
    *containers: dict[str, Any],
    of: int = 0,
    phase: str = "podPhase",
    inits: tuple[dict[str, Any], ...] = (),
    init_specs: list[dict[str, Any]] | None = None,
    conditions: dict[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    status = {
        "phase": phase,
        "containerStatuses": list(containers),
        "initContainerStatuses": list(inits),
        "conditions": [{"type": k, "status": v} for k, v in (conditions or {}).items()],
        **more.pop("status", {}),
    }
    spec: dict[str, Any] = {"containers": [{}] * (of or len(containers))}
    spec["initContainers"] = init_specs if init_specs is not None else [{}] * len(inits)
    return {"metadata": {"name": "it", **more}, "spec": spec, "status": status}


SIDECARS = [
    {"name": "restartable-init-1", "restartPolicy": "Always"},
    {"name": "restartable-init-2", "restartPolicy": "Always"},
]
DELETED: dict[str, Any] = {"deletionTimestamp": _before(10)}
READY = {"Ready": "True"}
COMPLETED = ended("Completed")


@pytest.mark.parametrize(
    ("it", "ready", "status", "restarts", "ago"),
    [
        (pod(running(3, ready=True), _container({}, 3)), "1/2", "podPhase", 6, None),
        (
            pod(running(3, ready=True), waiting("ContainerWaitingReason", 3)),
            *("1/2", "ContainerWaitingReason", 6, None),
        ),
        (
            pod(waiting("ContainerWaitingReason", 3), ended("ContainerTerminatedReason", 0, 3)),
            *("0/2", "ContainerWaitingReason", 6, None),
        ),
        (
            pod(running(3, ready=True), _container({}, 3, ready=True)),
            *("1/2", "podPhase", 6, None),
        ),
        (
            pod(running(3, ready=True), _container({}, 3), status={"reason": "podReason"}),
            *("1/2", "podReason", 6, None),
        ),
        (
            pod(ended("Completed", restarts=3), running(3, ready=True), phase="Running"),
            *("1/2", "NotReady", 6, None),
        ),
        (
            pod(
                *(ended("Completed", restarts=3), running(3, ready=True)),
                phase="Running",
                conditions=READY,
            ),
            *("1/2", "Running", 6, None),
        ),
        (pod(waiting(), inits=(running(3, ago=10),)), "0/1", "Init:0/1", 3, 10),
        (pod(waiting(), inits=(running(3, ago=10), waiting())), "0/1", "Init:0/2", 3, 10),
        (pod(waiting(), inits=(ended(), running(3, ago=10))), "0/1", "Init:1/2", 3, 10),
        (
            pod(waiting(), inits=(ended(restarts=2, ago=120), running(3, ago=10))),
            *("0/1", "Init:1/2", 5, 10),
        ),
        (
            pod(running(4, ago=20), inits=(ended(restarts=2, ago=120),), phase="Running"),
            *("0/1", "Running", 4, 20),
        ),
        (pod(running(3, ready=True, ago=432_000), phase="Running"), "1/1", "Running", 3, 432_000),
        (
            pod(running(ready=True), running(3, ready=True, ago=864_000), phase="Running"),
            *("2/2", "Running", 3, 864_000),
        ),
        (
            pod(
                running(6, ready=True, ago=432_000),
                running(3, ready=True, ago=1_728_000),
                phase="Running",
            ),
            *("2/2", "Running", 9, 432_000),
        ),
        (
            pod(
                of=2,
                status={
                    "conditions": [
                        {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
                    ]
                },
            ),
            *("0/2", "SchedulingGated", 0, None),
        ),
        (pod(COMPLETED, phase="Succeeded"), "0/1", "Completed", 0, None),
        (pod(ended("Error", 1), phase="Failed"), "0/1", "Error", 0, None),
        (pod(COMPLETED, phase="Succeeded", **DELETED), "0/1", "Completed", 0, None),
        (pod(running(), phase="Running", **DELETED), "0/1", "Terminating", 0, None),
        (pod(of=1, phase="Pending", **DELETED), "0/1", "Terminating", 0, None),
        (
            pod(ended("podCrash", 1), running(ready=True), phase="Failed"),
            *("1/2", "podCrash", 0, None),
        ),
        (
            pod(running(ready=True), ended("podCrash", 1), phase="Failed"),
            *("1/2", "podCrash", 0, None),
        ),
        (
            pod(running(ready=True), ended("podCrash", 1), ended(), phase="Failed"),
            *("1/3", "podCrash", 0, None),
        ),
        (
            pod(running(), ended("podCrash", 1), ended(), phase="Failed"),
            *("0/3", "podCrash", 0, None),
        ),
        (
            pod(
                waiting(),
                inits=(
                    sidecar("restartable-init-1", running(3, ago=10), started=False),
                    sidecar("restartable-init-2", waiting(), started=False),
                ),
                init_specs=SIDECARS,
                phase="Pending",
                conditions={"Initialized": "False"},
            ),
            *("0/3", "Init:0/2", 3, 10),
        ),
        (
            pod(
                waiting(),
                inits=(
                    sidecar("restartable-init-1", running(3, ago=10), started=True),
                    sidecar("restartable-init-2", running(), started=False),
                ),
                init_specs=SIDECARS,
                phase="Pending",
                conditions={"Initialized": "False"},
            ),
            *("0/3", "Init:1/2", 3, 10),
        ),
        (
            pod(
                running(4, ready=True, ago=20),
                inits=(
                    sidecar("restartable-init-1", running(3, ago=10), started=True),
                    sidecar("restartable-init-2", running(), started=True),
                ),
                init_specs=SIDECARS,
                phase="Running",
                conditions={"Initialized": "True"},
            ),
            *("1/3", "Running", 7, 10),
        ),
        (
            pod(
                ended("Completed", restarts=4, ago=20),
                inits=(
                    sidecar("restartable-init-1", ended("Error", 137, 3, 10), started=False),
                    sidecar("restartable-init-2", ended("Error", 137), started=False),
                ),
                init_specs=SIDECARS,
                phase="Succeeded",
                conditions={"Initialized": "True"},
            ),
            *("0/3", "Completed", 7, 10),
        ),
        (
            pod(
                *({"name": "containerinvalid"}, {"name": "container1"}),
                of=1,
                inits=({"name": "initinvalid"}, {"name": "init1"}, {"name": "sidecar1"}),
                init_specs=[{"name": "init1"}, {"name": "sidecar1", "restartPolicy": "Always"}],
                phase="Running",
            ),
            *("0/2", "Init:0/2", 0, None),
        ),
        # and what the code beside those tests says without a test of its own
        (
            pod(running(), status={"reason": "NodeLost"}, phase="Running", **DELETED),
            *("0/1", "Unknown", 0, None),
        ),
        (
            pod(waiting("PodInitializing"), inits=(waiting("ImagePullBackOff"),), phase="Pending"),
            *("0/1", "Init:ImagePullBackOff", 0, None),
        ),
        (
            pod(waiting("PodInitializing"), inits=(ended("", 3),), phase="Pending"),
            *("0/1", "Init:ExitCode:3", 0, None),
        ),
        (
            pod(waiting("CrashLoopBackOff", 14), phase="Running"),
            "0/1",
            "CrashLoopBackOff",
            14,
            None,
        ),
        (pod(ended("", 137, signal=9), phase="Failed"), "0/1", "Signal:9", 0, None),
    ],
)
def test_columns_of_kubectl(
    it: dict[str, Any], ready: str, status: str, restarts: int, ago: float | None
) -> None:
    read = pods.read(it)
    assert f"{read.ready}/{read.containers}" == ready
    assert read.status == status
    assert read.restarts == restarts
    assert read.restarted == (None if ago is None else NOW - timedelta(seconds=ago))


def test_a_recorded_pod() -> None:
    read = pods.of(recordings.snapshot("shop"))["shop/checkout-5f686c4cb7-fz2sg"]
    assert (read.namespace, read.node, read.account) == ("shop", "node-2", "checkout")
    assert read.uid == "ade82907-f579-4909-b6ca-395bfd33934f"
    assert (read.ready, read.containers, read.status, read.restarts) == (1, 1, "Running", 0)
    assert read.controller == "Deployment/checkout"
    assert read.redirection == "enabled"
    assert read.created == datetime(2026, 11, 22, 12, 34, 34, tzinfo=UTC)
    assert not any((read.sidecar, read.host_network, read.finished, read.terminating))


@pytest.mark.parametrize(
    ("labels", "owner", "controller"),
    [
        ({"pod-template-hash": "5f6"}, {"kind": "ReplicaSet", "name": "web-5f6"}, "Deployment/web"),
        # a ReplicaSet of its own, and one of a Rollout: no label of a Deployment on the pod
        ({}, {"kind": "ReplicaSet", "name": "web-5f6"}, "ReplicaSet/web-5f6"),
        ({"pod-template-hash": "abc"}, {"kind": "ReplicaSet", "name": "web"}, "ReplicaSet/web"),
        ({}, {"kind": "StatefulSet", "name": "db"}, "StatefulSet/db"),
    ],
)
def test_controller(labels: dict[str, str], owner: dict[str, str], controller: str) -> None:
    owners = [{"kind": "Node", "name": "not this one"}, {**owner, "controller": True}]
    assert pods.read(pod(labels=labels, ownerReferences=owners)).controller == controller


def test_a_pod_of_its_own_has_no_controller() -> None:
    owners = [{"kind": "Gateway", "name": "waypoint"}]
    assert pods.read(pod(ownerReferences=owners)).controller == ""


def test_changed_is_the_newest_time_and_edited_leaves_out_the_status() -> None:
    read = pods.read(
        pod(
            running(),
            creationTimestamp=_before(3600),
            managedFields=[
                {"manager": "istio-cni", "time": _before(100)},
                {"manager": "kubelet", "time": _before(5), "subresource": "status"},
            ],
        )
    )
    assert read.created == NOW - timedelta(seconds=3600)
    assert (read.edited, read.edited_by) == (NOW - timedelta(seconds=100), "istio-cni")
    assert read.changed == NOW - timedelta(seconds=5)


def test_the_recorded_pods_are_all_read() -> None:
    snapshot = recordings.snapshot("shop")
    assert pods.of(snapshot).keys() == snapshot.objects[POD].keys()

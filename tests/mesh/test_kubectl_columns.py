"""READY, STATUS and RESTARTS beside what the two servers themselves print for `kubectl get pods`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meshtui.mesh import pods
from tests.cluster.cluster import Cluster

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
# from 8 hours on kubectl tells whole hours: the suite may take minutes until it looks
AGO = (datetime.now(UTC) - timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M:%SZ")


def container(name: str, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    status = {
        "name": name,
        "state": state,
        "ready": False,
        "restartCount": 0,
        "image": "",
        "imageID": "",
    }
    return {**status, **more}


RUNNING = {"running": {"startedAt": AGO}}
CRASHED = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": AGO, "startedAt": AGO}}
COMPLETED = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": AGO}}
KILLED = {"terminated": {"exitCode": 137, "signal": 9, "finishedAt": AGO}}


def waits(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


CASES: dict[str, tuple[list[str], list[dict[str, Any]], dict[str, Any]]] = {
    "running": (
        ["app"],
        [],
        {"phase": "Running", "containerStatuses": [container("app", RUNNING, ready=True)]},
    ),
    "not-scheduled": (["app"], [], {"phase": "Pending"}),
    "crash-loop": (
        *(["app", "side"], []),
        {
            "phase": "Running",
            "containerStatuses": [
                container(*("app", waits("CrashLoopBackOff")), restartCount=14, lastState=CRASHED),
                container("side", RUNNING, ready=True),
            ],
        },
    ),
    "pulling": (
        *(["app"], []),
        {"phase": "Pending", "containerStatuses": [container("app", waits("ImagePullBackOff"))]},
    ),
    "job-done": (
        *(["app"], []),
        {"phase": "Succeeded", "containerStatuses": [container("app", COMPLETED)]},
    ),
    "job-half-done": (
        *(["app", "side"], []),
        {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                container("app", COMPLETED),
                container("side", RUNNING, ready=True),
            ],
        },
    ),
    "job-not-ready": (
        *(["app", "side"], []),
        {
            "phase": "Running",
            "containerStatuses": [
                container("app", COMPLETED),
                container("side", RUNNING, ready=True),
            ],
        },
    ),
    "job-failed": (
        *(["app", "side"], []),
        {
            "phase": "Failed",
            "containerStatuses": [container("app", COMPLETED), container("side", CRASHED)],
        },
    ),
    "killed": (["app"], [], {"phase": "Failed", "containerStatuses": [container("app", KILLED)]}),
    "evicted": (["app"], [], {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}),
    "init-waits": (
        *(["app"], [{"name": "first"}, {"name": "second"}]),
        {
            "phase": "Pending",
            "initContainerStatuses": [
                container("first", COMPLETED),
                container("second", RUNNING, restartCount=2, lastState=CRASHED),
            ],
            "containerStatuses": [container("app", waits("PodInitializing"))],
        },
    ),
    "init-fails": (
        *(["app"], [{"name": "first"}]),
        {
            "phase": "Pending",
            "initContainerStatuses": [container("first", CRASHED, restartCount=3)],
            "containerStatuses": [container("app", waits("PodInitializing"))],
        },
    ),
    "sidecar-runs": (
        *(["app"], [{"name": "proxy", "restartPolicy": "Always"}]),
        {
            "phase": "Running",
            "conditions": [{"type": "Initialized", "status": "True"}],
            "initContainerStatuses": [
                container(
                    "proxy", RUNNING, ready=True, started=True, restartCount=1, lastState=CRASHED
                )
            ],
            "containerStatuses": [container("app", RUNNING, ready=True)],
        },
    ),
    "sidecar-starts": (
        *(["app"], [{"name": "proxy", "restartPolicy": "Always"}]),
        {
            "phase": "Pending",
            "initContainerStatuses": [container("proxy", RUNNING, started=False)],
            "containerStatuses": [container("app", waits("PodInitializing"))],
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_columns_are_the_servers(case: str, cluster: Cluster) -> None:
    containers, inits, status = CASES[case]
    image = "example.test/app:1"
    await cluster.api.create(
        cluster.path("pods"),
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": case},
            "spec": {
                "schedulerName": "nobody",
                "containers": [{"name": name, "image": image} for name in containers],
                "initContainers": [{**each, "image": image} for each in inits],
            },
        },
    )
    await cluster.api.patch(f"{cluster.path('pods', case)}/status", {"status": status})
    read = pods.read((await cluster.api.get(cluster.path("pods", case))).body)
    table = (await cluster.api.send("GET", cluster.path("pods", case), accept=TABLE)).body
    titles = [column["name"] for column in table["columnDefinitions"]]
    cells = dict(zip(titles, table["rows"][0]["cells"], strict=True))
    last = " (30h ago)" if read.restarted is not None and read.restarts else ""
    assert {
        "Ready": f"{read.ready}/{read.containers}",
        "Status": read.status,
        "Restarts": f"{read.restarts}{last}",
    } == {title: cells[title] for title in ("Ready", "Status", "Restarts")}

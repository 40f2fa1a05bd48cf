"""A cluster for one test, the same to it whether a real API server or the built-in one answers."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.cluster.kubeconfig import Api, Raw
from tests.cluster.waiting import until

RBAC = "/apis/rbac.authorization.k8s.io/v1"
NODE = "node-1"
"""A node whose pods have the status that a test writes, on both servers."""
CONTAINER = "app"

Line = tuple[datetime, str]
"""A line of a log and when the kubelet received it."""


def lines(*texts: str, ago: float = 0) -> list[Line]:
    """Lines that were all written so many seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return [(at, text) for text in texts]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a role allows, in one namespace or in all: `Rule("list watch", "pods pods/log")`."""

    verbs: str
    resources: str
    group: str = ""
    namespace: str | None = None

    def as_role_rule(self) -> Raw:
        return {
            "apiGroups": [self.group],
            "resources": self.resources.split(),
            "verbs": self.verbs.split(),
        }


class Cluster(ABC):
    """One of the two servers, as an administrator, with a namespace that is this test's own."""

    name: str
    """ "built-in" or "real"."""

    def __init__(self, api: Api, kubeconfig: Path, namespace: str, scratch: Path) -> None:
        self.api = api
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self.scratch = scratch
        """A directory of this test."""
        self._count = itertools.count(1)

    def path(self, plural: str, name: str = "", *, group: str = "", namespace: str = "") -> str:
        """The path of a namespaced collection, or of one object of it; in the test's namespace unless another is
        named. `group` is with its version: "apps/v1"."""
        root = f"/apis/{group}" if group else "/api/v1"
        collection = f"{root}/namespaces/{namespace or self.namespace}/{plural}"
        return f"{collection}/{name}" if name else collection

    async def add_namespace(self, name: str = "", **labels: str) -> str:
        """Another namespace beside the test's own; its name begins with that one's."""
        full = f"{self.namespace}-{name}" if name else self.namespace
        metadata = {"name": full, "labels": labels}
        await self.api.create("/api/v1/namespaces", {"metadata": metadata})
        return full

    async def kubeconfig_of(self, user: str, *rules: Rule) -> Path:
        """A kubeconfig of a user of this test with these rights and no others, which hold when it returns."""
        full = f"{user}.{self.namespace}"
        for rule in rules:
            await self._grant(full, rule)
        path = self._write_kubeconfig(self.scratch / f"{user}.kubeconfig", full)
        async with Api.connected(path) as theirs:
            for rule in rules:
                await until(lambda rule=rule: _holds(theirs, rule))  # type: ignore[misc]
        return path

    async def _grant(self, user: str, rule: Rule) -> None:
        kind, where = "ClusterRole", RBAC
        if rule.namespace:
            kind, where = "Role", f"{RBAC}/namespaces/{rule.namespace}"
        metadata = {"name": f"{user}.{next(self._count)}"}
        plural = f"{kind.lower()}s"
        await self.api.create(
            f"{where}/{plural}", {"metadata": metadata, "rules": [rule.as_role_rule()]}
        )
        await self.api.create(
            f"{where}/{plural.removesuffix('s')}bindings",
            {
                "metadata": metadata,
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": kind,
                    "name": metadata["name"],
                },
                "subjects": [
                    {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
                ],
            },
        )

    async def add_pod(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        node: str = NODE,
        log: Sequence[Line] | None = None,
        previous: Sequence[Line] | None = None,
        ports: Mapping[int, int] | None = None,
        namespace: str = "",
    ) -> Raw:
        """A running pod with one container, as a kubelet reports it. With `log` (and `previous`) its logs can be
        read; `ports` says which local port answers at which of the pod's ports."""
        where = namespace or self.namespace
        await self._back(where, name, log, previous, ports or {})
        collection = self.path("pods", namespace=where)
        await self.api.create(collection, pod(name, node, labels or {}))
        made = await self.api.patch(f"{collection}/{name}/status", {"status": running()})
        await self._backed(where, name, log is not None, list(ports or ()))
        return made

    @abstractmethod
    def write_log(self, pod: str, written: Sequence[Line]) -> None:
        """Lines that the container of a pod of this test prints now."""

    @abstractmethod
    async def old_version(self) -> str:
        """A resourceVersion of long ago: PeerAuthentications cannot be watched from there any more."""

    @abstractmethod
    def _write_kubeconfig(self, path: Path, user: str) -> Path: ...

    @abstractmethod
    async def _back(
        self,
        namespace: str,
        name: str,
        log: Sequence[Line] | None,
        previous: Sequence[Line] | None,
        ports: Mapping[int, int],
    ) -> None:
        """Prepares what the kubelet will answer of a pod."""

    async def _backed(self, namespace: str, name: str, log: bool, ports: Sequence[int]) -> None:
        """Returns once the kubelet answers; where it does so at once, this does."""
        return


async def _holds(theirs: Api, rule: Rule) -> bool:
    for verb in rule.verbs.split():
        for resource in rule.resources.split():
            plural, _, subresource = resource.partition("/")
            attributes = {
                "verb": verb,
                "group": rule.group,
                "resource": plural,
                "subresource": subresource,
                "namespace": rule.namespace or "",
            }
            review = {"spec": {"resourceAttributes": attributes}}
            said = await theirs.create(
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review
            )
            if not said["status"]["allowed"]:
                return False
    return True


def pod(name: str, node: str, labels: Mapping[str, str]) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "nodeName": node,
            "automountServiceAccountToken": False,
            "containers": [{"name": CONTAINER, "image": "example.test/app:1"}],
        },
    }


def running(**more: Any) -> Raw:
    """The status of a pod that runs and is ready."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    return {
        "phase": "Running",
        "podIP": "10.244.0.9",
        "podIPs": [{"ip": "10.244.0.9"}],
        "startTime": now,
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": now} for kind in conditions
        ],
        "containerStatuses": [
            {
                "name": CONTAINER,
                "image": "example.test/app:1",
                "imageID": "",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }
        ],
        **more,
    }

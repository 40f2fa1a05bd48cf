"""kubectl against the built-in cluster: what people will do to it first."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meshtui.sim.kinds import NAMESPACE, NODE, POD
from meshtui.sim.kubelet import Log
from meshtui.sim.objects import Raw
from meshtui.sim.serve import serve
from meshtui.sim.store import Store
from tests.cluster.on_built_in import Kubelets

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}, {name: side, image: "side:1"}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint, namespace: shop}
spec:
  gatewayClassName: istio-waypoint
  listeners: [{name: mesh, port: 15008, protocol: HBONE}]
"""


class Kubectl:
    """Runs kubectl against one cluster."""

    def __init__(self, kubeconfig: Path, home: Path) -> None:
        self.home = home
        self._environment = os.environ | {"KUBECONFIG": str(kubeconfig), "HOME": str(home)}

    async def start(self, line: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            "kubectl",
            *line.split(),
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, line: str, given: str = "", *, status: int = 0) -> str:
        """What it says; AssertionError where it ends with another status."""
        process = await self.start(line)
        async with asyncio.timeout(30):
            out, err = await process.communicate(given.encode())
        assert process.returncode == status, (line, out, err)
        return (out if status == 0 else err).decode()


@pytest.fixture
def store() -> Store:
    made = Store()
    made.create(NODE, {"metadata": {"name": "node-1"}})
    made.create(NAMESPACE, {"metadata": {"name": "shop"}, "status": {"phase": "Active"}})
    for name in ("one", "two"):
        container: Raw = {"name": "app", "image": "app:1"}
        running = {**container, "ready": True, "restartCount": 0, "state": {"running": {}}}
        made.create(
            POD,
            {
                "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
                "spec": {"nodeName": "node-1", "containers": [container]},
                "status": {"phase": "Running", "containerStatuses": [running]},
            },
        )
    return made


@pytest.fixture
def kubelets() -> Kubelets:
    made = Kubelets()
    log = made.logs["shop", "one", False] = Log()
    for word in ("first", "second", "third"):
        log.write(datetime.now(UTC), word)
    return made


@pytest.fixture
async def kubectl(store: Store, kubelets: Kubelets, tmp_path: Path) -> AsyncIterator[Kubectl]:
    async with serve(store, kubelets) as served:
        yield Kubectl(served.kubeconfig, tmp_path)


def columns(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()]


async def test_get(kubectl: Kubectl) -> None:
    head, first, _ = columns(await kubectl("get pods -n shop"))
    assert head == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert first[:4] == ["one", "1/1", "Running", "0"]
    wide = columns(await kubectl("get pods -n shop -o wide --no-headers"))
    assert [row[6] for row in wide] == ["node-1", "node-1"]
    assert await kubectl("get pods -A -l app=two -o name") == "pod/two\n"
    assert await kubectl("get pods -A --chunk-size=1 -o name") == "pod/one\npod/two\n"
    assert await kubectl("get ns shop -o jsonpath={.status.phase}") == "Active"
    missing = await kubectl("get pod none -n shop", status=1)
    assert 'Error from server (NotFound): pods "none" not found' in missing


async def test_watch(kubectl: Kubectl) -> None:
    watching = await kubectl.start("get pods -n shop -w -o name")
    assert watching.stdout is not None
    async with asyncio.timeout(30):
        assert [await watching.stdout.readline() for _ in range(2)] == [b"pod/one\n", b"pod/two\n"]
        await kubectl("label pod two -n shop new=label")
        assert await watching.stdout.readline() == b"pod/two\n"
    watching.kill()
    await watching.communicate()


async def test_describe(kubectl: Kubectl) -> None:
    said = await kubectl("describe pod one -n shop")
    assert "Node:         node-1" in said
    assert "Events:       " in said
    assert "Name:         shop" in await kubectl("describe ns shop")


async def test_label_annotate_and_patch(kubectl: Kubectl, store: Store) -> None:
    assert (
        await kubectl("label ns shop istio.io/dataplane-mode=ambient") == "namespace/shop labeled\n"
    )
    labels = store.need(NAMESPACE, "", "shop")["metadata"]["labels"]
    assert labels == {"istio.io/dataplane-mode": "ambient"}
    assert await kubectl("annotate pod one -n shop a=b") == "pod/one annotated\n"
    for kind, patch in (
        ("strategic", '{"metadata":{"labels":{"s":"1"}}}'),
        ("merge", '{"metadata":{"labels":{"m":"1","app":null}}}'),
        ("json", '[{"op":"add","path":"/metadata/labels/j","value":"1"}]'),
    ):
        assert (
            await kubectl(f"patch pod one -n shop --type={kind} -p {patch}") == "pod/one patched\n"
        )
    assert store.need(POD, "shop", "one")["metadata"]["labels"] == {"s": "1", "m": "1", "j": "1"}
    status = '--subresource=status --type=merge -p {"status":{"phase":"Failed"}}'
    await kubectl(f"patch pod one -n shop {status}")
    assert store.need(POD, "shop", "one")["status"]["phase"] == "Failed"


async def test_apply(kubectl: Kubectl) -> None:
    assert await kubectl("apply -f -", MANIFEST) == (
        "deployment.apps/web created\ngateway.gateway.networking.k8s.io/waypoint created\n"
    )
    assert await kubectl("apply -f -", MANIFEST) == (
        "deployment.apps/web unchanged\ngateway.gateway.networking.k8s.io/waypoint unchanged\n"
    )
    changed = MANIFEST.replace("web:1", "web:2").replace("port: 15008", "port: 15009")
    manifest = kubectl.home / "changed.yaml"
    manifest.write_text(changed)
    dry = await kubectl(f"apply --dry-run=server -f {manifest}")
    assert "deployment.apps/web configured (server dry run)" in dry
    process = await kubectl.start(f"diff -f {manifest}")
    difference = (await process.communicate())[0].decode()
    assert "-      - image: web:1\n+      - image: web:2\n" in difference
    assert "-    port: 15008\n+    port: 15009\n" in difference
    assert "image: side" not in [line for line in difference.splitlines() if line[:1] in "+-"]
    await kubectl(f"apply -f {manifest}")
    images = "get deploy web -n shop -o jsonpath={..image}"
    assert await kubectl(images) == "web:2 side:1"


async def test_apply_by_the_server(kubectl: Kubectl) -> None:
    await kubectl("apply --server-side -f -", MANIFEST)
    await kubectl("set image deploy/web -n shop web=web:9")
    refused = await kubectl("apply --server-side -f -", MANIFEST, status=1)
    assert 'conflict with "kubectl-set" using apps/v1' in refused
    assert '.spec.template.spec.containers[name="web"].image' in refused
    await kubectl("apply --server-side --force-conflicts -f -", MANIFEST)
    assert await kubectl("get deploy web -n shop -o jsonpath={..image}") == "web:1 side:1"


async def test_create_replace_scale_and_delete(kubectl: Kubectl) -> None:
    await kubectl("create namespace other")
    await kubectl("create configmap c -n other --from-literal=a=1")
    whole = await kubectl("get configmap c -n other -o yaml")
    await kubectl("replace -f -", whole.replace('a: "1"', 'a: "2"'))
    late = await kubectl("replace -f -", whole.replace('a: "1"', 'a: "3"'), status=1)
    assert "Error from server (Conflict)" in late
    assert await kubectl("get configmap c -n other -o jsonpath={.data}") == '{"a":"2"}'
    await kubectl("create deployment d -n other --image=x")
    await kubectl("scale deployment d -n other --replicas=3")
    assert await kubectl("get deploy d -n other -o jsonpath={.spec.replicas}") == "3"
    await kubectl("delete configmap c -n other")
    await kubectl("delete namespace other")
    assert "not found" in await kubectl("get namespace other", status=1)


async def test_logs(kubectl: Kubectl, kubelets: Kubelets) -> None:
    assert await kubectl("logs one -n shop --tail=2") == "second\nthird\n"
    following = await kubectl.start("logs -f one -n shop --tail=1")
    assert following.stdout is not None
    async with asyncio.timeout(30):
        assert await following.stdout.readline() == b"third\n"
        log = kubelets.logs["shop", "one", False]
        log.write(datetime.now(UTC), "fourth")
        assert await following.stdout.readline() == b"fourth\n"
        log.end()
        assert await following.stdout.readline() == b""
    await following.communicate()


async def test_rights(kubectl: Kubectl) -> None:
    assert await kubectl("auth can-i list pods") == "yes\n"
    assert (await kubectl("auth whoami -o jsonpath={.status.userInfo.username}")) == "admin"
    await kubectl("create role reader --verb=list --resource=pods -n shop")
    await kubectl("create rolebinding reader --role=reader --user=jane -n shop")
    assert await kubectl("auth can-i list pods -n shop --as jane") == "yes\n"
    assert await kubectl("get pods -n shop --as jane -o name") == "pod/one\npod/two\n"
    refused = await kubectl("get pods -A --as jane", status=1)
    assert (
        'pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope'
        in refused
    )


async def test_what_there_is(kubectl: Kubectl) -> None:
    known = columns(await kubectl("api-resources --no-headers"))
    assert ["gateways", "gtw", "gateway.networking.k8s.io/v1", "true", "Gateway"] in known
    assert [
        "authorizationpolicies",
        "ap",
        "security.istio.io/v1",
        "true",
        "AuthorizationPolicy",
    ] in known
    assert "KIND:       Gateway" in await kubectl("explain gateways.gateway.networking.k8s.io")

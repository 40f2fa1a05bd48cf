"""Ztunnels for a large cluster: a process that answers for all of them, each at a port of its own.

What each tells is made from the recorded ztunnel: all pods as workloads, the captured pods of its node as proxied,
a certificate for each of their identities. About 9 MB each, as a real one says of 10,000 pods. Nothing is kept but what
all have in common; the rest is put together when it is asked for.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

from aiohttp import web

from tests.cluster.authority import LOOPBACK
from tests.cluster.kubeconfig import Api, Raw
from tests.recordings import Recording

KWOK = "kwok.x-k8s.io/v1alpha1"
_PORTS = (15000, 15020)


class Mesh:
    """What all ztunnels know, and what each of them serves."""

    def __init__(self, pods: list[Raw]) -> None:
        shop = Recording("shop")
        self._recorded = json.loads(shop.dump("node-1"))
        self._metrics = shop.metrics("node-1").decode()
        self.captured: dict[str, list[Raw]] = defaultdict(list)
        """By node."""
        for pod in pods:
            if "ambient.istio.io/redirection" in pod["metadata"].get("annotations", {}):
                self.captured[pod["spec"]["nodeName"]].append(pod)
        template = next(w for w in self._recorded["workloads"] if w["protocol"] == "HBONE")
        self._workloads = _members([_workload(template, pod) for pod in pods])

    def dump(self, node: str) -> bytes:
        """`/config_dump` of the ztunnel of a node."""
        served = self.captured[node]
        state = {
            pod["metadata"]["uid"]: {
                "connections": {"inbound": [], "outbound": []},
                "info": _info(pod),
                "state": "Up",
            }
            for pod in served
        }
        certificate = self._recorded["certificates"][0]
        identities = sorted({_identity(pod) for pod in served})
        own = self._recorded | {
            "certificates": [certificate | {"identity": identity} for identity in identities],
            "workloadState": state,
        }
        del own["workloads"]
        rest = json.dumps(own, indent=2).encode()
        return rest[:-2] + b',\n  "workloads": [\n' + self._workloads + b"\n  ]\n}"

    def metrics(self, node: str) -> bytes:
        count = f"workload_manager_active_proxy_count {len(self.captured[node])}"
        pattern = r"(?m)^workload_manager_active_proxy_count \d+"
        return re.sub(pattern, count, self._metrics).encode()


def _workload(template: Raw, pod: Raw) -> Raw:
    metadata = pod["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    captured = "ambient.istio.io/redirection" in metadata.get("annotations", {})
    return template | {
        "canonicalName": metadata["labels"].get("app", name),
        "name": name,
        "namespace": namespace,
        "node": pod["spec"]["nodeName"],
        "protocol": "HBONE" if captured else "TCP",
        "serviceAccount": pod["spec"]["serviceAccountName"],
        "uid": f"Kubernetes//Pod/{namespace}/{name}",
        "workloadIps": [pod["status"]["podIP"]],
        "workloadName": name,
    }


def _info(pod: Raw) -> Raw:
    metadata = pod["metadata"]
    account = pod["spec"]["serviceAccountName"]
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "serviceAccount": account,
    }


def _identity(pod: Raw) -> str:
    namespace, account = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
    return f"spiffe://cluster.local/ns/{namespace}/sa/{account}"


def _members(values: list[Raw]) -> bytes:
    """The members of a list within an object, printed as ztunnel prints it."""
    return json.dumps(values, indent=2).encode().replace(b"\n", b"\n  ")[2:-4]


async def serve(kubeconfig: Path) -> None:
    """Stands in for every ztunnel pod of the cluster; says "ready" and runs until it is ended."""
    async with Api.connected(kubeconfig) as api:
        pods: list[Raw] = (await api.get("/api/v1/pods")).body["items"]
        mesh = Mesh(pods)
        runners = []
        for pod in pods:
            if pod["metadata"]["labels"].get("app") == "ztunnel":
                runner, port = await _listen(mesh, pod["spec"]["nodeName"])
                runners.append(runner)
                await _forward(api, pod, port)
    print("ready", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        for runner in runners:
            await runner.cleanup()


async def _listen(mesh: Mesh, node: str) -> tuple[web.AppRunner, int]:
    async def config_dump(_: web.Request) -> web.Response:
        return web.Response(body=mesh.dump(node), content_type="application/json")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=mesh.metrics(node))

    app = web.Application()
    app.router.add_get("/config_dump", config_dump)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    return runner, runner.addresses[0][1]


async def _forward(api: Api, pod: Raw, port: int) -> None:
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    target = {"port": port, "address": LOOPBACK}
    body = {
        "apiVersion": KWOK,
        "kind": "PortForward",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"forwards": [{"ports": list(_PORTS), "target": target}]},
    }
    await api.create(f"/apis/{KWOK}/namespaces/{namespace}/portforwards", body)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))

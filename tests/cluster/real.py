"""A real kube-apiserver on loopback: etcd behind it, kwok as its kubelet, a certificate authority of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

import aiohttp
import yaml

from tests.cluster.authority import LOOPBACK, Authority, Pair
from tests.cluster.kubeconfig import Api, Raw, client_certificate, write_kubeconfig
from tests.cluster.process import Program, free_port
from tests.cluster.waiting import until

BIN = Path(__file__).parent / "bin"
NODES = ("node-1", "node-2")
"""Nodes whose pods have the status that a test writes; their logs and ports are kwok's."""
KWOK_NODE = "kwok-1"
"""A node whose pods kwok starts and stops, as a kubelet does."""

_STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)
_DIALLED = "InternalDNS"
"""The only type of address that the API server dials for a kubelet. Our nodes alone have one, on loopback: whatever
addresses a test or a benchmark gives its own nodes, nothing goes there."""
_DEADLINE = 60.0
"""Seconds until a program must be ready; three are usual on an idle machine."""


def missing() -> str:
    """Why there can be no real cluster here; "" where there can."""
    needed = ("etcd", "kube-apiserver", "kwok", "stages", "crds")
    gone = [name for name in needed if not (BIN / name).exists()]
    return f"{', '.join(gone)} not built: run tests/cluster/build, which needs Go" if gone else ""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a running cluster and to make users of it. A file, since other processes want to know as well."""

    directory: Path
    url: str
    kubelet_port: int

    @classmethod
    def read(cls, directory: Path) -> Access:
        told = json.loads((directory / "access.json").read_text())
        return cls(directory, told["url"], told["kubelet_port"])

    def write(self) -> None:
        told = asdict(self) | {"directory": str(self.directory)}
        unfinished = self.directory / "access.json.part"
        unfinished.write_text(json.dumps(told))
        unfinished.rename(self.directory / "access.json")

    @property
    def admin(self) -> Path:
        """The kubeconfig of a user who may do everything."""
        return self.directory / "admin.kubeconfig"

    def kubeconfig_of(self, path: Path, user: str, *groups: str) -> Path:
        """Writes the kubeconfig of a user, who has the rights that the cluster's roles give to user and groups."""
        authority = Authority(
            Pair((self.directory / "ca.crt").read_bytes(), (self.directory / "ca.key").read_bytes())
        )
        return write_kubeconfig(
            path,
            "real",
            self.url,
            authority.pair.certificate,
            client_certificate(authority.user(user, groups)),
        )


class RealCluster:
    """Runs the programs in a directory that holds all there is of them. Use it by `async with`, or start and end it."""

    def __init__(self, directory: Path, *, controllers: bool = False, crds: bool = True) -> None:
        """With `controllers` also the controller manager and the scheduler; with `crds` those of Istio and the
        Gateway API."""
        self.directory = directory
        self.access = Access(directory, f"https://{LOOPBACK}:{free_port()}", free_port())
        self._controllers = controllers
        self._crds = crds
        self._etcd_port, self._peer_port = free_port(), free_port()
        self._programs: dict[str, Program] = {}

    async def __aenter__(self) -> Access:
        await self.start()
        return self.access

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    async def start(self) -> None:
        """Returns when pods, logs and port-forwards work. RuntimeError with a program's last words where one ends."""
        self._write_credentials()
        try:
            self._run("etcd", *self._etcd_flags())
            await self.start_server()
            async with Api.connected(self.access.admin) as api:
                await _create_all(api, _crds("kwok"))
                await self._start_kwok(api)
                if self._crds:
                    await _create_all(api, [*_crds("istio"), *_crds("gateway-api")])
            if self._controllers:
                self._start_controllers()
        except BaseException:
            self.end()
            raise
        self.access.write()

    async def install(self, definitions: list[Raw]) -> None:
        """Creates CustomResourceDefinitions, and waits until all are served."""
        async with Api.connected(self.access.admin) as api:
            await _create_all(api, definitions)

    def end(self) -> None:
        for program in reversed(self._programs.values()):
            program.end()
        self._programs.clear()

    async def start_server(self) -> None:
        """The API server alone, at the address where it was before, if it was stopped."""
        self._run("kube-apiserver", *self._server_flags())
        async with Api.connected(self.access.admin) as api:
            await self._ready("kube-apiserver", api, "/readyz")

    def stop_server(self) -> None:
        """The API server alone, as if its machine had died. etcd keeps what it knew."""
        self._programs.pop("kube-apiserver").end()

    async def forget(self) -> None:
        """Everything of before is forgotten: etcd is compacted, and the API server's caches begin anew."""
        etcd = f"http://{LOOPBACK}:{self._etcd_port}/v3/kv"
        async with aiohttp.ClientSession(raise_for_status=True) as http:
            async with http.post(f"{etcd}/range", json={"key": "AA=="}) as found:
                revision = (await found.json())["header"]["revision"]
            async with http.post(f"{etcd}/compaction", json={"revision": revision}):
                pass
        self.stop_server()
        await self.start_server()

    def _run(self, name: str, *flags: str | Path) -> None:
        self._programs[name] = Program([BIN / name, *flags], self.directory / f"{name}.log")

    async def _ready(self, name: str, api: Api, path: str) -> None:
        async def ready() -> bool:
            for program, process in self._programs.items():
                if process.ended():
                    raise RuntimeError(f"{program} ended:\n{process.last_words()}")
            return await _is_ok(api, path)

        try:
            await until(ready, _DEADLINE)
        except TimeoutError:
            said = self._programs[name].last_words()
            raise RuntimeError(f"{name} was not ready within {_DEADLINE} s:\n{said}") from None

    def _write_credentials(self) -> None:
        authority = Authority.new("MeshTUI test cluster")
        pairs = {
            "ca": authority.pair,
            "apiserver": authority.server("kube-apiserver"),
            "kubelet": authority.server("kubelet"),
            "kubelet-client": authority.user("kube-apiserver", ("system:masters",)),
            "service-account": authority.server("service-account"),
        }
        for name, pair in pairs.items():
            (self.directory / f"{name}.crt").write_bytes(pair.certificate)
            key = self.directory / f"{name}.key"
            key.touch(0o600)
            key.write_bytes(pair.key)
        self.access.kubeconfig_of(self.access.admin, "admin", "system:masters")

    def _etcd_flags(self) -> Iterator[str]:
        client, peer = (f"http://{LOOPBACK}:{port}" for port in (self._etcd_port, self._peer_port))
        yield f"--data-dir={self.directory / 'etcd'}"
        yield "--unsafe-no-fsync"
        yield f"--listen-client-urls={client}"
        yield f"--advertise-client-urls={client}"
        yield f"--listen-peer-urls={peer}"
        yield f"--initial-advertise-peer-urls={peer}"
        yield f"--initial-cluster=default={peer}"

    def _server_flags(self) -> Iterator[str]:
        inside = self.directory
        yield f"--etcd-servers=http://{LOOPBACK}:{self._etcd_port}"
        yield f"--secure-port={self.access.url.rpartition(':')[2]}"
        yield f"--bind-address={LOOPBACK}"
        yield f"--advertise-address={LOOPBACK}"
        yield "--endpoint-reconciler-type=none"
        yield f"--cert-dir={inside}"
        yield f"--tls-cert-file={inside / 'apiserver.crt'}"
        yield f"--tls-private-key-file={inside / 'apiserver.key'}"
        yield f"--client-ca-file={inside / 'ca.crt'}"
        yield "--authorization-mode=RBAC"
        yield "--service-cluster-ip-range=10.96.0.0/16"
        yield "--service-account-issuer=https://kubernetes.default.svc"
        yield f"--service-account-key-file={inside / 'service-account.crt'}"
        yield f"--service-account-signing-key-file={inside / 'service-account.key'}"
        yield f"--kubelet-certificate-authority={inside / 'ca.crt'}"
        yield f"--kubelet-client-certificate={inside / 'kubelet-client.crt'}"
        yield f"--kubelet-client-key={inside / 'kubelet-client.key'}"
        yield f"--kubelet-preferred-address-types={_DIALLED}"
        if not self._controllers:  # nobody makes the service accounts that it asks for
            yield "--disable-admission-plugins=ServiceAccount"

    async def _start_kwok(self, api: Api) -> None:
        config = self.directory / "kwok.yaml"
        options = {
            "cidr": "10.244.0.1/16",  # without it every pod has the node's address
            "nodePlayStageParallelism": 4,
            "podPlayStageParallelism": 4,
            "nodeLeaseParallelism": 4,
            "nodeLeaseDurationSeconds": 40,
            "enableDebuggingHandlers": True,  # logs and port-forwards
            "enableCRDs": ["Logs", "PortForward"],
        }
        kind = {"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration"}
        config.write_text(yaml.safe_dump(kind | {"options": options}))
        port = self.access.kubelet_port
        self._run(
            "kwok",
            f"--kubeconfig={self.access.admin}",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
            f"--node-ip={LOOPBACK}",
            f"--node-port={port}",
            f"--server-address={LOOPBACK}:{port}",
            f"--tls-cert-file={self.directory / 'kubelet.crt'}",
            f"--tls-private-key-file={self.directory / 'kubelet.key'}",
            *(f"--config={file}" for file in (config, *(BIN / "stages" / s for s in _STAGES))),
        )
        for name in NODES:
            await api.create("/api/v1/nodes", _node(name, self.access))
        fake = {"kwok.x-k8s.io/node": "fake"}
        await api.create("/api/v1/nodes", _node(KWOK_NODE, self.access, fake))
        await self._ready("kwok", api, f"https://{LOOPBACK}:{port}/healthz")

    def _start_controllers(self) -> None:
        admin = self.access.admin
        for name in ("kube-controller-manager", "kube-scheduler"):
            self._run(
                name,
                f"--kubeconfig={admin}",
                f"--authentication-kubeconfig={admin}",
                f"--authorization-kubeconfig={admin}",
                f"--bind-address={LOOPBACK}",
                f"--secure-port={free_port()}",
                f"--cert-dir={self.directory}",
                "--leader-elect=false",
                *(
                    [
                        f"--service-account-private-key-file={self.directory / 'service-account.key'}",
                        f"--root-ca-file={self.directory / 'ca.crt'}",
                    ]
                    if name == "kube-controller-manager"
                    else []
                ),
            )


def kubelet_of(access: Access) -> Raw:
    """The part of a node's status by which the API server finds kwok for its pods' logs and ports."""
    return {
        "addresses": [
            {"type": "InternalIP", "address": LOOPBACK},
            {"type": _DIALLED, "address": "localhost"},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": access.kubelet_port}},
    }


def _node(name: str, access: Access, annotations: dict[str, str] | None = None) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": annotations or {}},
        "status": kubelet_of(access) | {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def _crds(of: str) -> list[Raw]:
    files = sorted((BIN / "crds" / of).rglob("*.yaml"))
    objects = (item for file in files for item in yaml.load_all(file.read_text(), _LOADER))
    return [item for item in objects if item and item["kind"] == "CustomResourceDefinition"]


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C one reads Istio's CRDs, one megabyte, in a tenth of the time."""


async def _create_all(api: Api, crds: list[Raw]) -> None:
    """Creates them and waits until all are served."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await asyncio.gather(*(api.create(path, crd) for crd in crds))

    async def established(crd: Raw) -> bool:
        known = (await api.get(f"{path}/{crd['metadata']['name']}")).body
        conditions = known["status"]["conditions"] or []  # null at first
        return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)

    for crd in crds:
        await until(partial(established, crd), _DEADLINE)


async def _is_ok(api: Api, path: str) -> bool:
    try:
        return (await api.get(path)).status == 200
    except aiohttp.ClientConnectionError:
        return False

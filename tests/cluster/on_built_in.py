"""The built-in cluster as a test sees it: its store and its API, with kubelets that the test fills."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from meshtui.sim.kinds import NODE
from meshtui.sim.kubelet import Handler, Log, Writer
from meshtui.sim.serve import Served, serve
from meshtui.sim.store import Store
from tests.cluster.authority import LOOPBACK
from tests.cluster.cluster import Cluster, Line
from tests.cluster.kubeconfig import Api
from tests.cluster.real import NODES


class OnBuiltIn(Cluster):
    """No controllers run in it, as none run beside the real API server."""

    name = "built-in"

    def __init__(
        self,
        served: Served,
        store: Store,
        kubelet: Kubelets,
        api: Api,
        namespace: str,
        scratch: Path,
    ) -> None:
        super().__init__(api, served.kubeconfig, namespace, scratch)
        self._served = served
        self._kubelet = kubelet
        self.store = store

    @classmethod
    @asynccontextmanager
    async def started(cls, namespace: str, scratch: Path) -> AsyncIterator[OnBuiltIn]:
        store, kubelet = Store(), Kubelets()
        for node in NODES:
            store.create(NODE, {"metadata": {"name": node}})
        async with (
            serve(store, kubelet, name="built-in") as served,
            Api.connected(served.kubeconfig) as api,
        ):
            yield cls(served, store, kubelet, api, namespace, scratch)

    def write_log(self, pod: str, written: Sequence[Line]) -> None:
        log = self._kubelet.logs[self.namespace, pod, False]
        for line in written:
            log.write(*line)

    async def old_version(self) -> str:
        version = self.store.version
        await self.add_namespace("newer")
        self.store.forget()
        return str(version)

    def _write_kubeconfig(self, path: Path, user: str) -> Path:
        return self._served.kubeconfig_of(path, user)

    async def _back(
        self,
        namespace: str,
        name: str,
        log: Sequence[Line] | None,
        previous: Sequence[Line] | None,
        ports: Mapping[int, int],
    ) -> None:
        for lines, is_previous in ((log, False), (previous, True)):
            if lines is not None:
                written = self._kubelet.logs[namespace, name, is_previous] = Log()
                for line in lines:
                    written.write(*line)
        for port, local in ports.items():
            self._kubelet.ports[namespace, name, port] = local


class Kubelets:
    """The kubelets of all nodes, as `meshtui.sim.kubelet.Kubelet` has them."""

    def __init__(self) -> None:
        self.logs: dict[tuple[str, str, bool], Log] = {}
        """By namespace, pod, and whether it is that of the run before."""
        self.ports: dict[tuple[str, str, int], int] = {}
        """The local port by namespace, pod and its port."""

    def log(self, namespace: str, pod: str, container: str, *, previous: bool) -> Log | None:
        return self.logs.get((namespace, pod, previous))

    def port(self, namespace: str, pod: str, port: int) -> Handler | None:
        local = self.ports.get((namespace, pod, port))
        return None if local is None else _connected_to(local)


def _connected_to(local: int) -> Handler:
    async def connect(reader: asyncio.StreamReader, writer: Writer) -> None:
        there, back = await asyncio.open_connection(LOOPBACK, local)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass(reader, back))
                group.create_task(_pass(there, writer))
        finally:
            back.close()

    return connect


async def _pass(reader: asyncio.StreamReader, writer: Writer | asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()

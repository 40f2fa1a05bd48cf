"""The real API server as a test sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.cluster import CONTAINER, Cluster, Line
from tests.cluster.forward import answers
from tests.cluster.kubeconfig import Api, Raw
from tests.cluster.real import Access
from tests.cluster.waiting import until

KWOK = "kwok.x-k8s.io/v1alpha1"


class OnReal(Cluster):
    """Logs are files that kwok reads; ports are local ones that kwok connects to."""

    name = "real"

    def __init__(self, access: Access, api: Api, namespace: str, scratch: Path) -> None:
        super().__init__(api, access.admin, namespace, scratch)
        self._access = access

    def write_log(self, pod: str, written: Sequence[Line]) -> None:
        _append(self._log(self.namespace, pod), written)

    async def old_version(self) -> str:
        """The watch cache of a custom kind begins when the kind is defined."""
        return "1"

    def _write_kubeconfig(self, path: Path, user: str) -> Path:
        return self._access.kubeconfig_of(path, user)

    async def _back(
        self,
        namespace: str,
        name: str,
        log: Sequence[Line] | None,
        previous: Sequence[Line] | None,
        ports: Mapping[int, int],
    ) -> None:
        metadata = {"name": name, "namespace": namespace}
        if log is not None:
            files: Raw = {"logsFile": str(_append(self._log(namespace, name), log))}
            if previous is not None:
                before = _append(self._log(namespace, f"{name}.previous"), previous)
                files["previousLogsFile"] = str(before)
            logs = [{"containers": [CONTAINER], "follow": True} | files]
            await self._create("Logs", metadata, {"logs": logs})
        if ports:
            forwards = [
                {"ports": [port], "target": {"port": local, "address": "127.0.0.1"}}
                for port, local in ports.items()
            ]
            await self._create("PortForward", metadata, {"forwards": forwards})

    async def _create(self, kind: str, metadata: Raw, spec: Raw) -> None:
        plural = {"Logs": "logs", "PortForward": "portforwards"}[kind]
        path = self.path(plural, group=KWOK, namespace=metadata["namespace"])
        body = {"apiVersion": KWOK, "kind": kind, "metadata": metadata, "spec": spec}
        await self.api.create(path, body)

    async def _backed(self, namespace: str, name: str, log: bool, ports: Sequence[int]) -> None:
        """kwok hears of its objects by a watch, so a little later."""
        pod = self.path("pods", name, namespace=namespace)

        async def logs() -> bool:
            return (await self.api.get(f"{pod}/log", limitBytes=1)).status == 200

        async def listens() -> bool:
            return await answers(self.api, pod, ports[0])

        if log:
            await until(logs)
        if ports:
            await until(listens)

    def _log(self, namespace: str, name: str) -> Path:
        return self.scratch / f"{namespace}.{name}.log"


def _append(file: Path, written: Sequence[Line]) -> Path:
    """In the format of the container runtimes, as a kubelet reads it."""
    with file.open("a") as log:
        for at, text in written:
            log.write(
                f"{at.isoformat(timespec='microseconds').replace('+00:00', '000Z')} stdout F {text}\n"
            )
    return file

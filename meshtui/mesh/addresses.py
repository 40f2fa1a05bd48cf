"""Addresses: which workload has one now."""

from __future__ import annotations

from collections.abc import Mapping

from meshtui.mesh import pods, raw
from meshtui.mesh.access.lines import split
from meshtui.mesh.kinds import SERVICE
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Snapshot


def owners(snapshot: Snapshot) -> Mapping[str, str]:
    """By IP "namespace/name": what made the pod that has it, or the Service that does. Pods of the host's network share
    their node's, and are not told apart."""
    return snapshot.once(_owners, pods.of(snapshot), snapshot.objects.get(SERVICE, _NONE))


_NONE: Mapping[str, Raw] = {}


def _owners(every: Mapping[str, Pod], services: Mapping[str, Raw]) -> Mapping[str, str]:
    found = {
        address: raw.key(it)
        for it in services.values()
        if (address := raw.text(it, "spec", "clusterIP")) not in ("", "None")
    }
    for pod in every.values():
        if pod.address and not (pod.host_network or pod.finished):
            found[pod.address] = f"{pod.namespace}/{pod.controller.partition('/')[2] or pod.name}"
    return found


def named(address: str, owner_of: Mapping[str, str], *, port: bool = True) -> str:
    """An "IP:port" with the name of who has the IP in its place, where that is known. `port` is left out of a
    client's: it means nothing."""
    ip, number = split(address)
    owner = owner_of.get(ip.strip("[]"))
    if owner is None:
        return address
    return f"{owner}:{number}" if port and number else owner

"""Ways: jumps that several panes offer alike."""

from __future__ import annotations

from meshtui.mesh import raw, ztunnels
from meshtui.mesh.kinds import (
    GATEWAY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    INGRESS,
    ISTIO_GATEWAY,
    NAMESPACE,
    POD,
    SERVICE,
    TCP_ROUTE,
    TLS_ROUTE,
    VIRTUAL_SERVICE,
)
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui.exchange import Jump

_PANES = {
    NAMESPACE: "namespaces",
    POD: "workloads",
    SERVICE: "services",
    GATEWAY: "gateways",
    ISTIO_GATEWAY: "gateways",
    **dict.fromkeys(
        (HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, TCP_ROUTE, VIRTUAL_SERVICE, INGRESS), "routes"
    ),
}
"""Where an object is a row."""


def namespace(snapshot: Snapshot, name: str) -> Jump | None:
    """To the row of a namespace; None where it is not known."""
    return to(snapshot, Ref(NAMESPACE, "", name))


def node(snapshot: Snapshot, name: str) -> Jump | None:
    """To the row of a node, which is that of its ztunnel; None where it is not known."""
    found = (each for each in ztunnels.of(snapshot) if name and each.node == name)
    return next((Jump("ztunnels", key=each.key) for each in found), None)


def to(snapshot: Snapshot, ref: Ref) -> Jump | None:
    """To the row of an object; None where it is not known, or no pane has such rows."""
    it = snapshot.find(ref.kind, ref.namespace, ref.name)
    if it is None or ref.kind not in _PANES:
        return None
    return Jump(_PANES[ref.kind], key=raw.uid(it) or ref.key)

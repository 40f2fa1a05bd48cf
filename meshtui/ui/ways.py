"""Ways: jumps that several panes offer alike."""

from __future__ import annotations

from meshtui.mesh import policy_rows, raw
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
    **dict.fromkeys(policy_rows.SHOWN, "policies"),
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
SERVED = "served"
"""The pane of all other kinds."""


def namespace(snapshot: Snapshot, name: str) -> Jump | None:
    """To the row of a namespace; None where it is not known."""
    return to(snapshot, Ref(NAMESPACE, "", name))


def to(snapshot: Snapshot, ref: Ref) -> Jump | None:
    """To the row of an object, in the pane of its kind or as the server prints it; None where it is not known."""
    it = snapshot.find(ref.kind, ref.namespace, ref.name)
    if it is None:
        return None
    key = raw.uid(it) or ref.key
    if ref.kind in _PANES:
        return Jump(_PANES[ref.kind], key=key)
    served = any(each.kind == ref.kind for each in snapshot.server.served.values())
    return Jump(SERVED, str(ref.kind), key) if served else None

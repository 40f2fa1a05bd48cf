"""Ways: jumps that several panes offer alike."""

from __future__ import annotations

from collections.abc import Iterable

from meshtui.mesh import named_secrets, policy_rows, raw, waypoints, ztunnels
from meshtui.mesh.kinds import (
    GATEWAY,
    GATEWAY_CLASS,
    GRPC_ROUTE,
    HTTP_ROUTE,
    INGRESS,
    ISTIO_GATEWAY,
    NAMESPACE,
    POD,
    SECRET,
    SERVICE,
    TCP_ROUTE,
    TLS_ROUTE,
    VIRTUAL_SERVICE,
)
from meshtui.mesh.raw import Raw
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


def owner(snapshot: Snapshot, owners: Iterable[Raw], namespace: str) -> Jump | None:
    """To the row of the first owner by an object's ownerReferences whose kind is served, of an object in that
    namespace; None where there is none."""
    kinds = {(kind.group, kind.title): kind for kind in snapshot.server.served}
    for each in owners:
        group = raw.text(each, "apiVersion").rpartition("/")[0]
        kind = kinds.get((group, raw.text(each, "kind")))
        if kind is not None:
            ref = Ref(kind, namespace if kind.namespaced else "", raw.text(each, "name"))
            return to(snapshot, ref) or Jump(SERVED, str(kind), key=raw.text(each, "uid"))
    return None


def node(snapshot: Snapshot, name: str) -> Jump | None:
    """To the row of a node, which is that of its ztunnel; None where it is not known."""
    found = (each for each in ztunnels.of(snapshot) if name and each.node == name)
    return next((Jump("ztunnels", key=each.key) for each in found), None)


def to(snapshot: Snapshot, ref: Ref) -> Jump | None:
    """To the row of an object, in the pane of its kind or as the server prints it; None where it is not known."""
    if ref.kind == SECRET and ref in named_secrets.uses(snapshot):
        return Jump("certificates", key=f"secret/{ref.key}")
    it = snapshot.find(ref.kind, ref.namespace, ref.name)
    if it is None:
        return None
    if ref.kind in snapshot.server.served and ref.kind not in _PANES:
        return Jump(SERVED, str(ref.kind), key=raw.uid(it) or ref.key)
    if ref.kind not in _PANES:
        return None
    return Jump(_pane(snapshot, ref, it), key=raw.uid(it) or ref.key)


def _pane(snapshot: Snapshot, ref: Ref, it: Raw) -> str:
    """Ztunnels and waypoints have panes of their own."""
    if ref.kind == POD and raw.label(it, "app") == "ztunnel":
        return "ztunnels"
    class_name = raw.text(it, "spec", "gatewayClassName")
    controllers = {
        raw.name(c): raw.text(c, "spec", "controllerName") for c in snapshot.raw(GATEWAY_CLASS)
    }
    if ref.kind == GATEWAY and waypoints.is_waypoint(class_name, controllers.get(class_name, "")):
        return "waypoints"
    return _PANES[ref.kind]

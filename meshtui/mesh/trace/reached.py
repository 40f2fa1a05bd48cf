"""Reached: how a request has to be addressed to come to a route."""

from __future__ import annotations

from meshtui.mesh import gateways
from meshtui.mesh.gateway_listeners import Listening
from meshtui.mesh.routes import Route
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.tree import takes

_PORTS = {"http": 80, "https": 443}


def through(row: Route, snapshot: Snapshot) -> str:
    """An address that a gateway takes for the route, else the Service that is its parent, with its port; "" where there
    is neither."""
    for gateway in gateways.of(snapshot):
        for listening in gateway.listeners:
            if takes(listening, gateway.ref, row):
                return _address(row, listening)
    for host in row.hosts:
        if row.parents and row.parents[0].ref.kind in ("Gateway", "Istio Gateway"):
            return f"https://{host.replace('*', 'any')}/"
    for parent in row.parents:
        if parent.ref.kind == "Service":
            port = f":{parent.ref.port}" if parent.ref.port else ""
            return f"{parent.ref.namespace}/service/{parent.ref.name}{port}"
    return ""


def _address(row: Route, listening: Listening) -> str:
    listener = listening.listener
    names = [*row.hosts, *listener.hostnames, "any.example"]
    host = names[0].replace("*", "any")
    scheme = "https" if listener.tls else "http"
    port = "" if listener.port == _PORTS[scheme] else f":{listener.port}"
    return f"{scheme}://{host}{port}/"

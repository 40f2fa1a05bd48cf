"""PANES: the one table of panes, in the order of their tabs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshtui.ui.pane import Pane
from meshtui.ui.panes.certificates import CertificatesPane
from meshtui.ui.panes.cluster import ClusterPane
from meshtui.ui.panes.denials import DenialsPane
from meshtui.ui.panes.findings import FindingsPane
from meshtui.ui.panes.gateways import GatewaysPane
from meshtui.ui.panes.namespaces import NamespacesPane
from meshtui.ui.panes.policies import PoliciesPane
from meshtui.ui.panes.routes import RoutesPane
from meshtui.ui.panes.services import ServicesPane
from meshtui.ui.panes.waypoints import WaypointsPane
from meshtui.ui.panes.workloads import WorkloadsPane
from meshtui.ui.panes.ztunnels import ZtunnelsPane

PANES: tuple[type[Pane[Any]], ...] = (
    ClusterPane,
    NamespacesPane,
    WorkloadsPane,
    ServicesPane,
    ZtunnelsPane,
    WaypointsPane,
    GatewaysPane,
    RoutesPane,
    PoliciesPane,
    DenialsPane,
    CertificatesPane,
    FindingsPane,
)

NS = ("ns", "namespace")
"""The command that opens the pane Namespaces, or keeps to those that are named behind it."""

NAMED: Mapping[str, str] = {
    **{name: pane.NAME for pane in PANES for name in (pane.NAME, *pane.ALIASES)},
    **dict.fromkeys(NS, NamespacesPane.NAME),
}
"""The names of panes by the commands that open them."""

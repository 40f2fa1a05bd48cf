"""GatewayClasses of Istio: what each is for, and what of a Gateway depends on its own."""

from __future__ import annotations

from msgspec import Struct

from meshtui.sim.kinds import GATEWAY_CLASS
from meshtui.sim.objects import Raw, annotation, mappings, name, text
from meshtui.sim.store import Store


class Class(Struct, frozen=True):
    """What differs from one GatewayClass of Istio to another."""

    controller: str
    description: str
    service: str = ""
    """The type of its Service; empty where nothing is made."""
    mode: str = ""
    """What the proxy is started as."""
    suffixed: bool = False
    """Whether the name of the class stands behind the Gateway's in the names of its objects."""
    only_tunnels: bool = False
    """Whether its listeners are for HBONE, and no route can name one of them."""
    made: bool = True
    """Whether istiod makes it by itself."""

    @property
    def listener_sets(self) -> bool:
        """Whether its Gateways can have the listeners of ListenerSets."""
        return self.mode == "router"

    def is_tunnel(self, port: object) -> bool:
        """Whether a listener on this port is for HBONE."""
        return self.only_tunnels or (self.mode == "waypoint" and port == 15008)


CLASSES = {
    "istio": Class(
        "istio.io/gateway-controller",
        "The default Istio GatewayClass",
        "LoadBalancer",
        "router",
        suffixed=True,
    ),
    "istio-remote": Class(
        "istio.io/unmanaged-gateway",
        "Remote to this cluster. Does not deploy or affect configuration.",
    ),
    "istio-waypoint": Class(
        "istio.io/mesh-controller",
        "The default Istio waypoint GatewayClass",
        "ClusterIP",
        "waypoint",
        only_tunnels=True,
    ),
    "istio-east-west": Class(
        "istio.io/eastwest-controller",
        "The default GatewayClass for Istio East West Gateways",
        "LoadBalancer",
        "waypoint",
        made=False,
    ),
}
_BY_CONTROLLER = {each.controller: each for each in CLASSES.values()}

MODES = {each.controller.replace("/", "-"): each.mode for each in CLASSES.values() if each.mode}
"""By the value of the label gateway.istio.io/managed: what a proxy is started as, and what istiod calls it."""


def class_of(store: Store, gateway: Raw) -> Class | None:
    """Its class, if istiod knows the controller of that."""
    title = text(gateway, "spec", "gatewayClassName")
    found = store.get(GATEWAY_CLASS, "", title)
    if found is None:
        return CLASSES.get(title)
    return _BY_CONTROLLER.get(text(found, "spec", "controllerName"))


def is_managed(gateway: Raw) -> bool:
    """Whether istiod makes what runs it: not where it names the Services of proxies that are there already."""
    addresses = mappings(gateway, "spec", "addresses")
    return not addresses or (len(addresses) == 1 and _type(addresses[0]) == "IPAddress")


def _type(address: Raw) -> str:
    return text(address, "type") or "IPAddress"


def title(gateway: Raw, of_class: Class) -> str:
    """The name of the objects that are made for it."""
    own = annotation(gateway, "gateway.istio.io/name-override")
    suffix = f"-{text(gateway, 'spec', 'gatewayClassName')}" if of_class.suffixed else ""
    return own or name(gateway) + suffix

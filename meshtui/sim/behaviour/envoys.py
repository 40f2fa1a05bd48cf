"""The Envoys of waypoints and gateways, as their admin ports answer (envoy.admin.v3): clusters, listeners, certificates
and how they were started. Keys that are zero or false are left out, as protobuf's JSON does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.ca import RENEWAL, Authority, Certificate
from meshtui.sim.behaviour.registry import Registry
from meshtui.sim.behaviour.waypoint_metrics import Requests
from meshtui.sim.behaviour.world import World
from meshtui.sim.behaviour.ztunnel_config import istio_version
from meshtui.sim.kinds import GATEWAY, POD, SERVICE
from meshtui.sim.objects import Raw, labels, mapping, mappings, moment, name, namespace, text, uid

Page = tuple[int, str, bytes]
_JSON = "application/json"
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
_OWN = ((15021, "0.0.0.0_15021"), (15090, "0.0.0.0_15090"))
"""Listeners that every one has: readiness and metrics."""


class Envoys:
    """Of all pods that run one."""

    def __init__(
        self,
        world: World,
        registry: Registry,
        authority: Callable[[], Authority],
        requests: Requests,
    ) -> None:
        self._world = world
        self._registry = registry
        self._authority = authority
        self._requests = requests

    def answer(self, pod: Raw, target: str) -> Page | None:
        """What a GET of the admin port gives; None for a page that is not served here."""
        match target.partition("?")[0]:
            case "/clusters":
                made: Raw = {"cluster_statuses": [*self._clusters(pod)]}
            case "/listeners":
                made = {"listener_statuses": [*self._listeners(pod)]}
            case "/certs":
                made = {"certificates": [self._certificates(pod)]}
            case "/server_info":
                made = self._server_info(pod)
            case _:
                return None
        return 200, _JSON, msgspec.json.encode(made)

    def metrics(self, pod: Raw, path: str) -> Page | None:
        """What a GET of its agent's port 15020 gives; None for a page that is not served here."""
        if path not in ("/stats/prometheus", "/metrics"):
            return None
        return 200, "text/plain; version=0.0.4; charset=utf-8", self._requests.render(pod)

    def is_waypoint(self, pod: Raw) -> bool:
        return text(self._gateway(pod), "spec", "gatewayClassName").endswith("waypoint")

    def _gateway(self, pod: Raw) -> Raw | None:
        title = text(labels(pod), GATEWAY_NAME)
        return self._world.store.get(GATEWAY, namespace(pod), title)

    def _clusters(self, pod: Raw) -> Iterator[Raw]:
        """Of a waypoint the Services that are bound to it; of a gateway all there are."""
        waypoint = self.is_waypoint(pod)
        mine = f"{namespace(pod)}/{text(labels(pod), GATEWAY_NAME)}."
        for service in self._world.store.list(SERVICE):
            known = self._registry.service((namespace(service), name(service)))
            bound = text(known, "waypoint", "destination").startswith(mine)
            if known is None or (waypoint and not bound):
                continue
            host = known["hostname"]
            for port in mapping(known, "ports"):
                title = (
                    f"inbound-vip|{port}|http|{host}" if waypoint else f"outbound|{port}||{host}"
                )
                hosts = [self._host(each, port) for each in mapping(known, "endpoints").values()]
                yield {"name": title, "added_via_api": True, "host_statuses": hosts}
        if waypoint:
            yield {"name": "encap", "added_via_api": True}
        yield {
            "name": "xds-grpc",
            "host_statuses": [
                {
                    "address": {"pipe": {"path": "./etc/istio/proxy/XDS"}},
                    "health_status": {"eds_health_status": "HEALTHY"},
                    "weight": 1,
                    "locality": {},
                }
            ],
        }

    def _host(self, endpoint: Raw, port: str) -> Raw:
        title = text(endpoint, "workloadUid").split("/")
        pod = self._world.store.get(POD, title[-2], title[-1])
        number = mapping(endpoint, "port").get(port, 0)
        address = {"address": pods.ip(pod) if pod else "", "port_value": number}
        healthy = text(endpoint, "status") == "Healthy"
        return {
            "address": {"socket_address": address},
            "health_status": {"eds_health_status": "HEALTHY" if healthy else "UNHEALTHY"},
            "weight": 1,
            "locality": {},
        }

    def _listeners(self, pod: Raw) -> Iterator[Raw]:
        if self.is_waypoint(pod):
            yield _listener("connect_terminate", 15008)
            for internal in ("main_internal", "connect_originate"):
                yield {
                    "name": internal,
                    "local_address": {"envoy_internal_address": {"server_listener_name": internal}},
                }
        else:
            ports = {each.get("port") for each in mappings(self._gateway(pod), "spec", "listeners")}
            for port in sorted(each for each in ports if isinstance(each, int)):
                yield _listener(f"0.0.0.0_{port}", port)
        for port, title in _OWN:
            yield _listener(title, port)

    def _certificates(self, pod: Raw) -> Raw:
        """Its own, which its agent renews at half of its life, and the root."""
        authority = self._authority()
        identity = authority.identity(namespace(pod), pods.account(pod))
        begun = moment(text(pod, "status", "startTime")) or self._world.clock()
        asked = begun + (self._world.clock() - begun) // RENEWAL * RENEWAL
        own = authority.workload(identity, asked, name(pod))
        return {
            "ca_cert": [_certificate(authority.root, "", self._world.clock())],
            "cert_chain": [_certificate(own, identity, self._world.clock())],
        }

    def _server_info(self, pod: Raw) -> Raw:
        begun = moment(text(pod, "status", "startTime")) or self._world.clock()
        up = int((self._world.clock() - begun).total_seconds())
        return {
            "version": f"{uid(pod).replace('-', '')}/1.37.0/Clean/RELEASE/BoringSSL",
            "state": "LIVE",
            "uptime_current_epoch": f"{up}s",
            "uptime_all_epochs": f"{up}s",
            "hot_restart_version": "disabled",
            "command_line_options": {"log_level": "warning", "component_log_level": "misc:error"},
            "node": {
                "id": f"waypoint~{pods.ip(pod)}~{name(pod)}.{namespace(pod)}",
                "metadata": {"ISTIO_VERSION": istio_version(pod)},
            },
        }


def _listener(title: str, port: int) -> Raw:
    address = {"address": "0.0.0.0", "port_value": port}
    return {"name": title, "local_address": {"socket_address": address}}


def _certificate(it: Certificate, identity: str, now: datetime) -> Raw:
    end = moment(it.dumped["expirationTime"])
    left = max(0, (end - now).days) if end else 0
    return {
        "path": "<inline>",
        "serial_number": f"{int(it.dumped['serialNumber']):x}",
        "subject_alt_names": [{"uri": identity}] if identity else [],
        "days_until_expiration": str(left),
        "valid_from": it.dumped["validFrom"],
        "expiration_time": it.dumped["expirationTime"],
    }

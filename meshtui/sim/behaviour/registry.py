"""What istiod tells every ztunnel: workloads, services and policies, in the form of a `/config_dump`.

One record serves all ztunnels. Changes only mark what is out of date; it is made anew when someone asks, so that a
dump of 10,000 workloads costs no more than what has changed since the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from meshtui.sim.behaviour import mtls, pods, policies, waypoints
from meshtui.sim.behaviour.endpoints import matters, selected_by, target_port
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import (
    AUTHORIZATION_POLICY,
    GATEWAY,
    NAMESPACE,
    NODE,
    PEER_AUTHENTICATION,
    POD,
    SERVICE,
)
from meshtui.sim.objects import (
    Raw,
    annotation,
    controller,
    labels,
    mapping,
    mappings,
    name,
    namespace,
    sequence,
    subset,
    text,
)
from meshtui.sim.store import Change, Key, key_of

REDIRECTION = "ambient.istio.io/redirection"
CLUSTER = "Kubernetes"
DOMAIN = "cluster.local"


def enrolled(pod: Raw) -> bool:
    """Whether istiod takes a pod for captured: it looks at the annotation alone."""
    return annotation(pod, REDIRECTION) == "enabled"


def hostname(service: Raw) -> str:
    return f"{name(service)}.{namespace(service)}.svc.{DOMAIN}"


def workload_uid(pod: Raw) -> str:
    return f"{CLUSTER}//Pod/{namespace(pod)}/{name(pod)}"


def workload_name(pod: Raw) -> str:
    """The owner that a person knows: the Deployment, not its ReplicaSet."""
    owner = controller(pod)
    title = text(owner, "name") or name(pod)
    digest = labels(pod).get("pod-template-hash")
    if owner.get("kind") == "ReplicaSet" and digest and title.endswith(f"-{digest}"):
        return title.removesuffix(f"-{digest}")
    return title


def canonical(pod: Raw) -> tuple[str, str]:
    """Canonical name and revision, by the labels that Istio looks at."""
    names = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
    revisions = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")
    own = labels(pod)
    return (
        next((own[key] for key in names if own.get(key)), workload_name(pod)),
        next((own[key] for key in revisions if own.get(key)), "latest"),
    )


class Registry:
    """istiod's record of the mesh."""

    kinds = (POD, SERVICE, NAMESPACE, NODE, GATEWAY, AUTHORIZATION_POLICY, PEER_AUTHENTICATION)

    def __init__(self, world: World, trust_domain: str) -> None:
        self._world = world
        self._trust_domain = trust_domain
        self._stale_pods: set[Key] = set()
        self._stale_services: set[Key] = set()
        self._workloads: dict[Key, Raw] = {}
        self._services: dict[Key, Raw] = {}
        self._encoded: dict[str, bytes] = {}
        self._policies: list[Raw] | None = None

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        """Marks what a change puts out of date; there is nothing to look at later."""
        obj = change.object
        if change.kind == POD:
            self._stale_pods.add(key_of(obj))
            for pod in (change.before, change.after) if matters(change) else ():
                if pod is not None:
                    behind = selected_by(pod, self._world.services_in[namespace(pod)])
                    self._stale_services.update(map(key_of, behind))
        elif change.kind == SERVICE:
            self._stale_services.add(key_of(obj))
            for service in (change.before, change.after):
                selector = mapping(service, "spec", "selector")
                for pod in self._world.pods_in[namespace(obj)] if selector else ():
                    if subset(selector, labels(pod)):
                        self._stale_pods.add(key_of(pod))
        elif change.kind in (AUTHORIZATION_POLICY, PEER_AUTHENTICATION):
            self._policies = None
            self._mark("" if namespace(obj) == self._world.root else namespace(obj))
        elif change.kind == NAMESPACE:
            self._mark(name(obj))
        elif change.kind == NODE or waypoints.differ(change.before, change.after):
            self._mark("")
        return ()

    def look(self, key: Key) -> None:
        """Never asked for."""

    def policies(self) -> list[Raw]:
        """The policies that ztunnels get."""
        if self._policies is None:
            store, root = self._world.store, self._world.root
            peers = store.list(PEER_AUTHENTICATION)
            found = [
                policies.authorization(each, root) for each in store.list(AUTHORIZATION_POLICY)
            ]
            found += [mtls.peer_authentication(each, peers, root) for each in peers]
            if peers:
                found.append(mtls.static_strict(root))
            self._policies = [each for each in found if each]
            self._policies.sort(key=lambda each: (each["namespace"], each["name"]))
        return self._policies

    def workload(self, pod: Raw) -> Raw | None:
        """The record of a pod; None for one that has no address yet, or has ended."""
        self._refresh()
        return self._workloads.get(key_of(pod))

    def service(self, key: Key) -> Raw | None:
        """The record of a Service; None where there is none."""
        self._refresh()
        return self._services.get(key)

    def encoded(self) -> tuple[bytes, bytes]:
        """`workloads` and `services` of a dump, as JSON."""
        self._refresh()
        for part, known in (("workloads", self._workloads), ("services", self._services)):
            if part not in self._encoded:
                self._encoded[part] = msgspec.json.encode([known[key] for key in sorted(known)])
        return self._encoded["workloads"], self._encoded["services"]

    def _mark(self, space: str) -> None:
        """Everything in a namespace, or in all of them, is out of date."""
        self._stale_pods.update(key for key in self._workloads if space in ("", key[0]))
        self._stale_services.update(key for key in self._services if space in ("", key[0]))

    def _refresh(self) -> None:
        stale, self._stale_pods = self._stale_pods, set()
        if stale:
            self._encoded.pop("workloads", None)
            in_force = _InForce(self._world)
        for key in stale:
            pod = self._world.store.get(POD, *key)
            if pod is None or not pods.ip(pod) or pods.finished(pod):
                self._workloads.pop(key, None)
            else:
                self._workloads[key] = self._workload(pod, in_force.attached(pod))
        stale, self._stale_services = self._stale_services, set()
        if stale:
            self._encoded.pop("services", None)
        for key in stale:
            service = self._world.store.get(SERVICE, *key)
            if service is None or text(service, "spec", "type") == "ExternalName":
                self._services.pop(key, None)
            else:
                self._services[key] = self._service(service)

    def _workload(self, pod: Raw, attached: list[str]) -> Raw:
        title, revision = canonical(pod)
        behind = selected_by(pod, self._world.services_in[namespace(pod)])
        services = sorted(f"{namespace(pod)}/{hostname(service)}" for service in behind)
        return {
            "workloadIps": [pods.ip(pod)],
            "protocol": "HBONE" if enrolled(pod) else "TCP",
            "networkMode": "HostNetwork" if pods.host_network(pod) else "Standard",
            "uid": workload_uid(pod),
            "name": name(pod),
            "namespace": namespace(pod),
            "trustDomain": self._trust_domain,
            "serviceAccount": pods.account(pod),
            "workloadName": workload_name(pod),
            "workloadType": "pod",
            "canonicalName": title,
            "canonicalRevision": revision,
            "node": pods.node(pod),
            "status": "Healthy" if pods.ready(pod) else "Unhealthy",
            "clusterId": CLUSTER,
            "capacity": 1,
            **_locality(labels(self._world.node(pods.node(pod)))),
            **({"services": services} if services else {}),
            **({"authorizationPolicies": attached} if attached else {}),
            **waypoints.dumped(waypoints.binding(self._world.store, pod, "workload")),
        }

    def _service(self, service: Raw) -> Raw:
        ports = [each for each in mappings(service, "spec", "ports") if "port" in each]
        addresses = [each for each in sequence(service, "spec", "clusterIPs") if each != "None"]
        return {
            "name": name(service),
            "namespace": namespace(service),
            "hostname": hostname(service),
            "vips": [f"/{each}" for each in addresses],
            "ports": {str(each["port"]): target_port(each, {}) or 0 for each in ports},
            "endpoints": dict(self._endpoints(service, ports)),
            "subjectAltNames": [],
            "ipFamilies": "IPv4",
            "canonical": True,
            "visibility": "Public",
            **_balancing(service),
            **waypoints.dumped(waypoints.binding(self._world.store, service, "service")),
        }

    def _endpoints(self, service: Raw, ports: list[Raw]) -> Iterator[tuple[str, Raw]]:
        selector = mapping(service, "spec", "selector")
        all_of = _all_healths(service)
        for pod in self._world.pods_in[namespace(service)] if selector else ():
            if subset(selector, labels(pod)) and pods.ip(pod) and (all_of or pods.ready(pod)):
                found = {str(each["port"]): target_port(each, pod) for each in ports}
                yield (
                    workload_uid(pod),
                    {
                        "workloadUid": workload_uid(pod),
                        "port": {key: port for key, port in found.items() if port},
                        "status": "Healthy" if pods.ready(pod) else "Unhealthy",
                    },
                )


class _InForce:
    """The policies of the mesh by namespace, to find quickly those that a pod lists."""

    def __init__(self, world: World) -> None:
        self._root = world.root
        self._authorizations: dict[str, list[Raw]] = {}
        self._peers: dict[str, list[Raw]] = {}
        for policy in world.store.list(AUTHORIZATION_POLICY):
            self._authorizations.setdefault(namespace(policy), []).append(policy)
        for policy in world.store.list(PEER_AUTHENTICATION):
            self._peers.setdefault(namespace(policy), []).append(policy)

    def attached(self, pod: Raw) -> list[str]:
        who = namespace(pod), labels(pod)
        authorizations = self._of(self._authorizations, namespace(pod))
        peers = self._of(self._peers, namespace(pod))
        selecting = policies.attached(*who, authorizations, self._root)
        return selecting + mtls.attached(*who, peers, self._root)

    def _of(self, known: dict[str, list[Raw]], space: str) -> list[Raw]:
        own = known.get(space, [])
        return own if space == self._root else own + known.get(self._root, [])


def _locality(of_node: Raw) -> Raw:
    found = {
        "region": text(of_node, "topology.kubernetes.io/region"),
        "zone": text(of_node, "topology.kubernetes.io/zone"),
        "subzone": text(of_node, "topology.istio.io/subzone"),
    }
    return {"locality": found} if any(found.values()) else {}


_PREFERENCES = {
    "preferclose": ["Network", "Region", "Zone"],
    "prefersamezone": ["Network", "Region", "Zone"],
    "prefersamenode": ["Network", "Region", "Zone", "Subzone", "Node"],
}


def _balancing(service: Raw) -> Raw:
    """The `loadBalancer` of a service, where it is not the default. (reference istio-ambient.md, 9.4)"""
    asked = annotation(service, "networking.istio.io/traffic-distribution") or ""
    wish = text(service, "spec", "trafficDistribution") or asked
    mode, preferences = "Standard", _PREFERENCES.get(wish.lower(), [])
    if text(service, "spec", "internalTrafficPolicy") == "Local":
        mode, preferences = "Strict", ["Node"]
    elif preferences:
        mode = "Failover"
    elif not _all_healths(service):
        return {}
    return {
        "loadBalancer": {
            "mode": mode,
            "routingPreferences": preferences,
            "healthPolicy": "AllowAll" if _all_healths(service) else "OnlyHealthy",
        }
    }


def _all_healths(service: Raw) -> bool:
    return mapping(service, "spec").get("publishNotReadyAddresses") is True

"""What istiod and the CNI agents say on their own ports: versions, who is connected, metrics.

Forms are the recorded ones (tests/data/recordings/shop); only what operators look at is there.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.ca import Authority
from meshtui.sim.behaviour.classes import MODES
from meshtui.sim.behaviour.registry import CLUSTER
from meshtui.sim.behaviour.waypoints import MANAGED
from meshtui.sim.behaviour.world import World
from meshtui.sim.behaviour.ztunnel_config import istio_version
from meshtui.sim.behaviour.ztunnels import Ztunnels, is_ztunnel
from meshtui.sim.kinds import POD
from meshtui.sim.objects import Raw, annotation, labels, moment, name, namespace, seconds, text

_TYPES = {
    "ztunnel": ("istio.workload.Address", "istio.security.Authorization"),
    "envoy": (
        "envoy.config.cluster.v3.Cluster",
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        "envoy.config.listener.v3.Listener",
        "envoy.config.route.v3.RouteConfiguration",
    ),
}


class Istiod:
    """The debug and metrics endpoints of an istiod pod (port 15014)."""

    def __init__(self, world: World, authority: Callable[[], Authority]) -> None:
        self._world = world
        self._authority = authority

    def answer(self, pod: Raw, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        match path.partition("?")[0]:
            case "/version":
                tag = istio_version(pod)
                digest = hashlib.sha1(tag.encode(), usedforsecurity=False).hexdigest()
                return 200, "text/plain; charset=utf-8", f"{tag}-{digest}-Clean".encode()
            case "/metrics":
                text_ = "\n".join([*self._metrics(pod), ""])
                return 200, "text/plain; version=0.0.4; charset=utf-8", text_.encode()
            case "/debug/syncz":
                found = [self._connected(each) for each in self._proxies(pod)]
                return 200, "application/json", msgspec.json.encode(found)
            case "/debug/clusterz":
                local = {"id": CLUSTER, "secretName": "", "syncStatus": "synced"}
                return 200, "application/json", msgspec.json.encode([local])
            case "/ready":
                return 200, "text/plain; charset=utf-8", b""
        return 404, "text/plain; charset=utf-8", b"404 page not found\n"

    def _proxies(self, istiod: Raw) -> list[Raw]:
        """The proxies connected to this istiod: each one to one of the replicas."""
        replicas = sorted(
            name(pod)
            for pod in self._world.pods_in[namespace(istiod)]
            if labels(pod).get("app") == "istiod" and pods.ready(pod)
        )
        return [
            pod
            for pod in self._world.store.list(POD)
            if _proxy_type(pod)
            and pods.ready(pod)
            and replicas[zlib.crc32(name(pod).encode()) % len(replicas)] == name(istiod)
        ]

    def _connected(self, pod: Raw) -> Raw:
        kind = _proxy_type(pod)
        sent = f"{text(pod, 'status', 'startTime')}/1"
        known = {"sent": sent, "acked": sent, "sentTime": seconds(self._world.clock())}
        types = _TYPES["ztunnel" if kind == "ztunnel" else "envoy"]
        return {
            "cluster_id": CLUSTER,
            "proxy": f"{name(pod)}.{namespace(pod)}",
            "proxy_type": kind,
            "istio_version": istio_version(pod),
            "resources": {f"type.googleapis.com/{each}": known for each in types},
        }

    def _metrics(self, pod: Raw) -> Iterator[str]:
        now, tag = self._world.clock(), istio_version(pod)
        for which, certificate in (
            ("root_cert", self._authority().root),
            ("cert_chain", self._authority().intermediate),
        ):
            end = moment(certificate.dumped["expirationTime"]) or now
            left = (end - now).total_seconds()
            base = f"citadel_server_{which}_expiry"
            yield from _gauge(f"{base}_seconds", f"Seconds until the {which} expires.", f" {left}")
            yield from _gauge(
                f"{base}_timestamp",
                f"The unix timestamp, in seconds, when the {which} will expire.",
                f" {end.timestamp()}",
            )
        build = f'{{component="pilot",tag="{tag}"}} 1'
        yield from _gauge("istio_build", "Istio component build info", build)
        clusters = ('{cluster_type="local"} 1', '{cluster_type="remote"} 0')
        what = "Number of clusters managed by istiod"
        yield from _gauge("istiod_managed_clusters", what, *clusters)
        begun = moment(text(pod, "status", "startTime")) or now
        uptime = f" {(now - begun).total_seconds()}"
        what = "Current istiod server uptime in seconds"
        yield from _gauge("istiod_uptime_seconds", what, uptime)
        what = "Pilot version and build information."
        yield from _gauge("pilot_info", what, f'{{version="{tag}"}} 1')
        versions = Counter(istio_version(each) for each in self._proxies(pod))
        connected = [f'{{version="{each}"}} {count}' for each, count in versions.items()]
        what = "Number of endpoints connected to this pilot using XDS."
        yield from _gauge("pilot_xds", what, *connected)


def agent_metrics(node: str, ztunnels: Ztunnels) -> str:
    """`/metrics` of a CNI agent (port 15014)."""
    up = 1 if ztunnels.on(node) else 0
    lines = [
        *_gauge("istio_cni_install_ready", "Whether the CNI plugin installation is ready", " 1"),
        *_gauge("ztunnel_connected", "number of connections to ztunnel", f" {up}"),
    ]
    return "\n".join([*lines, ""])


def _proxy_type(pod: Raw) -> str:
    """What istiod calls a proxy; empty for a pod that is none and has none."""
    if is_ztunnel(pod):
        return "ztunnel"
    if managed := text(labels(pod), MANAGED):
        return MODES.get(managed, "")
    return "sidecar" if annotation(pod, "sidecar.istio.io/status") is not None else ""


def _gauge(title: str, what: str, *samples: str) -> Iterator[str]:
    yield f"# HELP {title} {what}"
    yield f"# TYPE {title} gauge"
    for sample in samples:
        yield f"{title}{sample}"

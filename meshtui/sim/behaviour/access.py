"""One connection as a ztunnel sees it: its line in the access log, its metrics, and its entry in the dump.

Fields, their order and the words are the recorded ones (tests/data/recordings/shop).
"""

from __future__ import annotations

from msgspec import Struct

from meshtui.sim.behaviour.registry import CLUSTER
from meshtui.sim.behaviour.ztunnel import Proxy, Ztunnel
from meshtui.sim.behaviour.ztunnel_metrics import Labels
from meshtui.sim.objects import Raw


class Peer(Struct, frozen=True):
    """One end of a connection."""

    workload: Raw
    """Its record, in the form of a dump."""
    identity: str
    """SPIFFE, of its service account."""


class Route(Struct, frozen=True):
    """Where a connection comes from and goes to."""

    source: str
    """IP:port of the caller; of the tunnel on the inbound side of HBONE."""
    destination: str
    """IP:port of the next hop, such as 10.244.0.20:15008."""
    hbone: str = ""
    """What is asked for inside the tunnel; empty for plain text."""
    asked: str = ""
    """What the application asked for."""
    service: Raw | None = None
    """The record of the Service that was addressed."""


class Outcome(Struct, frozen=True):
    """How a connection ended."""

    request: int
    """Bytes from client to server."""
    response: int
    milliseconds: int
    error: str = ""
    flag: str = "-"
    """The `response_flags` of the metrics."""


class Side(Struct, eq=False):
    """A connection at one ztunnel."""

    ztunnel: Ztunnel
    proxy: Proxy
    inbound: bool
    source: Peer
    destination: Peer
    route: Route

    def open(self) -> None:
        """It counts, and stands in the dump."""
        traffic = self.ztunnel.traffic
        traffic.opened[self._labels("-")] += 1
        traffic.sockets[self._reporter()] += 1
        (self.proxy.inbound if self.inbound else self.proxy.outbound).append(self._entry())

    def close(self, outcome: Outcome) -> None:
        """It is logged, and counts as what it came to."""
        traffic, plain = self.ztunnel.traffic, self._labels("-")
        traffic.sockets[self._reporter()] -= 1
        traffic.closed[self._labels(outcome.flag)] += 1
        traffic.received[plain] += outcome.request
        traffic.sent[plain] += outcome.response
        if outcome.flag != "-":
            traffic.failed[self._labels(outcome.flag)] += 1
        listed = self.proxy.inbound if self.inbound else self.proxy.outbound
        if (entry := self._entry()) in listed:
            listed.remove(entry)
        level = "error" if outcome.error else "info"
        self.ztunnel.say(level, "access", "connection complete", self._fields(outcome))

    def _fields(self, outcome: Outcome) -> str:
        source, destination, route = self.source, self.destination, self.route
        tunnel = bool(route.hbone)
        sent, received = outcome.request, outcome.response
        if self.inbound:
            sent, received = received, sent
        fields = (
            ("src.addr", route.source),
            ("src.workload", _quoted(source.workload["name"])),
            ("src.namespace", _quoted(source.workload["namespace"])),
            ("src.identity", _quoted(source.identity) if tunnel else ""),
            ("src.cluster", _quoted(CLUSTER)),
            ("dst.addr", route.destination),
            ("dst.hbone_addr", route.hbone),
            ("dst.service", _quoted(route.service["hostname"]) if route.service else ""),
            ("dst.workload", _quoted(destination.workload["name"])),
            ("dst.namespace", _quoted(destination.workload["namespace"])),
            ("dst.identity", _quoted(destination.identity) if tunnel else ""),
            ("dst.cluster", _quoted(CLUSTER)),
            ("direction", _quoted("inbound" if self.inbound else "outbound")),
            ("bytes_sent", str(sent)),
            ("bytes_recv", str(received)),
            ("duration", _quoted(f"{outcome.milliseconds}ms")),
            ("error", _quoted(outcome.error) if outcome.error else ""),
        )
        return " ".join(f"{key}={value}" for key, value in fields if value)

    def _entry(self) -> Raw:
        route = self.route
        if self.inbound:
            actual, original = route.hbone or route.destination, None
        else:
            actual, original = route.destination, route.asked
        return {
            "src": route.source,
            "originalDst": original,
            "actualDst": actual,
            "protocol": "HBONE" if route.hbone else "TCP",
        }

    def _labels(self, flag: str) -> Labels:
        tunnel, service = bool(self.route.hbone), self.route.service
        source, destination = self.source, self.destination
        mesh = destination.workload["protocol"] == "HBONE" or tunnel
        here, there = _locality(source.workload), _locality(destination.workload)
        return (
            *self._reporter(),
            *_ends("source", source, known=tunnel),
            ("destination_service", service["hostname"] if service else "unknown"),
            ("destination_service_namespace", service["namespace"] if service else "unknown"),
            ("destination_service_name", service["name"] if service else "unknown"),
            *_ends("destination", destination, known=mesh),
            ("request_protocol", "tcp"),
            ("response_flags", flag),
            ("connection_security_policy", "mutual_tls" if tunnel else "unknown"),
            ("source_region", here[0]),
            ("source_zone", here[1]),
            ("destination_region", there[0]),
            ("destination_zone", there[1]),
        )

    def _reporter(self) -> Labels:
        return (("reporter", "destination" if self.inbound else "source"),)


def _ends(which: str, peer: Peer, *, known: bool) -> Labels:
    workload = peer.workload
    return (
        (f"{which}_workload", workload["workloadName"]),
        (f"{which}_canonical_service", workload["canonicalName"]),
        (f"{which}_canonical_revision", workload["canonicalRevision"]),
        (f"{which}_workload_namespace", workload["namespace"]),
        (f"{which}_principal", peer.identity if known else "unknown"),
        (f"{which}_app", workload["canonicalName"]),
        (f"{which}_version", workload["canonicalRevision"]),
        (f"{which}_cluster", CLUSTER),
    )


def _locality(workload: Raw) -> tuple[str, str]:
    found = workload.get("locality", {})
    return found.get("region") or "unknown", found.get("zone") or "unknown"


def _quoted(value: str) -> str:
    return f'"{value}"'

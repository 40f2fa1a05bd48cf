"""One access line as a value, whoever wrote it and in whatever form."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from msgspec import Struct


class Direction(Enum):
    """Which side of a connection the proxy was on."""

    INBOUND = "inbound"
    """At its destination."""
    OUTBOUND = "outbound"
    """At its source."""
    BETWEEN = "between"
    """A waypoint or a gateway, that has both."""


class End(Struct, frozen=True):
    """One end of a connection, as far as the line tells: "" for what it does not."""

    address: str
    """IP:port."""
    workload: str = ""
    """The name of the pod."""
    namespace: str = ""
    identity: str = ""
    """SPIFFE URI; "" where the connection was plain text, and in lines of Envoy, which do not tell."""

    @property
    def ip(self) -> str:
        return split(self.address)[0]


class Response(Struct, frozen=True):
    """What an Envoy says besides."""

    status: int
    """Of HTTP; 0 for TCP."""
    flags: tuple[str, ...]
    details: str
    """What decided the response, such as "via_upstream", and why a TCP connection was ended."""


class AccessLine(Struct, frozen=True):
    """One connection that has ended, or one request. Names come from strangers: they may hold anything."""

    at: datetime
    direction: Direction
    source: End
    destination: End
    """The next hop: a pod, or the waypoint before it."""
    asked: str
    """What the source asked for: host or IP, and port; "" where the line does not tell."""
    service: str
    """The host name of the Service; "" where none was addressed, or the line does not tell."""
    sent: int | None
    received: int | None
    """Bytes, as the proxy at this side counts them; None where the line does not tell."""
    duration: timedelta | None
    error: str
    """Why it failed, in the proxy's words; "" where it did not."""
    response: Response | None = None
    """None for a ztunnel's line."""

    @property
    def port(self) -> str:
        """What was asked for, not the tunnel's."""
        return split(self.asked)[1] or split(self.destination.address)[1]

    @property
    def through(self) -> bool:
        """Whether the next hop is a waypoint or a gateway of another network, not what was asked for."""
        wanted = split(self.asked)[0]
        return bool(wanted) and wanted != self.destination.ip and self.response is None


def split(address: str) -> tuple[str, str]:
    """Host and port; "" for a port that is not there."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or (":" in host and not host.endswith("]")):
        return address, ""
    return host, port


class Unreadable(ValueError):  # noqa: N818 - reads as what happened
    """It is meant to be an access line, and something of it is missing or not understood."""


class Unfinished(Unreadable):
    """It breaks off within a value: what follows may belong to it."""

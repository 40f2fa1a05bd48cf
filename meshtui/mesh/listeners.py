"""Listeners: what a Gateway, of the Gateway API or of Istio, listens for, and which hostnames it takes."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from meshtui.mesh.raw import Raw, dig, entries, number, table, text


class Listener(Struct, frozen=True):
    """One listener of a Gateway, or one server of an Istio Gateway."""

    name: str
    port: int
    protocol: str
    hostnames: tuple[str, ...]
    """Empty for any."""
    tls: str
    """ "Terminate", "Passthrough", or a mode of Istio's; "" without TLS."""
    admits: str
    """Whose routes may attach: "Same", "All", "Selector" or "None"."""

    @property
    def title(self) -> str:
        return self.name or str(self.port)

    def takes(self, hostname: str) -> bool:
        return not self.hostnames or any(meet(each, hostname) for each in self.hostnames)


def of_gateway(it: Raw) -> tuple[Listener, ...]:
    """The listeners of a Gateway of the Gateway API."""
    return tuple(
        Listener(
            name=text(each, "name"),
            port=number(each, "port"),
            protocol=text(each, "protocol"),
            hostnames=(text(each, "hostname"),) if text(each, "hostname") else (),
            tls=_mode(each),
            admits=text(each, "allowedRoutes", "namespaces", "from") or "Same",
        )
        for each in entries(it, "spec", "listeners")
    )


def _mode(listener: Raw) -> str:
    """TLS is terminated where its mode is not given (Gateway API, GatewayTLSConfig)."""
    return text(listener, "tls", "mode") or ("Terminate" if table(listener, "tls") else "")


def of_istio_gateway(it: Raw) -> tuple[Listener, ...]:
    """The servers of an Istio Gateway. A host may have a namespace before it, the only one that may take it."""
    return tuple(
        Listener(
            name=text(each, "name") or text(each, "port", "name"),
            port=number(each, "port", "number"),
            protocol=text(each, "port", "protocol"),
            hostnames=tuple(host for host in _hosts(each) if host != "*"),
            tls=_istio_mode(each),
            admits="All",
        )
        for each in entries(it, "spec", "servers")
    )


def _istio_mode(server: Raw) -> str:
    if table(server, "tls", "httpsRedirect") or dig(server, "tls", "httpsRedirect") is True:
        return "redirect to HTTPS"
    return text(server, "tls", "mode")


def _hosts(server: Raw) -> Iterable[str]:
    """Any host makes the others meaningless."""
    found = dig(server, "hosts")
    hosts = (
        [each.rpartition("/")[2] for each in found or () if isinstance(each, str)]
        if isinstance(found, list)
        else []
    )
    return () if "*" in hosts else hosts


def meet(one: str, other: str) -> bool:
    """Whether some host is under both of two hostnames, of which each may begin with "*." for one label or more (the
    Gateway API's words on `Listener.hostname`)."""
    one, other = one.lower(), other.lower()
    if one in ("", "*") or other in ("", "*") or one == other:
        return True
    if one.startswith("*."):
        return other.endswith(one[1:]) or (other.startswith("*.") and one.endswith(other[1:]))
    return other.startswith("*.") and one.endswith(other[1:])

"""Which proxy leads to a server, decided as kubectl decides: `proxy-url` of the cluster, else the environment.

The environment follows Go's `golang.org/x/net/http/httpproxy`, which differs from curl and from urllib: NO_PROXY
knows networks (10.0.0.0/8), ports, leading dots and `*.`; loopback is never proxied; ALL_PROXY is not read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from yarl import URL

from meshtui.confidential import Confidential
from meshtui.kube.errors import ConfigError

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Proxy(Confidential, frozen=True):
    shown = ("origin",)

    url: URL  # may hold a password
    origin: str
    """Who asked for it: "proxy-url" or the name of a variable."""

    @property
    def socks(self) -> bool:
        return self.url.scheme.startswith("socks")

    @property
    def port(self) -> int:
        return self.url.explicit_port or _PORTS[self.url.scheme]

    def __str__(self) -> str:
        return f"{self.url.host}:{self.port} ({self.origin})"


def choose(server: URL, proxy_url: str, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that leads to `server`; None for none. ConfigError where what is named is no proxy."""
    if proxy_url:
        return _proxy(proxy_url, "proxy-url")
    names = (
        ("HTTPS_PROXY", "https_proxy") if server.scheme == "https" else ("HTTP_PROXY", "http_proxy")
    )
    name = next((name for name in names if environ.get(name)), "")
    if not name or _exempt(server, environ.get("NO_PROXY") or environ.get("no_proxy") or ""):
        return None
    value = environ[name]
    return _proxy(value if "://" in value else f"http://{value}", name)


def _proxy(text: str, origin: str) -> Proxy:
    try:
        url = URL(text)
        port = url.explicit_port
    except ValueError:
        url, port = URL(), None
    if not url.host or url.scheme not in _PORTS or port == 0:
        # The text itself is not shown: it may hold a password.
        what = f"scheme {url.scheme}://" if url.host and url.scheme not in _PORTS else "address"
        raise ConfigError(
            f"{origin} names a proxy with an unusable {what}",
            "It should look like http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT.",
        )
    return Proxy(url, origin)


def _exempt(server: URL, no_proxy: str) -> bool:
    host = (server.host or "").lower()
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(
        _matches(entry, host, address, server.port or 0)
        for entry in (part.strip().lower() for part in no_proxy.split(","))
        if entry
    )


def _matches(entry: str, host: str, address: Address | None, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
        return address is not None and address in network
    name, only = _split(entry)
    if not name or (only and only != str(port)):
        return False
    if address is not None:
        return address == _address(name)
    name = name.removeprefix("*") if name.startswith("*.") else name
    if name.startswith("."):  # what is below it, not the name itself
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def _split(entry: str) -> tuple[str, str]:
    """Name and port, as Go's net.SplitHostPort: an IPv6 address is in brackets where it has a port, and bare else."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return (name, rest[1:]) if rest.startswith(":") else (entry, "")
    name, colon, port = entry.rpartition(":")
    return (name, port) if colon and ":" not in name else (entry, "")


def _address(host: str) -> Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address

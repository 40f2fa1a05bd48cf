"""Ends: who calls and who is called, found by the names that people give: pods, workloads, Services, service accounts,
host names and addresses of gateways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from meshtui.mesh import service_specs, workloads
from meshtui.mesh.kinds import SERVICE
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.traffic import matching, parties
from meshtui.mesh.traffic.calls import Http
from meshtui.mesh.traffic.parties import Named
from meshtui.mesh.workloads import Workload

MOST = 8
"""Of each end so many pods are looked at, those whose enrollment is worst first."""
_PORTS = {"http": 80, "https": 443}


class Address(Struct, frozen=True):
    """Where a caller outside goes: what stands in a URL."""

    host: str
    port: int
    tls: bool

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


class Question(Struct, frozen=True):
    """What is asked: as it was typed, and what is known of a request."""

    source: str
    called: str
    """With ":PORT" where it is no URL."""
    method: str | None = None
    path: str | None = None
    """Where the URL has none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By name in small letters."""

    @property
    def title(self) -> str:
        return f"{self.source} → {self.called}"

    @property
    def http(self) -> Http | None:
        """What is told of a request; None where nothing is."""
        headers = dict(self.headers)
        host = headers.pop("host", None) or headers.pop(":authority", None)
        if self.method is None and self.path is None and host is None and not headers:
            return None
        return Http(self.method, host, self.path, headers)


class Ends(Struct, frozen=True, eq=False):
    """Both ends of a call. Compared by identity."""

    source: Named
    called: Named | None
    """None where it is a gateway that is to answer."""
    port: int | None
    address: Address | None
    """Where it is given as a URL or a host name."""
    http: Http | None
    """What is known of a request; None for nothing."""
    left_out: tuple[str, ...]
    """Which pods are not looked at, in words."""

    @property
    def titles(self) -> tuple[str, str]:
        port = f":{self.port}" if self.port is not None and self.called is not None else ""
        called = self.called.title if self.called else self.address.url if self.address else ""
        return self.source.title, f"{called}{port}"


def of(snapshot: Snapshot, asked: Question) -> Ends:
    """Raises ValueError, with words for people, where a name is nothing or more than one thing."""
    source = parties.named(snapshot, asked.source, called=False)
    called, port, address, path = _called(snapshot, asked.called, source)
    http = asked.http
    if address is not None:
        told = http or Http()
        http = replace(told, host=told.host or address.host, path=told.path or path)
    source, more = narrowed(snapshot, source, MOST)
    others: tuple[str, ...] = ()
    if called is not None:
        port = _understood(called, port)
        called, others = narrowed(snapshot, called, MOST)
    return Ends(source, called, port, address, http, (*more, *others))


def narrowed(snapshot: Snapshot, found: Named, most: int) -> tuple[Named, tuple[str, ...]]:
    """With so many of its pods at most, those whose enrollment is worst first, and in words that there are others."""
    if len(found.members) <= most:
        return found, ()
    known = {each.pod.key: each for each in workloads.of(snapshot)}

    def rank(pod: str) -> tuple[int, str]:
        it = known.get(pod)
        return (-it.verdict.health.rank if it else 0, pod)

    kept = sorted(found.members, key=lambda each: rank(each.pod))[:most]
    words = (
        f"{most} of the {len(found.members)} pods of {found.title} are looked at, the worst first"
    )
    return replace(found, members=tuple(kept)), (words,)


_Called = tuple[Named | None, int | None, Address | None, str | None]


def _called(snapshot: Snapshot, written: str, source: Named) -> _Called:
    if "://" in written:
        return _by_url(snapshot, written, source)
    name, port = split(written)
    namespace = source.members[0].party.namespace if source.members else ""
    service = _service(snapshot, name, namespace) if "/" not in name else ""
    service = service or _by_ip(snapshot, name)
    if service:
        return parties.named(snapshot, service, called=True), port, None, None
    try:
        return _named(snapshot, name, port), port, None, None
    except ValueError:
        if "." not in name or "/" in name:
            raise
    address = Address(name.lower(), port or 80, tls=port == 443)
    return None, address.port, address, None


def _named(snapshot: Snapshot, name: str, port: int | None) -> Named:
    """A Service comes before a workload of the same name, unless it is the workload alone that may have the port."""
    namespace, _, own = name.partition("/")
    if not own or "/" in own or snapshot.find(SERVICE, namespace, own) is None:
        return parties.named(snapshot, name, called=True)
    service = parties.named(snapshot, f"{namespace}/service/{own}", called=True)
    ports = service.service.ports if service.service else ()
    if port is None or port in {each.number for each in ports}:
        return service
    other = parties.named(snapshot, name, called=True)
    return other if other.service is None else service


def destination(snapshot: Snapshot, written: str) -> tuple[Named, int | None]:
    """Who is called, and the port; a single one of a Service is understood. Raises ValueError as `of` does."""
    name, port = split(written)
    found = _named(snapshot, name, port)
    return found, _understood(found, port)


def _understood(called: Named, port: int | None) -> int | None:
    """The port that is asked for; else, of a Service with a single one, that."""
    ports = called.service.ports if called.service else ()
    return ports[0].number if port is None and len(ports) == 1 else port


def bare(written: str) -> str:
    """A name without its port."""
    return written.rpartition(":")[0] or written


def split(written: str) -> tuple[str, int | None]:
    """Name and port of "NAME" or "NAME:PORT". Raises ValueError for what is no port."""
    name, colon, port = written.partition(":")
    if not colon:
        return name, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{port!r} is no port")
    return name, int(port)


def _by_url(snapshot: Snapshot, written: str, source: Named) -> _Called:
    try:
        parts = urlsplit(written)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError as error:
        raise ValueError(f"{written!r} is no address such as https://shop.example/cart") from error
    host = (parts.hostname or "").rstrip(".")
    if port is None or not host:
        raise ValueError(f"{written!r} is no address such as https://shop.example/cart")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    address = Address(host, port, tls=parts.scheme == "https")
    namespace = source.members[0].party.namespace if source.members else ""
    service = _service(snapshot, host, namespace) or _by_ip(snapshot, host)
    if service:
        return parties.named(snapshot, service, called=True), port, address, path
    return None, port, address, path


def _service(snapshot: Snapshot, host: str, where: str) -> str:
    """The Service that a host name stands for, to a caller in a namespace: "ledger", "ledger.payments" and the longer
    forms; "" where it stands for none."""
    name, _, rest = host.partition(".")
    namespace, _, domain = rest.partition(".")
    if domain and domain != "svc" and not domain.startswith("svc."):
        return ""
    namespace = namespace or where
    found = namespace and snapshot.find(SERVICE, namespace, name) is not None
    return f"{namespace}/service/{name}" if found else ""


def _by_ip(snapshot: Snapshot, host: str) -> str:
    """The Service or pod that has an address; "" for what is no address, or nobody's."""
    if matching.address(host) is None:
        return ""
    for spec in snapshot.each(SERVICE, service_specs.read):
        if host in spec.address.split(", "):
            return f"{spec.namespace}/service/{spec.name}"
    for each in workloads.of(snapshot):
        if each.pod.address == host and not each.pod.host_network and not each.pod.finished:
            return f"{each.pod.namespace}/pod/{each.pod.name}"
    return ""


def nodes_of(ends: Sequence[Named | None], found: Mapping[str, Workload]) -> list[str]:
    """The nodes on which the pods of these stand, each once."""
    pods = (found.get(each.pod) for named in ends if named for each in named.members)
    return list(dict.fromkeys(it.pod.node for it in pods if it is not None and it.pod.node))

"""Dumps: what a ztunnel knows, from its `/config_dump` (port 15000).

A dump of a large mesh is 9 MB and there is one on every node, so it is read in another process and two values come of
it: `Dump`, small, of every node; `DumpDetail`, with the lists a person looks through, of the one that is on screen.
The format is that of Istio 1.24 and later (reference istio-ambient.md, 4.4); odd fields give defaults.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import identities, views
from meshtui.mesh.identities import Identities
from meshtui.mesh.raw import Raw, dig, entries, number, table, text
from meshtui.mesh.views import View

_LISTS = ("certificates", "workloads", "services", "policies")

UP = "Up"
PENDING = "Pending"
HBONE = "HBONE"


class Proxied(Struct, frozen=True):
    """A pod that the ztunnel serves: one entry of `workloadState`, the proof of its capture."""

    namespace: str
    name: str
    account: str
    state: str
    """ "Up", or "Pending" while the ztunnel has not taken it over. Says nothing of certificates or istiod."""
    inbound: int = 0
    """Connections open now."""
    outbound: int = 0


class Listing(Struct, frozen=True, eq=False):
    """What a ztunnel was told of the pods of one namespace: a name to "HBONE" or "TCP". Compared by identity: nodes
    that were told the same share one."""

    digest: bytes
    protocols: Mapping[str, str]


class Version(Struct, frozen=True):
    """The build of a ztunnel; "" where it does not say."""

    istio: str = ""
    """Such as "1.31.0"; "unknown" in a build of one's own."""
    revision: str = ""


class Config(Struct, frozen=True):
    """What a ztunnel was started with, of what concerns more than itself."""

    node: str = ""
    cluster: str = ""
    network: str = ""
    trust_domain: str = ""
    ca: str = ""
    """The address certificates are asked of."""
    xds: str = ""
    """The address of istiod."""


class Dump(Struct, frozen=True, eq=False):
    """What one ztunnel knows, as far as all nodes have to be known. Compared by identity."""

    proxied: Mapping[str, Proxied] | None
    """By pod UID. A pod that is not in it is not served by this ztunnel, whatever annotations say. None where the dump
    has no `workloadState` that can be read: then nothing is known of any."""
    listings: Mapping[str, Listing]
    """By namespace. They tell of all nodes' pods, as istiod sent them."""
    identities: Identities
    """The workload certificates it holds. One of them is no sign that a pod is served."""
    version: Version
    config: Config

    def protocol(self, namespace: str, name: str) -> str:
        """ "HBONE" or "TCP"; "" for a pod that it was not told of."""
        listing = self.listings.get(namespace)
        return listing.protocols.get(name, "") if listing else ""


def read_dump(body: bytes) -> Dump:
    """The body of `/config_dump`. Raises ValueError where it is no JSON object, as one that was cut is not."""
    return _dump(_decoded(body))


def _dump(dump: Raw) -> Dump:
    config = table(dump, "config")
    workloads = _rows(dump, "workloads")
    return Dump(
        proxied={uid: _proxied(state) for uid, state in _proxies(dump)}
        if isinstance(dig(dump, "workloadState"), Mapping)
        else None,
        listings=_listings(workloads),
        identities=identities.of_dump(entries(dump, "certificates")),
        version=Version(
            text(dump, "version", "istioVersion"), text(dump, "version", "gitRevision")
        ),
        config=Config(
            node=text(config, "localNode"),
            cluster=text(config, "clusterId"),
            network=text(config, "network"),
            trust_domain=_trust_domain(config, workloads),
            ca=text(config, "caAddress"),
            xds=text(config, "xdsAddress"),
        ),
    )


def share(dump: Dump, others: Collection[Dump]) -> Dump:
    """The dump with each listing that equals one of the others' replaced by that one, and all of them at once where one
    was told the very same: 300 nodes hold one copy then."""
    missing = dict(dump.listings)
    shared: dict[str, Listing] = {}
    for other in others:
        if not missing:
            break
        before = len(missing)
        for namespace in [*missing]:
            known = other.listings.get(namespace)
            if known is not None and known.digest == missing[namespace].digest:
                shared[namespace] = known
                del missing[namespace]
        if not missing and before == len(other.listings) == len(shared):
            return replace(dump, listings=other.listings)
    return replace(dump, listings={**shared, **missing})


def _decoded(body: bytes) -> Raw:
    try:
        dump = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the dump is cut off or no JSON ({error})") from error
    if not isinstance(dump, Mapping):
        raise ValueError("the dump is no JSON object")
    return dump


def _rows(dump: Raw, section: str) -> Sequence[Raw]:
    """The entries of a section: a list, or the values of a map as very old builds had it."""
    found = dig(dump, section)
    return entries(dump, section) if isinstance(found, list) else entries([*table(found).values()])


def _proxies(dump: Raw) -> Iterable[tuple[str, Raw]]:
    return (
        (uid, state)
        for uid, state in table(dump, "workloadState").items()
        if isinstance(state, Mapping)
    )


def _proxied(state: Raw) -> Proxied:
    return Proxied(
        namespace=text(state, "info", "namespace"),
        name=text(state, "info", "name"),
        account=text(state, "info", "serviceAccount"),
        state=text(state, "state"),
        inbound=len(entries(state, "connections", "inbound")),
        outbound=len(entries(state, "connections", "outbound")),
    )


def _listings(workloads: Iterable[Raw]) -> dict[str, Listing]:
    found: dict[str, dict[str, str]] = {}
    for workload in workloads:
        protocols = found.setdefault(text(workload, "namespace"), {})
        protocols[text(workload, "name")] = text(workload, "protocol")
    return {
        namespace: Listing(_hash(sorted(protocols.items())), protocols)
        for namespace, protocols in found.items()
    }


def _trust_domain(config: Raw, workloads: Sequence[Raw]) -> str:
    """That of its own identity, or in builds that do not tell it, the one that most of its node's pods have."""
    identity = text(config, "ztunnelIdentity")
    if identity.startswith("spiffe://"):
        return identity.removeprefix("spiffe://").partition("/")[0]
    told = Counter(text(workload, "trustDomain") for workload in workloads)
    return max(filter(None, told), key=told.__getitem__, default="")


def _hash(value: Any) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(value), digest_size=16).digest()


class ListedWorkload(Struct, frozen=True):
    """An entry of `workloads[]`."""

    namespace: str
    name: str
    protocol: str
    addresses: tuple[str, ...]
    account: str
    status: str
    waypoint: str
    """Where traffic to its address goes first; "" for none."""
    policies: tuple[str, ...]
    """Keys of the policies that select it; those of its namespace or of the mesh are not among them."""


class ListedService(Struct, frozen=True):
    """An entry of `services[]`."""

    namespace: str
    name: str
    hostname: str
    addresses: tuple[str, ...]
    ports: tuple[str, ...]
    """ "80→8080"; a target of 0 is a named one."""
    endpoints: int
    waypoint: str


class ListedPolicy(Struct, frozen=True):
    """An entry of `policies[]`."""

    namespace: str
    name: str
    scope: str
    action: str
    rules: int
    dry_run: bool


class Connection(Struct, frozen=True):
    """A connection that is open now."""

    namespace: str
    pod: str
    direction: str
    """ "inbound" or "outbound"."""
    source: str
    original: str
    """Where the client meant to go: an address, or a hostname on the inbound side; "" where it is not told."""
    actual: str
    protocol: str


class DumpDetail(Struct, frozen=True, eq=False):
    """A dump with its lists, for the one ztunnel that is looked at."""

    dump: Dump
    workloads: tuple[ListedWorkload, ...]
    """Those on its own node, or without a node; `listed` counts all of them."""
    listed: int
    services: tuple[ListedService, ...]
    policies: tuple[ListedPolicy, ...]
    connections: tuple[Connection, ...]
    view: View = views.EMPTY
    """What of it decides where a call goes."""
    lacks: frozenset[str] = frozenset()
    """Of its sections, and "connections": those that are not there, or in no form that is known. What they would tell
    is not known."""


def read_detail(body: bytes) -> DumpDetail:
    """The body of `/config_dump` with its lists. Raises ValueError as `read_dump` does."""
    dump = _decoded(body)
    node = text(dump, "config", "localNode")
    workloads = _rows(dump, "workloads")
    return DumpDetail(
        dump=_dump(dump),
        workloads=tuple(_workload(each) for each in workloads if text(each, "node") in ("", node)),
        listed=len(workloads),
        services=tuple(_service(each) for each in _rows(dump, "services")),
        policies=tuple(_policy(each) for each in _rows(dump, "policies")),
        connections=tuple(
            _connection(state, direction, each)
            for _, state in _proxies(dump)
            for direction in ("inbound", "outbound")
            for each in entries(state, "connections", direction)
        ),
        view=views.of(workloads, _rows(dump, "services"), _rows(dump, "policies")),
        lacks=frozenset(_lacking(dump)),
    )


def _lacking(dump: Raw) -> Iterable[str]:
    for section in _LISTS:
        if not isinstance(dig(dump, section), (list, Mapping)):
            yield section
    if not isinstance(dig(dump, "workloadState"), Mapping):
        yield from ("workloadState", "connections")
    elif any("connections" not in state for _, state in _proxies(dump)):
        yield "connections"


def _workload(each: Raw) -> ListedWorkload:
    return ListedWorkload(
        namespace=text(each, "namespace"),
        name=text(each, "name"),
        protocol=text(each, "protocol"),
        addresses=_texts(each, "workloadIps"),
        account=text(each, "serviceAccount"),
        status=text(each, "status"),
        waypoint=text(each, "waypoint", "destination"),
        policies=_texts(each, "authorizationPolicies"),
    )


def _service(each: Raw) -> ListedService:
    return ListedService(
        namespace=text(each, "namespace"),
        name=text(each, "name"),
        hostname=text(each, "hostname"),
        addresses=_texts(each, "vips"),
        ports=tuple(f"{port}→{number(each, 'ports', port)}" for port in table(each, "ports")),
        endpoints=len(table(each, "endpoints")),
        waypoint=text(each, "waypoint", "destination"),
    )


def _policy(each: Raw) -> ListedPolicy:
    rules = dig(each, "rules")
    return ListedPolicy(
        namespace=text(each, "namespace"),
        name=text(each, "name"),
        scope=text(each, "scope"),
        action=text(each, "action"),
        rules=len(rules) if isinstance(rules, list) else 0,
        dry_run=dig(each, "dryRun") is True,
    )


def _connection(state: Raw, direction: str, each: Raw) -> Connection:
    return Connection(
        namespace=text(state, "info", "namespace"),
        pod=text(state, "info", "name"),
        direction=direction,
        source=text(each, "src"),
        original=text(each, "originalDst"),
        actual=text(each, "actualDst"),
        protocol=text(each, "protocol"),
    )


def _texts(each: Raw, field: str) -> tuple[str, ...]:
    found = dig(each, field)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()

"""Dumps: what a ztunnel knows, from its `/config_dump` (port 15000).

A dump of a large mesh is 9 MB and there is one on every node, so two values come of it: `Dump`, small and read in
milliseconds, of every node; `DumpDetail`, with the lists a person looks through, of the one that is on screen.
The format is that of Istio 1.24 and later (reference istio-ambient.md, 4.4); odd fields give defaults.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypedDict, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import identities, raw, views
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


class _Workload(Struct, gc=False, rename="camel"):
    """An entry of `workloads[]`, as far as all nodes have to be known."""

    namespace: str = ""
    name: str = ""
    protocol: str = ""
    trust_domain: str = ""


class _Sections(Struct, rename="camel"):
    """A dump as far as all nodes have to be known: what is not named is passed over, which is four times faster than to
    build it."""

    certificates: Any = None
    workload_state: Any = None
    config: Any = None
    version: Any = None
    workloads: list[_Workload] = []


_SECTIONS = msgspec.json.Decoder(_Sections)


def read_dump(body: bytes) -> Dump:
    """The body of `/config_dump`. Raises ValueError where it is no JSON object, as one that was cut is not."""
    try:
        return _dump(_SECTIONS.decode(body))
    except msgspec.ValidationError:  # an odd field
        return _dump(_sections(_decoded(body)))
    except _UNDECODABLE as error:
        raise _cut_off(error) from error


def _sections(dump: Raw) -> _Sections:
    """From any object, as it may be odd."""
    return raw.view({**dump, "workloads": _rows(dump, "workloads")}, _Sections)


def _dump(sections: _Sections) -> Dump:
    config, state = table(sections.config), sections.workload_state
    return Dump(
        proxied={uid: _proxied(each) for uid, each in _proxies(state)}
        if isinstance(state, Mapping)
        else None,
        listings=_listings(sections.workloads),
        identities=identities.of_dump(entries(sections.certificates)),
        version=Version(
            text(sections.version, "istioVersion"), text(sections.version, "gitRevision")
        ),
        config=Config(
            node=text(config, "localNode"),
            cluster=text(config, "clusterId"),
            network=text(config, "network"),
            trust_domain=_trust_domain(config, sections.workloads),
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


class _ListedRaw(TypedDict, total=False):
    """An entry of `workloads[]`, as far as it is looked through."""

    namespace: Any
    name: Any
    protocol: Any
    trustDomain: Any
    node: Any
    uid: Any
    serviceAccount: Any
    workloadIps: Any
    waypoint: Any
    authorizationPolicies: Any
    status: Any


class _DumpRaw(TypedDict, total=False):
    """A dump as far as it is looked through."""

    certificates: Any
    workloadState: Any
    config: Any
    version: Any
    services: Any
    policies: Any
    workloads: list[_ListedRaw]


_DUMP = msgspec.json.Decoder(_DumpRaw)
_UNDECODABLE = (ValueError, RecursionError)


def _decoded(body: bytes) -> Raw:
    """The dump with all of it that is read here, or more where it is an odd one."""
    try:
        try:
            return cast(Raw, _DUMP.decode(body))
        except msgspec.ValidationError:
            dump = msgspec.json.decode(body)
    except _UNDECODABLE as error:
        raise _cut_off(error) from error
    if not isinstance(dump, Mapping):
        raise ValueError("the dump is no JSON object")
    return dump


def _cut_off(error: Exception) -> ValueError:
    return ValueError(f"the dump is cut off or no JSON ({error})")


def _rows(dump: Raw, section: str) -> Sequence[Raw]:
    """The entries of a section: a list, or the values of a map as very old builds had it."""
    found = dig(dump, section)
    return entries(dump, section) if isinstance(found, list) else entries([*table(found).values()])


def _proxies(state: Any) -> Iterable[tuple[str, Raw]]:
    return ((uid, each) for uid, each in table(state).items() if isinstance(each, Mapping))


def _proxied(state: Raw) -> Proxied:
    return Proxied(
        namespace=text(state, "info", "namespace"),
        name=text(state, "info", "name"),
        account=text(state, "info", "serviceAccount"),
        state=text(state, "state"),
        inbound=len(entries(state, "connections", "inbound")),
        outbound=len(entries(state, "connections", "outbound")),
    )


def _listings(workloads: Iterable[_Workload]) -> dict[str, Listing]:
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for each in workloads:
        found[each.namespace][each.name] = each.protocol
    return {namespace: Listing(_hash(told), told) for namespace, told in found.items()}


def _trust_domain(config: Raw, workloads: Iterable[_Workload]) -> str:
    """That of its own identity, or in builds that do not tell it, the one that most of its node's pods have."""
    identity = text(config, "ztunnelIdentity")
    if identity.startswith("spiffe://"):
        return identity.removeprefix("spiffe://").partition("/")[0]
    told = Counter(each.trust_domain for each in workloads)
    return max(filter(None, told), key=told.__getitem__, default="")


def _hash(value: Any) -> bytes:
    encoded = msgspec.json.encode(value, order="sorted")
    return hashlib.blake2b(encoded, digest_size=16).digest()


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
        dump=_dump(_sections(dump)),
        workloads=tuple(_workload(each) for each in workloads if text(each, "node") in ("", node)),
        listed=len(workloads),
        services=tuple(_service(each) for each in _rows(dump, "services")),
        policies=tuple(_policy(each) for each in _rows(dump, "policies")),
        connections=tuple(
            _connection(state, direction, each)
            for _, state in _proxies(dump.get("workloadState"))
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
    elif any("connections" not in state for _, state in _proxies(dump.get("workloadState"))):
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

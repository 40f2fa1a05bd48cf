"""Endpoints: who answers behind each Service, as its EndpointSlices say."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from meshtui.mesh import raw
from meshtui.mesh.derived import derived
from meshtui.mesh.kinds import ENDPOINT_SLICE
from meshtui.mesh.raw import Raw, dig, entries, text
from meshtui.mesh.snapshot import Snapshot

_SERVICE = "kubernetes.io/service-name"


class Endpoint(Struct, frozen=True, eq=False):
    """Who answers at one address, or at one of each IP family."""

    pod: str
    """ "namespace/name"; "" where it is no pod."""
    address: str
    ready: bool


class Endpoints(Struct, frozen=True, eq=False):
    """All of one Service, those that are about to end left out. Compared by identity."""

    each: tuple[Endpoint, ...]
    ready: int
    pods: tuple[str, ...] = ()
    """Those of them that are pods, by "namespace/name"."""

    @property
    def total(self) -> int:
        return len(self.each)


NONE = Endpoints((), 0)


class _Slice(Struct, frozen=True, eq=False):
    service: str
    """ "namespace/name"; "" where it names none."""
    endpoints: tuple[Endpoint, ...]


def of(snapshot: Snapshot) -> Mapping[str, Endpoints]:
    """The endpoints of each Service that has any, by "namespace/name"."""
    return derived(snapshot, _by_service)


def _by_service(snapshot: Snapshot) -> Mapping[str, Endpoints]:
    slices: dict[str, list[_Slice]] = {}
    for each in snapshot.each(ENDPOINT_SLICE, _slice):
        slices.setdefault(each.service, []).append(each)
    slices.pop("", None)
    names = {name: name for name in slices}
    found = snapshot.memo.each("endpoints", names, _endpoints, lambda name: (*slices[name],))
    return dict(zip(names, found, strict=True))


def _endpoints(_: str, *slices: _Slice) -> Endpoints:
    """Slices of the other IP family name the same pods again."""
    found: dict[str, Endpoint] = {}
    for each in slices:
        for endpoint in each.endpoints:
            known = found.get(endpoint.pod or endpoint.address)
            if known is None or (endpoint.ready and not known.ready):
                found[endpoint.pod or endpoint.address] = endpoint
    return Endpoints(
        each=(*found.values(),),
        ready=sum(each.ready for each in found.values()),
        pods=tuple(each.pod for each in found.values() if each.pod),
    )


def _slice(it: Raw) -> _Slice:
    namespace, service = raw.namespace(it), raw.label(it, _SERVICE)
    return _Slice(
        f"{namespace}/{service}" if service else "",
        tuple(
            _endpoint(each, namespace)
            for each in entries(it, "endpoints")
            if dig(each, "conditions", "terminating") is not True
        ),
    )


def _endpoint(it: Raw, namespace: str) -> Endpoint:
    """One without a condition is ready, by the definition of EndpointSlice."""
    addresses = dig(it, "addresses")
    first = addresses[0] if isinstance(addresses, list) and addresses else ""
    pod = text(it, "targetRef", "name") if text(it, "targetRef", "kind") == "Pod" else ""
    return Endpoint(
        pod=f"{text(it, 'targetRef', 'namespace') or namespace}/{pod}" if pod else "",
        address=first if isinstance(first, str) else "",
        ready=dig(it, "conditions", "ready") is not False,
    )

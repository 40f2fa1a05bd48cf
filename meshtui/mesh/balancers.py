"""Balancers: the addresses by which a load balancer reaches pods from outside the cluster, as Services tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from meshtui.mesh import raw
from meshtui.mesh.kinds import SERVICE
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, dig, entries, strings, text
from meshtui.mesh.snapshot import Snapshot


class Balancer(Struct, frozen=True, eq=False):
    """A Service that has addresses outside the cluster. Compared by identity."""

    namespace: str
    selector: Mapping[str, str]
    addresses: tuple[str, ...]

    def reaches(self, pod: Pod) -> bool:
        return pod.namespace == self.namespace and self.selector.items() <= pod.labels.items()


def of(snapshot: Snapshot) -> Sequence[Balancer]:
    return [each for each in snapshot.each(SERVICE, _balancer) if each is not None]


def before(balancers: Sequence[Balancer], pods: Sequence[Pod]) -> tuple[str, ...]:
    """The addresses of those that reach any of these pods."""
    found = (
        address for each in balancers if any(map(each.reaches, pods)) for address in each.addresses
    )
    return tuple(dict.fromkeys(found))


def _balancer(it: Raw) -> Balancer | None:
    given = entries(it, "status", "loadBalancer", "ingress")
    addresses = [text(each, "ip") or text(each, "hostname") for each in given]
    external = dig(it, "spec", "externalIPs")
    addresses += [
        each for each in (external if isinstance(external, list) else ()) if isinstance(each, str)
    ]
    selector = strings(it, "spec", "selector")
    found = tuple(filter(None, addresses))
    return Balancer(raw.namespace(it), selector, found) if found and selector else None

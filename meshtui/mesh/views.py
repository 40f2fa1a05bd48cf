"""Views: what one ztunnel knows that decides where a call goes and who may make it: the services, workloads and
policies of its `/config_dump` (reference istio-ambient.md, 4.4). Odd fields give defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from meshtui.mesh.raw import Raw, dig, number, table, text

HEALTHY = "Healthy"


class KnownEndpoint(Struct, frozen=True):
    """An entry of `services[].endpoints`."""

    workload: str
    """Its uid, such as "Kubernetes//Pod/shop/cart-1"."""
    ports: Mapping[str, int]
    """The pod's port by the service's."""
    status: str

    @property
    def pod(self) -> str:
        """ "namespace/name"; "" where it is no pod."""
        return pod_of(self.workload)


class KnownService(Struct, frozen=True):
    """An entry of `services[]`."""

    namespace: str
    name: str
    hostname: str
    addresses: tuple[str, ...]
    ports: Mapping[str, int]
    waypoint: str
    """Where traffic to it goes first; "" for none."""
    endpoints: tuple[KnownEndpoint, ...]


class KnownWorkload(Struct, frozen=True):
    """An entry of `workloads[]`."""

    protocol: str
    """ "HBONE" or "TCP"."""
    waypoint: str
    policies: tuple[str, ...]
    """By "namespace/name", those that select it."""


class View(Struct, frozen=True, eq=False):
    """What one ztunnel knows. Compared by identity."""

    services: tuple[KnownService, ...]
    workloads: Mapping[str, KnownWorkload]
    """Of pods, by "namespace/name"."""
    policies: tuple[Raw, ...]
    """As they stand in the dump."""

    def service(self, namespace: str, name: str) -> KnownService | None:
        """The Service of that name; a ServiceEntry may have the same one."""
        host = f"{name}.{namespace}.svc"
        return next((each for each in self.services if each.hostname.startswith(host)), None)

    def host(self, hostname: str) -> KnownService | None:
        return next((each for each in self.services if each.hostname == hostname), None)


EMPTY = View((), {}, ())


def of(workloads: Iterable[Raw], services: Iterable[Raw], policies: Iterable[Raw]) -> View:
    """From the sections of a dump. Never raises."""
    return View(
        services=tuple(map(_service, services)),
        workloads={pod_of(text(each, "uid")): _workload(each) for each in workloads},
        policies=tuple(policies),
    )


def pod_of(uid: str) -> str:
    """ "namespace/name" in the uid of a pod, "cluster//Pod/namespace/name"; "" in any other."""
    parts = uid.split("/")
    return "/".join(parts[3:]) if len(parts) == 5 and parts[2] == "Pod" else ""


def _service(each: Raw) -> KnownService:
    return KnownService(
        namespace=text(each, "namespace"),
        name=text(each, "name"),
        hostname=text(each, "hostname"),
        addresses=_texts(dig(each, "vips")),
        ports=_ports(each),
        waypoint=text(each, "waypoint", "destination"),
        endpoints=tuple(
            KnownEndpoint(
                text(it, "workloadUid") or str(uid),
                _ports(it, "port"),
                text(it, "status") or HEALTHY,
            )
            for uid, it in table(each, "endpoints").items()
        ),
    )


def _workload(each: Raw) -> KnownWorkload:
    return KnownWorkload(
        protocol=text(each, "protocol"),
        waypoint=text(each, "waypoint", "destination"),
        policies=_texts(dig(each, "authorizationPolicies")),
    )


def _ports(each: Raw, field: str = "ports") -> Mapping[str, int]:
    return {str(port): number(each, field, port) for port in table(each, field)}


def _texts(found: Any) -> tuple[str, ...]:
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()

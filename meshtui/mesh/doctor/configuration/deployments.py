"""Services that share the ports of one Deployment and do not agree on them (IST0116, IST0137)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from meshtui.mesh.doctor.configuration.membership import injecting, own_choice
from meshtui.mesh.doctor.configuration.objects import (
    WARNING,
    analyzer,
    every,
    found,
    listed,
    ref,
)
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import DEPLOYMENT, NAMESPACE, SERVICE
from meshtui.mesh.raw import Raw, dig, entries, label, name, namespace, number, strings, table, text
from meshtui.mesh.snapshot import Snapshot

PROTOCOLS = Rule(
    "IST0116",
    "Services give one port of a Deployment different protocols",
    WARNING,
    why="A sidecar has one listener for a port: which of the protocols it speaks is not defined.",
    remedy="give the port the same protocol in each of these Services, or other port numbers",
    link="docs/ops/deployment/application-requirements/",
)
PORTS = Rule(
    "IST0137",
    "Services lead different ports to one port of a Deployment",
    WARNING,
    why="A sidecar knows a port of its pod by one Service's port: requests to the others may be taken for wrong ones.",
    remedy="use the same port in each of these Services, or other target ports",
    link="docs/reference/config/analysis/ist0137/",
)

_WAYPOINTS = "istio.io-mesh-controller"


def shared(snapshot: Snapshot) -> Iterator[Found]:
    services = _Services(every(snapshot, SERVICE))
    injects = injecting(snapshot)
    for deployment in every(snapshot, DEPLOYMENT):
        template = table(deployment, "spec", "template")
        own = entries(template, "spec", "containers")
        if label(deployment, "gateway.istio.io/managed") == _WAYPOINTS:
            continue
        chosen = own_choice(template, own)
        if not (namespace(deployment) in injects if chosen is None else chosen):
            continue
        taking = services.taking(namespace(deployment), strings(template, "metadata", "labels"))
        for rule, says, port in _clashes(taking):
            refs = [ref(SERVICE, each) for each in taking]
            yield found(
                rule, DEPLOYMENT, deployment, says, "spec.ports of its Services", port, *refs
            )


class _Services:
    """Services that select, found by the first pair of their selector."""

    def __init__(self, services: Sequence[Raw]) -> None:
        self._by_pair: dict[tuple[str, str, str], list[tuple[Mapping[str, str], Raw]]] = {}
        for service in services:
            selector = strings(service, "spec", "selector")
            if selector:
                key, value = next(iter(selector.items()))
                place = (namespace(service), key, value)
                self._by_pair.setdefault(place, []).append((selector, service))

    def taking(self, where: str, labels: Mapping[str, str]) -> Sequence[Raw]:
        """Those of a namespace that take pods with these labels."""
        return [
            service
            for key, value in labels.items()
            for selector, service in self._by_pair.get((where, key, value), ())
            if selector.items() <= labels.items()
        ]


def _clashes(services: Sequence[Raw]) -> Iterator[tuple[Rule, str, str]]:
    """Each with the port it is about."""
    protocols = _by(services, lambda port: str(number(port, "port")), _protocol)
    for port, several in protocols.items():
        if len(several) > 1:
            yield PROTOCOLS, f"port {port} is {_told(several)}", port
    numbers = _by(services, _target, lambda port: str(number(port, "port")))
    for target, several in numbers.items():
        if len(several) > 1:
            yield PORTS, f"port {target} of its pods is {_told(several)}", target


def _by(
    services: Sequence[Raw], one: Callable[[Raw], str], other: Callable[[Raw], str]
) -> Mapping[str, Mapping[str, list[str]]]:
    """The Services by two things of their ports."""
    found: dict[str, dict[str, list[str]]] = {}
    for service in services:
        for port in entries(service, "spec", "ports"):
            found.setdefault(one(port), {}).setdefault(other(port), []).append(name(service))
    return found


def _told(several: Mapping[str, list[str]]) -> str:
    return " and ".join(
        f"{each} in {listed(dict.fromkeys(names))}" for each, names in several.items()
    )


def _protocol(port: Raw) -> str:
    return text(port, "protocol") or "TCP"


def _target(port: Raw) -> str:
    target = dig(port, "targetPort")
    if isinstance(target, str) and target not in ("", "0"):
        return target
    return str(number(port, "targetPort") or number(port, "port"))


ANALYZERS = (
    analyzer(
        "deployment.MultiServiceAnalyzer",
        (PROTOCOLS, PORTS),
        (DEPLOYMENT, SERVICE, NAMESPACE),
        shared,
    ),
)

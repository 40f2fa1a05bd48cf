"""Egress: ServiceEntries that the mesh does not recognise, or that are reached round their waypoint (doctor-rules.md,
AMB-061 and AMB-063)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import attachments, capture, raw, routes
from meshtui.mesh.capture import DATAPLANE_MODE
from meshtui.mesh.checks import listed
from meshtui.mesh.doctor.ambient.evidence import older, ref_of, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Found, Rule, Severity
from meshtui.mesh.kinds import CONFIGMAP, DESTINATION_RULE, NAMESPACE, SERVICE_ENTRY
from meshtui.mesh.raw import Raw, dig, entries, label, number, text
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.waypoints import State

UNRECOGNISED = Rule(
    "AMB-061",
    "a ServiceEntry has no address by which the mesh would recognise its traffic",
    Severity.HIGH,
    why="Traffic by its name passes as if nobody had declared it.",
    remedy="turn on DNS capture of the CNI agent and let istiod allocate addresses, or write them in spec.addresses",
    link="docs/ambient/usage/waypoint/",
)
ROUND = Rule(
    "AMB-063",
    "traffic to a ServiceEntry does not go as its waypoint is to send it",
    Severity.MEDIUM,
    why="Policies and routes for what leaves the mesh do not apply.",
    remedy="admit its namespace at the waypoint; originate TLS by a DestinationRule where the port is TLS",
    link="docs/ambient/usage/waypoint/",
)


def unrecognised(snapshot: Snapshot) -> Findings:
    captures = _dns_capture(snapshot)
    for it in snapshot.raw(SERVICE_ENTRY):
        where = snapshot.find(NAMESPACE, "", raw.namespace(it)) or {}
        hosts = dig(it, "spec", "hosts")
        named = [each for each in hosts if isinstance(each, str)] if isinstance(hosts, list) else []
        plain = [each for each in named if not each.startswith("*")]
        if label(where, DATAPLANE_MODE) != "ambient" or not plain or dig(it, "spec", "addresses"):
            continue
        allocated = entries(it, "status", "addresses")
        if text(it, "spec", "resolution") in ("", "NONE") or not older(
            raw.created(it), snapshot.now, 30
        ):
            continue
        ref = ref_of(SERVICE_ENTRY, it)
        if not allocated:
            says = f"ServiceEntry {ref.key} ({listed(plain)}) was given no address"
            yield Found(UNRECOGNISED, (ref,), says, (seen(ref, "status.addresses", "none"),))
        elif captures is False:
            says = f"ServiceEntry {ref.key} ({listed(plain)}) has an address that no pod learns: DNS capture is off"
            yield Found(
                UNRECOGNISED,
                (ref,),
                says,
                (seen(ref, "ConfigMap istio-cni-config: data.AMBIENT_DNS_CAPTURE", "false"),),
            )


def _dns_capture(snapshot: Snapshot) -> bool | None:
    """As the CNI agent's ConfigMap says; None where it does not."""
    for it in snapshot.raw(CONFIGMAP):
        said = text(it, "data", "AMBIENT_DNS_CAPTURE")
        if raw.name(it) == "istio-cni-config" and said:
            return said == "true"
    return None


def around(snapshot: Snapshot) -> Findings:
    for found in attachments.of(snapshot).values():
        for each in found:
            if each.kind == SERVICE_ENTRY and each.binding.state is State.NOT_ADMITTED:
                ref = Ref(SERVICE_ENTRY, each.namespace, each.name)
                shown = (seen(ref, "metadata.labels[istio.io/use-waypoint]", each.binding.key),)
                says = f"ServiceEntry {ref.key}: {each.binding.reason}"
                yield Found(ROUND, (ref,), says, shown, symptom_of=(("AMB-021", ref),))
    yield from _encrypted(snapshot)


def _encrypted(snapshot: Snapshot) -> Iterator[Found]:
    """HTTP routes to a port of a ServiceEntry that is TLS, where nothing originates TLS."""
    originated = {
        text(it, "spec", "host")
        for it in snapshot.raw(DESTINATION_RULE)
        if dig(it, "spec", "trafficPolicy")
    }
    for route in routes.of(snapshot):
        for parent in route.parents if route.kind == "HTTPRoute" else ():
            it = snapshot.find(SERVICE_ENTRY, parent.ref.namespace, parent.ref.name)
            if parent.ref.kind != "ServiceEntry" or it is None:
                continue
            ports = [
                each
                for each in entries(it, "spec", "ports")
                if _is_tls(each) and parent.ref.port in (0, number(each, "port"))
            ]
            hosts = dig(it, "spec", "hosts")
            if ports and not (
                isinstance(hosts, list)
                and any(isinstance(each, str) and each in originated for each in hosts)
            ):
                ref = ref_of(SERVICE_ENTRY, it)
                port = f"{number(ports[0], 'port')} {text(ports[0], 'protocol')}"
                says = f"HTTPRoute {route.ref.key} is for port {port} of ServiceEntry {ref.key}, which is encrypted"
                shown = (
                    seen(ref, "spec.ports[].protocol", port),
                    seen(route.ref, "spec.parentRefs", ref.key),
                )
                yield Found(ROUND, (ref, route.ref), says, shown)


def _is_tls(port: Raw) -> bool:
    return text(port, "protocol").upper() in ("TLS", "HTTPS")


ANALYZERS = (
    Analyzer(
        "ServiceEntries without an address",
        (UNRECOGNISED,),
        (SERVICE_ENTRY, NAMESPACE, capture.SCOPE),
        unrecognised,
    ),
    Analyzer(
        "ServiceEntries and their waypoints",
        (ROUND,),
        (SERVICE_ENTRY, *attachments.KINDS, *routes.KINDS, Scope(DESTINATION_RULE)),
        around,
    ),
)

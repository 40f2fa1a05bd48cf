"""Resolution: from a name to endpoints, as the ztunnel of the caller sees them (doctor-rules.md, G1, step 2)."""

from __future__ import annotations

from meshtui.mesh import endpoints
from meshtui.mesh.checks import count
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.dumps import HBONE
from meshtui.mesh.kinds import ENDPOINT_SLICE, SERVICE
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.trace import hops
from meshtui.mesh.trace.around import Around
from meshtui.mesh.trace.hops import Hop, Seen
from meshtui.mesh.traffic.passage import Dataplane
from meshtui.mesh.views import HEALTHY, KnownService

TITLE = "name to endpoints"
_ISTIOD = "look in Ztunnels whether it is connected to istiod, and when it last heard of it"


def of(around: Around) -> Hop:
    """By every ztunnel of the callers."""
    if not around.from_mesh:
        return _by_kubernetes(around)
    found: dict[str, Hop] = {}
    for each in around.source.members:
        if each.party.dataplane is Dataplane.ZTUNNEL:
            it = around.seen(each)
            found.setdefault(it.key or each.pod, _seen_by(around, it))
    return hops.together([*found.values()])


def no_port(around: Around) -> Hop | None:
    """Where a Service is called on a port that it does not have."""
    spec, port = around.called.service, around.port
    if spec is None or port is None or port in {each.number for each in spec.ports}:
        return None
    ref = Ref(SERVICE, spec.namespace, spec.name)
    has = ", ".join(str(each.number) for each in spec.ports) or "none"
    shown = Evidence(f"Service {spec.key}", "spec.ports[].port", has, ref)
    return hops.broken(
        TITLE, f"Service {spec.key} has no port {port}", shown, step=f"call port {has}"
    )


def _by_kubernetes(around: Around) -> Hop:
    """No ztunnel takes the call: kube-proxy, a sidecar or a gateway resolves the name."""
    spec = around.called.service
    if spec is None:
        addresses = [
            Evidence(
                f"Pod {each.pod}",
                "status.podIP",
                each.party.address or "none",
                around.pods[each.pod].ref,
            )
            for each in around.called.members
        ]
        return hops.well(TITLE, "called by the addresses of its pods", *addresses)
    ref = Ref(SERVICE, spec.namespace, spec.name)
    why = around.snapshot.unread(ENDPOINT_SLICE, spec.namespace)
    if why:
        return hops.unknown(TITLE, why)
    found = endpoints.of(around.snapshot).get(spec.key, endpoints.NONE)
    shown = Evidence(f"EndpointSlices of Service {spec.key}", "endpoints", f"{found.total}", ref)
    if not found.each and not spec.external_name:
        return hops.broken(TITLE, "the Service has no endpoints", shown, step=_selector(around))
    words = "no ztunnel of the caller takes part: by the EndpointSlices it has"
    return hops.well(TITLE, f"{words} {count(len(found.each), 'endpoint')}", shown)


def _selector(around: Around) -> str:
    spec = around.called.service
    wanted = ",".join(f"{k}={v}" for k, v in spec.selector.items()) if spec else ""
    return (
        f"see why no pod with {wanted} answers" if wanted else "see who should write its endpoints"
    )


def _seen_by(around: Around, it: Seen) -> Hop:
    if it.view is None:
        return hops.unknown(TITLE, f"what the caller's ztunnel knows is not known: {it.why}",
                            step=hops.READ_DUMP)  # fmt: skip
    spec = around.called.service
    if spec is None:
        return _by_address(around, it)
    if spec.external_name:
        return hops.well(
            TITLE, f"another name for {spec.external_name}: the application resolves it"
        )
    known = it.view.service(spec.namespace, spec.name)
    field = f"services[{spec.key}]"
    if known is None:
        said = it.field(field, "absent")
        words = f"{it.key} does not know Service {spec.key}: it passes calls on as they are"
        return hops.broken(TITLE, words, said, step=_ISTIOD)
    if around.port is not None and str(around.port) not in known.ports:
        said = it.field(f"{field}.ports", ", ".join(known.ports) or "none")
        words = f"{it.key} knows no port {around.port} of Service {spec.key}"
        return hops.broken(TITLE, words, said, step=_ISTIOD)
    return _endpoints(around, it, known, field)


def _endpoints(around: Around, it: Seen, known: KnownService, field: str) -> Hop:
    healthy = [each for each in known.endpoints if each.status == HEALTHY]
    names = hops.pods(each.pod.rpartition("/")[2] or each.workload for each in healthy)
    said = it.field(
        f"{field}.endpoints", f"{len(healthy)} of {len(known.endpoints)} healthy {names}"
    )
    if not healthy:
        words = f"{it.key} knows no healthy endpoint of Service {known.namespace}/{known.name}"
        return hops.broken(TITLE, words, said, step=_selector(around))
    if (wrong := _plain(around, it)) is not None:
        return wrong
    address = ", ".join(each.lstrip("/") for each in known.addresses) or "no address of its own"
    words = f"{known.hostname} ({address}) has {count(len(healthy), 'healthy endpoint')} there"
    return hops.well(TITLE, words, said)


def _by_address(around: Around, it: Seen) -> Hop:
    """Pods that are called by their addresses."""
    assert it.view is not None
    missing = [each.pod for each in around.called.members if each.pod not in it.view.workloads]
    if missing:
        said = it.field("workloads[]", f"{hops.pods(missing)} absent")
        words = f"{it.key} does not know {hops.pods(missing)}: it sends plain text there"
        return hops.broken(TITLE, words, said, step=_ISTIOD)
    if (wrong := _plain(around, it)) is not None:
        return wrong
    told = {f"{each.pod} {it.view.workloads[each.pod].protocol}" for each in around.called.members}
    if not told:
        return hops.unknown(TITLE, "no pod is known that could be called")
    words = f"called by address, and {it.key} knows {count(len(told), 'pod')} there"
    return hops.well(TITLE, words, it.field("workloads[].protocol", hops.pods(told)))


def _plain(around: Around, it: Seen) -> Hop | None:
    """Where the caller's ztunnel takes captured pods for ones outside the mesh."""
    known = it.view.workloads if it.view else {}
    wrong = [
        each.pod
        for each in around.called.members
        if each.party.dataplane is Dataplane.ZTUNNEL
        and not each.odd
        and each.pod in known
        and known[each.pod].protocol != HBONE
    ]
    if not wrong:
        return None
    said = it.field(f"workloads[{wrong[0]}].protocol", known[wrong[0]].protocol or "none")
    words = f"{it.key} takes {hops.pods(wrong)} for outside the mesh: it sends plain text there"
    return hops.broken(TITLE, words, said, step=_ISTIOD)

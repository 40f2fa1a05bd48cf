"""Waypoint: which one stands before who is called, whether it is there, and what becomes of traffic where it is not
(doctor-rules.md, C3 and C4)."""

from __future__ import annotations

from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import GATEWAY, NAMESPACE, POD, SERVICE
from meshtui.mesh.raw import entries, label, text
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.trace import hops
from meshtui.mesh.trace.around import Around
from meshtui.mesh.trace.hops import Hop
from meshtui.mesh.traffic.passage import Dataplane
from meshtui.mesh.waypoints import USE_WAYPOINT, Binding, State

TITLE = "waypoint"


def of(around: Around) -> Hop:
    binding = around.binding
    if around.waypoint_unread:
        return hops.unknown(TITLE, around.waypoint_unread)
    if binding is None:
        return _agreed(
            around,
            None,
            hops.well(TITLE, "none stands before it: calls go straight there", *absent(around)),
        )
    shown = (_gateway(around, binding), _label(around, binding))
    if binding.health is Health.BAD:
        first = shown if binding.state is not State.MISSING else shown[::-1]
        return hops.broken(TITLE, binding.reason, *first, step=binding.step)
    if binding.bound is None or binding.health in (Health.UNKNOWN, Health.WARN):
        return hops.unknown(TITLE, binding.reason, *shown, step="see the waypoint (:wp)")
    if not binding.bound:
        words = binding.reason or "none takes this kind of traffic"
        return _agreed(around, None, hops.well(TITLE, f"goes straight there: {words}", *shown))
    if not around.takes_waypoint:
        words = f"callers of this kind go past {binding.key}: its policies and routes have no say"
        return hops.well(TITLE, words, *shown)
    words = f"{binding.key} is there and ready; it fails closed where its pods go"
    return _agreed(around, binding, hops.well(TITLE, words, *shown))


def absent(around: Around) -> tuple[Evidence, ...]:
    """The labels that name no waypoint, or name one in vain."""
    spec, field = around.called.service, f"metadata.labels[{USE_WAYPOINT}]"
    homes = {spec.namespace} if spec else {each.party.namespace for each in around.called.members}
    refs = [Ref(SERVICE, spec.namespace, spec.name)] if spec else []
    refs += [Ref(NAMESPACE, "", each) for each in sorted(homes)]
    found = [(ref, around.snapshot.find(ref.kind, ref.namespace, ref.name)) for ref in refs]
    return tuple(
        Evidence(
            f"{ref.kind.title} {ref.key}",
            field,
            label(it or {}, USE_WAYPOINT) or "absent",
            ref if it else None,
        )
        for ref, it in found
    )


def _agreed(around: Around, binding: Binding | None, otherwise: Hop) -> Hop:
    """The same, unless the caller's own ztunnel was told of another waypoint."""
    spec = around.called.service
    for each in around.source.members:
        if each.party.dataplane is not Dataplane.ZTUNNEL or spec is None or spec.external_name:
            continue
        it = around.seen(each)
        known = it.view.service(spec.namespace, spec.name) if it.view else None
        if known is None:
            continue
        said = it.field(f"services[{spec.key}].waypoint", known.waypoint or "none")
        if bool(known.waypoint) != (binding is not None) or not _is(known.waypoint, binding):
            wanted = binding.key if binding else "none"
            words = f"{it.key} sends to {known.waypoint or 'no waypoint'}, and labels name {wanted}"
            step = "wait a moment; then look in Ztunnels whether it is connected to istiod"
            return hops.broken(TITLE, words, said, *otherwise.evidence, step=step)
        evidence = (*otherwise.evidence, said)
        return Hop(TITLE, otherwise.verdict, evidence, otherwise.step)
    return otherwise


def _is(destination: str, binding: Binding | None) -> bool:
    """Whether a destination is that waypoint's: "shop/waypoint.shop.svc.cluster.local", or an address, which may be."""
    if binding is None or "svc" not in destination:
        return True
    namespace, _, host = destination.partition("/")
    return namespace == binding.namespace and host.partition(".")[0] == binding.name


def _gateway(around: Around, binding: Binding) -> Evidence:
    ref = Ref(GATEWAY, binding.namespace, binding.name)
    it = around.snapshot.find(GATEWAY, binding.namespace, binding.name)
    if it is None:
        return Evidence(f"Gateway {binding.key}", "metadata.name", binding.state.value)
    given = [text(each, "value") for each in entries(it, "status", "addresses")]
    return Evidence(f"Gateway {binding.key}", "status.addresses", ", ".join(given) or "none", ref)


def _label(around: Around, binding: Binding) -> Evidence:
    """Whose label names it."""
    spec, field = around.called.service, f"metadata.labels[{USE_WAYPOINT}]"
    if binding.label_of == "own" and spec is not None:
        ref = Ref(SERVICE, spec.namespace, spec.name)
    elif binding.label_of == "own":
        namespace, _, name = next(e.pod for e in around.called.members if e.waypoint).rpartition(
            "/"
        )
        ref = Ref(POD, namespace, name)
    else:
        own = around.called.members[0].party.namespace if around.called.members else ""
        ref = Ref(NAMESPACE, "", spec.namespace if spec else own)
    value = label(around.snapshot.find(ref.kind, ref.namespace, ref.name) or {}, USE_WAYPOINT)
    return Evidence(f"{ref.kind.title} {ref.key}", field, value, ref)

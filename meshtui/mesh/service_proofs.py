"""Service proofs: what istiod says of the waypoint of each Service of a namespace (istio-ambient.md, 2.4)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import attachments, service_specs, waypoints
from meshtui.mesh.health import OK, Health, Verdict
from meshtui.mesh.kinds import SERVICE
from meshtui.mesh.pod_proofs import Proof
from meshtui.mesh.service_specs import ServiceSpec
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.waypoints import Binding


def of(namespace: str, snapshot: Snapshot) -> Iterator[Proof]:
    """Of each Service that takes a waypoint, or could: that istiod says of it what its labels ask for."""
    bindings = attachments.of_services(snapshot)
    for spec in snapshot.each(SERVICE, service_specs.read):
        if spec.namespace == namespace and not spec.proxy:
            yield _proof(spec, bindings.get(spec.key))


def gateway(target: Ref, snapshot: Snapshot) -> Proof:
    """That a new waypoint is programmed, and has an address and a ready pod."""
    every = waypoints.of(snapshot)
    found = every.gateways.get(target.key)
    if found is None:
        said = "it is not there yet"
    elif found.programmed is None or found.programmed.status != "True":
        why = found.programmed.message or found.programmed.reason if found.programmed else ""
        said = (
            f"it is not programmed: {why}" if why else "istiod has not said that it is programmed"
        )
    elif not found.addresses:
        said = "it has no address yet"
    elif not every.ready.get(target.key) and waypoints.is_managed(every, found):
        said = "none of its pods is ready"
    else:
        return Proof(target.key, target.name, OK)
    verdict = Verdict(Health.UNKNOWN, said)
    return Proof(target.key, target.name, verdict, "ready", remedy="See its conditions and pods.")


def _proof(spec: ServiceSpec, binding: Binding | None) -> Proof:
    said = spec.bound
    if binding is None:
        if said is None:
            return Proof(spec.key, spec.name, OK)
        verdict = Verdict(Health.UNKNOWN, f"istiod still says: {said.message or said.reason}")
        return Proof(spec.key, spec.name, verdict, "bound", remedy=_ISTIOD)
    if said is None:
        verdict = Verdict(Health.UNKNOWN, "istiod has not said which waypoint it has")
        return Proof(spec.key, spec.name, verdict, "bound", remedy=_ISTIOD)
    words = said.message or said.reason
    if said.status == "True" and _names(words, binding):
        return Proof(spec.key, spec.name, OK)
    broken = said.status == "False" and _names(words, binding)
    verdict = Verdict(Health.BAD if broken else Health.UNKNOWN, f"istiod says: {words}")
    return Proof(spec.key, spec.name, verdict, "bound", remedy=binding.reason or _ISTIOD)


def _names(words: str, binding: Binding) -> bool:
    """Whether a message is about this waypoint and not about the one before."""
    return any(word.strip('".') == binding.key for word in words.split())


_ISTIOD = "See the log of istiod; where it writes no status (AMBIENT_ENABLE_STATUS=false) this cannot be proved."

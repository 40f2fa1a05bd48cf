"""Service proofs: what istiod says of the waypoint of a Service (istio-ambient.md, 2.4)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import attachments, service_specs
from meshtui.mesh.health import OK, Health, Verdict
from meshtui.mesh.kinds import NAMESPACE, SERVICE
from meshtui.mesh.pod_proofs import Proof
from meshtui.mesh.service_specs import ServiceSpec
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.waypoints import Binding


def of(target: Ref, snapshot: Snapshot) -> Iterator[Proof]:
    """Of each Service of a namespace that takes a waypoint, or could, or of a single one: that istiod says of it what
    its labels ask for."""
    bindings = attachments.of_services(snapshot)
    for spec in snapshot.each(SERVICE, service_specs.read):
        meant = (
            spec.namespace == target.name if target.kind == NAMESPACE else spec.key == target.key
        )
        if meant and not spec.proxy:
            yield _proof(spec, bindings.get(spec.key))


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

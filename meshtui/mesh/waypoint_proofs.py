"""Waypoint proofs: what says that a waypoint is ready, or gone with all that was made for it (istio-ambient.md, 2.4 and
2.8)."""

from __future__ import annotations

from collections.abc import Sequence

from meshtui.mesh import pods, raw, waypoints
from meshtui.mesh.checks import count, listed
from meshtui.mesh.enrollment import Link
from meshtui.mesh.health import OK, Health, Verdict
from meshtui.mesh.kinds import GATEWAY
from meshtui.mesh.pod_proofs import Proof
from meshtui.mesh.pods import GATEWAY_NAME, Pod
from meshtui.mesh.raw import Condition, conditions, dig, text
from meshtui.mesh.snapshot import Ref, Snapshot


def ready(target: Ref, snapshot: Snapshot) -> Proof:
    """That a waypoint is accepted and programmed, and has an address and, where istiod deploys them, a ready pod."""
    it = snapshot.find(GATEWAY, target.namespace, target.name)
    every = waypoints.of(snapshot)
    found = every.gateways.get(target.key)
    if it is None or found is None:
        verdict = Verdict(Health.UNKNOWN, "it is not there yet")
        return Proof(target.key, target.name, verdict, "there", remedy="See the audit: `:audit`.")
    said = conditions(it)
    links = (
        _accepted(said.get("Accepted")),
        _programmed(said.get("Programmed")),
        _address(found.addresses),
        _pods(own_pods(target, snapshot), managed=waypoints.is_managed(every, found)),
    )
    wrong = (Health.UNKNOWN, Health.BAD)
    missing = next((link for link in links if link.health in wrong), None)
    if missing is None:
        return Proof(target.key, target.name, OK, links=links)
    verdict = Verdict(missing.health, missing.text)
    remedy = _REMEDIES[missing.title]
    return Proof(target.key, target.name, verdict, missing.title, links, remedy)


def gone(target: Ref, uid: str, snapshot: Snapshot) -> Proof:
    """That a waypoint of this UID is not there any more, and none of its pods is."""
    it = snapshot.find(GATEWAY, target.namespace, target.name)
    left = own_pods(target, snapshot)
    if it is not None and raw.uid(it) != uid:
        verdict = Verdict(Health.BAD, "somebody has made it anew")
        remedy = "See who: the owners of the object in its YAML, `m` there shows the managers."
        return Proof(target.key, target.name, verdict, "deleted", remedy=remedy)
    if it is not None:
        verdict = Verdict(Health.UNKNOWN, "it is still there")
        held = dig(it, "metadata", "finalizers")
        if text(it, "metadata", "deletionTimestamp") and isinstance(held, list) and held:
            names = ", ".join(map(str, held))
            verdict = Verdict(Health.UNKNOWN, f"it is being deleted, and waits for {names}")
        remedy = "See its finalizers, and who is to take them away."
        return Proof(target.key, target.name, verdict, "deleted", remedy=remedy)
    if left:
        names = listed([pod.name for pod in left])
        verdict = Verdict(Health.UNKNOWN, f"{count(len(left), 'pod')} of it still there: {names}")
        remedy = "See their events, and whether Kubernetes' garbage collector runs."
        return Proof(target.key, target.name, verdict, "pods", remedy=remedy)
    return Proof(target.key, target.name, OK)


def own_pods(target: Ref, snapshot: Snapshot) -> Sequence[Pod]:
    """The pods that istiod had made for a Gateway, those that have not ended."""
    return [
        pod
        for pod in pods.parts(snapshot)
        if pod.namespace == target.namespace
        and pod.labels.get(GATEWAY_NAME) == target.name
        and not pod.finished
    ]


_UNDER_WAY = ("Pending", "AddressNotAssigned")
"""Reasons that time mends: the Service has no endpoints yet."""


def _accepted(said: Condition | None) -> Link:
    """istiod writes it with the next one, which is not overlooked."""
    if said is None:
        return Link("accepted", Health.NONE, "istiod has not said that it accepts it")
    health = Health.OK if said.status == "True" else Health.BAD
    return Link("accepted", health, _words(said))


def _programmed(said: Condition | None) -> Link:
    if said is None:
        return Link("programmed", Health.UNKNOWN, "istiod has not said that it is programmed")
    if said.status == "True":
        return Link("programmed", Health.OK, _words(said))
    waits = said.status != "False" or said.reason in _UNDER_WAY
    health = Health.UNKNOWN if waits else Health.BAD
    return Link("programmed", health, f"it is not programmed: {_words(said)}")


def _address(addresses: int) -> Link:
    if addresses:
        return Link("address", Health.OK, "it has an address")
    return Link("address", Health.UNKNOWN, "it has no address yet")


def _pods(own: Sequence[Pod], *, managed: bool) -> Link:
    if not managed:
        return Link("pods", Health.NONE, "its pods are not of istiod's making")
    up = [pod for pod in own if pod.healthy and not pod.terminating]
    if up:
        return Link("pods", Health.OK, f"{len(up)} of {count(len(own), 'pod')} ready")
    if not own:
        return Link("pods", Health.UNKNOWN, "it has no pods yet")
    first = min(own, key=lambda pod: pod.name)
    said = f"none of {count(len(own), 'pod')} is ready: {first.name}: {first.status}"
    return Link("pods", Health.UNKNOWN, said)


def _words(said: Condition) -> str:
    return ": ".join(filter(None, (said.reason, said.message)))


_REMEDIES = {
    "accepted": "Its conditions say what istiod holds against it; see the log of istiod.",
    "programmed": "See its conditions, its pods and the log of istiod.",
    "address": "See its Service, and the log of istiod.",
    "pods": "See the events of its pods: quota, image, nodes.",
}

"""Rules: what AuthorizationPolicies make of a call: at the ztunnel of who is called, by what that ztunnel holds, and at
a waypoint between or a gateway before (doctor-rules.md, C6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, PEER_AUTHENTICATION
from meshtui.mesh.raw import text
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.trace import hops, waypoint
from meshtui.mesh.trace.around import Around
from meshtui.mesh.trace.hops import Hop, Seen
from meshtui.mesh.traffic import targets, verdicts, ztunnel
from meshtui.mesh.traffic.calls import Call
from meshtui.mesh.traffic.parties import Member
from meshtui.mesh.traffic.passage import Dataplane, Judged, Place
from meshtui.mesh.traffic.verdicts import Decision, Outcome
from meshtui.mesh.views import View

AT_ZTUNNEL, AT_WAYPOINT = "policies at the ztunnel", "policies at the waypoint"
AT_GATEWAY = "policies at the gateway"
_HEALTH: Mapping[Outcome, Health] = {
    Outcome.ALLOWED: Health.OK,
    Outcome.REFUSED: Health.BAD,
    Outcome.UNKNOWN: Health.UNKNOWN,
}
_TELL = "tell more of the request: its method, path and headers"


def at_ztunnel(around: Around) -> Hop:
    """At every pod that is called, for every caller that a ztunnel tells apart."""
    found = [
        _at(around, caller, called)
        for called in around.called.members
        for caller in around.callers()
    ]
    if not found:
        return hops.unknown(AT_ZTUNNEL, "no pod is known that could be called")
    return hops.together(found)


def _at(around: Around, caller: Member, called: Member) -> Hop:
    written = _written(around, caller, called)
    if called.party.dataplane is not Dataplane.ZTUNNEL:
        if written is None:
            it = around.pods[called.pod]
            said = Evidence(f"Pod {called.pod}", "capture", it.enrolled.word, it.ref)
            return hops.well(
                AT_ZTUNNEL, f"no proxy stands before {called.pod}: none has a say", said
            )
        return _hop(around.snapshot, AT_ZTUNNEL, written.decision, _TELL)
    seen = around.seen(called)
    if seen.view is None:
        words = f"what its ztunnel holds is not known: {seen.why}"
        if written is not None and written.decision.outcome is Outcome.REFUSED:
            return _hop(around.snapshot, AT_ZTUNNEL, written.decision, _TELL)
        return hops.unknown(AT_ZTUNNEL, words, step=hops.READ_DUMP)
    return _enforced(around, caller, called, seen, seen.view, written)


def _enforced(
    around: Around, caller: Member, called: Member, seen: Seen, view: View, written: Judged | None
) -> Hop:
    """By what the ztunnel of the pod holds; the words are those of the policies as they are written, where they come to
    the same."""
    known = view.workloads.get(called.pod)
    if known is None:
        said = seen.field(f"workloads[{called.pod}]", "absent")
        return hops.unknown(AT_ZTUNNEL, f"{seen.key} does not know {called.pod}", said)
    applied = ztunnel.applying(view.policies, called.party.namespace, known.policies)
    call = Call(
        principal=around.principal(caller),
        source=None if around.waypoint else caller.party.address,
        remote=None,
        destination=called.party.address,
        port=around.pod_port(called),
    )
    decision = verdicts.at_ztunnel(applied, call)
    names = hops.pods(f"{text(each, 'namespace')}/{text(each, 'name')}" for each in applied)
    said = seen.field(f"workloads[{called.pod}].authorizationPolicies", names or "none")
    if written is not None and written.decision.outcome is decision.outcome:
        decision = written.decision
    hop = _hop(around.snapshot, AT_ZTUNNEL, decision, "say which port is called")
    who = call.principal or "nobody (plain text)"
    reason = (
        hop.verdict.reason
        if around.waypoint is None
        else f"called by the waypoint: {hop.verdict.reason}"
    )
    caller_seen = Evidence(f"call of {called.pod}", "caller", who)
    evidence = (*hop.evidence, said, caller_seen)
    return Hop(AT_ZTUNNEL, Verdict(hop.verdict.health, reason), evidence, hop.step)


def _written(around: Around, caller: Member, called: Member) -> Judged | None:
    """What the last proxy before a pod does, by policies as they are written."""
    for each in around.judgements:
        if called.pod in each.called and caller.pod in each.callers:
            return next((it for it in each.result.judged if it.place is not Place.WAYPOINT), None)
    return None


def at_waypoint(around: Around) -> Hop:
    if around.waypoint_unread:
        return hops.unknown(AT_WAYPOINT, around.waypoint_unread)
    if around.waypoint is None:
        skipped = [*_skipped(around)]
        if skipped and around.binding is not None and around.binding.fails == "open":
            words = f"{hops.pods(each.key for each in skipped)} not enforced: no waypoint takes the call"
            shown = [
                Evidence(
                    f"{each.kind.title} {each.key}", "spec.targetRefs", _bound(around, each), each
                )
                for each in skipped
            ]
            return hops.broken(AT_WAYPOINT, words, *shown, step="mend the waypoint first")
        return hops.well(
            AT_WAYPOINT, "no waypoint is between: there are none", *waypoint.absent(around)
        )
    return _at_envoy(around, AT_WAYPOINT, Place.WAYPOINT)


def at_gateway(around: Around) -> Hop:
    """At the gateway that is called, whose pods are who is called here."""
    return _at_envoy(around, AT_GATEWAY, Place.GATEWAY)


def _at_envoy(around: Around, title: str, place: Place) -> Hop:
    """What the Envoys of one kind on the way do, by policies as they are written."""
    unread = around.book.unread
    found = [it for each in around.judgements for it in each.result.judged if it.place is place]
    if not found:
        return hops.unknown(title, unread or "no pod is known that could be called")
    hop = hops.together([_hop(around.snapshot, title, it.decision, _TELL) for it in found])
    depends = next((each.depends for each in around.judgements if each.depends), "")
    if hop.verdict.health is Health.OK and (unread or depends):
        return hops.unknown(title, unread or depends, *hop.evidence, step=_TELL)
    return hop


def _skipped(around: Around) -> Iterator[Ref]:
    """Policies for the Service that only a waypoint enforces."""
    spec = around.called.service
    for each in around.book.authorizations:
        if spec is not None and spec.target in each.policy.targets:
            yield each.policy.ref


def _bound(around: Around, policy: Ref) -> str:
    """What istiod says of the targets of a policy."""
    it = around.snapshot.find(policy.kind, policy.namespace, policy.name) or {}
    said = targets.of(it, around.snapshot, around.book.mesh.root)
    return "; ".join(f"{each.reason}: {each.message}" for each in said if not each.bound)


def _hop(snapshot: Snapshot, title: str, decision: Decision, tell: str) -> Hop:
    health = _HEALTH[decision.outcome]
    found = "may match" if decision.outcome is Outcome.UNKNOWN else "matches"
    shown = [_policy(snapshot, decision.policy, decision.rule, found)] if decision.policy else []
    shown += [_policy(snapshot, each.policy, each.rule, str(each)) for each in decision.misses]
    if not shown and title != AT_ZTUNNEL:
        shown = [Evidence("AuthorizationPolicies", "targetRefs", "none that applies decides")]
    steps = {Health.BAD: _step(decision), Health.UNKNOWN: tell}
    nearest = f"; nearest: {decision.misses[0]}" if decision.misses else ""
    return Hop(
        title, Verdict(health, decision.reason + nearest), tuple(shown), steps.get(health, "")
    )


def _step(decision: Decision) -> str:
    if _CONVERTED in decision.policy:
        return "take the caller into the mesh (m in Namespaces)"
    if decision.misses:
        return f"if the call is meant to be, let it in by a rule of {decision.misses[0].policy} (e in Policies)"
    if decision.policy:
        return f"if the call is meant to be, change {decision.policy} (e in Policies)"
    return "if the call is meant to be, write a rule that lets it in (:ap)"


_CONVERTED = "converted_"
"""In the names of the policies that istiod makes of PeerAuthentications (doctor-rules.md, C5)."""


def _policy(snapshot: Snapshot, key: str, rule: int | None, value: str) -> Evidence:
    """A policy by the name that a ztunnel has for it: some are made of PeerAuthentications."""
    ref = Ref(AUTHORIZATION_POLICY, *key.split("/", 1))
    name = ref.name.removeprefix("converted_peer_authentication_")
    if name != ref.name:
        ref = Ref(PEER_AUTHENTICATION, ref.namespace, name)
    elif _CONVERTED in name:
        return Evidence(f"policy {key} of istiod's making", "rules", value)
    there = snapshot.find(ref.kind, ref.namespace, ref.name) is not None
    field = f"spec.rules[{rule}]" if rule is not None else "spec"
    return Evidence(f"{ref.kind.title} {ref.key}", field, value, ref if there else None)

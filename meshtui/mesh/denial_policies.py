"""Denial policies: which policies are responsible for a denial, by what is written now; the lines that told of it may
be older."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshtui.mesh import network_policies, policy_rows
from meshtui.mesh.access import reasons
from meshtui.mesh.denial_rows import Row
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, NETWORK_POLICY, PEER_AUTHENTICATION
from meshtui.mesh.network_policies import Direction
from meshtui.mesh.policies import dry_run
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.traffic import between, parties
from meshtui.mesh.traffic.verdicts import Outcome

KINDS = (*parties.KINDS, NETWORK_POLICY)

_BY_POLICY = (
    reasons.STRICT,
    reasons.NO_ALLOW,
    reasons.DENY,
    reasons.POLICY_CHANGE,
    reasons.PEER_REFUSED,
    reasons.NO_ALLOW_L7,
    reasons.DENY_L7,
)


def of(row: Row, snapshot: Snapshot) -> tuple[Verdict, ...]:
    """A line each: what refuses it, and what nearly lets it in; none where no policy has a say."""
    if row.reason is reasons.NETWORK_POLICY:
        return tuple(_of_network(row, snapshot))
    if row.reason in _BY_POLICY:
        return tuple(_of_authorization(row, snapshot))
    return ()


def allowing(row: Row, snapshot: Snapshot) -> Sequence[Ref]:
    """The ALLOW policies that are for the workload that refused, those of its own namespace alone: a rule more in
    another one's, or in one of the whole mesh, would reach further."""
    if row.ref is None:
        return ()
    return [
        each.ref
        for each in policy_rows.for_workload(snapshot, row.ref.key)
        if each.ref.kind == AUTHORIZATION_POLICY
        and each.action == "ALLOW"
        and each.extent == "selector"
        and each.ref.namespace == row.ref.namespace
    ]


def has_allow(row: Row, snapshot: Snapshot) -> bool:
    """Whether there is an ALLOW policy for the workload that refused, which is no trial."""
    if row.ref is None:
        return False
    found = (
        each.ref
        for each in policy_rows.for_workload(snapshot, row.ref.key)
        if each.ref.kind == AUTHORIZATION_POLICY and each.action == "ALLOW"
    )
    written = (snapshot.find(ref.kind, ref.namespace, ref.name) for ref in found)
    return any(it is not None and not dry_run(it) for it in written)


def _of_network(row: Row, snapshot: Snapshot) -> Iterator[Verdict]:
    """NetworkPolicies that keep the tunnel from one of both ends."""
    if unread := snapshot.unread(NETWORK_POLICY):
        yield Verdict(Health.UNKNOWN, f"whether a NetworkPolicy closes port 15008: {unread}")
        return
    every, told = tuple(network_policies.of(snapshot)), False
    for pod, direction, way in (
        (row.ref, Direction.INGRESS, "into"),
        (row.caller, Direction.EGRESS, "out of"),
    ):
        it = snapshot.find(pod.kind, pod.namespace, pod.name) if pod else None
        blocked = network_policies.tunnel(every, it, direction) if it is not None else None
        if pod is not None and blocked is not None:
            told = True
            whom = "from everybody" if blocked.wholly else "from some"
            names = ", ".join(blocked.policies)
            words = f"NetworkPolicy {names} keeps port 15008 closed {way} {pod.key}, {whom}"
            yield Verdict(Health.BAD, words)
    if not told:
        words = "no NetworkPolicy of the cluster closes port 15008 between them: look at firewalls, the node, the pod"
        yield Verdict(Health.UNKNOWN, words)


def _of_authorization(row: Row, snapshot: Snapshot) -> Iterator[Verdict]:
    for policy in row.policies:
        yield Verdict(Health.BAD, f"the line names {policy}")
    if row.reason is reasons.STRICT and row.ref is not None:
        for policy_row in policy_rows.for_workload(snapshot, row.ref.key):
            if policy_row.ref.kind == PEER_AUTHENTICATION:
                words = f"{policy_row.kind} {policy_row.ref.key}: {policy_row.summary}"
                yield Verdict(Health.BAD, words)
    try:
        source = parties.named(snapshot, _caller(row, snapshot), called=False)
        called = parties.named(snapshot, _called(row, snapshot), called=True)
        port = int(row.port) if row.port.isdecimal() else None
        judged = between.judge(snapshot, source, called, port)
    except ValueError as error:
        yield Verdict(Health.UNKNOWN, f"what is written now cannot be judged: {error}")
        return
    for each in judged:
        at = each.result.decisive
        if each.result.outcome is Outcome.ALLOWED or at is None:
            words = "by what is written now it is let in: the policies changed, or the proxy has not got them"
            yield Verdict(Health.WARN, words)
        elif each.result.outcome is Outcome.REFUSED:
            yield Verdict(Health.BAD, f"{at.place.value} of {at.name}: {at.decision.reason}")
            for miss in at.decision.misses:
                yield Verdict(Health.WARN, f"nearest: {miss}")
        else:
            why = each.result.unread or each.depends or at.decision.reason
            yield Verdict(Health.UNKNOWN, f"what is written now does not decide it: {why}")


def _caller(row: Row, snapshot: Snapshot) -> str:
    """As `parties.named` takes it: the pod, where it is there yet, else its workload."""
    if row.caller is not None and _there(row.caller, snapshot):
        return f"{row.caller.namespace}/pod/{row.caller.name}"
    return row.source if "/" in row.source else parties.OUTSIDE


def _called(row: Row, snapshot: Snapshot) -> str:
    """The same for whom it called; a Service where its host name is all that is known."""
    if row.ref is not None and not row.via:
        there = _there(row.ref, snapshot)
        return f"{row.ref.namespace}/pod/{row.ref.name}" if there else row.destination
    name, _, rest = row.service.partition(".")
    return f"{rest.partition('.')[0]}/service/{name}" if rest else row.destination


def _there(pod: Ref, snapshot: Snapshot) -> bool:
    return snapshot.find(pod.kind, pod.namespace, pod.name) is not None

"""Holdings: the workload certificates of each ztunnel, sorted once for each dump so that 30,000 of them cost nothing
while none changes its health."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from operator import attrgetter

from msgspec import Struct

from meshtui.mesh import life, nodes
from meshtui.mesh.derived import derived
from meshtui.mesh.dumps import Dump
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.identities import Dated, Identities, Identity
from meshtui.mesh.kinds import POD
from meshtui.mesh.life import Renewal
from meshtui.mesh.nodes import Reading, Ztunnel
from meshtui.mesh.pods import Pod
from meshtui.mesh.roots import Bundle
from meshtui.mesh.snapshot import Ref, Snapshot


class Holding(Struct, frozen=True, eq=False):
    """What one ztunnel holds."""

    pod: Ref
    node: str
    identities: Identities
    bundle: Bundle
    """The CAs above them."""


class Judged(Struct, frozen=True):
    """One certificate with its verdict."""

    holding: Holding
    identity: Identity
    verdict: Verdict
    due: datetime | None = None


class Part(Struct, frozen=True, eq=False):
    """What one ztunnel adds to the pane."""

    holding: Holding
    noticeable: tuple[Judged, ...]
    """All but those that renew normally."""
    normal: Mapping[str, tuple[Dated, ...]]
    """The others by namespace, the first due first."""


def parts(snapshot: Snapshot) -> tuple[Part, ...]:
    """One for each ztunnel whose dump was read. The same object as long as nothing in it changes: no dump, and no
    certificate its health."""
    return derived(snapshot, _parts)


def unread(snapshot: Snapshot) -> Mapping[str, tuple[Ref, ...]]:
    """The ztunnels whose certificates are not known, by the reason; one reason for each kind of trouble."""
    found: dict[str, list[Ref]] = {}
    words: dict[str, str] = {}
    for ztunnel in _ztunnels(snapshot):
        if ztunnel.current is None:
            kind, why = _why(ztunnel)
            words.setdefault(kind, why)
            found.setdefault(kind, []).append(_ref(ztunnel.pod))
    return {words[kind]: tuple(refs) for kind, refs in found.items()}


def places(snapshot: Snapshot) -> Mapping[str, frozenset[Ref]]:
    """By name each node that runs a ztunnel, with those of its ztunnels whose certificates are known."""
    return {
        name: frozenset(_ref(each.pod) for each in node.ztunnels if each.current)
        for name, node in sorted(nodes.of(snapshot).items())
        if node.ztunnels
    }


def _parts(snapshot: Snapshot) -> tuple[Part, ...]:
    answered = {each.pod.key: each for each in _ztunnels(snapshot) if each.current}
    held = snapshot.memo.each(
        "holdings",
        {key: each.pod for key, each in answered.items()},
        _holding,
        lambda pod: (answered[pod.key].reading.dump,),
    )
    return tuple(
        snapshot.memo.each(
            "judged holdings",
            {holding.pod.key: holding for holding in held},
            _part,
            lambda holding: _moment(holding, answered[holding.pod.key].reading, snapshot.now),
        )
    )


def _ztunnels(snapshot: Snapshot) -> Iterator[Ztunnel]:
    for node in nodes.of(snapshot).values():
        yield from node.ztunnels


def _why(ztunnel: Ztunnel) -> tuple[str, str]:
    problem = ztunnel.reading.problem
    if problem is not None:
        return problem.trouble.value, problem.text
    if ztunnel.reading.dump is not None:
        return "restarted", "started anew since it was read"
    return "", "not read yet"


def _ref(pod: Pod) -> Ref:
    return Ref(POD, pod.namespace, pod.name)


def _holding(pod: Pod, dump: Dump) -> Holding:
    held, ref = dump.identities, _ref(pod)
    return Holding(ref, pod.node, held, Bundle(ref, held.roots, held.others))


def _moment(holding: Holding, reading: Reading, now: datetime) -> tuple[int, bool]:
    """Up to which of its changes to judge it, and whether the ztunnel no longer answers.

    A dump tells of the moment it was read: a certificate that was due since then has been renewed for all one knows.
    Only where the ztunnel no longer answers does one count on, and says "unknown".
    """
    silent = reading.problem is not None
    at = now if silent or reading.at is None else reading.at
    return bisect_right(holding.identities.changes, at), silent


def _part(holding: Holding, passed: int, silent: bool) -> Part:
    held = holding.identities
    at = held.changes[passed - 1] if passed else _EVER
    noticeable = [Judged(holding, identity, identity.verdict) for identity in held.odd]
    normal: dict[str, tuple[Dated, ...]] = {}
    for namespace, found in held.dated.items():
        first = bisect_right(found, at, key=_due) if at >= held.started else len(found)
        judged = [(each, _judge(each, at, silent)) for each in found[:first]]
        noticeable += [
            Judged(holding, each.identity, verdict, each.due)
            for each, verdict in judged
            if verdict.health is not Health.OK
        ]
        fine = [each for each, verdict in judged if verdict.health is Health.OK]
        if fine or first < len(found):
            normal[namespace] = (*fine, *found[first:])
    return Part(holding, tuple(noticeable), normal)


_EVER = datetime.min.replace(tzinfo=UTC)
_due = attrgetter("due")


def _judge(each: Dated, at: datetime, silent: bool) -> Verdict:
    if silent and at >= each.due:
        said = f"due at {life.stamp(each.due)}, and its ztunnel has not answered since"
        return Verdict(Health.UNKNOWN, said)
    return life.judge(each.not_before, each.not_after, at, Renewal.HALF)

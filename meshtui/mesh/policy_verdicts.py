"""Policy verdicts: what becomes of one policy where it stands: who enforces each of its rules, and what is wrong
with it (istio-ambient.md, 7.2, 7.5 and 7.6; AMB-028 to AMB-030 of doctor-rules.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh import (
    authorization_rules,
    policies,
    policy_places,
    policy_words,
    raw,
    ztunnel_rules,
)
from meshtui.mesh.authorization_rules import Rule
from meshtui.mesh.checks import count
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, PEER_AUTHENTICATION, Kind
from meshtui.mesh.policies import Target
from meshtui.mesh.policy_places import NOBODY, ZTUNNEL, Place
from meshtui.mesh.policy_words import Mesh
from meshtui.mesh.raw import Condition, Raw, text
from meshtui.mesh.traffic import rules as traffic
from meshtui.mesh.traffic import values
from meshtui.mesh.workloads import Workload


class Spec(Struct, frozen=True, eq=False):
    """What one object says of itself. Compared by identity."""

    it: Raw
    kind: Kind
    targets: tuple[Target, ...]
    selector: Mapping[str, str]


class Around(NamedTuple):
    """What else decides. A tuple, so that it counts as a value where it is an input."""

    mesh: Mesh
    pods: tuple[Workload, ...]
    """Of which it selects some; none where it has targets."""
    places: tuple[Place, ...]
    services: tuple[str, ...]
    unread: str
    """Why not all pods that it is for are known; "" where they are."""


class Judged(NamedTuple):
    """One rule of an AuthorizationPolicy, and what becomes of it."""

    rule: Rule
    by: str
    """Who enforces it: "ztunnel", "waypoint", "gateway", "sidecar", several of them, or "nobody"."""
    verdict: Verdict


def read(it: Raw, kind: Kind) -> Spec:
    """What one object says of itself. Never raises."""
    return Spec(it, kind, policies.targets(it), policy_words.selector(it))


def selected(spec: Spec, around: Around) -> tuple[Workload, ...]:
    """The pods that it selects; a PeerAuthentication of the root namespace with a selector selects none."""
    if _selects_none(spec, around):
        return ()
    wanted = spec.selector.items()
    return tuple(each for each in around.pods if wanted <= each.pod.labels.items())


def _selects_none(spec: Spec, around: Around) -> bool:
    of_root = raw.namespace(spec.it) == around.mesh.root
    return spec.kind == PEER_AUTHENTICATION and of_root and bool(spec.selector)


def of_pods(spec: Spec, around: Around) -> tuple[Place, ...]:
    """For an action or a trial that a ztunnel does not know, it is nobody; for a PeerAuthentication, only where it is
    the one that decides."""
    it, kind = spec.it, spec.kind
    if kind == PEER_AUTHENTICATION:
        return (*_deciding(spec, around),)
    found = policy_places.of_pods(kind, around.pods)
    if kind != AUTHORIZATION_POLICY:
        return (*found,)
    action = text(it, "spec", "action") or "ALLOW"
    why = "" if action in ("ALLOW", "DENY") else f"a ztunnel knows no action {action}"
    if policies.dry_run(it):
        why = "it is a trial (istio.io/dry-run), which refuses nobody"
    return tuple(
        Place(NOBODY, each.of, Health.WARN, why) if why and each.by == ZTUNNEL else each
        for each in found
    )


def _deciding(spec: Spec, around: Around) -> Iterator[Place]:
    key = raw.key(spec.it)
    if _selects_none(spec, around):
        why = "one with a selector in the root namespace is for nobody"
        yield Place(NOBODY, "any workload", Health.WARN, why)
        return
    if text(spec.it, "spec", "mtls", "mode") in ("", "UNSET"):
        yield from policy_places.of_pods(spec.kind, around.pods)
        return
    own = [each for each in around.pods if each.mtls.decided_by == key]
    yield from policy_places.of_pods(spec.kind, own)
    others: dict[str, int] = {}
    for each in around.pods:
        if each.mtls.decided_by != key:
            by = each.mtls.decided_by
            who = f"PeerAuthentication {by} decides" if by else each.mtls.reason
            others[who] = others.get(who, 0) + 1
    for who, number in others.items():
        yield Place(NOBODY, count(number, "workload"), Health.NONE, who)


def judged(it: Raw, action: str, places: Sequence[Place], mesh: Mesh) -> Iterator[Judged]:
    """Each rule with who enforces it: a ztunnel may leave out what others do not."""
    everybody = [each for each in dict.fromkeys(place.by for place in places) if each != NOBODY]
    others = [each for each in everybody if each != ZTUNNEL]
    for rule in authorization_rules.of(it):
        words = policy_words.rule(rule, it, mesh)
        if not everybody:
            yield Judged(words, NOBODY, worst([each.verdict for each in places]))
            continue
        verdict = Verdict(Health.OK, "as it is written")
        by = everybody
        if ZTUNNEL in everybody:
            verdict, kept = _at_ztunnel(action, rule)
            by = everybody if kept else others
        yield Judged(words, ", ".join(by) or NOBODY, verdict)


def _at_ztunnel(action: str, rule: Raw) -> tuple[Verdict, bool]:
    unseen = ", ".join(ztunnel_rules.http_attributes(rule))
    why = f"a ztunnel cannot see {unseen}" if unseen else "a ztunnel finds nothing in it to go by"
    kept = ztunnel_rules.at_ztunnel(action, rule)
    if kept is None:
        return Verdict(Health.BAD, f"{why}: the rule is left out"), False
    if unseen:
        return Verdict(Health.BAD, f"{why}: it goes further than it is written"), True
    return Verdict(Health.OK, "as it is written"), True


def troubles(
    spec: Spec,
    around: Around,
    places: Sequence[Place],
    rules: Sequence[Judged],
    accepted: Condition | None,
    left: str,
) -> Iterator[Verdict]:
    """In no order. `left` is what a ztunnel makes of the policy, where that is something else."""
    if spec.kind == AUTHORIZATION_POLICY:
        for said in values.refused(traffic.read(spec.it)):
            yield Verdict(Health.WARN, said)
    for each in places:
        if each.health.rank >= Health.UNKNOWN.rank:
            who = "" if each.by != NOBODY else "nobody enforces it "
            yield Verdict(each.health, f"{who}for {each.of}: {each.reason}".lstrip())
    if around.unread:
        yield Verdict(Health.UNKNOWN, f"which pods it is for is not known: {around.unread}")
    elif spec.selector and not around.pods and not places:
        yield Verdict(Health.WARN, "no pod has such labels: it is for nobody")
    broken = [each for each in rules if each.verdict.health is Health.BAD and each.by != NOBODY]
    broken += [each for each in rules if each.by == NOBODY and places]
    heeded = any(each.by != NOBODY for each in places)
    if heeded and (worse := next(iter(broken), None)):
        yield Verdict(worse.verdict.health, _of_rules(len(rules), worse, left))
    yield from _said(spec, heeded, accepted, told=bool(heeded and broken))


def _of_rules(number: int, worse: Judged, left: str) -> str:
    which = "" if number == 1 else f"rule “{worse.rule}”: "
    return f"{which}{worse.verdict.reason}" + (f"; in effect {left}" if left else "")


def _said(spec: Spec, heeded: bool, accepted: Condition | None, *, told: bool) -> Iterator[Verdict]:
    """What istiod writes of its place; where nothing is there for it to say, silence is no trouble."""
    if accepted is None:
        if spec.kind == AUTHORIZATION_POLICY and heeded:
            yield Verdict(Health.UNKNOWN, "istiod has not said whether it is in force")
        return
    words = f"{accepted.reason}: {accepted.message}" if accepted.message else accepted.reason
    if accepted.status != "True":
        yield Verdict(Health.BAD, f"not in force, says istiod: {words}")
    elif accepted.reason != "Accepted" and not told:
        yield Verdict(Health.WARN, f"in force in part, says istiod: {words}")


def well(places: Sequence[Place]) -> Verdict:
    enforced = [each for each in places if each.by != NOBODY]
    if not enforced:
        why = places[0].reason if places else "it is for no workload"
        return Verdict(Health.NONE, why)
    said = dict.fromkeys(
        f"by {each.by} {each.reason.removeprefix('at ')}".rstrip()
        if each.waypoint
        else f"by {each.by} for {each.of}"
        for each in enforced
    )
    return Verdict(Health.OK, f"enforced {', '.join(said)}")

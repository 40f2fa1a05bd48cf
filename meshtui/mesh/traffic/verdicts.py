"""Verdicts: whether one proxy lets a call pass, by which policy and rule, and if for want of an ALLOW, what misses
(istio-ambient.md, 7.3): CUSTOM, then DENY, then, where there is any, ALLOW. AUDIT and dry runs decide nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum
from functools import partial
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh.peer_authentication import InForce
from meshtui.mesh.raw import Raw, text
from meshtui.mesh.traffic import conversion, envoy, nearest, ztunnel
from meshtui.mesh.traffic.calls import Call
from meshtui.mesh.traffic.envoy import Mesh
from meshtui.mesh.traffic.nearest import Miss
from meshtui.mesh.traffic.rules import Authorization
from meshtui.mesh.traffic.trials import Trial


class Outcome(Enum):
    ALLOWED = "allowed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Stage(Enum):
    """What of a proxy decides."""

    AUTHORIZATION = "authorization"
    MTLS = "mtls"
    """It takes no plain text."""
    TOKEN = "token"
    """It does not take the token."""


class Decision(Struct, frozen=True):
    """What one proxy does with a call."""

    outcome: Outcome
    reason: str
    """In plain words."""
    policy: str = ""
    """The "namespace/name" of the policy that matches and decides, or would if all were known; "" where none does."""
    rule: int | None = None
    """Its rule, from 0."""
    misses: tuple[Miss, ...] = ()
    """Where it is refused because no ALLOW lets it in, the rules that nearly would."""
    audited: tuple[str, ...] = ()
    """AUDIT policies that match."""
    dry_run: tuple[str, ...] = ()
    """Policies on trial that match, whatever they would do."""
    stage: Stage = Stage.AUTHORIZATION


class _Side(Struct, frozen=True):
    """The policies of one action, by what their rules make of a call."""

    there: bool
    """Whether there is any such policy, be it without rules."""
    trials: Sequence[Trial]
    near: Callable[[], Sequence[Trial]] = tuple
    """Rules that never came to the proxy."""

    def first(self, holds: bool | None) -> Trial | None:
        return next((each for each in self.trials if each.holds is holds), None)


_NONE = _Side(False, ())


def at_ztunnel(policies: Iterable[Raw], call: Call) -> Decision:
    """By policies in the form of a dump, all of which apply."""
    return _at_ztunnel([_Known(each) for each in policies], call)


class Prepared(Struct, frozen=True, eq=False):
    """One AuthorizationPolicy and what a ztunnel would get of it, on trial or not. Compared by identity."""

    written: Authorization
    policy: Raw
    places: Sequence[int]
    """Of each rule in it, the place of the one that it was made of."""

    def selects(self, labels: Mapping[str, str]) -> bool:
        return not self.written.selects or self.written.policy.selector.items() <= labels.items()


def prepared(every: Iterable[Authorization], root: str) -> Mapping[str, tuple[Prepared, ...]]:
    """The policies that a ztunnel would get, by namespace."""
    found: dict[str, list[Prepared]] = {}
    for each in every:
        converted = conversion.authorization(replace(each, dry_run=False), root)
        if converted.policy is not None:
            policy = {**converted.policy, "dryRun": each.dry_run}
            found.setdefault(each.namespace, []).append(Prepared(each, policy, converted.rules))
    return {namespace: tuple(own) for namespace, own in found.items()}


def at_ztunnel_of(
    policies: Mapping[str, Sequence[Prepared]],
    call: Call,
    root: str,
    levels: InForce,
    namespace: str,
    labels: Mapping[str, str],
) -> Decision:
    """By all policies as they are written, for a pod with these labels. `levels` are the PeerAuthentications that may
    decide in its namespace."""
    made = [conversion.static_strict(root)]
    made += filter(None, (conversion.peer_authentication(p, levels) for p in levels.workloads))
    strict = conversion.attached((), levels, root, namespace, labels)
    own = [*policies.get(root, ()), *(policies.get(namespace, ()) if namespace != root else ())]
    found = [_Known(each) for each in ztunnel.applying(made, namespace, strict)]
    found += [_Known(each.policy, each) for each in own if each.selects(labels)]
    return _at_ztunnel(found, call)


class _Known(Struct, frozen=True):
    """One policy that a ztunnel knows, and what it was made of."""

    policy: Raw
    of: Prepared | None = None


def _at_ztunnel(policies: Sequence[_Known], call: Call) -> Decision:
    tried = [
        (each, ztunnel.trials(each.policy, call, each.of.places if each.of else None))
        for each in policies
    ]
    sides = {}
    for action in ("Deny", "Allow"):
        own = [
            (each, found)
            for each, found in tried
            if text(each.policy, "action") == action and not _on_trial(each.policy)
        ]
        written = [each.of.written for each, _ in own if each.of]
        sides[action] = _Side(
            bool(own),
            [trial for _, found in own for trial in found],
            partial(_dropped, written, call),
        )
    matching = (ztunnel.key(k.policy) for k, found in tried if _on_trial(k.policy) and _any(found))
    return _decided(_NONE, sides["Deny"], sides["Allow"], dry_run=tuple(sorted(matching)))


def _dropped(policies: Iterable[Authorization], call: Call) -> list[Trial]:
    allowing = (each for each in policies if each.policy.action == "ALLOW")
    return [trial for each in allowing for trial in ztunnel.dropped(each, call)]


def _on_trial(policy: Raw) -> bool:
    return policy.get("dryRun") is True


def at_envoy(policies: Iterable[Authorization], call: Call, mesh: Mesh) -> Decision:
    """By policies that all apply at a waypoint, gateway or sidecar."""
    every = [(each, envoy.trials(each, call, mesh)) for each in policies]
    sides = {}
    for action in ("CUSTOM", "DENY", "ALLOW", "AUDIT"):
        own = [found for each, found in every if each.policy.action == action and not each.dry_run]
        sides[action] = _Side(bool(own), [trial for found in own for trial in found])
    asked = {each.key: each.provider for each, _ in every if each.policy.action == "CUSTOM"}
    known = mesh.providers
    lacking = {key for key, name in asked.items() if known is not None and name not in known}
    return _decided(
        sides["CUSTOM"],
        sides["DENY"],
        sides["ALLOW"],
        asked=asked,
        lacking=lacking,
        audited=tuple(dict.fromkeys(t.policy for t in sides["AUDIT"].trials if t.holds)),
        dry_run=tuple(sorted(each.key for each, found in every if each.dry_run and _any(found))),
    )


def _any(trials: Iterable[Trial]) -> bool:
    return any(each.holds for each in trials)


def _decided(
    custom: _Side,
    deny: _Side,
    allow: _Side,
    asked: Mapping[str, str] = MappingProxyType({}),
    lacking: Collection[str] = (),
    audited: tuple[str, ...] = (),
    dry_run: tuple[str, ...] = (),
) -> Decision:
    def decision(
        outcome: Outcome, reason: str, by: Trial | None = None, misses: tuple[Miss, ...] = ()
    ) -> Decision:
        policy, rule = (by.policy, by.rule) if by else ("", None)
        return Decision(outcome, reason, policy, rule, misses, audited, dry_run)

    if by := deny.first(True):
        return decision(Outcome.REFUSED, f"{_named(by)} denies it", by)
    if by := next((each for each in custom.trials if each.holds and each.policy in lacking), None):
        whom = f"{asked[by.policy] or 'nobody'}, whom the mesh config does not have"
        return decision(Outcome.REFUSED, f"{_named(by)} leaves it to {whom}", by)
    allowing = allow.first(True)
    if allow.there and not allowing and not allow.first(None):
        misses = nearest.of((*allow.trials, *allow.near()))
        return decision(Outcome.REFUSED, "ALLOW policies apply, and none allows it", None, misses)
    if by := deny.first(None):
        why = f"{_named(by)} would deny it, depending on {_open(by)}"
        return decision(Outcome.UNKNOWN, why, by)
    if allow.there and not allowing:
        by = allow.first(None)
        assert by is not None
        return decision(
            Outcome.UNKNOWN, f"{_named(by)} would allow it, depending on {_open(by)}", by
        )
    if by := custom.first(True) or custom.first(None):
        whom = asked.get(by.policy) or "the authorizer it names"
        return decision(Outcome.UNKNOWN, f"{_named(by)} leaves it to {whom}", by)
    if allowing:
        return decision(Outcome.ALLOWED, f"{_named(allowing)} allows it", allowing)
    return decision(Outcome.ALLOWED, "no ALLOW policy applies, and no other refuses it")


def _named(trial: Trial) -> str:
    return f"{trial.policy} rule {trial.rule + 1}"


def _open(trial: Trial) -> str:
    """The fields whose value in the call is not known."""
    tests = [t for clause in trial.clauses for one in clause for t in one if t.holds is None]
    return ", ".join(dict.fromkeys(test.field for test in tests))

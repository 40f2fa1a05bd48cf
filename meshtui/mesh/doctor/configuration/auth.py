"""AuthorizationPolicies that take no workload, or name namespaces that are not there (IST0127, IST0101)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

from meshtui.mesh import meshconfig
from meshtui.mesh.doctor.configuration.membership import Alike, injecting, pods, selected
from meshtui.mesh.doctor.configuration.objects import (
    WARNING,
    analyzer,
    every,
    found,
    judged,
    root_namespace,
    words,
)
from meshtui.mesh.doctor.configuration.references import NOT_FOUND
from meshtui.mesh.doctor.findings import Found, Rule, Unsure
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, NAMESPACE, POD
from meshtui.mesh.raw import Raw, dig, entries, name, namespace, strings
from meshtui.mesh.snapshot import Snapshot

NOBODY = Rule(
    "IST0127",
    "an AuthorizationPolicy takes no workload of the mesh",
    WARNING,
    why="Nobody enforces it: what it is to refuse or to allow is not refused or allowed.",
    remedy="compare its selector with the labels of the pods, and see whether these pods are in the mesh",
    link="docs/reference/config/analysis/ist0127/",
)

_NONE: Sequence[Alike] = ()


def policies(snapshot: Snapshot) -> Iterator[Found | Unsure]:
    root = root_namespace(snapshot)
    unread = snapshot.unread(POD)  # of other namespaces than were asked for
    inside, injects = pods(snapshot), injecting(snapshot)
    anywhere = cache(partial(_members, inside, injects))
    known = snapshot.objects.get(NAMESPACE)
    named = snapshot.memo.kept(
        "named namespaces", lambda: _Names(snapshot.raw(NAMESPACE)), (known,)
    )

    def inputs(policy: Raw) -> tuple[Any, ...]:
        where = namespace(policy)
        if where == root:
            return (None if unread else anywhere(), True, True, named)
        known = not unread or not snapshot.unread(POD, where)
        return (inside.get(where, _NONE) if known else None, where in injects, False, named)

    if unread and any(namespace(it) == root for it in every(snapshot, AUTHORIZATION_POLICY)):
        yield Unsure(NOBODY, unread)
    yield from judged(snapshot, AUTHORIZATION_POLICY, _judge, inputs)


def _members(inside: Mapping[str, Sequence[Alike]], injects: Collection[str]) -> Sequence[Alike]:
    """Of all namespaces those that are in the mesh."""
    return [
        each
        for where, several in inside.items()
        for each in several
        if each.is_member(injecting=where in injects)
    ]


def _judge(
    policy: Raw, among: Sequence[Alike] | None, injects: bool, of_mesh: bool, named: _Names
) -> tuple[Found, ...]:
    missing = [each for each in _sources(policy) if not named.has(each)]
    return (
        *(_nobody(policy, among, injects, of_mesh) if among is not None else ()),
        *(
            found(
                NOT_FOUND,
                AUTHORIZATION_POLICY,
                policy,
                f"namespace {each}, which it names as a source, does not exist",
                "spec.rules[].from[].source.namespaces",
                each,
            )
            for each in missing
        ),
    )


def _nobody(policy: Raw, among: Sequence[Alike], injects: bool, of_mesh: bool) -> Iterator[Found]:
    selects = isinstance(dig(policy, "spec", "selector"), Mapping)
    if of_mesh and not selects:
        return
    wanted = strings(policy, "spec", "selector", "matchLabels")
    if any(each.is_member(injecting=injects) for each in selected(wanted, among)):
        return
    where = "the mesh" if of_mesh else f"namespace {namespace(policy)}"
    pairs = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
    says = f"no pod of {where} that is in the mesh has the labels {pairs}"
    if not pairs:
        says = f"no pod of {where} is in the mesh"
    field = "spec.selector.matchLabels"
    yield found(NOBODY, AUTHORIZATION_POLICY, policy, says, field, pairs or "–")


def _sources(policy: Raw) -> Sequence[str]:
    """The namespaces that a policy names as sources, each once."""
    named = (
        each
        for rule in entries(policy, "spec", "rules")
        for origin in entries(rule, "from")
        for field in ("namespaces", "notNamespaces")
        for each in words(dig(origin, "source", field))
    )
    return list(dict.fromkeys(named))


class _Names:
    """The namespaces that there are, also those that no other rule looks at."""

    def __init__(self, namespaces: Iterable[Raw]) -> None:
        self._names = [name(each) for each in namespaces]
        self._folded = {each.casefold() for each in self._names}

    def has(self, wanted: str) -> bool:
        """Whether one is named so, with a wildcard before or behind."""
        if wanted == "*":
            return bool(self._names)
        if wanted.startswith("*"):
            return any(each.endswith(wanted[1:]) for each in self._names)
        if wanted.endswith("*"):
            return any(each.startswith(wanted[:-1]) for each in self._names)
        return wanted.casefold() in self._folded


ANALYZERS = (
    analyzer(
        "auth.AuthorizationPoliciesAnalyzer",
        (NOBODY, NOT_FOUND),
        (AUTHORIZATION_POLICY, POD, NAMESPACE, meshconfig.SCOPE),
        policies,
        looks_up=(NAMESPACE, meshconfig.SCOPE),
        looks_around=(POD,),
    ),
)

"""AuthorizationPolicies that take no workload, or name namespaces that are not there (IST0127, IST0101)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from meshtui.mesh import meshconfig
from meshtui.mesh.doctor.configuration.membership import Alike, members, selected
from meshtui.mesh.doctor.configuration.objects import (
    WARNING,
    analyzer,
    every,
    found,
    root_namespace,
)
from meshtui.mesh.doctor.configuration.references import NOT_FOUND
from meshtui.mesh.doctor.findings import Found, Rule
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


def policies(snapshot: Snapshot) -> Iterator[Found]:
    root = root_namespace(snapshot)
    inside = members(snapshot)
    anywhere = [each for several in inside.values() for each in several]
    named = _Names(name(raw) for raw in snapshot.raw(NAMESPACE))
    for policy in every(snapshot, AUTHORIZATION_POLICY):
        where = namespace(policy)
        among = anywhere if where == root else inside.get(where, ())
        yield from _nobody(policy, among, of_mesh=where == root)
        for missing in _sources(policy):
            if not named.has(missing):
                says = f"namespace {missing}, which it names as a source, does not exist"
                field = "spec.rules[].from[].source.namespaces"
                yield found(NOT_FOUND, AUTHORIZATION_POLICY, policy, says, field, missing)


def _nobody(policy: Raw, among: Sequence[Alike], *, of_mesh: bool) -> Iterator[Found]:
    selects = isinstance(dig(policy, "spec", "selector"), Mapping)
    if of_mesh and not selects:
        return
    wanted = strings(policy, "spec", "selector", "matchLabels")
    if any(selected(wanted, among)):
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
    lists = [
        dig(origin, "source", field)
        for rule in entries(policy, "spec", "rules")
        for origin in entries(rule, "from")
        for field in ("namespaces", "notNamespaces")
    ]
    named = [each for several in lists if isinstance(several, list) for each in several]
    return list(dict.fromkeys(each for each in named if isinstance(each, str)))


class _Names:
    """The namespaces that there are, also those that no other rule looks at."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
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
        whole=(POD, NAMESPACE),
    ),
)

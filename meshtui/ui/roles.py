"""Roles: the rights that the program uses, in three parts, and what each of them is for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum

from msgspec import Struct

from meshtui.mesh import preflight, verification
from meshtui.mesh.kinds import (
    DAEMONSET,
    DEPLOYMENT,
    EVENT,
    GATEWAY,
    NAMESPACE,
    POD,
    SECRET,
    SERVICE,
    STATEFULSET,
    Kind,
)
from meshtui.mesh.named_secrets import PLUGGED_IN, SELF_SIGNED
from meshtui.mesh.snapshot import Scope
from meshtui.ui.panes import PANES


class Where(Enum):
    """In which namespaces a right is used."""

    LOOKED_AT = "those that are looked at"
    PROXIES = "those, and where ztunnels and istiod run"
    CONTROL_PLANE = "where istiod runs"


class Rule(Struct, frozen=True):
    """What is done with the objects of a kind, and what for."""

    kind: Kind
    verbs: tuple[str, ...]
    purpose: str
    subresource: str = ""
    names: tuple[str, ...] = ()
    """The only objects that it is done with; empty for all."""
    where: Where = Where.LOOKED_AT

    @property
    def resource(self) -> str:
        """As RBAC writes it, without the group."""
        return "/".join(filter(None, (self.kind.plural, self.subresource)))


class Role(Struct, frozen=True):
    """Rules that one grants together."""

    name: str
    """As it follows "meshtui-"."""
    words: str
    rules: Callable[[Collection[str]], Sequence[Rule]]
    """Given the Secrets that may be read besides the CAs'."""


def _read(_: Collection[str]) -> Sequence[Rule]:
    """A rule for each kind that panes need, with the events of a selected row and what is looked at before and after a
    change. The server authorizes a list narrowed by the field metadata.name as a request for that name."""
    titles = _titles()
    found = (
        Rule(kind, _READING, _purpose(titles.get(kind, ())), names=tuple(sorted(names)))
        for kind, names in _watched().items()
    )
    return sorted(found, key=lambda rule: (rule.kind.group, rule.names, rule.kind.plural))


_READING = ("get", "list", "watch")


def _watched() -> Mapping[Kind, set[str]]:
    """The kinds, and the names of those needed; no names where all are."""
    watched: dict[Kind, set[str]] = {}
    whole: set[Kind] = set()
    before_and_after = (*preflight.KINDS, *verification.KINDS)
    for need in (EVENT, *before_and_after, *(need for pane in PANES for need in pane.NEEDS)):
        scope = need if isinstance(need, Scope) else Scope(need)
        names = watched.setdefault(scope.kind, set())
        if scope.name:
            names.add(scope.name)
        else:
            whole.add(scope.kind)
    return {kind: set() if kind in whole else names for kind, names in watched.items()}


def _titles() -> Mapping[Kind, Collection[str]]:
    """Who needs a kind: panes by their titles."""
    found: dict[Kind, dict[str, None]] = {EVENT: {"the events of a row": None}}
    for pane in PANES:
        for need in pane.NEEDS:
            kind = need.kind if isinstance(need, Scope) else need
            found.setdefault(kind, {})[pane.TITLE] = None
    return found


def _purpose(titles: Collection[str]) -> str:
    if not titles:
        return "a look before a change, and its evidence"
    first, more = [*titles][:_NAMED], len(titles) - _NAMED
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")


_NAMED = 3
"""So many are named, the others counted."""


def _evidence(secrets: Collection[str]) -> Sequence[Rule]:
    names = tuple(sorted({PLUGGED_IN, SELF_SIGNED, *secrets}))
    said = "what ztunnels, istiod and waypoints say themselves"
    return (
        Rule(POD, ("get", "create"), said, "portforward", where=Where.PROXIES),
        Rule(POD, ("get",), "logs, and the denials in them", "log", where=Where.PROXIES),
        Rule(SECRET, ("get",), "the CA's certificates", names=names, where=Where.CONTROL_PLANE),
    )


def _operate(_: Collection[str]) -> Sequence[Rule]:
    bound = "enrollment, and which waypoint is bound"
    return (
        *(Rule(kind, ("patch",), bound) for kind in (NAMESPACE, SERVICE)),
        *(Rule(kind, ("patch",), "restarts") for kind in (DAEMONSET, DEPLOYMENT, STATEFULSET)),
        Rule(GATEWAY, ("create", "patch", "delete"), "waypoints"),
    )


ROLES = (
    Role("read", "what the panes show", _read),
    Role("evidence", "what proxies and istiod say themselves, logs, certificates", _evidence),
    Role("operate", "changes from the screen", _operate),
)

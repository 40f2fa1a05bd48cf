"""Objects that select pods: those that select none, and those that select the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from meshtui.mesh.doctor.configuration.membership import Alike, pods, selected
from meshtui.mesh.doctor.configuration.objects import every, found
from meshtui.mesh.doctor.configuration.references import NOT_FOUND
from meshtui.mesh.doctor.findings import Found
from meshtui.mesh.kinds import POD, Kind
from meshtui.mesh.raw import Raw, namespace, strings
from meshtui.mesh.snapshot import Snapshot


class Selecting(NamedTuple):
    """One object that selects pods."""

    raw: Raw
    wanted: Mapping[str, str]
    """The labels that it asks for."""
    taken: Sequence[Alike]
    """The pods of its namespace that have them."""


def selecting(snapshot: Snapshot, kind: Kind, path: Sequence[str]) -> Sequence[Selecting]:
    """The objects of a kind that have labels at `path`, of the namespaces whose pods were asked for."""
    known = pods(snapshot)
    return [
        Selecting(it, wanted, list(selected(wanted, known.get(namespace(it), ()))))
        for it in every(snapshot, kind)
        if (wanted := strings(it, *path)) and not snapshot.unread(POD, namespace(it))
    ]


def without_pods(several: Iterable[Selecting], kind: Kind, path: Sequence[str]) -> Iterator[Found]:
    """Those that select no pod."""
    for it, wanted, taken in several:
        if not taken:
            pairs = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
            says = f"no pod of namespace {namespace(it)} has the labels {pairs}"
            yield found(NOT_FOUND, kind, it, says, ".".join(path), pairs)


def clashes(
    several: Iterable[Selecting], *, in_ambient: bool = True
) -> Iterator[tuple[Raw, Sequence[Raw], str]]:
    """Those that select a pod which others select too: each with these others and the pod. Pods in ambient count only
    where that is asked for."""
    taking: dict[int, tuple[Alike, list[Raw]]] = {}
    for it, _, taken in several:
        for alike in taken:
            if in_ambient or not alike.ambient:
                taking.setdefault(id(alike), (alike, []))[1].append(it)
    told: set[int] = set()
    for alike, raws in taking.values():
        for it in raws if len(raws) > 1 else ():
            if id(it) not in told:
                told.add(id(it))
                yield it, [each for each in raws if each is not it], min(alike.pods)

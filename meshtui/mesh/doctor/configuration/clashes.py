"""Objects that select pods: those that select none, and those that select the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from meshtui.mesh.doctor.configuration.membership import Alike, pods, selected
from meshtui.mesh.doctor.configuration.objects import every, found
from meshtui.mesh.doctor.configuration.references import NOT_FOUND
from meshtui.mesh.doctor.findings import Found
from meshtui.mesh.kinds import Kind
from meshtui.mesh.raw import Raw, namespace, strings
from meshtui.mesh.snapshot import Snapshot


def selecting(
    snapshot: Snapshot, kind: Kind, path: Sequence[str]
) -> Iterator[tuple[Raw, Mapping[str, str], Sequence[Alike]]]:
    """The objects of a kind that have labels at `path`, with these and the pods of their namespace that they take."""
    known = pods(snapshot)
    for it in every(snapshot, kind):
        wanted = strings(it, *path)
        if wanted:
            yield it, wanted, list(selected(wanted, known.get(namespace(it), ())))


def without_pods(snapshot: Snapshot, kind: Kind, path: Sequence[str]) -> Iterator[Found]:
    """Those that select no pod."""
    for it, wanted, taken in selecting(snapshot, kind, path):
        if not taken:
            pairs = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
            says = f"no pod of namespace {namespace(it)} has the labels {pairs}"
            yield found(NOT_FOUND, kind, it, says, ".".join(path), pairs)


def clashes(
    snapshot: Snapshot, kind: Kind, path: Sequence[str], *, in_ambient: bool = True
) -> Iterator[tuple[Raw, Sequence[Raw], str]]:
    """Those that select a pod which others select too: each with these others and the pod. Pods in ambient count only
    where that is asked for."""
    taking: dict[int, tuple[Alike, list[Raw]]] = {}
    for it, _, taken in selecting(snapshot, kind, path):
        for alike in taken:
            if in_ambient or not alike.ambient:
                taking.setdefault(id(alike), (alike, []))[1].append(it)
    told: set[int] = set()
    for alike, several in taking.values():
        for it in several if len(several) > 1 else ():
            if id(it) not in told:
                told.add(id(it))
                yield it, [each for each in several if each is not it], min(alike.pods)

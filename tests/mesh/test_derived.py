"""What is made of a whole snapshot is made again where something that was read for it has changed, and only there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import (
    certificates,
    gateways,
    nodes,
    routes,
    services,
    waypoint_rows,
    workloads,
    ztunnels,
)
from meshtui.mesh.derived import derived
from meshtui.mesh.doctor import examination
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.kinds import NAMESPACE, POD, Kind
from meshtui.mesh.memo import Memo
from meshtui.mesh.snapshot import (
    Answer,
    Phase,
    Probe,
    Problem,
    Ref,
    Scope,
    Server,
    Snapshot,
    Source,
    Tail,
    Trouble,
)
from tests import recordings

NOW = datetime(2026, 11, 22, 12, 39, tzinfo=UTC)
PROBE = Probe("shop", "a", 15020, "/metrics", bytes.decode)
TAIL = Tail("shop", "a", "app", 10, 60, list)
REF = Ref(POD, "shop", "a")
LIVE = Source(Phase.LIVE, 1, NOW)

FIRST = Snapshot(
    NOW,
    server=Server(version="v1.36.0", answered=NOW),
    objects={POD: {"shop/a": {}}, NAMESPACE: {"shop": {}}},
    sources={Scope(POD): LIVE},
    answers={PROBE: Answer(1, NOW)},
    gets={REF: Answer({}, NOW)},
    tails={TAIL: Answer([], NOW)},
)
LATER: dict[str, Mapping[str, Any]] = {
    "nothing": {},
    "time": {"now": NOW + timedelta(seconds=1)},
    "pods": {"objects": {**FIRST.objects, POD: {"shop/a": {}}}},
    "namespaces": {"objects": {**FIRST.objects, NAMESPACE: {"shop": {}}}},
    "another kind": {"objects": {**FIRST.objects, Kind("", "dogs", "Dog"): {}}},
    "answers": {"answers": dict(FIRST.answers)},
    "gets": {"gets": dict(FIRST.gets)},
    "tails": {"tails": dict(FIRST.tails)},
    "version": {"server": replace(FIRST.server, version="v1.36.1")},
    "answered": {"server": replace(FIRST.server, answered=NOW + timedelta(seconds=1))},
    "asked": {"server": replace(FIRST.server, requests=42, forwards=12)},
    "phase": {"sources": {Scope(POD): replace(LIVE, phase=Phase.STALE)}},
    "count": {"sources": {Scope(POD): replace(LIVE, count=2)}},
}
READS: dict[str, tuple[Callable[[Snapshot], object], set[str]]] = {
    "now": (lambda it: it.now, {"time"}),
    "pods": (lambda it: it.raw(POD), {"pods"}),
    "one pod": (lambda it: it.find(POD, "shop", "a"), {"pods"}),
    "each pod": (lambda it: it.each(POD, str), {"pods"}),
    "no such kind": (lambda it: it.raw(Kind("", "cats", "Cat")), set()),
    "all kinds": (lambda it: list(it.objects), {"pods", "namespaces", "another kind"}),
    "answer": (lambda it: it.answers.get(PROBE), {"answers"}),
    "get": (lambda it: it.gets.get(REF), {"gets"}),
    "tail": (lambda it: it.tails.get(TAIL), {"tails"}),
    "server": (lambda it: it.server.version, {"version"}),
    "phase": (lambda it: it.covering(POD).complete, {"phase"}),
    "source": (lambda it: it.source(POD).complete, {"phase"}),
    "unread": (lambda it: it.unread(POD), {"phase"}),
    "the whole": (lambda it: it.once(str, it), set(LATER)),
    "another derivation": (lambda it: derived(it, _names), {"pods"}),
}


def _names(snapshot: Snapshot) -> list[str]:
    return list(snapshot.objects[POD])


@pytest.mark.parametrize("read", READS)
def test_it_is_made_again_where_what_it_read_is_another_one(read: str) -> None:
    how, expected = READS[read]
    again = set()
    for change, fields in LATER.items():
        made: list[object] = []
        make = partial(_reading, how, made)
        before = replace(FIRST, memo=Memo())
        derived(before, make)
        derived(replace(before, **fields), make)
        again |= {change} if len(made) == 2 else set()
    assert again == expected


def _reading(how: Callable[[Snapshot], object], made: list[object], snapshot: Snapshot) -> int:
    made.append(how(snapshot))
    return len(made)


def test_what_comes_to_the_same_goes_no_further() -> None:
    made: list[str] = []

    def names(snapshot: Snapshot) -> Sequence[str]:
        made.append("names")
        return snapshot.memo.unchanged("names", list(snapshot.objects[POD]))

    def counted(snapshot: Snapshot) -> int:
        made.append("count")
        return len(derived(snapshot, names))

    before = replace(FIRST, memo=Memo())
    assert derived(before, counted) == 1
    touched = replace(before, objects={POD: {"shop/a": {"touched": True}}})
    assert derived(touched, counted) == 1
    assert made == ["count", "names", "names"]
    two = replace(before, objects={POD: {"shop/a": {}, "shop/b": {}}})
    assert derived(two, counted) == 2
    assert made == ["count", "names", "names", "names", "count"]


def test_it_is_remembered_for_each_that_it_is_given() -> None:
    before = replace(FIRST, memo=Memo())

    def named(snapshot: Snapshot, name: str) -> bool:
        return name in snapshot.objects[POD]

    assert derived(before, named, "shop/a")
    assert not derived(before, named, "shop/b")
    other = replace(before, objects={POD: {"shop/b": {}}})
    assert not derived(other, named, "shop/a")
    assert derived(other, named, "shop/b")


def _changes(snapshot: Snapshot) -> Iterator[Snapshot]:
    """The recorded mesh, one change after the other, each of them on top of those before."""
    yield snapshot
    for seconds in (1, 90, 3600):
        snapshot = replace(snapshot, now=snapshot.now + timedelta(seconds=seconds))
        yield snapshot
    for probe, answer in snapshot.answers.items():
        if "config_dump" in probe.path:
            gone = replace(answer, problem=Problem(Trouble.TIMEOUT, "no answer"))
            snapshot = replace(snapshot, answers={**snapshot.answers, probe: gone})
            yield snapshot
    for kind, (_, *rest) in snapshot.objects.items():
        found = {key: snapshot.objects[kind][key] for key in rest}
        found |= {key: {**found[key], "touched": True} for key in rest[:1]}
        snapshot = replace(snapshot, objects={**snapshot.objects, kind: found})
        yield snapshot
    forbidden = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "may not list"))
    scopes = list(snapshot.sources)
    for at in range(0, len(scopes), 4):
        may_not = dict.fromkeys(scopes[at : at + 4], forbidden)
        snapshot = replace(snapshot, sources={**snapshot.sources, **may_not})
        yield snapshot
    yield replace(snapshot, answers={}, now=snapshot.now + timedelta(days=4000))


def test_what_is_remembered_is_what_would_be_made_anew() -> None:
    """All rules, and the rows of all panes that they are derived from, over a mesh that changes."""
    for snapshot in _changes(recordings.snapshot("shop")):
        anew = replace(snapshot, memo=Memo())
        known, fresh = (examination.of(each, ANALYZERS) for each in (snapshot, anew))
        assert [(each.found, each.symptoms) for each in known.findings] == [
            (each.found, each.symptoms) for each in fresh.findings
        ]
        assert (known.unsure, known.outcomes) == (fresh.unsure, fresh.outcomes)
        for of in _ROWS:
            assert list(map(_told, of(snapshot))) == list(map(_told, of(anew)))
        assert list(nodes.of(snapshot)) == list(nodes.of(anew))


_ROWS: tuple[Callable[[Snapshot], Sequence[Any]], ...] = (
    workloads.of,
    services.of,
    gateways.of,
    routes.of,
    certificates.of,
    ztunnels.of,
    waypoint_rows.of,
)


def _told(row: Any) -> tuple[object, ...]:
    return row.key, row.verdict, row.ref, getattr(row, "troubles", ())


@pytest.mark.parametrize("part", ["tables", "sweep", "heard", "muted", "examines"])
def test_what_is_not_noted_cannot_be_read(part: str) -> None:
    """It would be read once, and what was made of it would stay."""
    snapshot = Snapshot(datetime(2026, 11, 22, tzinfo=UTC))
    with pytest.raises(AttributeError, match="nothing is derived from"):
        derived(snapshot, lambda given: getattr(given, part))

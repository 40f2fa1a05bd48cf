"""What was watched, slot by slot: only what was seen, and nothing made up in between."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from datetime import timedelta

from msgspec.structs import replace

from meshtui.mesh import critical, history
from meshtui.mesh.kinds import POD
from meshtui.mesh.memo import Memo
from meshtui.mesh.metrics import Failure, Metrics
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Probe, Scope, Snapshot, Source
from meshtui.mesh.ztunnel_probes import metrics
from tests import recordings

LIVE = {Scope(POD): Source(Phase.LIVE)}
NODE_1, NODE_2 = metrics("istio-system", "ztunnel-a"), metrics("istio-system", "ztunnel-b")


def shop() -> Snapshot:
    return replace(recordings.snapshot("shop"), sources=LIVE, answers={})


def swept() -> Snapshot:
    """With all that its ztunnels said."""
    return replace(recordings.snapshot("shop"), sources=LIVE)


def later(at: Snapshot, seconds: float, answers: Mapping[Probe, Answer] | None = None) -> Snapshot:
    """So much later, with these ztunnels read; what was remembered is kept."""
    found = at.answers if answers is None else answers
    return replace(at, now=at.now + timedelta(seconds=seconds), answers=found)


def read(at: Snapshot, probe: Probe, refused: int, messages: int) -> dict[Probe, Answer]:
    failure = Failure("DENY", "destination", False, "shop", "a", "shop", "b")
    counted = Metrics(messages=messages, failures={failure: refused})
    return {**at.answers, probe: Answer(counted, at.now)}


def test_what_was_never_read_twice_is_not_known() -> None:
    at = shop()
    at = replace(at, answers=read(at, NODE_1, 7, 100))
    found = history.of(at)
    assert found.series(lambda slot: slot.refused) == (None,)
    assert found.series(lambda slot: slot.told) == (None,)


def test_counters_tell_by_how_they_rise() -> None:
    at = shop()
    at = replace(at, answers={**read(at, NODE_1, 7, 100), **read(at, NODE_2, 0, 10)})
    history.of(at)
    at = later(at, 15)
    at = replace(at, answers=read(at, NODE_1, 9, 103))
    history.of(at)
    at = later(at, 10)
    at = replace(at, answers=read(at, NODE_2, 1, 10))
    found = history.of(at)
    assert found.series(lambda slot: slot.refused) == (3,)
    assert found.series(lambda slot: slot.told) == (3,)
    history.of(later(at, 30))  # nobody read a ztunnel again
    assert history.of(later(at, 31)).series(lambda slot: slot.refused) == (3, None)


def test_a_ztunnel_that_began_anew_tells_nothing_for_once() -> None:
    at = shop()
    at = replace(at, answers=read(at, NODE_1, 7, 100))
    history.of(at)
    at = later(at, 5)
    at = replace(at, answers=read(at, NODE_1, 0, 2))
    assert history.of(at).series(lambda slot: slot.refused) == (None,)
    at = later(at, 5)
    at = replace(at, answers=read(at, NODE_1, 1, 3))
    assert history.of(at).series(lambda slot: slot.refused) == (1,)


def test_captured_pods_of_the_recording() -> None:
    """One of two in batch, seven of eight in shop, three in payments."""
    assert history.of(swept()).series(lambda slot: slot.captured) == (11,)


def test_until_the_ztunnels_are_read_it_is_not_known_and_not_none() -> None:
    assert history.of(shop()).series(lambda slot: slot.captured) == (None,)


def test_what_changed_since_is_not_held_until_the_next_slot() -> None:
    """A thousand pods change in a second: each would be there twice."""
    pods = _Pods(swept().objects[POD])
    at = replace(swept(), memo=Memo(), objects={**swept().objects, POD: pods})
    old = weakref.ref(pods)
    del pods
    for _ in range(4):
        history.of(at)
        critical.of(at)
        at = replace(later(at, 1), objects={**at.objects, POD: _changed(at.objects[POD])})
    assert old() is None


class _Pods(dict[str, Raw]):
    """Of which one may know whether they are there still."""


def _changed(pods: Mapping[str, Raw]) -> Mapping[str, Raw]:
    return {key: dict(pod) for key, pod in pods.items()}


def test_a_quiet_live_watch_goes_on_as_it_was() -> None:
    at = swept()
    history.of(at)
    found = history.of(later(at, 95))
    assert found.series(lambda slot: slot.captured) == (11, 11, 11, 11)
    assert found.series(lambda slot: slot.refused) == (None, None, None, None)


def test_while_nobody_could_look_nothing_is_known() -> None:
    at = swept()
    history.of(at)
    stale = replace(later(at, 30), sources={Scope(POD): Source(Phase.STALE)})
    history.of(stale)
    found = history.of(replace(later(at, 90), sources=LIVE))
    assert found.series(lambda slot: slot.captured) == (11, None, None, 11)


def test_it_forgets_what_is_half_an_hour_old() -> None:
    at = shop()
    history.of(at)
    assert len(history.of(later(at, 86400)).slots) == 60

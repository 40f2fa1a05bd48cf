"""Memo: what it does not hold any more. What it derives anew, and what not, is in test_snapshot."""

from __future__ import annotations

import weakref

from meshtui.mesh.memo import Memo


class Objects(dict[str, int]):
    """A mapping of which it can be told whether it is still there."""


def test_of_many_changes_only_the_last_objects_are_held() -> None:
    memo, past = Memo(), list[weakref.ref[Objects]]()
    now = Objects((str(number), number) for number in range(2_000))
    for change in range(6):
        past.append(weakref.ref(now))
        now = Objects({**now, str(change): -1 - change})
        for label in ("one", "two"):
            assert memo.mapped(label, now, abs) == [abs(each) for each in now.values()]
    assert [each() is None for each in past] == [True] * 5 + [False]

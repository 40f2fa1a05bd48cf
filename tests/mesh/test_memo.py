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


def test_what_nobody_asks_for_any_more_is_let_go() -> None:
    memo, then = Memo(), Objects(one=1)
    memo.once(dict, (then,))
    memo.under("pane").mapped("sizes", then, abs)
    memo.under("pane").kept("sum", lambda: 1, (then,))
    held = weakref.ref(then)
    del then
    memo.turn()
    assert held() is not None  # one comes back to a pane soon
    for _ in range(20):
        memo.turn()
    assert held() is None


def test_what_is_asked_for_stays_with_what_it_is_made_of() -> None:
    """So that what did not change meanwhile is not derived anew."""
    memo, made = Memo(), list[int]()
    one = Objects(one=1, two=2)
    memo.under("pane").each("sizes", one, made.append, lambda _: ())
    for _ in range(20):
        memo.turn()
        memo.under("pane")  # asked, and nothing of it had to be made again
    memo.under("pane").each("sizes", Objects(one | {"two": 3}), made.append, lambda _: ())
    assert made == [1, 2, 3]


def test_what_is_made_for_nothing_in_particular_stays() -> None:
    memo, made = Memo(), list[int]()
    one = Objects(one=1)
    memo.under("pane").mapped("sizes", one, made.append)
    memo.mapped("sizes", one, made.append)
    for _ in range(20):
        memo.turn()
    memo.mapped("sizes", one, made.append)
    assert made == [1]

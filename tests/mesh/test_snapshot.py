"""What a snapshot remembers between derivations, and how far it says its parts can be trusted."""

from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import pytest

from meshtui.mesh.kinds import NAMESPACE, POD
from meshtui.mesh.memo import Memo
from meshtui.mesh.snapshot import LOADING, Phase, Scope, Snapshot, Source

NOW = datetime(2026, 11, 22, 12, 39, tzinfo=UTC)


def _pods(*names: str) -> dict[str, dict[str, Any]]:
    return {f"shop/{name}": {"metadata": {"namespace": "shop", "name": name}} for name in names}


def test_an_unchanged_object_is_derived_once() -> None:
    memo, objects, derived = Memo(), _pods("a", "b", "c"), []

    def names() -> list[str]:
        def derive(raw: Any) -> str:
            derived.append(raw["metadata"]["name"])
            return str(raw["metadata"]["name"])

        return list(memo.each("names", objects, derive, lambda raw: ()))

    assert names() == ["a", "b", "c"]
    objects["shop/b"] = {"metadata": {"namespace": "shop", "name": "b2"}}
    assert names() == ["a", "b2", "c"]
    del objects["shop/a"]
    assert names() == ["b2", "c"]
    assert derived == ["a", "b", "c", "b2"]


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ((1, "a", NOW), (1, "a", datetime(2026, 11, 22, 12, 39, tzinfo=UTC)), False),
        ((("x", 1),), (("x", 1),), False),
        ((("x", 1),), (("x", 2),), True),
        (("a",), ("b",), True),
        (
            ({},),
            ({},),
            True,
        ),  # an equal object is still another one: the store replaces, it never edits
        ((({},),), (({},),), True),
    ],
)
def test_an_input_that_is_another_one_derives_again(before: Any, after: Any, again: bool) -> None:
    memo, objects, given = Memo(), _pods("a"), [before]
    calls: list[Any] = []

    def derive(raw: Any, *inputs: Any) -> None:
        calls.append(inputs)

    list(memo.each("it", objects, derive, lambda raw: given[0]))
    given[0] = after
    list(memo.each("it", objects, derive, lambda raw: given[0]))
    assert len(calls) == (2 if again else 1)


def test_an_unchanged_context_is_trusted_and_a_changed_one_is_not() -> None:
    memo, objects, context, weather = Memo(), _pods("a", "b"), [object()], {"a": 1, "b": 1}
    asked: list[str] = []
    known = [objects]

    def inputs(raw: Any) -> tuple[int, ...]:
        asked.append(raw["metadata"]["name"])
        return (weather[raw["metadata"]["name"]],)

    def look() -> list[str]:
        return memo.each(
            "weather",
            known[0],
            lambda raw, number: f"{raw['metadata']['name']}{number}",
            inputs,
            tuple(context),
        )

    assert look() == ["a1", "b1"]
    asked.clear()
    known[0] = {**known[0], "shop/b": dict(objects["shop/b"])}
    assert look() == ["a1", "b1"]
    assert asked == ["b"]
    weather["a"], context[0] = 2, object()
    assert look() == ["a2", "b1"]
    asked.clear()
    weather["c"] = 3
    known[0] = {**known[0], **_pods("c")}
    assert look() == ["a2", "b1", "c3"]
    assert asked == ["c"]
    known[0] = {key: it for key, it in known[0].items() if key != "shop/a"}
    assert look() == ["b1", "c3"]
    assert asked == ["c"]


def test_a_derivation_that_failed_half_way_is_not_trusted() -> None:
    memo, objects, context = Memo(), _pods("a", "b"), object()
    failing, value = [False], [1]

    def inputs(raw: Any) -> tuple[int, ...]:
        if failing[0] and raw["metadata"]["name"] == "b":
            raise KeyError
        return (value[0],)

    def look(context: object) -> list[int]:
        return memo.each("it", objects, lambda raw, number: number, inputs, (context,))

    assert look(context) == [1, 1]
    failing[0], value[0] = True, 2
    with pytest.raises(KeyError):
        look(object())
    failing[0] = False
    assert look(context) == [2, 2]


def test_once_is_kept_as_long_as_its_inputs() -> None:
    snapshot, calls = Snapshot(NOW), []

    def total(*numbers: int) -> int:
        calls.append(numbers)
        return sum(numbers)

    assert [snapshot.once(total, 1, 2), snapshot.once(total, 1, 2), snapshot.once(total, 2, 2)] == [
        3,
        3,
        4,
    ]
    assert calls == [(1, 2), (2, 2)]


def test_a_scope_covers_what_it_takes_in() -> None:
    live, forbidden = Source(Phase.LIVE, 3), Source(Phase.FORBIDDEN)
    snapshot = Snapshot(
        NOW,
        sources={
            Scope(POD, "shop"): live,
            Scope(POD, None, labels="app=ztunnel"): live,
            Scope(NAMESPACE): forbidden,
            Scope(POD, "edge", fields="spec.nodeName=node-1"): live,
        },
    )
    assert snapshot.covering(POD, "shop") is live
    assert snapshot.covering(POD, "shop", "app=web") is live
    assert snapshot.covering(POD, "infra", "app=ztunnel") is live
    assert snapshot.covering(NAMESPACE) is forbidden
    assert snapshot.covering(POD) is LOADING  # "shop" alone does not tell of all namespaces
    assert snapshot.covering(POD, "edge") is LOADING  # a part of the pods is not the pods


def test_what_is_on_screen_does_not_drive_out_what_comes_next() -> None:
    """The loop asks about the snapshot before while a thread derives the next one."""
    memo, before, now, made = Memo(), _pods("a"), _pods("a", "b"), []

    def names(objects: dict[str, dict[str, Any]]) -> list[str]:
        made.append(len(objects))
        return sorted(objects)

    for objects in (before, now, before, now, before):
        assert memo.once(names, (objects,)) == sorted(objects)
    assert made == [1, 2]


def test_others_may_go_first_before_each_thing_that_is_derived() -> None:
    told: list[str] = []
    memo = Memo()
    memo.between = lambda: told.append("between")
    objects = {"a": {"n": 1}, "b": {"n": 2}}
    for _ in range(2):  # the second time nothing is derived
        memo.each("label", objects, lambda it: told.append("derived"), lambda _: (), ())
        memo.once(told.append, ("once",))
    assert told == ["between", "derived", "between", "derived", "between", "once"]


def test_what_each_object_comes_to_is_asked_only_of_those_that_changed() -> None:
    memo, asked = Memo(), list[str]()

    def name(raw: Any) -> str:
        asked.append(raw["metadata"]["name"])
        return str(raw["metadata"]["name"])

    first = _pods("a", "b", "c")
    touched = {**first, "shop/b": {"metadata": {"name": "b2"}}}
    grown = {**touched, **_pods("d")}
    moved = {key: grown[key] for key in ("shop/d", "shop/c", "shop/b")}
    for objects, expected, new in (
        (first, ["a", "b", "c"], ["a", "b", "c"]),
        (touched, ["a", "b2", "c"], ["b2"]),
        (touched, ["a", "b2", "c"], []),
        (grown, ["a", "b2", "c", "d"], ["d"]),
        (moved, ["d", "c", "b2"], []),
    ):
        asked.clear()
        assert memo.mapped("names", objects, name) == expected
        assert asked == new


def test_groups_and_picks_are_the_same_lists_as_long_as_the_same_ones_are_in_them() -> None:
    memo = Memo()
    apple, pear, plum, fig = ({"kind": kind} for kind in ("pome", "pome", "stone", "fig"))
    first = {"apple": apple, "pear": pear, "plum": plum}

    def look(objects: dict[str, dict[str, str]]) -> tuple[Any, Any]:
        groups = memo.grouped("kinds", objects, lambda it: it["kind"])
        return groups, memo.those("stones", objects, lambda it: it["kind"] == "stone")

    groups, stones = look(first)
    assert (groups, stones) == ({"pome": [apple, pear], "stone": [plum]}, [plum])
    other = {"kind": "pome"}
    touched, same = look({**first, "pear": other})
    assert touched == {"pome": [apple, other], "stone": [plum]}
    assert touched["pome"][1] is other
    assert touched["stone"] is groups["stone"]
    assert same is stones
    grown, _ = look({**first, "pear": other, "fig": fig})
    assert grown == {"pome": [apple, other], "stone": [plum], "fig": [fig]}
    assert grown["pome"] is touched["pome"]
    left, none = look({"fig": fig, "apple": {"kind": "stone"}})
    assert left == {"fig": [fig], "stone": [{"kind": "stone"}]}
    assert none == [{"kind": "stone"}]
    assert left["fig"] is grown["fig"]


@pytest.mark.parametrize("many", [1, 5, 40])
def test_groups_show_each_of_the_many_that_changed_in_place(many: int) -> None:
    memo = Memo()
    first = {str(number): {"kind": "even" if number % 2 == 0 else "odd"} for number in range(80)}
    groups = memo.grouped("kinds", first, itemgetter("kind"))
    now = first | {str(2 * number): {"kind": "even", "new": number} for number in range(many)}
    changed = memo.grouped("kinds", now, itemgetter("kind"))
    assert changed["even"] == [now[str(number)] for number in range(0, 80, 2)]
    assert changed["odd"] is groups["odd"]


def test_a_value_that_equals_the_one_before_is_the_one_before() -> None:
    memo, first = Memo(), ["a"]
    assert memo.settled("names", first) is first
    assert memo.settled("names", ["a"]) is first
    assert memo.settled("names", ["b"]) == ["b"]

"""Store: which object stays, which goes, and that what was handed out never changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshtui.kube.store import Store
from meshtui.mesh.kinds import NODE, POD
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Scope
from tests.kube.scripted import pod

ALL = Scope(POD)
ZTUNNELS = Scope(POD, None, "app=ztunnel")


def held(store: Store) -> Mapping[str, Raw]:
    """All pods that the store has."""
    return store.objects([ALL, ZTUNNELS]).get(POD, {})


def test_an_object_stays_as_long_as_one_scope_holds_it() -> None:
    store = Store()
    store.put(ALL, pod("a"))
    store.put(ZTUNNELS, pod("a"))
    store.remove(ZTUNNELS, pod("a", 2))
    assert set(held(store)) == {"shop/a"}
    store.drop(ALL)
    assert held(store) == {}


def test_an_older_state_does_not_replace_a_newer_one() -> None:
    store = Store()
    store.put(ALL, pod("a", 10, label="new"))
    store.put(ZTUNNELS, pod("a", 9, label="old"))
    assert held(store)["shop/a"]["metadata"]["labels"] == {"label": "new"}


def test_the_same_state_again_is_the_same_object() -> None:
    store = Store()
    store.put(ALL, first := pod("a", 10))
    store.begin(ALL)
    store.found(ALL, [pod("a", 10)])
    store.complete(ALL)
    assert held(store)["shop/a"] is first


def test_versions_that_are_no_numbers_are_replaced_as_they_come() -> None:
    store = Store()
    for version in ("x", "", "9" * 5000, "9" * 5000, "²", None):
        raw: dict[str, Any] = {"metadata": {"name": "a", "resourceVersion": version}}
        store.put(Scope(NODE), raw)
        assert store.objects([Scope(NODE)])[NODE]["a"] is raw


def test_what_was_handed_out_does_not_change_and_an_unchanged_kind_is_the_same_mapping() -> None:
    store = Store()
    store.put(ALL, pod("a"))
    store.put(Scope(NODE), {"metadata": {"name": "n"}})
    wanted = [ALL, Scope(NODE)]
    before = store.objects(wanted)
    store.put(ALL, pod("b"))
    store.put(ALL, pod("c"))
    after = store.objects(wanted)
    assert set(before[POD]) == {"shop/a"}
    assert set(after[POD]) == {"shop/a", "shop/b", "shop/c"}
    assert after[NODE] is before[NODE]
    assert store.objects(wanted)[POD] is after[POD]


def test_what_only_unwanted_scopes_hold_is_kept_and_not_handed_out() -> None:
    store = Store()
    for name in "abc":
        store.put(ALL, pod(name))
    store.put(ZTUNNELS, pod("a"))
    part = store.objects([ZTUNNELS])
    assert set(part[POD]) == {"shop/a"}
    store.put(ALL, pod("b", 2))
    assert store.objects([ZTUNNELS])[POD] is part[POD], "what is wanted did not change"
    store.put(ALL, pod("a", 3))
    assert store.objects([ZTUNNELS])[POD]["shop/a"]["metadata"]["resourceVersion"] == "3"
    assert part[POD]["shop/a"]["metadata"]["resourceVersion"] == "1"
    assert set(store.objects([ALL])[POD]) == {"shop/a", "shop/b", "shop/c"}
    assert store.objects([]) == {}


def test_a_scope_that_holds_all_of_a_kind_shares_its_mapping_whoever_else_holds_some() -> None:
    store = Store()
    for name in "abc":
        store.put(ALL, pod(name))
    store.put(ZTUNNELS, pod("a"))
    assert store.objects([ALL])[POD] is store.objects([ALL, ZTUNNELS])[POD]


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "remove", "begin", "found", "complete", "drop", "copy"]),
        st.sampled_from([ALL, ZTUNNELS]),
        st.sampled_from("abc"),
    ),
    max_size=40,
)


@given(_STEPS)
def test_the_store_holds_just_what_its_scopes_hold(steps: list[tuple[str, Scope, str]]) -> None:
    """Against a model that keeps a set of names for each scope."""
    store = Store()
    holds: dict[Scope, set[str]] = {ALL: set(), ZTUNNELS: set()}
    listing: dict[Scope, set[str]] = {}
    copies: list[tuple[Any, set[str]]] = []
    for version, (step, scope, name) in enumerate(steps, 1):
        match step:
            case "put":
                store.put(scope, pod(name, version))
                holds[scope].add(name)
            case "remove":
                store.remove(scope, pod(name, version))
                holds[scope].discard(name)
            case "begin":
                store.begin(scope)
                listing[scope] = set()
            case "found" if scope in listing:
                store.found(scope, [pod(name, version)])
                holds[scope].add(name)
                listing[scope].add(name)
            case "complete" if scope in listing:
                store.complete(scope)
                holds[scope] = listing.pop(scope)
            case "drop":
                store.drop(scope)
                holds[scope] = set()
                listing.pop(scope, None)
            case "copy":
                wanted = {"a": [scope], "b": [ALL, ZTUNNELS], "c": []}[name]
                names = set().union(*(holds[each] for each in wanted))
                copies.append((store.objects(wanted).get(POD, {}), names))
    assert set(held(store)) == {f"shop/{name}" for name in set().union(*holds.values())}
    assert [store.count(scope) for scope in holds] == [len(names) for names in holds.values()]
    for copy, names in copies:
        assert set(copy) == {f"shop/{name}" for name in names}

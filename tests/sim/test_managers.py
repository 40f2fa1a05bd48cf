"""Who has which field. The rules are those of Kubernetes' "Server-Side Apply" page."""

from typing import Any

import pytest

from meshtui.sim.errors import Conflict
from meshtui.sim.managers import Writer, applied, written
from meshtui.sim.objects import Raw

NOW = "2026-11-25T12:00:00Z"
ALICE = Writer("alice", "Apply", "v1")
BOB = Writer("bob", "Apply", "v1")
EDITOR = Writer("kubectl-edit", "Update", "v1")


def config(**data: str) -> Raw:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}


def gateway(*listeners: Raw) -> Raw:
    return {"kind": "Gateway", "metadata": {"name": "x"}, "spec": {"listeners": list(listeners)}}


def apply(live: Raw | None, wish: Raw, by: Writer, *, force: bool = False) -> Raw:
    return applied(live, wish, by, NOW, force=force)


def managers(obj: Raw) -> dict[str, Any]:
    return {each["manager"]: each["fieldsV1"] for each in obj["metadata"].get("managedFields", [])}


def test_what_was_applied_and_is_no_longer_wished_goes() -> None:
    live = apply(None, config(a="1", b="2"), ALICE)
    live = apply(live, config(b="2"), ALICE)
    assert live["data"] == {"b": "2"}
    assert managers(live) == {"alice": {"f:data": {"f:b": {}}}}


def test_what_another_one_has_too_stays() -> None:
    live = apply(None, config(a="1", b="2"), ALICE)
    live = apply(live, config(a="1"), BOB)
    live = apply(live, config(b="2"), ALICE)
    assert live["data"] == {"a": "1", "b": "2"}
    assert managers(live)["bob"] == {"f:data": {"f:a": {}}}


def test_another_value_for_the_field_of_another_is_a_conflict() -> None:
    live = apply(None, config(a="1"), ALICE)
    with pytest.raises(Conflict) as refusal:
        apply(live, config(a="2"), BOB)
    assert refusal.value.details["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "alice"',
            "field": ".data.a",
        }
    ]
    forced = apply(live, config(a="2"), BOB, force=True)
    assert forced["data"] == {"a": "2"}
    assert managers(forced) == {"bob": {"f:data": {"f:a": {}}}}


def test_whoever_updates_a_field_takes_it() -> None:
    live = apply(None, config(a="1", b="2"), ALICE)
    edited = written(live, {**live, "data": {"a": "9", "b": "2"}}, EDITOR, NOW)
    assert managers(edited) == {
        "alice": {"f:data": {"f:b": {}}},
        "kubectl-edit": {"f:data": {"f:a": {}}},
    }


def test_an_update_that_changes_nothing_changes_no_manager() -> None:
    live = written(None, config(a="1"), EDITOR, NOW)
    again = written(live, {**live}, Writer("other", "Update", "v1"), "2027-01-01T00:00:00Z")
    assert again == live


def test_a_field_that_goes_is_no_ones() -> None:
    live = written(None, config(a="1", b="2"), EDITOR, NOW)
    less = written(live, {**live, "data": {"b": "2"}}, Writer("other", "Update", "v1"), NOW)
    assert managers(less) == {"kubectl-edit": {"f:data": {"f:b": {}}}}


def test_entries_of_lists_with_keys_are_told_apart() -> None:
    one, two = {"name": "one", "port": 80}, {"name": "two", "port": 81}
    live = apply(None, gateway(one), ALICE)
    live = apply(live, gateway(two), BOB)
    assert live["spec"]["listeners"] == [one, two]
    entry = 'k:{"name":"one"}'
    assert managers(live)["alice"] == {
        "f:spec": {"f:listeners": {entry: {".": {}, "f:name": {}, "f:port": {}}}}
    }
    live = apply(live, gateway(), ALICE)
    assert live["spec"]["listeners"] == [two]


def test_labels_of_several_managers() -> None:
    def labelled(**labels: str) -> Raw:
        return {"kind": "Namespace", "metadata": {"name": "x", "labels": labels}}

    live = apply(None, labelled(a="1"), ALICE)
    live = apply(live, labelled(b="2"), BOB)
    live = apply(live, labelled(), BOB)
    assert live["metadata"]["labels"] == {"a": "1"}

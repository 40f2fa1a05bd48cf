"""Diff: what differs, under which keys."""

from __future__ import annotations

from hypothesis import given

from meshtui.mesh import diff
from meshtui.mesh.raw import Raw
from tests.anything import JSON

NAMESPACE: Raw = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": "plain",
        "labels": {"kubernetes.io/metadata.name": "plain", "team": "a"},
        "resourceVersion": "7",
        "managedFields": [{"manager": "kubectl"}],
    },
    "spec": {"finalizers": ["kubernetes"]},
    "status": {"phase": "Active"},
}


def labelled(**labels: str) -> Raw:
    metadata = {
        **NAMESPACE["metadata"],
        "labels": {**NAMESPACE["metadata"]["labels"], **labels},
        "resourceVersion": "8",
    }
    return {**NAMESPACE, "metadata": metadata, "status": {"phase": "Terminating"}}


def test_a_line_stands_under_its_keys_and_beside_its_neighbours() -> None:
    """As in the dialog of screens.md, "Enrolling a namespace"."""
    assert diff.lines(NAMESPACE, labelled(mode="ambient")) == (
        "…",
        " metadata:",
        "…",
        "   labels:",
        "…",
        "     team: a",
        "+    mode: ambient",
        " spec:",
        "…",
    )


def test_what_the_server_keeps_and_a_status_are_no_difference() -> None:
    assert diff.lines(NAMESPACE, labelled()) == ()


def test_an_object_that_is_not_there_differs_in_every_line() -> None:
    text = diff.text(diff.said(NAMESPACE)).splitlines()
    assert diff.lines(None, NAMESPACE) == tuple(f"+{line}" for line in text)
    assert diff.lines(NAMESPACE, None) == tuple(f"-{line}" for line in text)


def test_an_entry_of_a_list_stands_under_the_key_of_the_list() -> None:
    before = {"spec": {"containers": [{"name": "a"}, {"name": "b", "image": "b:1", "args": ["x"]}]}}
    after = {"spec": {"containers": [{"name": "a"}, {"name": "b", "image": "b:2", "args": ["x"]}]}}
    found = diff.lines(before, after)
    assert found[:1] == (" spec:",)
    assert "   containers:" in found
    assert "   - name: b" in found
    assert {"-    image: b:1", "+    image: b:2"} < set(found)
    assert "   - name: a" not in found


def test_another_order_of_keys_is_no_difference() -> None:
    before = {"metadata": {"name": "a", "labels": {"x": "1", "y": "2"}}, "spec": {}}
    after = {"spec": {}, "metadata": {"labels": {"y": "2", "z": "3", "x": "1"}, "name": "a"}}
    assert [line for line in diff.lines(before, after) if line[0] in "+-"] == ["+    z: '3'"]


def test_what_stands_twice_is_written_twice() -> None:
    same = {"app": "web"}
    assert "&" not in diff.text({"selector": same, "labels": same})


@given(JSON, JSON)
def test_nothing_takes_it_down(before: object, after: object) -> None:
    wrapped = {"metadata": before, "spec": after}
    other = {"metadata": after, "spec": before}
    assert diff.lines(wrapped, wrapped) == ()
    diff.lines(wrapped, other)


def test_text_of_several_lines_stands_as_kubectl_prints_it() -> None:
    """As `kubectl get configmap -o yaml` 1.36 has it; folded in quotes, each of its lines would be two."""
    found = {"data": {"why": "One.\nTwo.\n", "end": "no\nbreak"}, "kind": "ConfigMap"}
    assert diff.text(found) == (
        "data:\n  why: |\n    One.\n    Two.\n  end: |-\n    no\n    break\nkind: ConfigMap\n"
    )

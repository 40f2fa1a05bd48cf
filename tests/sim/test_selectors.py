"""Selectors are read as Kubernetes documents them (labels: `docs/concepts/overview/working-with-objects/labels`)."""

import pytest

from meshtui.sim import selectors
from meshtui.sim.errors import BadRequest
from meshtui.sim.kinds import CONFIGMAP, EVENT, NODE, POD
from meshtui.sim.objects import Raw


def labelled(**labels: str) -> Raw:
    return {"metadata": {"name": "x", "labels": labels}}


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        ("", {}, True),
        ("a", {"a": ""}, True),
        ("a=", {"a": ""}, True),
        ("a=", {}, False),
        ("a!=b", {}, True),
        ("a in (b)", {}, False),
        ("a notin (b)", {}, True),
        ("a notin (b,c)", {"a": "c"}, False),
        ("a in (b,)", {"a": ""}, True),
        ("a=b,!c", {"a": "b"}, True),
        ("a=b,!c", {"a": "b", "c": ""}, False),
        (" a = b , c in ( d , e ) ", {"a": "b", "c": "e"}, True),
    ],
)
def test_labels(selector: str, labels: dict[str, str], selected: bool) -> None:
    assert selectors.labels(selector)(labelled(**labels)) is selected


def test_an_object_without_labels_has_none() -> None:
    assert not selectors.labels("a")({"metadata": {"name": "x"}})
    assert selectors.labels("!a")({"metadata": {"name": "x", "labels": None}})


@pytest.mark.parametrize(
    "selector", ["a b", "a in b", "a in (b", "=b", "a,,b", "a>1", "(a)", "a in (b=c)"]
)
def test_labels_that_cannot_be_read(selector: str) -> None:
    with pytest.raises(BadRequest):
        selectors.labels(selector)


def test_fields() -> None:
    pod: Raw = {"metadata": {"name": "x", "namespace": "y"}, "spec": {"nodeName": "n"}}
    assert selectors.fields(POD, "spec.nodeName=n,metadata.namespace==y")(pod)
    assert not selectors.fields(POD, "spec.nodeName!=n")(pod)
    assert selectors.fields(POD, "status.phase=")(pod)
    event: Raw = {"metadata": {"name": "x"}, "involvedObject": {"kind": "Pod", "name": "web"}}
    assert selectors.fields(EVENT, "involvedObject.name=web,involvedObject.kind=Pod")(event)


def test_a_flag_that_is_not_set_is_false() -> None:
    node: Raw = {"metadata": {"name": "n"}, "spec": {}}
    assert selectors.fields(NODE, "spec.unschedulable=false")(node)
    assert selectors.fields(NODE, "spec.unschedulable=true")(
        {**node, "spec": {"unschedulable": True}}
    )


def test_a_field_that_a_kind_does_not_offer() -> None:
    with pytest.raises(BadRequest, match=r"^field label not supported: spec\.nodeName$"):
        selectors.fields(CONFIGMAP, "spec.nodeName=n")


@pytest.mark.parametrize(
    ("selector", "name"),
    [("metadata.name=a", "a"), ("x=y,metadata.name==a", "a"), ("metadata.name!=a", ""), ("", "")],
)
def test_the_one_name_that_is_asked_for(selector: str, name: str) -> None:
    assert selectors.name_in(selector) == name

"""Whatever a client sends, and whatever an object holds: a refusal or an answer, never a crash."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshtui.sim import managers, patches, protobuf, selectors, writes
from meshtui.sim.calls import Call
from meshtui.sim.definitions import definition
from meshtui.sim.errors import BadRequest, StatusError
from meshtui.sim.kinds import BUILT_IN, CRD, GATEWAY, KINDS, NAMESPACE, POD, SECRET, SERVICE, Kind
from meshtui.sim.managers import Writer
from meshtui.sim.objects import Raw
from meshtui.sim.rights import User
from meshtui.sim.store import Store
from meshtui.sim.tables import form
from tests.sim.record_tables import OBJECTS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = (
    "metadata",
    "spec",
    "status",
    "labels",
    "name",
    "containers",
    "ports",
    "conditions",
    "$patch",
)
LIKE_OBJECTS = st.recursive(
    JSON,
    lambda inner: (
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=4) | st.lists(inner, max_size=3)
    ),
    max_leaves=12,
)
BY = Writer("tester", "Update", "v1")
NOW = datetime(2026, 11, 25, tzinfo=UTC)
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def recorded() -> Iterator[tuple[Kind, Raw]]:
    """One recorded object of each kind."""
    by_name = {str(kind): kind for kind in KINDS}
    for file in sorted(OBJECTS.glob("*.json")):
        yield by_name[file.stem], json.loads(file.read_text())["items"][0]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a value."""
    steps = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for step, inner in steps:
        yield (*path, step)
        yield from places(inner, (*path, step))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    changed = value.copy()
    changed[path[0]] = replaced(value[path[0]], path[1:], by)
    return changed


@pytest.mark.parametrize(("kind", "obj"), list(recorded()), ids=lambda value: str(value)[:30])
@given(data=st.data())
@settings(max_examples=20, derandomize=True, deadline=None)
def test_any_object_has_a_row(kind: Kind, obj: Raw, data: st.DataObject) -> None:
    found = [path for path in places(obj) if path not in (("metadata",), ("metadata", "name"))]
    broken = replaced(obj, data.draw(st.sampled_from(found)), data.draw(JSON))
    wanted = form(Store(), kind, kind.versions[0], TABLE)
    assert len(wanted.row(broken, NOW)["cells"]) == len(wanted.columns)


def whole(kind: Kind) -> Raw:
    """An object that a server takes."""
    if kind == CRD:
        return definition(GATEWAY)
    spec = {"ports": [{"port": 80}], "nodeName": "n", "containers": [{"name": "a", "image": "b"}]}
    owner = {"kind": "Node", "name": "n", "uid": "1"}
    metadata = {
        "name": "x",
        "labels": {"a": "b"},
        "finalizers": ["a/b"],
        "ownerReferences": [owner],
    }
    return {"metadata": metadata, "spec": spec, "stringData": {"a": "b"}}


@pytest.mark.parametrize("kind", [POD, SERVICE, SECRET, NAMESPACE, CRD], ids=str)
@given(data=st.data())
@settings(max_examples=60, derandomize=True, deadline=None)
def test_any_body_is_taken_or_refused(kind: Kind, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([(), *places(whole(kind))]))
    body = replaced(whole(kind), path, data.draw(LIKE_OBJECTS))
    store = Store(BUILT_IN)
    store.create(NAMESPACE, {"metadata": {"name": "shop"}})
    namespace = "shop" if kind.namespaced else ""
    call = Call(User("x"), "create", kind, kind.versions[0], namespace, "", "", {})
    with suppress(StatusError):
        made = writes.create(store, call, BY, body)
        assert store.get(kind, namespace, made["metadata"]["name"]) == made


@pytest.mark.parametrize("content_type", [patches.MERGE, patches.JSON, patches.STRATEGIC])
@given(patch=LIKE_OBJECTS)
@settings(max_examples=60, derandomize=True, deadline=None)
def test_any_patch_is_taken_or_refused(content_type: str, patch: Any) -> None:
    pod: Raw = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a"}]}}
    try:
        found = patches.patched(POD, content_type, pod, patch)
    except StatusError:
        return
    assert isinstance(found["metadata"], dict)


@given(before=LIKE_OBJECTS, after=LIKE_OBJECTS)
@settings(max_examples=60, derandomize=True, deadline=None)
def test_fields_of_anything_have_a_manager(before: Any, after: Any) -> None:
    old: Raw = {"metadata": {"name": "x"}, "spec": before}
    new: Raw = {"metadata": {"name": "x"}, "spec": after}
    live = managers.written(None, old, BY, "now")
    edited = managers.written(live, new, BY, "now")
    assert managers.fields(edited).keys() == managers.fields(new).keys()
    wish = managers.applied(edited, new, Writer("other", "Apply", "v1"), "now", force=True)
    assert wish["metadata"]["name"] == "x"


@given(raw=st.binary(max_size=64))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises(StatusError):
        protobuf.decoded(protobuf.MAGIC + raw)


@given(selector=st.text("ab=!(), \nin", max_size=12))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_any_selector_is_read_or_refused(selector: str) -> None:
    for read in (selectors.labels, lambda said: selectors.fields(POD, said)):
        with suppress(BadRequest):
            read(selector)({"metadata": {"name": "x", "labels": {"a": "b"}}})

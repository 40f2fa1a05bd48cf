"""What is read of objects that somebody else wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from meshtui.mesh import pods, raw
from tests.recordings import DATA

RECORDED = json.loads((DATA / "shop" / "objects" / "pods.json").read_text())["items"]


class Port(Struct, frozen=True, rename="camel"):
    host_port: int = 0
    protocol: str = "TCP"


class Viewed(Struct, frozen=True):
    name: str = ""
    ready: bool = False
    first: Port | None = None
    ports: list[Port] = []
    anything: Any = None


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({}, Viewed()),
        (None, Viewed()),
        ([{"name": "a"}], Viewed()),
        ({"name": "a", "more": 1}, Viewed("a")),
        ({"name": None, "ready": True}, Viewed(ready=True)),
        ({"name": ["a"], "ready": 1}, Viewed()),
        ({"ready": "yes", "first": {}}, Viewed(first=Port())),
        ({"name": 1, "first": None}, Viewed()),
        ({"name": 1, "first": "80"}, Viewed()),
        ({"ports": None, "anything": [None]}, Viewed(anything=[None])),
        ({"ports": {"hostPort": 80}}, Viewed()),
        (
            {"ports": [{"hostPort": 80}, None, "x", {"hostPort": True}]},
            Viewed(ports=[Port(80), Port()]),
        ),
    ],
)
def test_a_view_has_what_fits_and_defaults_for_the_rest(given: Any, seen: Viewed) -> None:
    assert raw.view(given, Viewed) == seen


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.data())
def test_a_pod_with_any_odd_field_is_read(data: st.DataObject) -> None:
    """Whatever a field of a recorded pod is replaced by, the pod is read, and what does not hang on it as before."""
    whole = data.draw(st.sampled_from(RECORDED))
    odd = json.loads(json.dumps(whole))
    at: Any = odd
    while True:
        steps = list(at) if isinstance(at, dict) else list(range(len(at)))
        step = data.draw(st.sampled_from(steps))
        deeper = isinstance(at[step], dict | list) and at[step] and data.draw(st.booleans())
        if not deeper:
            at[step] = data.draw(_ANY)
            break
        at = at[step]
    read, known = pods.read(odd), pods.read(whole)
    if odd.get("metadata") == whole["metadata"]:
        assert (read.key, read.labels, read.controller) == (
            known.key,
            known.labels,
            known.controller,
        )
    if odd.get("status") == whole["status"] and odd.get("spec") == whole["spec"]:
        assert (read.status, read.ready, read.address) == (known.status, known.ready, known.address)

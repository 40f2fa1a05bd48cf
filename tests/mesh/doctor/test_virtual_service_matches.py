"""Matches that no request gets to (schema.ValidationAnalyzer of the reference, 1 to 4)."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.kinds import VIRTUAL_SERVICE
from tests.mesh.doctor.analyzing import found, thing

ANALYZER = "schema.ValidationAnalyzer.VirtualService"
UNREACHABLE, INEFFECTIVE = "IST0130", "IST0131"


def codes(*routes: Any, protocol: str = "http") -> list[str]:
    it = thing(VIRTUAL_SERVICE, "v", **{protocol: [{"match": match} for match in routes]})
    return sorted(code for code, _ in found(ANALYZER, it))


def prefix(path: str, **more: Any) -> dict[str, Any]:
    return {"uri": {"prefix": path}, **more}


EXACT = {"uri": {"exact": "/a"}}
OTHER = {"uri": {"exact": "/b"}}


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([], []),
        ([None], []),
        ([[EXACT], None], []),
        ([None, None], [UNREACHABLE]),
        ([None, []], [UNREACHABLE]),
        ([None, [EXACT]], [UNREACHABLE]),
        ([[EXACT], [OTHER]], []),
        ([[EXACT], [EXACT]], [UNREACHABLE, INEFFECTIVE]),
        ([[EXACT], [EXACT, OTHER]], [INEFFECTIVE]),
        ([[EXACT, EXACT]], [INEFFECTIVE]),
        ([[EXACT], [{**EXACT, "name": "same"}]], [UNREACHABLE, INEFFECTIVE]),
        ([[EXACT], [{**EXACT, "port": None}]], [UNREACHABLE, INEFFECTIVE]),
        ([[EXACT], [{**EXACT, "port": 80}]], []),
        ([[EXACT], [{**EXACT, "headers": {}, "ignoreUriCase": False}]], [UNREACHABLE, INEFFECTIVE]),
        ([[EXACT], [{**EXACT, "headers": {"h": {}}}]], []),
        # behind what takes all, nothing else is wrong with a match
        ([[EXACT], None, [EXACT]], [UNREACHABLE]),
        ([[prefix("/")], None, [prefix("/a")]], [UNREACHABLE]),
    ],
)
def test_routes_in_order(routes: list[Any], expected: list[str]) -> None:
    assert codes(*routes) == expected


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
def test_other_protocols_have_lists_of_their_own(protocol: str) -> None:
    at = {"port": 443}
    assert codes([at], [at], protocol=protocol) == [UNREACHABLE, INEFFECTIVE]
    assert not codes([{**at, "name": "a"}], [{**at, "name": "b"}], protocol=protocol)
    both = thing(VIRTUAL_SERVICE, "v", tcp=[{"match": [at]}], tls=[{"match": [at]}])
    assert not found(ANALYZER, both)


def header(**value: str) -> dict[str, Any]:
    return {"headers": {"h": value}}


@pytest.mark.parametrize(
    ("earlier", "later", "covers"),
    [
        (prefix("/"), prefix("/a"), True),
        (prefix("/a"), prefix("/"), False),
        (prefix("/a"), prefix("/b"), False),
        (prefix("/"), {"uri": {"exact": "/a"}}, False),
        (prefix("/"), prefix("/a", port=80), False),
        (prefix("/", port=80), prefix("/a", port=80), True),
        (prefix("/"), prefix("/a", method={"exact": "GET"}), True),
        (prefix("/"), prefix("/a", method={"exact": "POST"}), False),
        (prefix("/", method={"exact": "POST"}), prefix("/a"), False),
        (prefix("/", method={"regex": ".*"}), prefix("/a"), True),
        (prefix(""), prefix("/a"), False),
        (prefix("/"), prefix("/a", authority={"exact": "x"}), False),
        (prefix("/", authority={"exact": "x"}), prefix("/a"), True),
        (prefix("/", authority={"prefix": "xy"}), prefix("/a", authority={"prefix": "x"}), True),
        (prefix("/", authority={"prefix": "x"}), prefix("/a", authority={"prefix": "xy"}), False),
        (prefix("/"), prefix("/a", **header(exact="1")), False),
        (prefix("/", **header(exact="1")), prefix("/a"), False),
        (prefix("/", **header(exact="1")), prefix("/a", **header(exact="1")), True),
        (prefix("/", **header(exact="1")), prefix("/a", **header(exact="2")), False),
        (prefix("/", **header(exact="1")), prefix("/a", headers={"g": {"exact": "1"}}), False),
        (prefix("/", queryParams={"q": {"exact": "1"}}), prefix("/a"), False),
        (prefix("/"), prefix("/a", withoutHeaders={"h": {}}), False),
    ],
)
def test_a_prefix_under_an_earlier_one_that_asks_for_no_more(
    earlier: dict[str, Any], later: dict[str, Any], covers: bool
) -> None:
    assert codes([earlier], [later]) == ([INEFFECTIVE] if covers else [])
    assert codes([earlier, later]) == ([INEFFECTIVE] if covers else [])

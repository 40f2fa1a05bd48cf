"""Which rule takes a request: by the words of the Gateway API on HTTPRouteMatch, HTTPPathMatch, GRPCMethodMatch and the
precedence of HTTPRouteRule.matches, and of Istio on HTTPMatchRequest and StringMatch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.mesh.kinds import GRPC_ROUTE, HTTP_ROUTE, VIRTUAL_SERVICE
from meshtui.mesh.trace import requests
from meshtui.mesh.traffic.calls import Http
from tests.anything import JSON


def path(value: str, kind: str = "PathPrefix") -> dict[str, Any]:
    return {"path": {"type": kind, "value": value}}


NAMED = {"name": "x", "value": "1"}
HTTP = [
    # match, request, whether it takes it
    ({}, Http(), True),
    (path("/"), Http(), True),
    # "/foo/bar" matches "/foo/bar" and "/foo/bar/" and "/foo/bar/baz", and not "/foo/barbaz"
    (path("/foo/bar"), Http(path="/foo/bar"), True),
    (path("/foo/bar"), Http(path="/foo/bar/"), True),
    (path("/foo/bar"), Http(path="/foo/bar/baz?q=1"), True),
    (path("/foo/bar"), Http(path="/foo/barbaz"), False),
    (path("/foo/"), Http(path="/foo"), True),
    (path("/foo"), Http(), None),
    (path("/foo", "Exact"), Http(path="/foo?x"), True),
    (path("/foo", "Exact"), Http(path="/foo/"), False),
    (path("/f.o", "RegularExpression"), Http(path="/fxo"), True),
    (path("/f.o", "RegularExpression"), Http(path="/fxo/more"), False),
    (path("(", "RegularExpression"), Http(path="/"), None),
    (path("(a+)+$", "RegularExpression"), Http(path="/" + "a" * 60), None),
    ({"method": "GET"}, Http(method="GET"), True),
    ({"method": "GET"}, Http(method="POST"), False),
    ({"method": "GET"}, Http(), None),
    ({"headers": [NAMED]}, Http(headers={"x": "1"}), True),
    ({"headers": [NAMED]}, Http(headers={"x": "2"}), False),
    ({"headers": [NAMED]}, Http(), None),
    ({"headers": [{**NAMED, "name": "X"}]}, Http(headers={"x": "1"}), True),
    ({"headers": [{**NAMED, "type": "RegularExpression", "value": "[0-9]"}]}, Http(headers={"x": "7"}), True),
    ({"queryParams": [NAMED]}, Http(path="/?x=1"), True),
    ({"queryParams": [NAMED]}, Http(path="/?y=1"), False),
    # all must hold: one that does not decides, whatever is not known
    ({"method": "GET", **path("/foo")}, Http(method="POST"), False),
    ({"method": "GET", **path("/foo")}, Http(method="GET"), None),
]  # fmt: skip


@pytest.mark.parametrize(("match", "http", "takes"), HTTP, ids=range(len(HTTP)))
def test_http_routes(match: dict[str, Any], http: Http, takes: bool | None) -> None:
    assert requests.takes(HTTP_ROUTE, {"matches": [match]}, http) is takes


def test_of_several_matches_one_must_hold_and_without_any_all_is_taken() -> None:
    rule = {"matches": [{"method": "GET"}, {"method": "PUT"}]}
    assert requests.takes(HTTP_ROUTE, rule, Http(method="PUT")) is True
    assert requests.takes(HTTP_ROUTE, rule, Http(method="POST")) is False
    assert requests.takes(HTTP_ROUTE, {}, Http()) is True


GRPC = [
    ({"service": "acme.Catalog"}, "/acme.Catalog/List", True),
    ({"service": "acme.Catalog"}, "/acme.Other/List", False),
    ({"service": "acme.Catalog", "method": "Get"}, "/acme.Catalog/List", False),
    ({"method": "List"}, "/acme.Catalog/List", True),
    ({"service": "acme.*", "type": "RegularExpression"}, "/acme.Catalog/List", True),
    ({"service": "acme.Catalog"}, None, None),
    ({}, None, True),
]


@pytest.mark.parametrize(("method", "given_path", "takes"), GRPC, ids=range(len(GRPC)))
def test_grpc_routes(method: dict[str, Any], given_path: str | None, takes: bool | None) -> None:
    rule = {"matches": [{"method": method}]}
    assert requests.takes(GRPC_ROUTE, rule, Http(path=given_path)) is takes


VIRTUAL = [
    ({"uri": {"prefix": "/foo"}}, Http(path="/foobar"), True),  # of Istio's a prefix is of letters
    ({"uri": {"exact": "/foo"}}, Http(path="/foo"), True),
    ({"uri": {"regex": "/f.*"}}, Http(path="/foo"), True),
    ({"uri": {"prefix": "/foo"}}, Http(), None),
    ({"headers": {"end-user": {"exact": "jason"}}}, Http(headers={"end-user": "jason"}), True),
    ({"headers": {"end-user": {"exact": "jason"}}}, Http(headers={"end-user": "x"}), False),
    ({"headers": {"end-user": {}}}, Http(headers={"end-user": "x"}), True),
    ({"authority": {"exact": "a"}}, Http(host="a"), True),
    ({"sourceLabels": {"app": "x"}}, Http(), None),
    ({"uri": {"exact": "/foo"}, "port": 80}, Http(path="/bar"), False),
]


@pytest.mark.parametrize(("match", "http", "takes"), VIRTUAL, ids=range(len(VIRTUAL)))
def test_virtual_services(match: dict[str, Any], http: Http, takes: bool | None) -> None:
    assert requests.takes(VIRTUAL_SERVICE, {"match": [match]}, http) is takes


def test_precedence_is_exact_then_longest_then_method_then_headers_then_queries() -> None:
    ordered = [
        path("/a", "Exact"),
        path("/longer/path"),
        {**path("/same"), "method": "GET"},
        {**path("/same"), "headers": [NAMED, NAMED]},
        {**path("/same"), "headers": [NAMED]},
        {**path("/same"), "queryParams": [NAMED]},
        path("/same"),
        path("/"),
    ]
    ranks = [requests.rank(HTTP_ROUTE, {"matches": [each]}) for each in ordered]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


@given(JSON, st.sampled_from([HTTP_ROUTE, GRPC_ROUTE, VIRTUAL_SERVICE]))
def test_whatever_stands_there_is_read(match: Any, kind: Any) -> None:
    rule = {"matches": [match], "match": [match]}
    for http in (Http(), Http("GET", "a", "/x?y=1", {"a": "b"})):
        assert requests.takes(kind, rule, http) in (True, False, None)
    requests.rank(kind, rule)

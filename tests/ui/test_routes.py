"""The pane Routes, over the recorded mesh: what its README says of them, and what its files hold."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshtui.mesh.kinds import ENDPOINT_SLICE, HTTP_ROUTE, REFERENCE_GRANT, TCP_ROUTE, TLS_ROUTE
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Ref, Scope, Source
from tests.ui import situations
from tests.ui.looking import looking

SHOP = situations.shop()


async def test_each_route_with_its_hosts_parents_and_backends() -> None:
    """The routes of `edge/public`: a missing backend, a missing ReferenceGrant, a hostname that no listener takes."""
    async with looking(SHOP, "routes") as at:
        assert [row[1:4] for row in at.rows] == [
            ("legacy", "VirtualService", "classic"),
            ("shop", "HTTPRoute", "broken-backend"),
            ("shop", "GRPCRoute", "catalog"),
            ("shop", "HTTPRoute", "no-grant"),
            ("shop", "HTTPRoute", "reviews"),
            ("shop", "HTTPRoute", "storefront"),
            ("shop", "HTTPRoute", "wrong-host"),
        ]
        rows = {row[3]: (row[0], *row[4:10]) for row in at.rows}
        assert rows == {
            "classic": ("✓", "classic.acme.example", "edge/classic", "yes", "–", "httpbin", "1/1"),
            "broken-backend": (
                "✗", "gone.acme.example", "edge/public", "yes", "✗ no", "✗ no-such-service", "–",
            ),
            "catalog": ("✓", "any", "Service catalog:9000", "yes", "yes", "catalog", "1/1"),
            "no-grant": (
                "✗", "pay.acme.example", "edge/public", "yes", "✗ no", "✗ payments/ledger", "2/2",
            ),
            "reviews": (
                "✓", "any", "Service reviews:80", "yes", "yes", "reviews-v2 · reviews-v1", "2/2",
            ),
            "storefront": (  # its gateway goes round the waypoint (AMB-025)
                "✗", "shop.acme.example", "edge/public:https", "yes", "yes",
                "storefront 90% storefront-next 10%", "3/3",
            ),
            "wrong-host": (
                "✗", "shop.other.example", "edge/public", "✗ no", "yes", "storefront", "2/2",
            ),
        }  # fmt: skip
        assert "✗ 4  7  ● live" in at.screen.splitlines()[1]


async def test_the_detail_says_what_each_parent_says_and_the_rules_with_their_backends() -> None:
    async with looking(SHOP, "routes", (220, 48)) as at:
        await at.select("no-grant")
        words = " ".join(at.detail.split())
        assert words.startswith("✗ no ReferenceGrant in payments lets HTTPRoutes of shop send to")
        assert "At Gateway edge/public ✓ Accepted: Route was valid, bound to 2 parents" in words
        assert "no ReferenceGrant there permits it (RefNotPermitted)" in words
        assert "backendRef ledger/payments not accessible" in words
        await at.select("shop.acme.example")
        words = " ".join(at.detail.split())
        assert "✓ 1 shop/storefront:80 90% 2/2 everything" in words
        assert "✓ shop/storefront-next:80 10% 1/1" in words
        await at.select("reviews")
        words = " ".join(at.detail.split())
        assert "✓ 1 shop/reviews-v2:80 1/1 header end-user is jason" in words
        assert "✓ 2 shop/reviews-v1:80 1/1 everything" in words


async def test_80_columns_keep_the_name_the_hosts_and_the_backends() -> None:
    async with looking(SHOP, "routes", (80, 24)) as at:
        await at.select("wrong-host")
        titles = at.screen.splitlines()[2].split()
        assert titles == ["NAMESPACE", "ROUTE", "HOSTS", "BACKENDS", "READY"]
        words = " ".join(at.screen.split())
        assert "no listener with a hostname takes shop.other.example" in words


async def test_enter_goes_to_the_services_behind_it_and_u_to_its_gateway() -> None:
    async with looking(SHOP, "routes") as at:
        await at.select("HTTPRoute", "reviews")
        await at.press("enter")
        assert at.pane.NAME == "services"
        assert {row[2] for row in at.rows} == {"reviews", "reviews-v1", "reviews-v2"}
        await at.press("escape", "u")
        assert (at.pane.NAME, at.under_cursor[2]) == ("services", "reviews")
        await at.press("escape")
        await at.select("shop.acme.example")
        await at.press("u")
        assert (at.pane.NAME, at.under_cursor[2]) == ("gateways", "public")
        await at.press("escape", "J")
        assert (at.pane.NAME, at.under_cursor[1]) == ("namespaces", "shop")


async def test_a_service_leads_to_the_routes_that_name_it() -> None:
    async with looking(SHOP, "services") as at:
        await at.select("shop", "storefront")
        await at.press("u")
        assert at.pane.NAME == "routes"
        assert {row[3] for row in at.rows} == {"storefront", "wrong-host"}


async def test_y_and_d_are_of_the_route() -> None:
    async with looking(SHOP, "routes") as at:
        await at.select("no-grant")
        await at.press("y")
        assert at.session.asked == [Ref(HTTP_ROUTE, "shop", "no-grant")]
        await at.press("escape", "d")
        assert "At Gateway edge/public" in at.read
        assert "created" in at.read


@pytest.mark.parametrize(
    ("kind", "route", "words"),
    [
        (ENDPOINT_SLICE, "storefront", 'cannot list resource "endpointslices"'),
        (REFERENCE_GRANT, "no-grant", 'cannot list resource "referencegrants"'),
    ],
)
async def test_what_may_not_be_listed_is_told_and_not_taken_for_none(
    kind: object, route: str, words: str
) -> None:
    sources = {
        scope: situations.refused(scope.kind) if scope.kind == kind else source
        for scope, source in SHOP.sources.items()
    }
    objects = {each: found for each, found in SHOP.objects.items() if each != kind}
    async with looking(replace(SHOP, objects=objects, sources=sources), "routes") as at:
        await at.select(
            "HTTPRoute", route, *(["shop.acme.example"] if route == "storefront" else [])
        )
        assert words in " ".join(at.detail.split())


async def test_kinds_that_a_cluster_does_not_have_are_missed_by_nobody() -> None:
    sources = {
        scope: Source(Phase.ABSENT) if scope.kind in (TLS_ROUTE, TCP_ROUTE) else source
        for scope, source in SHOP.sources.items()
    }
    async with looking(replace(SHOP, sources=sources), "routes") as at:
        assert len(at.rows) == 7
        assert "not installed" not in at.screen


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (situations.refused(HTTP_ROUTE), "✗ forbidden"),
        (Source(Phase.LOADING), "◌ Loading httproutes: 0 so far."),
        (Source(Phase.ABSENT), "HTTPRoute (httproutes.gateway.networking.k8s.io) is not installed"),
        (Source(Phase.LIVE), "There are no routes here."),
    ],
)
async def test_no_rows_for_different_reasons(source: Source, words: str) -> None:
    empty = replace(SHOP, objects={}, sources={**SHOP.sources, Scope(HTTP_ROUTE): source})
    async with looking(empty, "routes") as at:
        assert at.rows == []
        assert words in at.screen


async def test_markup_and_escape_codes_in_a_route_are_drawn_as_text() -> None:
    it: Raw = {
        "metadata": {"name": "[bold]x", "namespace": "shop"},
        "spec": {
            "hostnames": ["\x1b[2J", None, 7],
            "parentRefs": [{"name": "[/]"}],
            "rules": [{"backendRefs": [{"name": "\x1b]0;x\x07"}], "matches": [{"path": None}]}],
        },
    }
    async with looking(
        replace(SHOP, objects={**SHOP.objects, HTTP_ROUTE: {"shop/x": it}}), "routes"
    ) as at:
        await at.select("[bold]x")
        assert "[bold]x" in at.screen
        assert "\x1b" not in at.screen

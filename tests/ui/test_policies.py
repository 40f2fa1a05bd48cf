"""The pane Policies, over the recorded mesh: each policy in words, who enforces it, and the ways to and from it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshtui.mesh.kinds import AUTHORIZATION_POLICY, NAMESPACE, POD, TELEMETRY
from meshtui.mesh.snapshot import Phase, Problem, Ref, Scope, Source, Trouble
from tests.ui import situations
from tests.ui.looking import looking

SHOP = situations.shop()


async def test_each_policy_in_words_with_who_enforces_it() -> None:
    async with looking(SHOP, "policies") as at:
        assert [row[:9] for row in at.rows] == [
            ("✓", "payments", "Authorization", "allow-checkout", "ALLOW",
             "only shop/checkout may reach ledger on 8080", "a selector", "ztunnel", "2"),
            ("✗", "payments", "Authorization", "l7-at-ztunnel", "ALLOW",
             "only shop/checkout may reach refunds with GET", "a selector", "ztunnel ✗ no rule", "1"),
            ("✓", "shop", "Authorization", "viewers", "ALLOW",
             "only shop/storefront may reach reviews with GET", "Service", "waypoint", "–"),
            ("✓", "payments", "PeerAuth", "default", "–",
             "anything in payments takes mTLS only", "its namespace", "ztunnel", "3"),
        ]  # fmt: skip


@pytest.mark.parametrize("command", [":policies", ":pol", ":ap"])
async def test_the_commands_that_open_it(command: str) -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(f"{command}\r")
        assert at.pane.NAME == "policies"


async def test_the_detail_says_what_is_left_of_it_and_who_says_so() -> None:
    async with looking(SHOP, "policies", (180, 48)) as at:
        await at.select("l7-at-ztunnel")
        assert "a ztunnel cannot see methods: the rule is left out" in at.said
        assert "in effect ✗ nobody may reach refunds" in at.said
        assert "for refunds (selector app=refunds)" in at.said
        assert "ZtunnelAccepted=True UnsupportedValue: ztunnel does not support HTTP" in at.said
        assert "strict, by PeerAuthentication payments/default: 1 workload" in at.said
        assert "payments/refunds-6b6c7c499-nsrzq" in at.detail
        await at.select("viewers")
        lines = [" ".join(line.split()) for line in at.detail.splitlines()]
        assert "✓ waypoint Service shop/reviews at shop/waypoint" in lines
        assert "✓ 1 waypoint shop/storefront with GET: as it is written" in lines
        assert "shop/reviews" in lines


async def test_where_the_keys_lead() -> None:
    async with looking(SHOP, "policies") as at:
        await at.select("allow-checkout")
        await at.press("enter")
        assert at.pane.NAME == "workloads"
        assert [row[2].rpartition("-")[0] for row in at.rows] == ["ledger-669657bc95"] * 2
        await at.press("escape")
        await at.select("viewers")
        await at.press("enter")
        assert (at.pane.NAME, [row[2] for row in at.rows]) == ("services", ["reviews"])
        await at.press("escape", "u")
        assert (at.pane.NAME, at.under_cursor[1:3]) == ("waypoints", ("shop", "waypoint"))
        await at.press("escape", "J")
        assert (at.pane.NAME, at.under_cursor[1]) == ("namespaces", "shop")
        await at.press("escape", "y")
        assert at.session.asked == [Ref(AUTHORIZATION_POLICY, "shop", "viewers")]


async def test_u_leads_to_the_waypoint_that_is_named_and_is_not_there() -> None:
    shop = dict(SHOP.objects[NAMESPACE]["shop"])
    labels = {**shop["metadata"]["labels"], "istio.io/use-waypoint": "waypiont"}
    misnamed = {**shop, "metadata": {**shop["metadata"], "labels": labels}}
    spaces = {**SHOP.objects[NAMESPACE], "shop": misnamed}
    async with looking(
        replace(SHOP, objects={**SHOP.objects, NAMESPACE: spaces}), "policies"
    ) as at:
        await at.select("viewers")
        await at.press("u")
        assert (at.pane.NAME, at.under_cursor[1:3]) == ("waypoints", ("shop", "waypiont"))


@pytest.mark.parametrize(
    ("pane", "row", "policies"),
    [
        ("workloads", ("ledger-669657bc95-cvfm7",), ["default", "allow-checkout"]),
        ("workloads", ("reviews-v1-5ccf764795-jvfwz",), ["viewers"]),
        ("workloads", ("opted-out-79c9876f8-jvcb9",), []),
        ("services", ("payments", "refunds"), ["default", "l7-at-ztunnel"]),
        ("services", ("shop", "reviews"), ["viewers"]),
        ("waypoints", ("shop", "waypoint"), ["viewers"]),
        ("waypoints", ("payments", "unused"), []),
        ("namespaces", ("payments",), ["allow-checkout", "l7-at-ztunnel", "default"]),
        ("gateways", ("edge", "public"), []),
    ],
)
async def test_a_key_leads_to_the_policies_that_apply_in_the_order_they_are_judged(
    pane: str, row: tuple[str, ...], policies: list[str]
) -> None:
    async with looking(SHOP, pane) as at:
        [key] = [
            each.key
            for each, cells in zip(at.pane.table.rows, at.rows, strict=True)
            if set(row) <= set(cells[:4])
        ][:1]
        at.pane.table.select(key)
        await at.press("b")
        assert at.pane.NAME == "policies"
        assert [cells[3] for cells in at.rows] == policies
        if not policies:
            assert "Nothing in" in at.screen
        await at.press("escape")
        assert (at.pane.NAME, at.pane.cursor) == (pane, key)


async def test_the_key_says_where_no_policy_can_apply() -> None:
    async with looking(SHOP, "certificates") as at:
        await at.press("b", "!")
        assert "No policies apply to this kind of row." in at.screen


async def test_policies_of_the_whole_mesh_are_shown_whatever_the_namespace() -> None:
    policies = SHOP.objects[AUTHORIZATION_POLICY]
    of_mesh = {
        "metadata": {"name": "everywhere", "namespace": "istio-system", "uid": "everywhere"},
        "spec": {"action": "DENY"},
    }
    objects = {**SHOP.objects, AUTHORIZATION_POLICY: {**policies, "istio-system/e": of_mesh}}
    async with looking(replace(SHOP, objects=objects), "policies") as at:
        await at.type(":ns shop\r")
        assert [row[3] for row in at.rows] == ["everywhere", "viewers"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (situations.refused(AUTHORIZATION_POLICY), ("✗ forbidden", situations.RBAC)),
        (Source(Phase.LOADING, 0), ("◌ Loading authorizationpolicies: 0 so far.",)),
        (
            Source(Phase.ABSENT, problem=Problem(Trouble.ABSENT, "not installed")),
            ("AuthorizationPolicy (authorizationpolicies.security.istio.io) is not installed",),
        ),
        (Source(Phase.LIVE), ("There are no policies here.",)),
    ],
)
async def test_no_rows_for_different_reasons(source: Source, words: tuple[str, ...]) -> None:
    objects = {POD: SHOP.objects[POD]}
    sources = {**SHOP.sources, Scope(AUTHORIZATION_POLICY): source}
    async with looking(replace(SHOP, objects=objects, sources=sources), "policies") as at:
        assert at.rows == []
        for each in words:
            assert each in at.screen


async def test_another_kind_that_may_not_be_read_is_said_under_the_rows() -> None:
    """And one that is not installed is not: a cluster may well do without."""
    refused = {**SHOP.sources, Scope(TELEMETRY): situations.refused(TELEMETRY)}
    async with looking(replace(SHOP, sources=refused), "policies") as at:
        assert len(at.rows) == 4
        assert "telemetries forbidden" in at.screen
    absent = Source(Phase.ABSENT, problem=Problem(Trouble.ABSENT, "not installed"))
    without = {**SHOP.sources, Scope(TELEMETRY): absent}
    async with looking(replace(SHOP, sources=without), "policies") as at:
        assert "telemetries" not in at.screen

"""The pane Namespaces, over the recorded mesh: what its README says of each namespace, and what its files hold."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshtui.mesh.kinds import AUTHORIZATION_POLICY, NAMESPACE, PEER_AUTHENTICATION, POD
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Problem, Ref, Scope, Snapshot, Source, Trouble, named
from meshtui.settings import Settings
from tests.mesh.made import made
from tests.ui import situations
from tests.ui.looking import looking

SHOP = situations.shop()


async def test_each_namespace_with_its_part_in_the_mesh() -> None:
    """`payments` is STRICT and has two policies; the waypoint that `batch` names does not exist; of the two `reports`
    one was never captured, and of the eight pods of `shop` beside its waypoint one is the ghost."""
    async with looking(SHOP, "namespaces") as at:
        rows = {row[1]: row for row in at.rows}
        assert list(rows) == sorted(SHOP.objects[NAMESPACE])
        assert rows["batch"][:5] == (
            "✗",
            "batch",
            "ambient",
            "━━━━──── 1/2 ✗ 1",
            "nowhere ✗ missing",
        )
        assert rows["payments"] == (
            "✓", "payments", "ambient", "━━━━━━━━ 3/3", "–", "strict", "2", "–", "4m27s",
        )  # fmt: skip
        assert rows["shop"][3:7] == ("━━━━━━━─ 7/8 ✗ 1", "waypoint", "permissive", "1")
        assert rows["legacy"][:4] == ("!", "legacy", "sidecar", "–")
        assert rows["legacy"][7] == "default"
        assert rows["plain"][:5] == ("·", "plain", "–", "–", "–")
        assert "✗ 2  ! 1  11  ● live" in at.screen.splitlines()[1]


async def test_the_detail_says_why_and_shows_the_chain_of_each_pod_the_worst_first() -> None:
    async with looking(SHOP, "namespaces", (180, 48)) as at:
        await at.select("batch")
        first, *rest = at.detail.split("\n\n")
        assert first.replace("\n ", "").startswith(
            "✗ 1 pod was never captured: reports-864dfcf76c-htxkg"
        )
        assert "Gateway batch/nowhere does not exist" in rest[0]
        lines = at.detail.partition("Findings")[0].strip().splitlines()
        pods = [line.split() for line in lines[-3:]]
        assert pods == [
            ["reports-864dfcf76c-htxkg", "✓", "✗", "·", "·", "not", "annotated"],
            ["reports-864dfcf76c-5m94h", "✓", "✓", "✓", "✓", "proxied"],
            ["opted-out-79c9876f8-jvcb9", "·", "·", "·", "·", "outside"],
        ]
        await at.select("payments")
        assert "strict, by PeerAuthentication payments/default" in at.detail
        assert "4m27s ago, 2026-11-22 12:34:33 UTC" in at.detail


async def test_without_room_for_a_detail_one_line_says_why() -> None:
    async with looking(SHOP, "namespaces", (80, 24)) as at:
        await at.select("legacy")
        assert at.screen.splitlines()[-2].startswith(" ! labelled for sidecars, but 1 pod has no")
        assert not at.pane.beside.display


async def test_enter_goes_to_its_workloads_and_escape_comes_back() -> None:
    async with looking(SHOP, "namespaces") as at:
        await at.select("payments")
        await at.press("enter")
        assert at.pane.NAME == "workloads"
        assert {row[1] for row in at.rows} == {"payments"}
        assert len(at.rows) == 4
        assert "in payments" in at.screen.splitlines()[1]
        await at.press("escape")
        assert at.pane.NAME == "namespaces"
        assert at.under_cursor[1] == "payments"


async def test_the_cursor_stays_on_its_namespace_while_others_come_and_go() -> None:
    def with_namespaces(*gone: str, **more: Raw) -> Snapshot:
        kept = {k: it for k, it in SHOP.objects[NAMESPACE].items() if k not in gone}
        return replace(SHOP, objects={**SHOP.objects, NAMESPACE: {**more, **kept}})

    async with looking(SHOP, "namespaces") as at:
        await at.select("plain")
        await at.show(with_namespaces(aaa=made("Namespace", "aaa"), bbb=made("Namespace", "bbb")))
        assert at.under_cursor[1] == "plain"
        assert len(at.rows) == 13
        await at.show(with_namespaces("batch", "default"))
        assert at.under_cursor[1] == "plain"
        await at.show(with_namespaces("batch", "default", "plain"))
        assert at.under_cursor[1] == "shop", "the one that took its place"


async def test_y_d_and_c_are_of_the_namespace_and_l_and_z_say_why_not() -> None:
    async with looking(SHOP, "namespaces") as at:
        await at.select("payments")
        await at.press("y")
        assert at.session.asked == [Ref(NAMESPACE, "", "payments")]
        await at.until(lambda: "istio.io/dataplane-mode: ambient" in at.read)
        await at.press("escape", "d")
        assert "istio.io/dataplane-mode=ambient" in at.read
        assert "Pods" in at.read
        await at.press("escape", "c")
        assert at.app.clipboard == "payments"
        await at.press("l", "z", "!")
        assert "There is no log behind this row." in at.read
        assert "No ztunnel serves this row." in at.read


async def test_policies_and_mtls_that_may_not_be_read_are_unknown_and_not_none() -> None:
    hidden = (AUTHORIZATION_POLICY, PEER_AUTHENTICATION)
    sources = {**SHOP.sources, **{Scope(kind): situations.refused(kind) for kind in hidden}}
    objects = {kind: found for kind, found in SHOP.objects.items() if kind not in hidden}
    async with looking(replace(SHOP, objects=objects, sources=sources), "namespaces") as at:
        rows = {row[1]: row for row in at.rows}
        assert rows["payments"][3:7] == ("━━━━━━━━ 3/3", "–", "unknown", "?")
        await at.select("payments")
        assert "policies   not known" in at.detail
        assert 'cannot list resource "peerauthentications"' in at.detail.replace(
            "\n           ", " "
        )
        assert "? authorizationpolicies.security.istio.io is forbidden" in at.screen


async def test_without_the_crds_the_rest_is_there_and_says_what_is_not_installed() -> None:
    async with looking(situations.no_crds(), "namespaces", (200, 48)) as at:
        rows = {row[1]: row for row in at.rows}
        assert rows["payments"][2:4] == ("ambient", "━━━━━━━━ 3/3")
        assert "not installed: peerauthentications, gateways, gatewayclasses" in at.screen


async def test_nothing_is_called_captured_or_outside_while_pods_are_being_read() -> None:
    async with looking(situations.loading(), "namespaces") as at:
        assert {row[0] for row in at.rows} <= {"?", "✗"}
        assert {row[0] for row in at.rows if row[1] in ("payments", "plain", "default")} == {"?"}
        assert "◌ loading" in at.screen.splitlines()[1]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (situations.refused(NAMESPACE), ("✗ forbidden", situations.RBAC)),
        (Source(Phase.LOADING, 0), ("◌ Loading namespaces: 0 so far.",)),
        (Source(Phase.LIVE), ("There are no namespaces that you may see.",)),
    ],
)
async def test_no_rows_for_different_reasons(source: Source, words: tuple[str, ...]) -> None:
    objects = {POD: SHOP.objects[POD]}
    sources = {**SHOP.sources, Scope(NAMESPACE): source}
    async with looking(replace(SHOP, objects=objects, sources=sources), "namespaces") as at:
        assert at.rows == []
        for each in words:
            assert each in at.screen


async def test_who_may_not_list_them_sees_those_that_were_named_one_by_one() -> None:
    """Each is asked for by its name; what that gives is a row, what it does not is one too, with the reason."""
    shop, plain, absent = (named(NAMESPACE, each) for each in ("shop", "plain", "absent"))
    refusal = 'namespaces "plain" is forbidden: User "jane" cannot get resource "namespaces"'
    at_first = {**SHOP.sources, Scope(NAMESPACE): situations.refused(NAMESPACE)}
    by_name = {
        **at_first,
        shop: Source(Phase.LIVE),
        plain: Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, refusal)),
        absent: Source(Phase.LIVE),
    }
    objects = {**SHOP.objects, NAMESPACE: {"shop": SHOP.objects[NAMESPACE]["shop"]}}
    among = Settings(pane="namespaces", namespaces=("shop", "plain", "absent"))
    nothing = {**objects, NAMESPACE: {}}
    async with looking(
        replace(SHOP, objects=nothing, sources=at_first), size=(160, 40), settings=among
    ) as at:
        assert at.rows == []
        await at.until(lambda: {shop, plain, absent} <= at.wanted[0])
        await at.show(replace(SHOP, objects=objects, sources=by_name))
        rows = {row[1]: row for row in at.rows}
        assert rows.keys() == {"shop", "plain"}
        assert rows["shop"][:4] == ("✗", "shop", "ambient", "━━━━━━━─ 7/8 ✗ 1")
        assert rows["plain"][0] == "?"
        assert rows["plain"][2] == rows["plain"][4] == "?"
        await at.select("plain")
        assert f"its labels are not known: {refusal}" in at.said
        assert "mode unknown" in at.said
        assert "waypoint not known" in at.said
        assert "There is no namespace absent in this cluster." in at.screen
        assert "? namespaces forbidden" in at.screen.splitlines()[1]


async def test_who_may_list_pods_nowhere_reads_of_the_own_namespace() -> None:
    refused = dict.fromkeys((Scope(POD), Scope(NAMESPACE)), situations.refused(POD))
    limited = replace(
        SHOP,
        server=replace(SHOP.server, namespace="shop"),
        objects={},
        sources={**SHOP.sources, **refused},
    )
    async with looking(limited, "workloads") as at:
        assert ":ns shop looks at the context's own namespace alone." in at.screen
        await at.until(lambda: named(NAMESPACE, "shop") in at.wanted[0])


async def test_stale_rows_stay_and_say_since_when() -> None:
    async with looking(situations.stale(), "namespaces") as at:
        assert len(at.rows) == 11
        assert "stale since 12:37:00" in at.screen.splitlines()[0]
        assert "stale since 12:37:00" in at.screen.splitlines()[1]
        assert "! no answer within 10 s (again at 12:39:08): namespaces, pods" in at.screen


async def test_pods_that_may_not_be_listed_are_not_counted_as_none() -> None:
    objects = {kind: found for kind, found in SHOP.objects.items() if kind != POD}
    sources = {**SHOP.sources, Scope(POD): situations.refused(POD)}
    async with looking(replace(SHOP, objects=objects, sources=sources), "namespaces") as at:
        assert {row[3] for row in at.rows} == {"?"}

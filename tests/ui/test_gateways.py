"""The pane Gateways, over the recorded mesh: what its README says of them, and what its files hold."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshtui.mesh.kinds import GATEWAY, ISTIO_GATEWAY, POD, SECRET
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Problem, Ref, Scope, Snapshot, Source, Trouble
from tests.ui import situations
from tests.ui.looking import looking

SHOP = situations.shop()
PROXY = "public-istio-57996c77cf-wpbgf"


async def test_each_gateway_with_its_listeners_and_the_one_without_a_certificate_first() -> None:
    async with looking(SHOP, "gateways") as at:
        rows = {row[2]: row for row in at.rows}
        assert rows["public"] == (
            "✗", "edge", "public", "istio", "✗ HTTPS 8443  HTTP 80  HTTPS 443", "✗ missing",
            "! no", "3/4", "1/1", "–", "4m27s",
        )  # fmt: skip
        assert rows["classic"][3:9] == ("Istio API", "HTTP 80", "–", "–", "1", "0/0")
        assert "✗ 2  2  ● live" in at.screen.splitlines()[1]


async def test_the_detail_says_why_in_plain_words_and_with_the_controllers_reason() -> None:
    async with looking(SHOP, "gateways", (300, 60)) as at:
        await at.select("public")
        words = " ".join(at.detail.split())
        assert words.startswith("✗ Secret edge/absent does not exist: no certificate for listener")
        assert "no address was assigned to it yet (AddressNotAssigned)" in words
        assert "class istio, by istio.io/gateway-controller" in words
        assert f"1 of 1 ready: edge/{PROXY}" in words
        assert "3 taken of 4 that name it" in words
        assert "Programmed=False" in words
        assert 'address pending for hostname "public-istio.edge.svc.cluster.local"' in words


async def test_the_certificate_of_a_listener_is_decoded_with_what_it_covers() -> None:
    """`openssl x509 -text` of edge/acme-tls: its names, dates, key and SHA-256."""
    async with looking(SHOP, "gateways", (220, 60)) as at:
        await at.select("public")
        words = " ".join(at.detail.split())
        assert "Certificate edge/acme-tls of listener https" in words
        assert "valid until 2026-12-12 12:34 UTC (19 d left)" in words
        assert "covers *.acme.example" in words
        assert "RSA 2048" in words
        await at.press("d")
        whole = " ".join(at.read.split())
        assert "serial" in whole
        assert "SHA-256" in whole
        assert "Listener missing-cert" in whole


async def test_enter_goes_to_its_routes_and_on_to_their_services_and_escape_comes_back() -> None:
    async with looking(SHOP, "gateways") as at:
        await at.select("public")
        await at.press("enter")
        assert at.pane.NAME == "routes"
        assert {row[3] for row in at.rows} == {
            "broken-backend",
            "no-grant",
            "storefront",
            "wrong-host",
        }
        assert "in public" in at.screen.splitlines()[1]
        await at.select("shop.acme.example")
        await at.press("enter")
        assert at.pane.NAME == "services"
        assert {row[2] for row in at.rows} == {"storefront", "storefront-next"}
        await at.press("escape")
        assert (at.pane.NAME, at.under_cursor[3]) == ("routes", "storefront")
        await at.press("escape")
        assert (at.pane.NAME, at.under_cursor[2]) == ("gateways", "public")


async def test_enter_on_istios_own_goes_to_its_virtual_services() -> None:
    async with looking(SHOP, "gateways") as at:
        await at.select("classic")
        await at.press("enter")
        assert [row[2:4] for row in at.rows] == [("VirtualService", "classic")]


async def test_y_l_and_owner_are_of_the_gateway() -> None:
    async with looking(SHOP, "gateways") as at:
        await at.select("public")
        await at.press("y")
        assert at.session.asked == [Ref(GATEWAY, "edge", "public")]
        await at.press("escape", "J")
        assert (at.pane.NAME, at.under_cursor[1]) == ("namespaces", "edge")
        await at.press("escape", "u")
        assert at.pane.NAME == "routes"
        await at.press("escape")
        await at.select("classic")
        await at.press("l", "!")
        assert "There is no log behind this row." in at.read


async def test_the_secrets_of_listeners_are_asked_for_and_no_others() -> None:
    async with looking(SHOP, "gateways") as at:
        await at.until(lambda: bool(at.wanted[2]))
        refs = at.wanted[2]
        assert {Ref(SECRET, "edge", "acme-tls"), Ref(SECRET, "edge", "absent")} <= refs
        assert {ref.namespace for ref in refs} == {"edge", "istio-system"}


async def test_a_certificate_that_may_not_be_read_is_unknown() -> None:
    may_not = Problem(Trouble.FORBIDDEN, "jane may not get secrets in edge")
    gets = dict.fromkeys(SHOP.gets, Answer(problem=may_not))
    async with looking(replace(SHOP, gets=gets), "gateways") as at:
        assert next(row for row in at.rows if row[2] == "public")[5] == "? not read"
        await at.select("public")
        assert "jane may not get secrets in edge" in " ".join(at.detail.split())


async def test_pods_that_may_not_be_listed_are_not_none() -> None:
    refused = situations.refused(POD)
    sources = {
        scope: refused if scope.kind == POD else source for scope, source in SHOP.sources.items()
    }
    objects = {kind: found for kind, found in SHOP.objects.items() if kind != POD}
    async with looking(replace(SHOP, objects=objects, sources=sources), "gateways") as at:
        assert {row[8] for row in at.rows} == {"–"}
        await at.select("classic")
        assert "pods       not known" in at.detail


async def test_without_the_gateway_api_istios_own_are_there() -> None:
    async with looking(without(GATEWAY), "gateways") as at:
        assert [row[2] for row in at.rows] == ["classic"]
        assert "not installed: gateways" in at.screen


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (situations.refused(GATEWAY), "✗ forbidden"),
        (Source(Phase.LOADING), "◌ Loading gateways: 0 so far."),
        (Source(Phase.ABSENT), "Gateway (gateways.gateway.networking.k8s.io) is not installed"),
        (Source(Phase.LIVE), "There are no gateways but waypoints."),
    ],
)
async def test_no_rows_for_different_reasons(source: Source, words: str) -> None:
    at_all = replace(SHOP, objects={}, sources={**SHOP.sources, Scope(GATEWAY): source})
    async with looking(at_all, "gateways") as at:
        assert at.rows == []
        assert words in at.screen


def without(*kinds: object) -> Snapshot:
    absent = Source(Phase.ABSENT)
    objects = {kind: found for kind, found in SHOP.objects.items() if kind not in kinds}
    sources = {
        scope: absent if scope.kind in kinds else source for scope, source in SHOP.sources.items()
    }
    return replace(SHOP, objects=objects, sources=sources)


async def test_markup_and_escape_codes_in_a_gateway_are_drawn_as_text() -> None:
    it: Raw = {
        "metadata": {"name": "[bold]x", "namespace": "edge"},
        "spec": {"gatewayClassName": "\x1b[31mred", "listeners": [{"hostname": "\x1b[2J"}]},
        "status": {"conditions": [{"type": "[red]", "status": "False", "message": "[/]"}]},
    }
    objects = {**SHOP.objects, GATEWAY: {"edge/x": it}, ISTIO_GATEWAY: {}}
    async with looking(replace(SHOP, objects=objects), "gateways") as at:
        assert "[bold]x" in at.screen
        assert "\x1b" not in at.screen
        assert "[red]=False" in at.detail

"""The pane Services, over the recorded mesh: what its README says of each service, and what its files hold."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from meshtui.mesh import components, service_traffic, ztunnel_probes
from meshtui.mesh.kinds import SERVICE, SERVICE_ENTRY
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.raw import Raw
from meshtui.mesh.service_counters import Connections, Requests
from meshtui.mesh.snapshot import Answer, Phase, Ref, Scope, Snapshot, Source
from tests.mesh.made import made
from tests.ui import situations
from tests.ui.key_table import told
from tests.ui.looking import looking

SHOP = situations.shop()
NAMES = (
    *("mark", "namespace", "service", "type", "address", "ports", "ready", "in mesh", "waypoint"),
    *("fails", "requests", "errors", "failing", "routes", "policies", "external", "age"),
)


async def test_each_service_with_who_answers_and_what_stands_before_it() -> None:
    """`batch` names a waypoint that does not exist; of `checkout` one pod is the ghost; `reviews` has a route and the
    policy `viewers`; `public-istio` has no address from a load balancer."""
    async with looking(SHOP, "services") as at:
        rows = {f"{row[1]}/{row[2]}": dict(zip(NAMES, row, strict=True)) for row in at.rows}
        assert list(rows) == sorted(SHOP.objects[SERVICE])
        reports = rows["batch/reports"]
        assert (reports["mark"], reports["ready"], reports["in mesh"]) == ("✗", "2/2", "1/2 ✗ 1")
        assert (reports["waypoint"], reports["fails"]) == ("nowhere ✗ missing", "open")
        assert rows["shop/checkout"]["in mesh"] == "1/2 ✗ 1"
        reviews = rows["shop/reviews"]
        assert (reviews["mark"], reviews["in mesh"], reviews["waypoint"]) == (
            *("✓", "2/2", "waypoint"),
        )
        assert (reviews["fails"], reviews["routes"], reviews["policies"]) == ("", "1", "1")
        public = rows["edge/public-istio"]
        assert (public["mark"], public["type"], public["external"]) == ("!", "LoadBalancer", "")
        assert public["ports"] == "15021/TCP tcp, 80/TCP http, 443/TCP https, 8443/TCP https"
        assert rows["plain/curl"]["in mesh"] == "–"
        assert "✗ 5  ! 2  18  ● live" in at.screen.splitlines()[1]


async def test_service_entries_stand_among_them_and_are_told_from_them() -> None:
    spec = {
        "hosts": ["api.stripe.com"],
        "resolution": "DNS",
        "ports": [{"number": 443, "protocol": "TLS"}],
    }
    entry = {"metadata": {"name": "stripe", "namespace": "shop"}, "spec": spec}
    objects = {**SHOP.objects, SERVICE_ENTRY: {"shop/stripe": entry}}
    async with looking(replace(SHOP, objects=objects), "services", (200, 50)) as at:
        await at.select("shop", "stripe")
        row = dict(zip(NAMES, at.under_cursor, strict=True))
        assert (row["mark"], row["type"], row["ready"]) == ("·", "ServiceEntry", "entry")
        assert (row["address"], row["ports"]) == ("api.stripe.com", "443 TLS")
        assert (row["waypoint"], row["routes"], row["policies"]) == ("waypoint", "", "")
        for words in (
            "hosts outside the mesh, as it says",
            "resolves   looked up by DNS",
            "whether anything answers there is not looked into",
            "shop/waypoint, by the label of its namespace",
        ):
            assert words in at.detail
        await at.press("m")
        assert told(at) == (
            "Its waypoint is set by m on its namespace (J), or by a label of its own: kubectl label"
            " serviceentries.networking.istio.io stripe -n shop istio.io/use-waypoint=WAYPOINT"
            " --overwrite --context kind-shop"
        )
        await at.press("enter")
        assert at.pane.NAME == "services", "it leads to no pods"
        await at.press("t")
        assert ":trace api.stripe.com:443 from" in at.screen
        await at.press("escape", "b")
        assert at.pane.NAME == "policies"
        assert "Nothing in serviceentry shop/stripe." in at.screen
        await at.press("escape")
        await at.type(":pol\r")
        await at.select("shop", "stripe")
        await at.press("enter")
        assert [row[2] for row in at.rows] == ["stripe"], "what it makes known"


async def test_the_detail_says_which_waypoint_and_why_and_who_says_so() -> None:
    async with looking(SHOP, "services", (200, 60)) as at:
        await at.select("shop", "reviews")
        for words in (
            "shop/waypoint, by the label of its namespace",
            "WaypointBound=True WaypointAccepted: Successfully",
            "80/TCP → 8080  http (by its name)",
            "reviews-v1-5ccf764795-jvfwz  ready  ✓ proxied  10.244.0.17",
            "ALLOW   shop/viewers  waypoint  Accepted: bound to shop/waypoint",
        ):
            assert words in at.detail
        [route] = [line for line in at.detail.splitlines() if "HTTPRoute" in line]
        assert route.split()[:4] == ["✓", "HTTPRoute", "shop/reviews", "decides"]
        await at.select("batch", "opted-out")
        assert "fails      open" in at.detail
        assert 'WaypointIsNotReady: waypoint "batch/nowhere" is not ready' in " ".join(
            at.detail.split()
        )
        assert "· outside" in at.detail


async def test_one_that_is_opted_out_says_so() -> None:
    labels = {"istio.io/use-waypoint": "none"}
    spec = {"selector": {"app": "catalog"}, "clusterIP": "10.96.0.9"}
    raw = made("Service", "raw", "shop", labels=labels, spec=spec)
    async with looking(with_services(raw), "services", (200, 60)) as at:
        await at.select("shop", "raw")
        assert at.under_cursor[8] == "opted out"
        assert "none: opted out by its own label" in at.detail


def with_services(*more: Raw) -> Snapshot:
    added = {f"{it['metadata']['namespace']}/{it['metadata']['name']}": it for it in more}
    return replace(SHOP, objects={**SHOP.objects, SERVICE: {**SHOP.objects[SERVICE], **added}})


async def test_enter_goes_to_its_workloads_and_u_on_one_comes_back_to_its_services() -> None:
    async with looking(SHOP, "services") as at:
        await at.select("shop", "reviews-v1")
        await at.press("enter")
        assert at.pane.NAME == "workloads"
        assert [row[2] for row in at.rows] == ["reviews-v1-5ccf764795-jvfwz"]
        await at.press("u")
        assert at.pane.NAME == "services"
        assert [row[2] for row in at.rows] == ["reviews", "reviews-v1"]
        await at.press("escape", "escape")
        assert at.pane.NAME == "services"
        assert at.under_cursor[2] == "reviews-v1"


async def test_u_goes_to_the_routes_that_name_it_and_tells_where_none_does() -> None:
    async with looking(SHOP, "services") as at:
        await at.select("shop", "storefront")
        await at.press("u")
        assert at.pane.NAME == "routes"
        assert {row.ref.name for row in at.pane.table.rows} == {"storefront", "wrong-host"}
        await at.press("escape")
        await at.select("shop", "checkout")
        await at.press("u", "!")
        assert at.pane.NAME == "services"
        assert "No other pane has rows that name this one." in at.read


@pytest.mark.parametrize(
    ("service", "leads_to", "owner"),
    [
        ("shop/reviews", "namespaces", "shop"),
        ("payments/unused", "waypoints", "unused"),
        ("edge/public-istio", "gateways", "public"),
    ],
)
async def test_capital_j_goes_to_the_gateway_that_it_was_made_for_or_to_its_namespace(
    service: str, leads_to: str, owner: str
) -> None:
    async with looking(SHOP, "services") as at:
        await at.select(*service.split("/"))
        await at.press("J")
        front = at.pane.NAME
        assert front == leads_to
        assert owner in at.under_cursor


async def test_capital_j_on_a_pod_goes_to_its_controllers_pods_and_then_to_its_namespace() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.select("reports-864dfcf76c-5m94h")
        await at.press("J")
        assert at.pane.NAME == "workloads"
        assert {row[2] for row in at.rows} == {
            "reports-864dfcf76c-5m94h",
            "reports-864dfcf76c-htxkg",
        }
        assert at.under_cursor[2] == "reports-864dfcf76c-5m94h"
        await at.press("J")
        assert (at.pane.NAME, at.under_cursor[1]) == ("namespaces", "batch")


async def test_y_and_d_are_of_the_service() -> None:
    async with looking(SHOP, "services") as at:
        await at.select("shop", "reviews")
        await at.press("d")
        assert "Successfully attached to waypoint shop/waypoint" in at.read
        assert "created    " in at.read
        await at.press("escape", "y")
        assert at.session.asked == [Ref(SERVICE, "shop", "reviews")]


async def test_only_chosen_namespaces_are_shown() -> None:
    async with looking(SHOP, "services") as at:
        await at.type(":ns payments\r")
        assert {row[1] for row in at.rows} == {"payments"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (situations.refused(SERVICE), ("✗ forbidden", situations.RBAC)),
        (Source(Phase.LOADING, 0), ("◌ Loading services: 0 so far.",)),
        (Source(Phase.LIVE), ("There are no services here.",)),
    ],
)
async def test_no_rows_for_different_reasons(source: Source, words: tuple[str, ...]) -> None:
    objects = {kind: found for kind, found in SHOP.objects.items() if kind != SERVICE}
    sources = {**SHOP.sources, Scope(SERVICE): source}
    async with looking(replace(SHOP, objects=objects, sources=sources), "services") as at:
        assert at.rows == []
        for each in words:
            assert each in at.screen


async def test_kinds_of_routes_that_are_not_installed_are_not_missed() -> None:
    async with looking(situations.no_crds(), "services") as at:
        assert "tlsroutes" not in at.screen


def counted() -> Snapshot:
    """As if the ztunnels and the waypoint of shop were read twice, twenty seconds apart."""
    answers = {**SHOP.answers}
    before, now = SHOP.now - timedelta(seconds=20), SHOP.now
    denied = Connections("payments", "ledger", "DENY", "destination", plain=True)
    for pod in components.running(SHOP):
        if pod.labels.get("app") == "ztunnel":
            probe = ztunnel_probes.metrics(pod.namespace, pod.name)
            risen = Metrics(connections={denied: 6} if pod.node == "node-1" else {})
            assert probe.keep is not None
            kept = probe.keep(probe.keep(None, Metrics(), before), risen, now)
            answers[probe] = Answer(risen, now, kept=kept)
    for probe in service_traffic.probes(SHOP, ["shop/waypoint"]):
        value = {
            Requests("shop", "reviews", code): count for code, count in (("200", 90), ("503", 10))
        }
        assert probe.keep is not None
        answers[probe] = Answer(
            value, now, kept=probe.keep(probe.keep(None, {}, before), value, now)
        )
    return replace(SHOP, answers=answers)


async def test_traffic_is_what_proxies_counted_while_they_were_watched() -> None:
    async with looking(counted(), "services", (240, 80)) as at:
        columns = [column.title for column in at.pane.COLUMNS]
        first = columns.index("REQ/S") + 1
        rows = {row[2]: row[first : first + 3] for row in at.rows}
        assert rows["reviews"] == ("5.0", "10%", "0")
        assert rows["ledger"] == ("–", "–", "0.3")
        assert rows["catalog"] == ("0", "–", "0")
        assert rows["curl"] == ("–", "–", "–")
        await at.select("reviews")
        assert "requests 5.0 a second, 10% of them 5xx" in at.said
        assert any(level in at.detail for level in "▂▃▄▅▆▇")
        await at.select("ledger")
        assert "connects 0 a second begin, 0.3 fail" in at.said
        assert "0.3 DENY: denied by a policy" in at.said
        assert "watched 20s; the bars are the last 10m" in at.said
        await at.select("curl")
        assert "traffic no proxy counts it: it has no waypoint, and no ztunnel has seen" in at.said
        asked = set(service_traffic.probes(SHOP, ["shop/waypoint"]))
        await at.until(lambda: asked <= at.wanted[1])


async def test_traffic_that_was_not_read_is_not_none() -> None:
    unread = replace(SHOP, answers={})
    async with looking(unread, "services", (240, 80)) as at:
        await at.select("ledger")
        assert "connects not known: no ztunnel was read twice yet" in at.said
        assert "? 3 of 3 ztunnels not read" in at.said


async def test_the_service_of_a_waypoint_says_that_its_gateway_has_the_mesh_menu() -> None:
    async with looking(SHOP, "services") as at:
        await at.select("waypoint", column=2)
        await at.press("m")
        assert (
            told(at) == "This Service was made for a Gateway, which J leads to: m is for that one."
        )
        await at.press("J")
        assert at.pane.NAME == "waypoints"
        assert at.under_cursor[1:3] == ("shop", "waypoint")

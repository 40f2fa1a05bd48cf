"""Denials: both sides of a refusal are one event, and equal ones are one row, however the logs come and however many
there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshtui.mesh import denials, minimal_allow
from meshtui.mesh.access import reasons
from meshtui.mesh.denial_rows import MINUTES, Row, rate, series
from meshtui.mesh.denials import Denials
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Ref
from tests.recordings import Recording

NOON = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
LEDGER, OWN = "istio-system/ztunnel-a", "istio-system/ztunnel-b"
"""The ztunnels of the destination and of the source."""


def line(
    seconds: float, side: str, error: str, *, caller: str = "storefront", port: int = 8080
) -> LogLine:
    """As a ztunnel writes it (recording `shop`), some time after noon."""
    at = NOON + timedelta(seconds=seconds)
    number = 1000 + int(seconds * 10) % 60_000
    return LogLine(
        at,
        f"{at:%Y-%m-%dT%H:%M:%S.%fZ}\terror\taccess\tconnection complete\t"
        f'src.addr=10.244.0.12:{number} src.workload="{caller}-1" src.namespace="shop" '
        f'src.identity="spiffe://cluster.local/ns/shop/sa/{caller}" '
        f"dst.addr=10.244.0.20:15008 dst.hbone_addr=10.244.0.20:{port} "
        'dst.workload="ledger-1" dst.namespace="payments" '
        'dst.identity="spiffe://cluster.local/ns/payments/sa/ledger" '
        f'direction="{side}" bytes_sent=0 bytes_recv=0 duration="0ms" error="{error}"',
    )


def refusal(seconds: float, *, caller: str = "storefront") -> tuple[LogLine, LogLine]:
    """Both sides of one, the destination's first."""
    error = "connection closed due to policy rejection: allow policies exist, but none allowed"
    return (
        line(seconds, "inbound", error, caller=caller),
        line(seconds + 0.002, "outbound", "http status: 401 Unauthorized", caller=caller),
    )


def only(found: Denials) -> Row:
    (row,) = found.rows()
    return row


def minutes(found: Denials, seconds: float = 0) -> tuple[int | None, ...]:
    """Of its only row."""
    return series(only(found), found.dark, NOON + timedelta(seconds=seconds))


def test_what_was_recorded_of_a_small_mesh() -> None:
    """The README of the recordings tells what its log holds: eleven lines of failures, of seven refusals."""
    found = Denials(lambda namespace, pod: pod.rsplit("-", 2)[0])
    for each in Recording("shop").log("node-1").splitlines():
        found.read("istio-system/ztunnel", LogLine(None, each))
    rows = found.rows()
    assert {(row.source, row.destination, row.port, row.reason) for row in rows} == {
        ("shop/storefront", "payments/ledger", "8080", reasons.NO_ALLOW),
        ("plain/curl", "payments/ledger", "8080", reasons.STRICT),
        ("shop/checkout", "payments/ledger", "8080", reasons.NO_ROUTE),
        ("shop/checkout", "storefront-next.shop.svc.cluster.local", "80", reasons.NO_ROUTE),
        ("shop/checkout", "payments/refunds", "8080", reasons.NO_ALLOW),
        ("shop/storefront", "payments/refunds", "8080", reasons.NO_ALLOW),
        ("shop/checkout", "shop/reviews-v1", "9999", reasons.APP_REFUSED),
    }
    assert [row.count for row in rows] == [1] * 7
    assert [row.last for row in rows] == sorted((row.last for row in rows), reverse=True)
    behind = next(row for row in rows if row.port == "80")
    assert behind.via == "shop/waypoint"
    strict = next(row for row in rows if row.reason is reasons.STRICT)
    assert strict.policies == ("istio-system/istio_converted_static_strict",)
    assert strict.identities == ()
    assert strict.ref == Ref(POD, "payments", "ledger-669657bc95-s5qqg")
    assert all(row.verdict.health is Health.BAD and row.verdict.reason for row in rows)


def test_both_sides_are_one_event_in_whatever_order_they_come() -> None:
    sides = [(LEDGER, each) for each in (refusal(0)[0], refusal(1)[0])]
    sides += [(OWN, each) for each in (refusal(0)[1], refusal(1)[1])]
    for order in permutations(sides):
        found = Denials()
        for proxy, each in order:
            found.read(proxy, each)
        row = only(found)
        assert (row.count, row.reason) == (2, reasons.NO_ALLOW)
        assert row.proxies == (LEDGER,)
        assert row.first == refusal(0)[0].at


def test_a_side_alone_is_counted_and_says_that_the_other_knows_more() -> None:
    found = Denials()
    found.read(OWN, refusal(0)[1])
    assert only(found).reason is reasons.PEER_REFUSED
    found.read(LEDGER, refusal(20)[0])  # another one
    assert {row.reason: row.count for row in found.rows()} == {
        reasons.PEER_REFUSED: 1,
        reasons.NO_ALLOW: 1,
    }
    found.read(LEDGER, refusal(0)[0])  # its other side, late
    assert (only(found).reason, only(found).count) == (reasons.NO_ALLOW, 2)


def test_connections_to_other_ports_are_other_connections() -> None:
    found = Denials()
    found.read(LEDGER, line(0, "inbound", "connection failed: Connection refused (os error 111)"))
    found.read(OWN, line(0, "outbound", "http status: 503 Service Unavailable", port=9090))
    assert {(row.port, row.reason) for row in found.rows()} == {
        ("8080", reasons.APP_REFUSED),
        ("9090", reasons.PEER_FAILED),
    }


def test_a_handshake_that_failed_is_one_event_though_each_side_has_its_own_words() -> None:
    found = Denials()
    at = NOON.strftime("%Y-%m-%dT%H:%M:%S.5Z")
    found.read(
        LEDGER,
        LogLine(
            NOON,
            f"{at}\twarn\taccess\tconnection failed\tsrc.addr=10.244.0.12:4 dst.addr=10.244.0.20:15008 "
            'direction="inbound" error="tls handshake error: received fatal alert: UnknownCA"',
        ),
    )
    found.read(OWN, line(0, "outbound", "io error: invalid peer certificate: UnknownIssuer"))
    row = only(found)
    assert (row.reason, row.count, row.source) == (reasons.DISTRUST, 1, "shop/storefront-1")


WAYPOINTS = (
    '[2026-11-22T12:00:31.000Z] "GET /cart HTTP/1.1" 403 - rbac_access_denied_matched_policy[none] - '
    '"-" 0 19 3 - "-" "curl/8.5.0" "6f2c" "reviews:9080" "-" '
    "inbound-vip|9080|http|reviews.shop.svc.cluster.local - 10.96.145.71:9080 10.244.0.13:40951 - default"
)
"""What a waypoint writes in Istio's default format (istio-ambient.md, 5.5)."""


def test_a_waypoint_tells_addresses_alone_which_are_whose_they_were_then() -> None:
    proxy = "shop/waypoint-1"
    unknown = Denials()
    unknown.read(proxy, LogLine(NOON, WAYPOINTS))
    row = only(unknown)
    assert (row.source, row.destination, row.port) == (
        "10.244.0.13",
        "reviews.shop.svc.cluster.local",
        "9080",
    )
    assert (row.reason, row.ref, row.identities) == (reasons.NO_ALLOW_L7, None, ())
    asked = []

    def located(ip: str, at: datetime) -> tuple[str, str] | None:
        asked.append(at)
        return ("shop", "storefront") if ip == "10.244.0.13" else None

    known = Denials(located=located)
    known.read(proxy, LogLine(NOON, WAYPOINTS))
    assert only(known).source == "shop/storefront"
    assert set(asked) == {NOON + timedelta(seconds=1)}


def test_rows_are_by_workload_and_keep_their_key() -> None:
    found = Denials(lambda namespace, pod: f"{pod[:-2]}")
    found.read(LEDGER, refusal(0)[0])
    key = only(found).key
    found.read(LEDGER, refusal(30)[0])
    found.read(LEDGER, refusal(61, caller="catalog")[0])
    rows = {row.source: row for row in found.rows()}
    assert rows["shop/storefront"].key == key
    assert rows["shop/storefront"].count == 2
    assert rows["shop/storefront"].identities == ("spiffe://cluster.local/ns/shop/sa/storefront",)
    assert rows["shop/catalog"].count == 1


def test_the_minutes_and_the_rate() -> None:
    found = Denials()
    found.watch(LEDGER, NOON - timedelta(hours=2))
    for second in (-120, -119, -60, 0, 1, 2):
        found.read(LEDGER, refusal(second)[0])
    row = only(found)
    assert minutes(found)[-4:] == (0, 2, 1, 3)
    assert len(minutes(found)) == MINUTES
    assert rate(row, found.dark, NOON) == pytest.approx(6 / 5)


def test_minutes_before_the_log_was_read_are_not_known() -> None:
    found = Denials()
    found.watch(LEDGER, NOON - timedelta(minutes=1))
    found.read(LEDGER, refusal(0)[0])
    assert minutes(found) == (*[None] * (MINUTES - 2), 0, 1)
    assert rate(only(found), found.dark, NOON) == pytest.approx(1 / 2)


def test_a_gap_is_a_gap_and_no_zero() -> None:
    found = Denials()
    found.watch(LEDGER, NOON - timedelta(hours=2))
    found.read(LEDGER, refusal(-240)[0])
    found.read(LEDGER, LogLine(NOON - timedelta(seconds=100), "the stream ended", notice=True))
    assert minutes(found)[-5:] == (1, None, None, None, None)
    found.read(LEDGER, LogLine(NOON - timedelta(seconds=60), "2026-11-22T11:59:30Z\tinfo\tx\ty\t"))
    assert minutes(found)[-5:] == (1, None, None, None, 0)
    (gap,) = found.gaps
    assert (gap.proxy, gap.why) == (LEDGER, "the stream ended")
    assert gap.since == refusal(-240)[0].at
    assert gap.until == NOON - timedelta(seconds=60)


def test_a_gap_of_a_proxy_that_tells_nothing_of_a_row_does_not_concern_it() -> None:
    found = Denials()
    found.watch(LEDGER, NOON - timedelta(hours=2))
    found.read(LEDGER, refusal(-240)[0])
    found.cut("istio-system/ztunnel-far", NOON - timedelta(seconds=100), "the pod is gone")
    assert minutes(found)[-5:] == (1, 0, 0, 0, 0)
    assert [gap.until for gap in found.gaps] == [None]


def test_a_proxy_that_was_replaced_leaves_a_gap_that_has_an_end() -> None:
    found = Denials()
    found.watch(LEDGER, NOON - timedelta(hours=2))
    found.read(LEDGER, refusal(-240)[0])
    found.gone(LEDGER, NOON - timedelta(seconds=60))
    assert minutes(found)[-5:] == (1, None, None, None, 0)
    assert [gap.until for gap in found.gaps] == [NOON - timedelta(seconds=60)]


def test_what_is_more_than_it_keeps_is_dropped_and_counted() -> None:
    found = Denials(rows=10)
    for number in range(25):
        found.read(LEDGER, refusal(number, caller=f"caller{number:02}")[0])
    rows = found.rows()
    assert len(rows) == 10
    assert {row.source for row in rows} == {f"shop/caller{number}-1" for number in range(15, 25)}
    assert found.dropped == 15
    for number in range(denials.GAPS + 50):
        found.cut(LEDGER, NOON + timedelta(seconds=number), "the stream ended")
        found.read(LEDGER, refusal(number, caller="caller24")[0])
    assert len(found.gaps) == denials.GAPS


def test_sides_that_wait_too_long_are_given_up_and_none_is_lost() -> None:
    found = Denials(waiting=10)
    for number in range(25):
        found.read(OWN, refusal(number * 20)[1])
    row = only(found)
    assert (row.reason, row.count) == (reasons.PEER_REFUSED, 25)
    assert 15 <= found.forgotten < 25


def test_an_hour_of_refusals_each_second_keeps_but_its_minutes() -> None:
    found = Denials()
    for second in range(0, 3 * 3600, 5):
        for proxy, each in zip((LEDGER, OWN), refusal(second), strict=True):
            found.read(proxy, each)
    row = only(found)
    assert row.count == 3 * 720
    assert minutes(found, 3 * 3600)[:-1] == (12,) * (MINUTES - 1)
    assert found.counts.access == 2 * row.count


def test_lines_that_cannot_be_read_are_counted_over_all_proxies() -> None:
    found = Denials()
    found.read(LEDGER, LogLine(NOON, refusal(0)[0].text[:250]))
    found.read(OWN, LogLine(NOON, "\x1b[31m nothing of ours"))
    found.cut(LEDGER, NOON, "the pod is gone")
    assert (found.counts.unread, found.counts.continued) == (1, 1)
    assert found.rows() == ()


_TEXTS = st.text(max_size=20) | st.sampled_from(
    [each.text for each in (*refusal(0), *refusal(9, caller="\x1b[2J"))]
)


@given(
    st.lists(
        st.tuples(st.sampled_from([LEDGER, OWN, ""]), _TEXTS, st.integers(0, 300), st.booleans())
    )
)
def test_no_log_breaks_it(log: list[tuple[str, str, int, bool]]) -> None:
    found = Denials(rows=2, waiting=2)
    for proxy, text, cut, notice in log:
        found.read(proxy, LogLine(NOON, text[cut % (len(text) + 1) :], notice=notice))
        found.read(proxy, LogLine(None, text))
    for row in found.rows():
        assert row.count > 0
        assert len(series(row, found.dark, NOON)) == MINUTES
        minimal_allow.of(row, LABELS)


ENVOY_JSON = (
    '{"start_time":"2026-11-22T12:00:31.000Z","response_code":403,"response_flags":"-",'
    '"response_code_details":"rbac_access_denied_matched_policy[none]","authority":"reviews:9080",'
    '"downstream_remote_address":"10.244.0.13:40951","upstream_cluster":"inbound-vip|9080||reviews.shop.svc"}'
)
ZTUNNEL_JSON = (
    '{"level":"error","time":"2026-11-22T12:00:31.000Z","scope":"access","message":"connection complete",'
    '"src.addr":"10.244.0.12:1","dst.addr":"10.244.0.20:15008","direction":"inbound","duration":"0ms",'
    '"error":"connection closed due to policy rejection: allow policies exist, but none allowed"}'
)
HOSTILE = (
    refusal(0)[0].text,
    WAYPOINTS,
    ENVOY_JSON,
    ZTUNNEL_JSON,
    "\x00\x1b]0;title\x07\u202e" + refusal(1)[0].text,
    refusal(2)[0].text.replace("storefront", "\x1b[2J"),
    "2026-11-22T12:00:31Z\tinfo\taccess\tconnection complete\t" + "x" * 1_000_000,
    '{"start_time": ' + "[" * 20_000,
    "x" * 1_000_000,
)


@given(st.lists(st.tuples(st.sampled_from(HOSTILE), st.integers(0, 2_000)), max_size=30))
def test_whatever_a_log_holds_every_line_is_counted_once(lines: list[tuple[str, int]]) -> None:
    """Both formats of both proxies, half-written from either end, of a megabyte, and with control characters."""
    found = Denials()
    for text, cut in lines:
        found.read(LEDGER, LogLine(NOON, text[: len(text) - cut]))
    found.cut(LEDGER, NOON, "the stream ended")
    counts = found.counts
    assert counts.access + counts.other + counts.continued + counts.unread == len(lines)
    for row in found.rows():
        assert all(len(text) < 2_100 for sample in row.samples for _, text in sample.lines)


def test_of_each_refusal_the_lines_of_both_sides_are_kept_the_last_ones_first() -> None:
    found = Denials()
    for second in (0, 20, 40):
        for proxy, each in zip((OWN, LEDGER), reversed(refusal(second)), strict=True):
            found.read(proxy, each)
    newest, before = only(found).samples
    inbound, outbound = refusal(40)
    assert newest.lines == ((LEDGER, inbound.text), (OWN, outbound.text))
    assert before.lines[0][1] == refusal(20)[0].text


def test_a_row_that_has_not_changed_is_the_same_one() -> None:
    found = Denials()
    found.read(LEDGER, refusal(0)[0])
    found.read(OWN, refusal(20, caller="catalog")[1])
    before = {row.source: row for row in found.rows()}
    found.read(LEDGER, refusal(40)[0])
    after = {row.source: row for row in found.rows()}
    assert after["shop/catalog-1"] is before["shop/catalog-1"]
    assert after["shop/storefront-1"].count == 2


def test_where_a_turn_goes_on_from_where_the_last_one_ended_there_is_no_gap() -> None:
    found = Denials()
    found.watch(LEDGER, NOON - timedelta(hours=2))
    found.read(LEDGER, refusal(-240)[0])
    found.cut(LEDGER, NOON - timedelta(seconds=100), "not followed while others have their turn")
    found.hear(LEDGER, NOON - timedelta(seconds=240))
    assert found.gaps == ()
    assert minutes(found)[-5:] == (1, 0, 0, 0, 0)


LABELS = {
    "app": "ledger",
    "app.kubernetes.io/name": "ledger",
    "pod-template-hash": "669657bc95",
    "topology.kubernetes.io/zone": "a",
    "service.istio.io/canonical-name": "ledger",
    "apps.kubernetes.io/pod-index": "0",
}


def test_the_minimal_allow_names_this_identity_this_workload_and_this_port() -> None:
    found = Denials(lambda namespace, pod: pod[:-2])
    found.read(LEDGER, refusal(0)[0])
    row = only(found)
    assert minimal_allow.why_not(row, LABELS) == ""
    assert yaml.safe_load(minimal_allow.of(row, LABELS)) == {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "allow-storefront-to-ledger-8080", "namespace": "payments"},
        "spec": {
            "selector": {"matchLabels": {"app": "ledger", "app.kubernetes.io/name": "ledger"}},
            "action": "ALLOW",
            "rules": [
                {
                    "from": [{"source": {"principals": ["cluster.local/ns/shop/sa/storefront"]}}],
                    "to": [{"operation": {"ports": ["8080"]}}],
                }
            ],
        },
    }


def test_no_allow_is_offered_that_would_not_help_or_would_reach_further() -> None:
    found = Denials()
    found.read(LEDGER, refusal(0)[0])
    assert "labels of the destination" in minimal_allow.why_not(only(found), {})
    assert minimal_allow.of(only(found), {"pod-template-hash": "1"}) == ""
    denied = Denials()
    error = "connection closed due to policy rejection: explicitly denied by: payments/no"
    denied.read(LEDGER, line(0, "inbound", error))
    assert only(denied).policies == ("payments/no",)
    assert minimal_allow.of(only(denied), LABELS) == ""
    plain = Denials()
    anonymous = refusal(0)[0].text.replace(
        ' src.identity="spiffe://cluster.local/ns/shop/sa/storefront"', ""
    )
    plain.read(LEDGER, LogLine(NOON, anonymous))
    assert "no identity" in minimal_allow.why_not(only(plain), LABELS)

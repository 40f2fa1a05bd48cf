"""Access lines: read from what real ztunnels wrote, from the forms that Istio documents, and from what is broken."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.mesh.access import causes, reasons
from meshtui.mesh.access.lines import AccessLine, Direction, End, Unreadable, split
from meshtui.mesh.access.reading import LONGEST, Counts, Reader, read
from meshtui.mesh.access.reasons import Reason
from meshtui.mesh.health import Health
from tests.anything import JSON
from tests.recordings import DATA, Recording

RECORDED = [line for line in Recording("shop").log("node-1").splitlines() if "\taccess\t" in line]
ALLOWED, REFUSED = RECORDED[0], RECORDED[2]

ENVOY = (
    '[2026-11-22T12:40:01.123Z] "GET /cart?x=1 HTTP/1.1" 403 - '
    "rbac_access_denied_matched_policy[ns[shop]-policy[no-carts]-rule[0]] - "
    '"-" 0 19 3 - "-" "curl/8.5.0" "6f2c" "reviews:9080" "-" '
    "inbound-vip|9080|http|reviews.shop.svc.cluster.local - 10.96.145.71:9080 10.244.0.13:40951 - default"
)
"""Istio's default format (istio-ambient.md, 5.5)."""
ENVOY_FIELDS = {
    "start_time": "2026-11-22T12:40:01.123Z",
    "method": "GET",
    "path": "/cart?x=1",
    "protocol": "HTTP/1.1",
    "response_code": 403,
    "response_flags": "-",
    "response_code_details": "rbac_access_denied_matched_policy[ns[shop]-policy[no-carts]-rule[0]]",
    "connection_termination_details": None,
    "upstream_transport_failure_reason": None,
    "bytes_received": 0,
    "bytes_sent": 19,
    "duration": 3,
    "authority": "reviews:9080",
    "upstream_host": None,
    "upstream_cluster": "inbound-vip|9080|http|reviews.shop.svc.cluster.local",
    "downstream_local_address": "10.96.145.71:9080",
    "downstream_remote_address": "10.244.0.13:40951",
    "route_name": "default",
}


def known(line: str) -> AccessLine:
    found = read(line)
    assert found is not None
    return found


def as_json(line: str) -> str:
    """A line of text as the same ztunnel writes it under LOG_FORMAT=json (istio-ambient.md, 4.7)."""
    time, level, scope, message, fields = line.split("\t")
    found: dict[str, Any] = {"level": level, "time": time, "scope": scope, "message": message}
    for name, quoted, bare in re.findall(r'([\w.]+)=(?:"([^"]*)"|(\S+))', fields):
        found[name] = int(bare) if bare.isdecimal() else bare or quoted
    return json.dumps(found)


def failed(error: str, direction: str) -> str:
    return f'2026-11-22T12:37:12.8Z\terror\taccess\tconnection complete\tdirection="{direction}" error="{error}"'


def test_a_line_that_a_ztunnel_wrote() -> None:
    assert known(ALLOWED) == AccessLine(
        at=datetime(2026, 11, 22, 12, 37, 12, 784413, tzinfo=UTC),
        direction=Direction.OUTBOUND,
        source=End(
            "10.244.0.15:47450",
            "checkout-5f686c4cb7-v2nsk",
            "shop",
            "spiffe://cluster.local/ns/shop/sa/checkout",
        ),
        destination=End(
            "10.244.0.20:15008",
            "ledger-669657bc95-s5qqg",
            "payments",
            "spiffe://cluster.local/ns/payments/sa/ledger",
        ),
        asked="10.244.0.20:8080",
        service="",
        sent=80,
        received=455,
        duration=timedelta(milliseconds=17),
        error="",
    )
    assert known(ALLOWED).port == "8080"
    assert not known(ALLOWED).through


def test_every_access_line_that_was_recorded_is_read_and_nothing_else_is() -> None:
    for name, nodes in (
        ("shop", ("node-1", "node-2")),
        ("no-ca", ("node-1",)),
        ("acme", ("node-1",)),
    ):
        for node in nodes:
            counts = Counts()
            reader = Reader(counts)
            lines = Recording(name).log(node).splitlines()
            found = [each for line in lines if (each := reader.read(line))]
            assert len(found) == counts.access == sum("\taccess\t" in line for line in lines)
            begin = sum(bool(re.match(r"\d{4}-\d\d-\d\dT", line)) for line in lines)
            assert counts.other == begin - counts.access
            assert counts.continued == len(lines) - begin  # the configuration at start-up
            assert counts.unread == 0


def test_the_reasons_of_what_was_recorded() -> None:
    """In the order that the README of the recordings tells of."""
    found = [cause.reason if (cause := causes.of(known(line))) else None for line in RECORDED]
    refused = [reasons.NO_ALLOW, reasons.PEER_REFUSED]
    assert found == [
        *(None, None, *refused, reasons.STRICT, None),
        *(reasons.NO_ROUTE, reasons.NO_ROUTE),
        *(*refused, *refused, reasons.APP_REFUSED, reasons.PEER_FAILED),
    ]


def test_a_ca_that_answers_nobody_is_told_from_the_rest() -> None:
    lines = [line for line in Recording("no-ca").log("node-1").splitlines() if "\taccess\t" in line]
    found = [cause.reason if (cause := causes.of(known(line))) else None for line in lines]
    assert found == [reasons.NO_CERTIFICATE, None, *[reasons.NO_CERTIFICATE] * 3]


def test_what_real_ztunnels_said_of_each_verdict() -> None:
    recorded = json.loads((DATA / "verdicts.json").read_bytes())
    calls = [call for case in recorded["cases"] for call in case["calls"]]
    told = {call["reason"] for call in calls if call["expect"] == "deny"}
    assert len(told) > 2
    for reason in told:
        cause = causes.of(known(failed(reason, "inbound")))
        assert cause is not None
        by, colon, policy = reason.partition("explicitly denied by: ")
        if not colon:
            assert by.endswith("allow policies exist, but none allowed")
            assert cause == (reasons.NO_ALLOW, ())
        else:
            strict = policy == "istio-system/istio_converted_static_strict"
            assert cause == (reasons.STRICT if strict else reasons.DENY, (policy,))


@pytest.mark.parametrize(
    ("error", "direction", "reason"),
    [
        # istio-ambient.md, 4.8
        (
            "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed",
            "outbound",
            reasons.NETWORK_POLICY,
        ),
        ("io error: Connection refused (os error 111)", "outbound", reasons.NO_HBONE),
        ("connection failed: Connection refused (os error 111)", "inbound", reasons.APP_REFUSED),
        ("connection failed: deadline has elapsed", "inbound", reasons.APP_UNREACHABLE),
        ("connection closed due to policy change", "inbound", reasons.POLICY_CHANGE),
        (
            "connection closed due to policy rejection: workload not found",
            "inbound",
            reasons.STALE,
        ),
        ("io error: invalid peer certificate: UnknownIssuer", "outbound", reasons.DISTRUST),
        ("io error: invalid peer certificate: Expired", "outbound", reasons.EXPIRED),
        ("tls handshake error: Custom { kind: InvalidData }", "inbound", reasons.TLS),
        (
            "identity verification error: peer did not present the expected trustdomain (a.local)",
            "inbound",
            reasons.OTHER_IDENTITY,
        ),
        (
            "connection closed: peer certificate revoked by CRL",
            "inbound",
            reasons.REVOKED,
        ),
        ("unknown waypoint: Service { .. }", "outbound", reasons.UNKNOWN_WAYPOINT),
        ("no healthy upstream: 10.96.0.4:80", "outbound", reasons.NO_UPSTREAM),
        ("no service for target address: 10.96.0.4:80", "inbound", reasons.NO_PORT),
        ("requested service a.b:81 found, but cannot resolve port", "outbound", reasons.NO_PORT),
        (
            "failed to fetch information about local workload: a.b (c)",
            "outbound",
            reasons.UNKNOWN_SOURCE,
        ),
        ("http status: 400 Bad Request", "outbound", reasons.PEER_ODD),
        ("ip mismatch: 10.0.0.1 != 10.0.0.2", "inbound", reasons.OTHER_ADDRESS),
        ("pool draining", "outbound", reasons.DRAIN),
        ("receive: io error: Connection reset by peer", "inbound", reasons.RESET),
        ("Too many open files (os error 24)", "outbound", reasons.TOO_MANY_FILES),
        ("a reason of a version to come", "inbound", reasons.OTHER),
    ],
)
def test_the_reasons_that_istio_documents(error: str, direction: str, reason: Reason) -> None:
    cause = causes.of(known(failed(error, direction)))
    assert cause is not None
    assert cause.reason is reason


def test_only_what_was_cut_short_is_a_mere_warning_and_each_has_a_next_step() -> None:
    every = [each for each in vars(reasons).values() if isinstance(each, Reason)]
    assert len({each.code for each in every}) == len(every) > 30
    warnings = {each.title for each in every if each.health is Health.WARN}
    assert all(title.startswith("cut: ") for title in warnings)
    assert all(each.words and each.next for each in every)


def test_json_says_the_same_as_text() -> None:
    for line in RECORDED:
        assert known(as_json(line)) == known(line)


def test_a_line_of_before_1_31_names_no_cluster_and_one_that_failed_early_no_workload() -> None:
    older = re.sub(r' (src|dst)\.cluster="[^"]*"', "", REFUSED)
    assert older != REFUSED
    assert known(older) == known(REFUSED)
    early = (
        "2026-11-22T12:37:12.8Z\twarn\taccess\tconnection failed\tsrc.addr=10.1.0.2:99 "
        'dst.addr=[fd00::7]:15008 direction="inbound" error="tls error: \\"odd\\"\\n"'
    )
    found = known(early)
    assert (found.source, found.destination) == (End("10.1.0.2:99"), End("[fd00::7]:15008"))
    assert (found.sent, found.duration, found.error) == (None, None, 'tls error: "odd"\n')
    assert found.destination.ip == "[fd00::7]"


def test_an_address_is_host_and_port() -> None:
    assert split("10.0.0.1:80") == ("10.0.0.1", "80")
    assert split("[fd00::1]:80") == ("[fd00::1]", "80")
    assert split("fd00::1") == ("fd00::1", "")
    assert split("reviews") == ("reviews", "")
    assert split("") == ("", "")


def test_what_stands_between_a_caller_and_what_it_asked_for() -> None:
    through = next(line for line in RECORDED if "waypoint" in line)
    assert known(through).through
    assert known(through).port == "80"
    assert known(through).service == "storefront-next.shop.svc.cluster.local"


@pytest.mark.parametrize("line", [ALLOWED, REFUSED, as_json(ALLOWED), as_json(REFUSED), ENVOY])
def test_a_half_written_line_says_nothing(line: str) -> None:
    for cut in range(len(line)):
        try:
            found = read(line[:cut])
        except Unreadable:
            continue
        assert found is None or (line is ENVOY and found.response == known(line).response)


def test_a_line_in_parts_is_read_when_the_rest_has_come() -> None:
    counts = Counts()
    reader = Reader(counts)
    broken = REFUSED.replace("none allowed", "none\nallowed")
    half, rest = broken.split("\n")
    assert reader.read(half) is None
    found = reader.read(rest)
    assert found is not None
    assert found.error.endswith("none\nallowed")
    assert (counts.access, counts.unread) == (1, 0)


def test_what_never_comes_is_counted() -> None:
    counts = Counts()
    reader = Reader(counts)
    reader.read(REFUSED[:300])
    assert counts.unread == 0
    assert reader.read(ALLOWED) == known(ALLOWED)
    assert (counts.access, counts.unread) == (1, 1)
    reader.read(REFUSED[:200])
    reader.end()
    assert counts.unread == 2


def test_a_line_of_a_megabyte_is_counted_and_not_kept() -> None:
    counts = Counts()
    reader = Reader(counts)
    reader.read(failed("x" * 2**20, "inbound"))
    reader.read("y" * 2**20)
    reader.read(failed("x" * (LONGEST - 200), "inbound")[:-1])
    for _ in range(10):
        reader.read("z" * 2**16)
    assert (counts.access, counts.unread) == (0, 2)
    assert reader.read(ALLOWED) is not None


def test_both_forms_of_both_proxies_in_one_log() -> None:
    counts = Counts()
    reader = Reader(counts)
    log = [ENVOY, as_json(REFUSED), REFUSED, "  continued", json.dumps(ENVOY_FIELDS)]
    found = [reader.read(line) for line in log]
    assert [bool(each) for each in found] == [True, True, True, False, True]
    assert (counts.access, counts.continued, counts.unread) == (4, 1, 0)


def test_control_characters_are_no_end_of_a_line_and_no_end_of_a_field() -> None:
    odd = failed("\x1b[31m\x00\x0c\u2028[bold]", "inbound")
    assert known(odd).error == "\x1b[31m\x00\x0c\u2028[bold]"


@pytest.mark.parametrize("line", [ENVOY, json.dumps(ENVOY_FIELDS)])
def test_a_waypoint_that_denies(line: str) -> None:
    found = known(line)
    assert found.direction is Direction.BETWEEN
    assert found.source == End("10.244.0.13:40951")
    assert found.service == "reviews.shop.svc.cluster.local"
    assert found.port == "9080"
    assert (found.received, found.sent) == (0, 19)
    assert found.duration == timedelta(milliseconds=3)
    assert causes.of(found) == (reasons.DENY_L7, ("shop/no-carts",))


@pytest.mark.parametrize(
    ("status", "flags", "details", "reason"),
    [
        ("200", "-", "via_upstream", None),
        ("403", "-", "via_upstream", None),  # the application's own
        ("403", "-", "rbac_access_denied_matched_policy[none]", reasons.NO_ALLOW_L7),
        ("401", "-", "jwt_authn_access_denied{Jwt_is_missing}", reasons.TOKEN),
        ("403", "UAEX", "ext_authz_denied", reasons.EXTERNAL),
        ("404", "NR", "route_not_found", reasons.NO_ROUTE_L7),
        ("503", "UH", "no_healthy_upstream", reasons.NO_UPSTREAM),
        ("503", "UF,URX", "upstream_reset_before_response_started", reasons.UPSTREAM),
        ("504", "UT", "response_timeout", reasons.TIMEOUT),
        ("0", "DC", "downstream_remote_disconnect", reasons.GONE),
        ("500", "ZZ", "of_a_version_to_come", reasons.OTHER),
    ],
)
def test_the_flags_of_an_envoy(
    status: str, flags: str, details: str, reason: Reason | None
) -> None:
    denied = "403 - rbac_access_denied_matched_policy[ns[shop]-policy[no-carts]-rule[0]]"
    cause = causes.of(known(ENVOY.replace(denied, f"{status} {flags} {details}")))
    assert (cause.reason if cause else None) is reason


def test_a_tcp_connection_that_an_envoy_refuses() -> None:
    line = ENVOY.replace('"GET /cart?x=1 HTTP/1.1" 403', '"- - -" 0').replace(
        "rbac_access_denied_matched_policy[ns[shop]-policy[no-carts]-rule[0]] -",
        "- rbac_access_denied_matched_policy[none]",
    )
    assert causes.of(known(line)) == (reasons.NO_ALLOW_L7, ())


def test_a_form_of_somebodys_own_is_not_read_and_counted() -> None:
    counts = Counts()
    reader = Reader(counts)
    assert reader.read("[2026-11-22T12:40:01.123Z] 403 GET /cart") is None
    assert reader.read('{"start_time": "yesterday", "response_flags": "NR"}') is None
    reader.end()
    assert counts.unread == 2


_PIECES = st.sampled_from(
    [
        *("2026-11-22T12:37:12.8Z", "2026-99-99T99:99:99Z", "\t", "access", "error", "warn"),
        *("connection complete", "connection failed", ' direction="inbound"', ' error="'),
        *(' duration="', ' bytes_sent="', "=", '"', "\\", "\\u{110000}", "\\u{d800}", "\\x9b"),
        *("[", "{", "]", "}", '"access"', "\x1b[2J", "\0", ENVOY, REFUSED),
    ]
)


@given(st.lists(st.lists(_PIECES | st.text(max_size=5), max_size=12).map("".join), max_size=8))
def test_no_line_breaks_anything_and_each_is_counted(lines: list[str]) -> None:
    counts = Counts()
    reader = Reader(counts)
    for line in lines:
        if (found := reader.read(line)) is not None:
            causes.of(found)
    reader.end()
    least = len(lines) - counts.continued
    assert counts.access + counts.other + counts.unread == least


@given(st.dictionaries(st.sampled_from([*json.loads(as_json(REFUSED)), *ENVOY_FIELDS]), JSON))
def test_no_value_of_json_breaks_anything(damage: dict[str, Any]) -> None:
    for whole in (json.loads(as_json(REFUSED)), ENVOY_FIELDS):
        found = Reader(Counts()).read(json.dumps(whole | damage))
        if found is not None:
            causes.of(found)
            assert found.at.tzinfo is not None

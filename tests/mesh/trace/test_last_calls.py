"""The last access lines of a call in a trace: those that the ztunnels of the recorded mesh `shop` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from msgspec.structs import replace

from meshtui.mesh.access import tails
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Answer, Problem, Ref, Snapshot, Trouble
from meshtui.mesh.trace import walk
from meshtui.mesh.trace.ends import Question
from meshtui.mesh.trace.hops import Hop
from tests import recordings
from tests.mesh.trace.test_walk import CHECKOUT, SHOP

ZTUNNELS = {"node-1": "ztunnel-4rh2t", "node-2": "ztunnel-gnq4h"}
LOG = recordings.Recording("shop").log("node-1").splitlines()


def logged(lines: Mapping[str, list[str]], at: Snapshot = SHOP) -> Snapshot:
    """With the ends of the logs of these nodes as they were read."""
    found = {
        tails.of(Ref(POD, "istio-system", ZTUNNELS[node])): Answer(
            tails.read([LogLine(None, text) for text in texts]), at.now
        )
        for node, texts in lines.items()
    }
    return replace(at, tails=found)


def hop(known: Snapshot, a: str, b: str) -> Hop | None:
    found = walk.of(known, Question(a, b)).hops
    return next((each for each in found if each.title == "access lines"), None)


def last(known: Snapshot, a: str, b: str) -> Hop:
    found = hop(known, a, b)
    assert found is not None
    return found


CALLS = [
    # who, whom, the health, and what the last line of such a call says; seconds before the snapshot by hand
    ("shop/storefront", "payments/ledger", Health.BAD, "none takes this caller on this port"),
    ("plain/curl", "payments/ledger", Health.BAD, "(istio-system/istio_converted_static_strict)"),
    (CHECKOUT, "shop/storefront-next", Health.BAD, "cannot be reached"),
    (CHECKOUT, "shop/sa/reviews-v1:9999", Health.BAD, "nothing listens on this port"),
    (CHECKOUT, "shop/sa/catalog:9000", Health.OK, "no failure was written"),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "health", "words"), CALLS, ids=lambda each: str(each)[:30])
def test_it_says_what_became_of_the_last_call(a: str, b: str, health: Health, words: str) -> None:
    found = last(logged({"node-1": LOG}), a, b)
    assert (found.verdict.health, words in found.verdict.reason) == (health, True), found.verdict
    assert found.evidence
    assert all(seen.at == SHOP.now and seen.ref is not None for seen in found.evidence)


def test_the_line_itself_is_the_evidence_and_of_two_sides_the_one_that_knows_why() -> None:
    (inbound,) = (line for line in LOG if "none allowed" in line and "ledger" in line)
    outbound = inbound.replace('direction="inbound"', 'direction="outbound"').replace(
        "connection closed due to policy rejection: allow policies exist, but none allowed",
        "http status: 401 Unauthorized",
    )
    late = outbound.replace(inbound[:19], f"{inbound[:17]}59")
    found = last(
        logged({"node-1": [inbound], "node-2": [late]}), "shop/storefront", "payments/ledger"
    )
    assert [seen.value for seen in found.evidence] == [
        inbound.replace("\t", " "), late.replace("\t", " "),
    ]  # fmt: skip
    assert found.evidence[0].source == "log of ztunnel-4rh2t"


def test_a_call_that_came_through_since_counts_and_the_port_does_too() -> None:
    (refused,) = (line for line in LOG if "none allowed" in line and "ledger" in line)
    through = refused.partition(" error=")[0].replace("\terror\t", "\tinfo\t")
    through = through.replace(refused[:19], f"{refused[:17]}59")
    found = last(logged({"node-1": [refused, through]}), "shop/storefront", "payments/ledger")
    assert found.verdict.health is Health.OK
    assert found.verdict.reason.endswith(":59 UTC, went through")
    other = through.replace(":8080", ":9090")
    found = last(logged({"node-1": [refused, other]}), "shop/storefront", "payments/ledger")
    assert found.verdict.health is Health.BAD


def test_what_failed_long_ago_is_no_longer_known_to_fail() -> None:
    at = replace(SHOP, now=SHOP.now + timedelta(minutes=5))
    found = last(logged({"node-1": LOG}, at), "shop/storefront", "payments/ledger")
    assert found.verdict.health is Health.UNKNOWN
    assert found.verdict.reason.endswith("no line tells of one since")


def test_a_log_that_may_not_be_read_is_unknown_and_one_that_nobody_asked_for_is_no_hop() -> None:
    (tail,) = walk.tails(SHOP, Question("shop/storefront", "payments/ledger"))[:1]
    may_not = Problem(Trouble.FORBIDDEN, "you may not get pods/log in istio-system")
    found = last(
        replace(SHOP, tails={tail: Answer(problem=may_not)}), "shop/storefront", "payments/ledger"
    )
    assert found.verdict.health is Health.UNKNOWN
    assert "you may not get pods/log in istio-system" in found.verdict.reason
    assert hop(SHOP, "shop/storefront", "payments/ledger") is None


def test_broken_lines_are_counted_and_break_nothing() -> None:
    (good,) = (line for line in LOG if "none allowed" in line and "ledger" in line)
    broken = [good[:200], "x" * 1_000_000, "\x1b[2J\x00", "{", '{"scope":"access"', good[:30] * 900]
    found = last(logged({"node-1": [*broken, "2026-11-22T12:38:59Z"]}), CHECKOUT, "payments/ledger")
    assert found.verdict.health is Health.OK
    assert "that cannot be understood" in found.evidence[0].value


def test_the_logs_of_both_ends_are_asked_for() -> None:
    asked = walk.tails(SHOP, Question(CHECKOUT, "shop/catalog"))
    assert {each.pod for each in asked} == set(ZTUNNELS.values())
    assert walk.tails(SHOP, Question("shop/nobody", "shop/catalog")) == ()
    gateway = walk.tails(SHOP, Question("outside", "https://shop.acme.example/"))
    assert {each.pod for each in gateway} == set(ZTUNNELS.values())

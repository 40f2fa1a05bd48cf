"""Questions on the screen: asked by command and by key, answered, walked, left for a row, and live."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshtui.mesh import raw, ztunnel_probes
from meshtui.mesh.kinds import NETWORK_POLICY, POD
from meshtui.mesh.memo import Memo
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.trace.ends import Question
from meshtui.ui import asking
from meshtui.ui.answers import Answered, AnswerScreen
from meshtui.ui.path_answers import PathAsked
from meshtui.ui.reader import Yaml
from tests.ui import situations
from tests.ui.key_table import told
from tests.ui.looking import Looking, looking
from tests.ui.test_denials import hearing
from tests.ui.test_hostile import MATTERS, POISON, clean, poisoned_mesh

SHOP = situations.shop()
CHECKOUT = "shop/pod/checkout-5f686c4cb7-v2nsk"


def screen(at: Looking) -> AnswerScreen:
    found = at.app.screen
    assert isinstance(found, AnswerScreen)
    return found


async def answered(at: Looking) -> None:
    await at.until(lambda: screen(at)._snapshot is at.app.snapshot)


async def asked(at: Looking, line: str) -> None:
    await at.type(f":{line}\r")
    await answered(at)


def under(at: Looking) -> Answered:
    row = screen(at).table.selected
    assert row is not None
    return row


def headline(at: Looking) -> str:
    answer = screen(at)._derived
    assert answer is not None
    verdict = answer[1].verdict
    return f"{verdict.health.mark} {verdict.reason}"


def marks(at: Looking) -> str:
    return "".join(row.verdict.health.mark for row in screen(at).table.rows)


async def test_a_trace_begins_at_the_first_hop_that_is_broken_and_says_what_decides_it() -> None:
    async with looking(SHOP, "workloads") as at:
        await asked(at, "trace shop/storefront payments/ledger")
        assert headline(at).startswith("✗ policies at the ztunnel: ALLOW policies apply")
        assert marks(at) == "✓✓✓✓✓✓✗✓✓✓"
        assert under(at).key == "policies at the ztunnel"
        said = " ".join(at.screen.split())
        assert "next: if the call is meant to be" in said
        assert "AuthorizationPolicy payments/allow-checkout spec.rules[0] =" in said
        assert "(4s ago)" in said
        await at.press("g")
        assert under(at).key == "capture of A"
        assert "Pod shop/storefront-79968d5cff-jbfb7 annotated = ✓" in at.screen


JUMPS = [
    # the hop, the pane and a word of its row
    ("capture of A", "workloads", "storefront-79968d5cff-jbfb7"),
    ("name to endpoints", "ztunnels", "ztunnel-gnq4h"),
    ("waypoint", "waypoints", "waypoint"),
    ("policies at the waypoint", "policies", "viewers"),
    ("route", "routes", "reviews"),
    ("endpoints", "services", "reviews-v1"),
]


@pytest.mark.parametrize(("key", "pane", "word"), JUMPS, ids=lambda each: each)
async def test_enter_goes_to_the_object_that_decides_and_escape_comes_back(
    key: str, pane: str, word: str
) -> None:
    async with looking(SHOP, "namespaces") as at:
        await asked(at, "trace shop/storefront shop/reviews")
        await at.press("g")
        while under(at).key != key:
            await at.press("j")
        await at.press("enter")
        assert len(at.app.screen_stack) == 1
        assert pane == at.pane.NAME
        assert word in at.under_cursor
        await at.press("escape")
        assert at.pane.NAME == "namespaces"


async def test_where_no_pane_has_the_object_it_is_shown_as_yaml() -> None:
    async with looking(SHOP, "workloads") as at:
        await asked(at, f"trace {CHECKOUT} payments/refunds")
        assert under(at).key == "network policies"
        await at.press("enter")
        assert isinstance(at.app.screen, Yaml)
        assert [ref.key for ref in at.session.asked] == ["payments/only-8080"]


async def test_it_wants_the_dumps_of_both_ends() -> None:
    async with looking(SHOP, "namespaces") as at:
        await asked(at, f"trace {CHECKOUT} shop/catalog")
        detail = {
            ztunnel_probes.detail("istio-system", name)
            for name in ("ztunnel-4rh2t", "ztunnel-gnq4h")
        }
        await at.until(lambda: detail <= at.wanted[1])
        await at.press("escape")
        await at.until(lambda: not detail & at.wanted[1])


def opened(snapshot: Snapshot) -> Snapshot:
    """With TCP 15008 open to the pods of refunds."""
    it = snapshot.objects[NETWORK_POLICY]["payments/only-8080"]
    ports = [{"port": port, "protocol": "TCP"} for port in (8080, 15008)]
    mended: Raw = {**it, "spec": {**it["spec"], "ingress": [{"ports": ports}]}}
    found = {**snapshot.objects[NETWORK_POLICY], raw.key(it): mended}
    return replace(snapshot, objects={**snapshot.objects, NETWORK_POLICY: found})


async def test_it_is_drawn_anew_as_the_cluster_changes_with_the_cursor_on_its_hop() -> None:
    async with looking(SHOP, "workloads") as at:
        await asked(at, f"trace {CHECKOUT} payments/refunds")
        assert headline(at).startswith("✗ network policies: NetworkPolicy payments/only-8080")
        await at.show(opened(SHOP))
        await answered(at)
        assert headline(at).startswith("✗ policies at the ztunnel")
        assert under(at).key == "network policies"
        assert under(at).verdict.health.mark == "✓"


async def test_it_is_copied_as_text() -> None:
    async with looking(SHOP, "workloads") as at:
        await asked(at, "trace shop/storefront payments/ledger")
        await at.press("c")
        text = at.app.clipboard
        assert text.startswith(
            "Trace · shop/storefront → payments/ledger\n✗ policies at the ztunnel"
        )
        assert "\n✓ capture of A  in the mesh" in text
        assert "spec.mtls.mode = STRICT  (as it is watched)" in text


KEYS = [
    # pane, a word of the row, the key, what stands in the prompt then
    ("workloads", "curl-79fdd9dff-prgcf", "t", "trace plain/pod/curl-79fdd9dff-prgcf "),
    ("workloads", "curl-79fdd9dff-prgcf", "v", "verdict plain/pod/curl-79fdd9dff-prgcf "),
    ("services", "checkout", "t", "trace shop/service/checkout:80 from "),
    ("services", "checkout", "v", "verdict shop/service/checkout:80 from "),
    ("routes", "storefront", "t", "trace https://shop.acme.example/ from outside"),
    ("routes", "catalog", "t", "trace shop/service/catalog:9000 from "),
    ("routes", "classic", "t", "trace http://classic.acme.example/ from outside"),
]  # fmt: skip


@pytest.mark.parametrize(("pane", "word", "key", "text"), KEYS)
async def test_keys_ask_for_the_other_end(pane: str, word: str, key: str, text: str) -> None:
    async with looking(SHOP, pane) as at:
        if pane == "workloads":
            await at.select(word)
        else:
            await at.select(word, column=3 if pane == "routes" else 2)
        await at.press(key)
        assert at.main.prompt.asking == ":"
        assert at.main.prompt.typed.value == text


async def test_what_is_typed_right_behind_the_key_is_the_other_end() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.select("curl-79fdd9dff-prgcf")
        await at.type("tpayments/ledger\r")
        await answered(at)
        assert headline(at).startswith("✗ mTLS: plain text")
        await at.press("escape")
        assert len(at.app.screen_stack) == 1
        assert at.pane.NAME == "workloads"


async def test_v_on_two_marked_rows_is_the_verdict_and_x_the_other_way_round() -> None:
    async with looking(SHOP, "workloads") as at:
        for name in ("ledger-669657bc95-cvfm7", "storefront-79968d5cff-jbfb7"):
            await at.select(name)
            await at.press("space")
        await at.press("v")
        await answered(at)
        assert headline(at).startswith(
            "✓ allowed: Pod payments/ledger-669657bc95-cvfm7 → Pod shop/store"
        )
        await at.press("x")
        await answered(at)
        assert len(at.app.screen_stack) == 2
        assert headline(at).startswith(
            "✗ refused: Pod shop/storefront-79968d5cff-jbfb7 → Pod payments/"
        )
        assert "nearest: payments/allow-checkout rule 1 wants ports [8080]" in " ".join(
            at.screen.split()
        )
        await at.press("enter")
        assert at.pane.NAME == "policies"
        assert "allow-checkout" in at.under_cursor


async def test_a_verdict_hangs_on_what_is_told_of_the_request() -> None:
    async with looking(SHOP, "workloads") as at:
        await asked(at, "verdict shop/storefront shop/reviews")
        assert headline(at).startswith("? unknown")
        await at.press("escape")
        await asked(at, "verdict shop/storefront shop/reviews method=GET")
        assert headline(at).startswith("✓ allowed")
        await at.press("escape")
        await asked(at, "verdict shop/reviews:80 from shop/storefront method=POST")
        assert headline(at).startswith("✗ refused")


async def test_the_matrix_says_who_may_call_and_whom_it_may_call() -> None:
    async with looking(SHOP, "services") as at:
        await at.select("ledger", column=2)
        await at.press("V")
        await answered(at)
        assert "Service payments/ledger may be called on port 80 by shop/checkout" in headline(at)
        rows = {row.key: row.verdict.health.mark for row in screen(at).table.rows}
        assert rows["calls it shop/checkout"] == "✓"
        assert rows["calls it shop/storefront"] == rows["calls it outside"] == "·"
        assert rows["it calls shop/catalog"] == "✓"
        await at.press("escape")
        await asked(at, "who shop/reviews")
        assert "of " in headline(at), "GET alone is allowed, so that it depends on the request"


REFUSED = [
    # a word of the row, and the headline that explains it: what the proxies' own lines say
    (
        ("shop/storefront", "payments/ledger:8080"),
        "✗ policies at the ztunnel: ALLOW policies apply",
    ),
    (("plain/curl", "payments/ledger:8080"), "✗ mTLS: plain text"),
]


@pytest.mark.parametrize(("row", "words"), REFUSED, ids=lambda each: str(each))
async def test_t_on_a_denial_has_both_ends(row: tuple[str, str], words: str) -> None:
    async with looking(hearing(), "denials") as at:
        await at.select(*row)
        await at.press("t")
        await answered(at)
        assert headline(at).startswith(words)
        await at.press("escape", "v")
        await answered(at)
        assert headline(at).startswith("✗ refused: Pod ")


async def test_t_right_behind_other_keys_is_for_the_row_that_they_lead_to() -> None:
    async with looking(hearing(), "denials") as at:
        first = at.under_cursor
        await at.press("j")
        row = at.under_cursor
        assert row != first
        await at.press("k")
        for key in "tv":
            await at.type(f"j{key}")
            await answered(at)
            assert row[1] in headline(at) or row[1] in at.screen.splitlines()[0]
            await at.press("escape")
            assert at.under_cursor == row
            await at.press("k")


@pytest.mark.parametrize("pane", ["workloads", "services", "routes"])
async def test_keys_that_open_a_prompt_act_after_those_before_them(pane: str) -> None:
    async with looking(SHOP, pane) as at:
        before = at.pane.table.selected
        await at.type("jjktpayments/led")
        after = at.pane.table.selected
        assert (before, after) == tuple(at.pane.table.rows[:2])
        assert at.pane.snapshot is not None
        line, _ = asking.begun(at.pane, "trace", at.pane.snapshot)
        assert at.main.prompt.typed.value == f"{line}payments/led"
        await at.press("escape")
        await at.type("j:sort")
        assert at.main.prompt.typed.value == "sort"
        assert at.pane.table.selected == at.pane.table.rows[2]
        await at.press("escape")
        await at.type("j/led")
        assert at.pane.filter_text == "led"


async def test_it_completes_what_may_be_named() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":trace shop/storefr")
        assert "trace shop/storefront" in at.screen
        await at.press("tab")
        assert at.main.prompt.typed.value == "trace shop/storefront"
        await at.type(" payments/led")
        await at.press("down", "tab")
        assert at.main.prompt.typed.value == "trace shop/storefront payments/ledger:80"


async def test_a_command_that_says_too_little_asks_for_the_rest() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":trace shop/storefront\r")
        assert at.main.prompt.typed.value == "trace shop/storefront "
        await at.type("shop/catalog\r")
        await answered(at)
        assert headline(at) == "✓ nothing is in the way"


@pytest.mark.parametrize("line", ["trace shop/nobody shop/catalog", "who shop/nobody"])
async def test_a_name_that_is_nothing_is_said_to_be_that(line: str) -> None:
    async with looking(SHOP, "workloads") as at:
        await asked(at, line)
        assert headline(at).startswith("? there is no pod, workload")
        assert marks(at) == ""
        await at.press("j", "enter", "c", "escape")
        assert len(at.app.screen_stack) == 1


async def test_where_nothing_is_called_the_key_says_so() -> None:
    async with looking(SHOP, "routes") as at:
        await at.select("storefront", column=3)
        await at.press("v")
        assert told(at).startswith("Nothing that is called is behind this row")
        assert not at.main.prompt.asking


@pytest.mark.parametrize("situation", ["loading", "forbidden", "stale", "refusing", "limited"])
async def test_what_is_not_known_is_never_well(situation: str) -> None:
    async with looking(situations.SITUATIONS[situation](), "workloads", (80, 24)) as at:
        await asked(at, f"trace {CHECKOUT} payments/refunds")
        assert not headline(at).startswith("✓")
        await at.press("escape")
        await asked(at, "who payments/refunds")
        assert len(at.screen.splitlines()) == 24


@pytest.mark.parametrize("spared", [MATTERS, ()], ids=["names", "everything"])
async def test_poisoned_words_steer_nothing(spared: tuple[str, ...]) -> None:
    known = poisoned_mesh(spared)
    pods = [it for it in known.objects[POD].values() if "storefront" in raw.name(it)]
    async with looking(known, "workloads", (100, 30)) as at:
        name = raw.key(pods[0])
        at.app._reading.ask(PathAsked(Question(name, f"payments{POISON}/ledger{POISON}")))
        await answered(at)
        clean(at)
        for _ in range(len(screen(at).table.rows)):
            await at.press("j")
            clean(at)


READ = [
    ("a b", Question("a", "b")),
    ("b:80 from a", Question("a", "b:80")),
    ("a b method=GET path=/x?y=z end-user=jason", Question("a", "b", "GET", "/x?y=z", {"end-user": "jason"})),
    ("a https://shop/?x=y", Question("a", "https://shop/?x=y")),
    ("a", None), ("", None), ("a from", None), ("a b c", None), ("from a", None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "question"), READ, ids=lambda each: str(each))
def test_how_the_words_are_read(line: str, question: Question | None) -> None:
    assert asking.read(line) == question


def test_memory_of_an_answer_is_of_its_snapshot() -> None:
    """The same question over another snapshot is another answer."""
    question = PathAsked(Question(CHECKOUT, "payments/refunds"))
    before = question.answer(replace(SHOP, memo=Memo()))
    after = question.answer(replace(opened(SHOP), memo=Memo()))
    assert before.start != after.start

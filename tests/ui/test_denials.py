"""The pane Denials: who is refused in the recorded mesh and why, what of it is not known, and the way to let it
through; and the same in the built-in cluster, where it goes on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshtui.kube import audit
from meshtui.mesh.denial_watch import Heard, Watch
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Phase, Ref, Snapshot
from meshtui.sim import process
from meshtui.ui.confirm import Confirm
from meshtui.ui.log_reader import LogReader
from meshtui.ui.pick import Pick
from tests.recordings import Recording
from tests.ui import situations
from tests.ui.looking import Looking, looking
from tests.ui.still import until
from tests.ui.test_changing_a_cluster import keyboard

SHOP = situations.shop()
LOG = Recording("shop").log("node-1").splitlines()
ZTUNNEL = Ref(POD, "istio-system", "ztunnel-4rh2t")
ALLOW = "allow-storefront-to-ledger-8080"


def hearing(*lines: LogLine, since: int = 600, seconds: float = 0) -> Snapshot:
    """The mesh so many seconds later, with lines of the ztunnel of node-1 behind those that were recorded."""
    watch = Watch(since)
    watch.see(SHOP)
    proxies = watch.proxies(SHOP.now)
    for line in (*(LogLine(SHOP.now, text) for text in LOG), *lines):
        watch.take(ZTUNNEL, line)
    heard = watch.heard(proxies, {})
    return replace(SHOP, now=SHOP.now + timedelta(seconds=seconds), heard=heard)


def again(text: str, seconds: float) -> str:
    """A recorded line, as it would be written some time after the recording."""
    at = SHOP.now + timedelta(seconds=seconds)
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z{text[text.index(chr(9)) :]}"


REFUSED = next(line for line in LOG if "none allowed" in line)
LEDGER = ("shop/storefront", "payments/ledger:8080")


async def test_each_refusal_with_what_it_means_and_how_often() -> None:
    """By hand from the log, 109 to 66 seconds before; the newest group on top."""
    async with looking(SHOP, "denials") as at:
        assert [row[:5] for row in at.rows] == [
            ("✗", "shop/checkout", "shop/reviews-v1:9999", "application refused", "1"),
            ("✗", "shop/storefront", "payments/refunds:8080", "no ALLOW matches", "1"),
            ("✗", "shop/checkout", "payments/refunds:8080", "no ALLOW matches", "1"),
            ("✗", "shop/checkout", "storefront-next.shop:80", "no route to host", "1"),
            ("✗", "shop/checkout", "payments/ledger:8080", "no route to host", "1"),
            ("✗", "plain/curl", "payments/ledger:8080", "plain text, STRICT", "1"),
            ("✗", "shop/storefront", "payments/ledger:8080", "no ALLOW matches", "1"),
        ]
        assert [row[6] for row in at.rows] == ["65s", "65s", "68s", "100s", "104s", "107s", "107s"]
        assert "following 3 of 3 ztunnels; 14 access lines read" in at.screen
        assert "3 of 3 logs  ● live" in at.screen


@pytest.mark.parametrize("command", [":denials", ":denial", ":den"])
async def test_the_commands_that_open_it(command: str) -> None:
    async with looking(SHOP, "workloads") as at:
        assert not at.session.denials
        await at.type(f"{command}\r")
        await at.until(lambda: at.session.denials)
        assert at.pane.NAME == "denials"
        await at.type(":workloads\r")
        await at.until(lambda: not at.session.denials)


async def test_the_detail_says_who_is_responsible_and_shows_what_was_written() -> None:
    async with looking(SHOP, "denials", (180, 80)) as at:
        await at.select(*LEDGER)
        assert "next add the caller to one of them, or apply the minimal ALLOW" in at.said
        assert "caller spiffe://cluster.local/ns/shop/sa/storefront" in at.said
        assert "✗ ztunnel of payments: ALLOW policies apply, and none allows it" in at.said
        assert "nearest: payments/allow-checkout rule 1 wants principals" in at.said
        assert (
            "principals: - cluster.local/ns/shop/sa/storefront to: - operation: ports: - '8080'"
            in at.said
        )
        assert "m makes it, also as a trial first; nothing is done unasked." in at.said
        assert "policy rejection: allow policies exist, but none allowed" in at.said
        assert "401 Unauthorized" in at.said, "the other side of the same"
        assert "✓ ztunnel istio-system/ztunnel-4rh2t: access log on" in at.said
        assert (
            "? what is refused by gateway edge/public-istio-57996c77cf-wpbgf, waypoint" in at.said
        )
        await at.select("plain/curl")
        assert (
            "PeerAuthentication payments/default: anything in payments takes mTLS only" in at.said
        )
        assert "principals" not in at.said


async def test_the_cursor_stays_and_the_order_too_while_they_go_on() -> None:
    async with looking(SHOP, "denials") as at:
        await at.select(*LEDGER)
        before = [row[1:4] for row in at.rows]
        await at.show(hearing(LogLine(SHOP.now, again(REFUSED, 5)), seconds=6))
        assert at.under_cursor[1:5] == (*LEDGER, "no ALLOW matches", "2")
        assert [row[1:4] for row in at.rows] == before
        assert at.under_cursor[6] == "1s"
        stranger = again(REFUSED.replace("storefront", "stranger"), 7)
        await at.show(
            hearing(*(LogLine(SHOP.now, text) for text in (stranger, stranger)), seconds=8)
        )
        assert at.rows[0][1].startswith("shop/stranger")
        assert at.under_cursor[1:3] == LEDGER


async def test_those_that_began_together_do_not_change_places_as_they_go_on() -> None:
    assert SHOP.heard is not None
    found = [replace(row, first=SHOP.now - timedelta(minutes=2)) for row in SHOP.heard.rows]
    one, other = (
        replace(SHOP, heard=replace(SHOP.heard, rows=rows))
        for rows in (tuple(found), tuple(reversed(found)))
    )
    async with looking(one, "denials") as at:
        before = at.rows
        await at.show(other)
        assert at.rows == before


async def test_what_was_refused_long_ago_goes_under_what_is_refused_now() -> None:
    line = LogLine(SHOP.now, again(REFUSED, 400))
    async with looking(hearing(line, seconds=401), "denials") as at:
        assert at.rows[0][1:3] == LEDGER
        assert [row[6] for row in at.rows[1:3]] == ["7m46s", "7m46s"]


async def test_what_was_lost_and_what_was_not_heard_is_on_the_screen() -> None:
    half = LogLine(SHOP.now, REFUSED[:200])
    odd = LogLine(
        SHOP.now, '2026-11-22T12:39:00Z\terror\taccess\tconnection complete\tdirection="up"'
    )
    cut = LogLine(SHOP.now, "no answer within 10 s, trying again in 2.0 s", notice=True)
    async with looking(hearing(half, odd, cut, seconds=5), "denials", (140, 40)) as at:
        assert "14 access lines read; 2 could not be read" in at.screen
        assert (
            "! nothing heard since 12:39:00 of istio-system/ztunnel-4rh2t: no answer within"
            in at.screen
        )


async def test_only_the_minutes_that_were_heard_are_zero() -> None:
    """Of 12:30 to 12:39, where the log is read from 12:36 on, and all was refused at 12:37."""
    async with looking(hearing(since=180), "denials", (160, 40)) as at:
        assert [row[8] for row in at.rows] == ["?????? █  "] * 7


async def test_without_rights_it_says_which_and_what_remains() -> None:
    async with looking(situations.limited(), "denials", (140, 40)) as at:
        assert "? 3 logs cannot be read: jane may not get pods/log in istio-system" in at.screen
        assert (
            "? access log unknown: 1 gateway, 2 waypoints; what they refuse is not known"
            in at.screen
        )
        assert "? jane may not create pods/portforward in istio-system" in at.screen
        assert "No access line was read yet." in at.screen
        assert "following 0 of 3 ztunnels, 0 of 1 gateway, 0 of 2 waypoints" in at.screen


OFF = "access log ? off: neither a Telemetry nor accessLogFile of mesh config asks for it"


@pytest.mark.parametrize(
    ("pane", "row", "says"),
    [
        ("ztunnels", "node-1", "access log ✓ on: a ztunnel writes it at level info"),
        ("waypoints", "waypoint", OFF),
        ("gateways", "public", OFF),
    ],
)
async def test_each_proxy_says_whether_its_access_log_is_on(pane: str, row: str, says: str) -> None:
    async with looking(SHOP, pane, (180, 60)) as at:
        await at.select(row)
        assert says in at.said


async def test_no_denial_is_not_said_before_a_line_was_read() -> None:
    async with looking(situations.empty(), "denials") as at:
        assert "No access line was read yet." in at.screen
        fine = [line for line in LOG if "\taccess\t" in line and "error=" not in line]
        watch = Watch(600)
        watch.see(SHOP)
        for text in fine:
            watch.take(ZTUNNEL, LogLine(SHOP.now, text))
        await at.show(replace(SHOP, heard=watch.heard(watch.proxies(SHOP.now), {})))
        assert "Nothing was refused in 3 access lines." in at.screen
        assert "access log off: 1 gateway, 2 waypoints" in at.screen


async def test_where_the_keys_lead() -> None:
    async with looking(SHOP, "denials") as at:
        await at.select(*LEDGER)
        await at.press("enter")
        assert (at.pane.NAME, at.under_cursor[2]) == ("workloads", "ledger-669657bc95-s5qqg")
        await at.press("escape", "z")
        assert (at.pane.NAME, at.under_cursor[1:3]) == ("ztunnels", ("node-1", ZTUNNEL.name))
        await at.press("escape", "b")
        assert at.pane.NAME == "policies"
        assert "allow-checkout" in {row[3] for row in at.rows}
        await at.press("escape", "J")
        assert (at.pane.NAME, at.under_cursor[1]) == ("namespaces", "payments")
        await at.press("escape", "l")
        assert isinstance(at.app.screen, LogReader)
        assert ZTUNNEL.key in at.screen
        await at.press("escape", "c")
        assert at.app.clipboard.startswith(
            "shop/storefront → payments/ledger:8080: there are ALLOW"
        )
        assert "401 Unauthorized" in at.app.clipboard


async def test_filters_and_namespaces_narrow_it() -> None:
    async with looking(SHOP, "denials") as at:
        await at.type("/refunds\r")
        assert {row[2] for row in at.rows} == {"payments/refunds:8080"}
        await at.press("escape")
        await at.type(":ns plain\r")
        assert [row[1] for row in at.rows] == ["plain/curl"]


async def test_names_from_strangers_do_not_steer_the_terminal() -> None:
    hostile = again(REFUSED.replace("storefront-79968d5cff", "a\\u{1b}[2J\\u{202e}b"), 1)
    async with looking(hearing(LogLine(SHOP.now, hostile), seconds=2), "denials", (160, 60)) as at:
        assert at.rows[0][1].startswith("shop/a\x1b[2J")
        assert not {"\x1b", "\u202e"} & set(at.screen)
        assert "�[2J" in at.screen


# What lets it through


async def offered(at: Looking) -> list[str]:
    await at.press("m")
    await at.until(lambda: isinstance(at.app.screen, Pick))
    assert isinstance(at.app.screen, Pick)
    options = at.app.screen.options
    found = (options.get_option_at_index(i).prompt for i in range(options.option_count))
    return [str(each).partition("  ")[0] for each in found]


async def shown(at: Looking, *words: str) -> None:
    await at.until(
        lambda: isinstance(at.app.screen, Confirm) and all(w in at.screen for w in words)
    )


async def test_what_can_be_offered_is_in_the_menu_and_where_nothing_can_it_says_why() -> None:
    async with looking(SHOP, "denials") as at:
        await at.select(*LEDGER)
        assert await offered(at) == [
            "make the minimal ALLOW as a trial",
            "make the minimal ALLOW",
            "edit the minimal ALLOW, then make it",
            "add its rule to allow-checkout",
        ]
        await at.press("escape")
        await at.select("plain/curl")
        await at.press("m")
        assert at.app._told[-1].text == "Nothing is offered: no ALLOW policy would change this."
        assert at.session.applied == []


async def test_read_only_it_is_shown_and_not_offered() -> None:
    async with looking(SHOP, "denials", (160, 60), context="prod-eu1") as at:
        await at.select(*LEDGER)
        await at.press("m")
        assert at.app._told[-1].text.startswith("Read-only:")
        assert "principals" in at.said


async def test_it_is_tried_first_and_then_made_good(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    async with looking(SHOP, "denials", audit_file=file) as at:
        await at.select(*LEDGER)
        await offered(at)
        await at.press("enter")
        await shown(at, "as a trial", "+     istio.io/dry-run: 'true'", "+         - '8080'")
        await shown(at, "istiod sends no trial to ztunnels", "2 pods of payments (app=ledger)")
        await at.press("enter")
        await at.until(lambda: not at.app._changing.busy)
        assert "It is there as a trial: m enforces it." in at.said
        assert (await offered(at))[0] == "enforce the trial"
        await at.press("enter")
        await shown(
            at, f"Enforce AuthorizationPolicy payments/{ALLOW}", "-     istio.io/dry-run: 'true'"
        )
        await at.press("enter")
        await at.until(lambda: "0 of 2 pods whose ztunnel holds the policy" in at.screen)
        await at.press("escape")
        await at.until(lambda: len(at.app.screen_stack) == 1)
        assert "It is there already." in at.said
        assert "! by what is written now it is let in" in at.said
        assert [type(change).__name__ for change in at.session.applied] == ["Create", "Patch"]
    steps = [(each["step"], each.get("state")) for each in audit.read(file)]
    assert steps == [("intent", None), ("outcome", "applied")] * 2


def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """An editor that runs a program over the text of the file."""
    script = tmp_path / "editor.py"
    lines = ["import sys, pathlib", "path = pathlib.Path(sys.argv[-1])", "text = path.read_text()"]
    script.write_text("\n".join([*lines, program]))
    monkeypatch.setenv("KUBE_EDITOR", shlex.join([sys.executable, str(script)]))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def left(tmp_path: Path) -> Sequence[Path]:
    return sorted(tmp_path.glob("meshtui-*/*.yaml"))


async def test_it_can_be_edited_before_it_is_asked_for_and_nothing_typed_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(monkeypatch, tmp_path, f"path.write_text(text.replace('{ALLOW}', 'let-them-in'))")
    async with looking(SHOP, "denials", audit_file=tmp_path / "audit.jsonl") as at:
        await at.select(*LEDGER)
        await offered(at)
        await at.press("down", "down", "enter")
        await shown(at, "+   name: let-them-in")
        await at.press("escape")
        [kept] = left(tmp_path)
        await at.until(lambda: any(str(kept) in told.text for told in at.app._told))
        assert "let-them-in" in kept.read_text()
        await offered(at)
        await at.press("down", "down", "enter")
        await shown(at, "+   name: let-them-in")
        await at.press("enter")
        await at.until(lambda: "pods whose ztunnel holds the policy" in at.screen)
        assert [change.target for change in at.session.applied] == [
            Ref(AUTHORIZATION_POLICY, "payments", "let-them-in")
        ]
        assert left(tmp_path) == [kept]


async def test_what_is_written_as_another_kind_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(monkeypatch, tmp_path, "path.write_text('kind: Secret')")
    async with looking(SHOP, "denials", audit_file=tmp_path / "audit.jsonl") as at:
        await at.select(*LEDGER)
        await offered(at)
        await at.press("down", "down", "enter")
        await at.until(lambda: bool(at.app._told))
        assert "apiVersion cannot be another one" in at.app._told[-1].text
        assert at.session.applied == []
        assert len(left(tmp_path)) == 1


# In the built-in cluster


def counted(heard: Heard | None) -> dict[str, int]:
    return {row.reason.code: row.count for row in heard.rows} if heard else {}


async def test_in_the_built_in_cluster_they_go_on_until_the_policy_is_made(tmp_path: Path) -> None:
    with process.running("shop") as kubeconfig:
        async with keyboard(kubeconfig, tmp_path / "audit.jsonl", "shop") as at:
            await at.pilot.press(*":denials", "enter")
            await at.until("no ALLOW matches", "plain text, STRICT", "15008 times out")
            await at.until("following 3 of 3 ztunnels")
            main = at.app.screen_stack[0]
            pane = main.front  # type: ignore[attr-defined]
            assert at.app.snapshot is not None
            before = counted(at.app.snapshot.heard)

            def more() -> bool:
                assert at.app.snapshot is not None
                return counted(at.app.snapshot.heard)["no-allow"] > before["no-allow"]

            await until(at.pilot, more, seconds=60)
            (key,) = (row.key for row in pane.table.rows if row.reason.code == "hbone-timeout")
            pane.table.select(key)
            await at.pilot.press("d")
            await at.until(
                "NetworkPolicy payments/only-8080 keeps port 15008 closed into payments/"
            )
            await at.pilot.press("escape")
            (key,) = (row.key for row in pane.table.rows if row.reason.code == "no-allow")
            pane.table.select(key)
            await at.pilot.press("m", "down")
            await at.asked("enter")
            await at.until("✓ accepted as a dry run")
            await at.pilot.press("enter")
            await at.until("2 of 2 pods whose ztunnel holds the policy", "✓ verified")
            await at.pilot.press("escape")
            await until(at.pilot, lambda: not at.app._changing.busy, seconds=30)
            made = f"payments/{ALLOW}"
            await until(at.pilot, lambda: at.labels(AUTHORIZATION_POLICY, made) == {}, seconds=30)
            assert at.app.snapshot.covering(AUTHORIZATION_POLICY).phase is Phase.LIVE
            assert at.story() == ["intent", "outcome applied"]

"""Changes from the keyboard: asked for, looked at, confirmed or declined, and what is said of how they ended."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from meshtui.kube import audit
from meshtui.kube.errors import StatusError
from meshtui.mesh.kinds import DEPLOYMENT, NAMESPACE, SERVICE
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Problem, Right, Snapshot, Trouble
from meshtui.settings import Settings
from meshtui.ui.audit_reader import AuditReader
from meshtui.ui.confirm import Confirm
from meshtui.ui.pick import Pick
from meshtui.ui.spans import text_of
from meshtui.ui.verify import Verify
from tests.mesh.made import made
from tests.ui import situations
from tests.ui.looking import Looking, looking

SHOP = situations.shop()
LABEL = "istio.io/dataplane-mode"
PRODUCTION = "prod-eu1"
WEBHOOK = 'admission webhook "label-guard.example" denied the request: ask the mesh team'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def story(file: Path) -> list[str]:
    """The steps in the audit, whose chain is whole."""
    assert audit.verify(file).problems == ()
    return [f"{each['step']} {each.get('state', '')}".strip() for each in audit.read(file)]


def namespaces(**labels: dict[str, str]) -> Snapshot:
    """The recorded mesh with some namespaces more, and their labels."""
    added = {name: made("Namespace", name, labels=of) for name, of in labels.items()}
    known = SHOP.objects[NAMESPACE]
    return replace(SHOP, objects={**SHOP.objects, NAMESPACE: {**known, **added}})


def relabelled(name: str, **labels: str) -> Snapshot:
    """The recorded mesh after somebody else labelled a namespace."""
    it = SHOP.objects[NAMESPACE][name]
    meta = {**it["metadata"], "labels": {**it["metadata"]["labels"], **labels}}
    changed: Raw = {**it, "metadata": {**meta, "resourceVersion": "999999"}}
    known = SHOP.objects[NAMESPACE]
    return replace(SHOP, objects={**SHOP.objects, NAMESPACE: {**known, name: changed}})


async def asked(at: Looking, *keys: str) -> None:
    """Presses keys until the dialog stands there."""
    await at.press(*keys)
    await at.until(lambda: isinstance(at.app.screen, Confirm))


async def shown(at: Looking, words: str) -> None:
    """Waits until words are on the screen."""
    await at.until(lambda: words in at.screen)


async def told(at: Looking, *words: str) -> None:
    """Waits until words were said, which `!` keeps."""
    await at.until(lambda: all(any(each in it.text for it in at.app._told) for each in words))


async def menu(at: Looking) -> list[str]:
    await at.press("m")
    await at.until(lambda: isinstance(at.app.screen, Pick))
    assert isinstance(at.app.screen, Pick)
    options = at.app.screen.options
    return [str(options.get_option_at_index(i).prompt) for i in range(options.option_count)]


async def test_a_namespace_is_enrolled_followed_and_taken_back(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        screen = at.screen
        assert "Enroll namespace plain in the mesh" in screen
        assert f"+     {LABEL}: ambient" in screen
        assert "✓ ztunnel and CNI agent are ready on the node with its pods" in screen
        assert "accepted as a dry run" in screen
        assert not at.session.applied
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, Verify))
        await shown(at, "0 of 1 pod captured")
        assert "label ✓  CNI ✗" in at.screen
        await at.press("u")
        await at.until(lambda: isinstance(at.app.screen, Confirm))
        assert f"-     {LABEL}: ambient" in at.screen
        await at.press("enter")
        await at.until(lambda: len(at.session.applied) == 2)
        await at.until(lambda: isinstance(at.app.screen, Verify))
        found = at.session.now.find(NAMESPACE, "", "plain")
        assert found is not None
        assert LABEL not in found["metadata"]["labels"]
    assert story(file) == ["intent", "outcome applied"] * 2


async def test_what_was_left_running_is_in_the_header_and_undone_by_name(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, Verify))
        await at.press("escape")
        await at.until(lambda: "plain: 0 of 1 pod captured" in at.screen.splitlines()[0])
        await at.press("m", "!")
        await told(at, "One thing at a time")
        await at.type(":undo\r")
        await at.until(lambda: isinstance(at.app.screen, Confirm))
        assert "Undo: Enroll namespace plain" in at.screen
        await at.press("escape")
        await told(at, "nothing was changed")
    assert story(file) == ["intent", "outcome applied", "outcome declined"]


async def test_after_an_undo_that_was_declined_the_evidence_is_followed_on(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        await at.press("enter")
        await shown(at, "0 of 1 pod captured")
        followed = at.app._changing._proving._following
        for _ in range(2):
            await asked(at, "u")
            await at.press("escape")
            await at.until(lambda: isinstance(at.app.screen, Verify))
            await shown(at, "0 of 1 pod captured")
            assert at.app._changing._proving._following is followed, (
                "with the time that it has left"
            )
        await asked(at, "u")
        await at.press("enter")
        await at.until(lambda: len(at.session.applied) == 2)
    assert story(file) == [
        *("intent", "outcome applied", "outcome declined", "outcome declined"),
        *("intent", "outcome applied"),
    ]


async def test_a_dialog_that_scrolls_shows_its_lines_whole(file: Path) -> None:
    async with looking(SHOP, "namespaces", (80, 20), audit_file=file) as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        assert isinstance(at.app.screen, Confirm)
        said = at.app.screen.lines
        for width in range(80, 60, -1):  # at some of them a line is as long as there is room
            await at.pilot.resize_terminal(width, 20)
            await at.until(lambda: said.show_vertical_scrollbar)
            longest = max(cell_len(text_of(line)) for line in said.shown)
            assert longest <= said.scrollable_content_region.width


async def test_esc_and_colon_decline(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        await at.press("escape")
        await told(at, "nothing was changed")
        await at.until(lambda: not at.app._changing.busy)
        await asked(at, "m", "enter")
        await at.press(":")
        await at.until(lambda: at.main.prompt.asking == ":" and not at.app._changing.busy)
        assert not at.session.applied
    assert story(file) == ["outcome declined"] * 2


async def test_quitting_in_the_middle_changes_nothing_and_is_in_the_audit(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        await at.press("ctrl+c", "ctrl+c")
        await at.until(lambda: at.app._exit)
        assert not at.session.applied
    assert story(file) == ["outcome declined"]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_in_the_middle_is_in_the_audit(ending: signal.Signals, file: Path) -> None:
    """What the signal calls; that it does is seen on a terminal of its own (tests/test_cli.py)."""
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        at.app._leave(128 + ending)
        await at.until(lambda: at.app._exit)
        assert at.app.return_value == 128 + ending
    assert story(file) == ["outcome declined"]


async def test_read_only_says_why_until_it_is_unlocked(file: Path) -> None:
    async with looking(SHOP, "namespaces", context=PRODUCTION, audit_file=file) as at:
        await at.select("plain")
        assert "m mesh" not in at.screen
        await at.press("m", "r", "e")
        await told(at, "Read-only: its name looks like production. :write allows changes")
        assert at.app.screen is at.main
        await at.type(":write\r")
        await at.until(lambda: "writes 15:00" in at.screen.splitlines()[0])
        assert "m mesh" in at.screen
        await at.type(":readonly\r")
        await at.until(lambda: "read-only" in at.screen.splitlines()[0])
        assert "m mesh" not in at.screen
    assert story(file) == []


async def test_what_was_started_read_only_stays_so() -> None:
    settings = Settings(pane="namespaces", read_only=True)
    async with looking(SHOP, settings=settings) as at:
        await at.type(":write\r")
        await told(at, "It stays read-only: --read-only was given.")
        assert "read-only" in at.screen.splitlines()[0]


async def test_in_production_the_name_is_typed(file: Path) -> None:
    settings = Settings(pane="namespaces", read_only=False)
    async with looking(
        SHOP, context=PRODUCTION, settings=settings, size=(80, 24), audit_file=file
    ) as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        assert "Type plain and enter to go on" in at.screen
        await at.type("shop\r")
        assert "That is not it. Type plain" in at.screen
        assert not at.session.applied
        await at.press(*["backspace"] * 4)
        await at.type("plain\r")
        await at.until(lambda: bool(at.session.applied))
    assert story(file) == ["intent", "outcome applied"]


async def test_without_the_right_the_key_says_so(file: Path) -> None:
    why = "jane may not patch namespaces"
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        at.session.rights = {NAMESPACE: Right(False, why)}
        await at.select("plain")
        await at.until(lambda: "plain" in {ref.name for _, ref in at.pane.barred})
        assert "m mesh" not in at.screen
        await at.press("m")
        await told(at, why)
        assert at.app.screen is at.main


async def test_who_may_not_restart_a_waypoint_may_be_let_to_delete_it(file: Path) -> None:
    async with looking(SHOP, "waypoints", audit_file=file) as at:
        at.session.rights = {DEPLOYMENT: Right(False, "jane may not patch deployments")}
        await at.select("waypoint")
        await at.until(lambda: bool(at.pane.barred))
        assert [each for each in await menu(at) if "log level" not in each] == ["delete"]
        await at.press("escape", "r")
        await told(at, "jane may not patch deployments")


async def test_what_a_webhook_refuses_is_said_and_audited(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        at.session.refusal = StatusError(Problem(Trouble.SERVER, WEBHOOK), 403)
        await at.select("plain")
        await asked(at, "m", "enter")
        await at.press("enter")
        await shown(at, "✗ refused")
        assert WEBHOOK in at.read
        await at.press("escape")
        assert at.app.screen is at.main
    assert story(file) == ["intent", "outcome refused"]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (relabelled("plain", **{LABEL: "none"}), "Namespace plain was changed in the meantime"),
        (
            replace(
                SHOP,
                objects={
                    **SHOP.objects,
                    NAMESPACE: {k: v for k, v in SHOP.objects[NAMESPACE].items() if k != "plain"},
                },
            ),
            "Namespace plain is gone: somebody deleted it",
        ),
    ],
)
async def test_the_dialog_says_when_its_object_changes_or_goes(after: Snapshot, words: str) -> None:
    async with looking(SHOP, "namespaces") as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        await at.show(after)
        await shown(at, words)
        if "gone" in words:
            await at.press("enter")
            assert isinstance(at.app.screen, Confirm), "there is nothing to apply it to"
        assert ("enter apply" in at.screen) is ("gone" not in words)
        await at.press("escape")


async def test_a_deletion_of_what_is_gone_is_not_asked_for() -> None:
    left = {k: v for k, v in SHOP.objects[SERVICE].items() if k != "plain/curl"}
    async with looking(SHOP, "services") as at:
        await at.select("plain", "curl")
        await asked(at, "ctrl+d")
        await at.type("curl")
        await at.show(replace(SHOP, objects={**SHOP.objects, SERVICE: left}))
        await shown(at, "Service plain/curl is gone")
        await at.press("enter")
        assert isinstance(at.app.screen, Confirm)
        await at.press("escape")


async def test_marked_namespaces_go_one_after_the_other_and_stop_at_the_first_failure(
    file: Path,
) -> None:
    async with looking(namespaces(aa={}, bb={}, cc={}), "namespaces", audit_file=file) as at:
        for name in ("aa", "bb", "cc"):
            await at.select(name)
            await at.press("space")
        assert at.under_cursor[1] == "default", "space goes on to the next row"
        assert await menu(at) == [
            "enroll  3 namespaces in the mesh",
            "set the waypoint  …",
            "create a waypoint and bind to it  …",
            "create a waypoint  …",
        ]
        await asked(at, "enter")
        assert "Enroll namespace aa in the mesh (1 of 3)" in at.screen
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, Confirm) and "(2 of 3)" in at.screen)
        at.session.refusal = StatusError(Problem(Trouble.SERVER, WEBHOOK), 403)
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, Pick))
        assert "Enroll namespace bb in the mesh: refused" in at.screen
        assert "stop here  1 was not changed (cc)" in at.screen
        assert "undo all  all that were changed: 1" in at.screen
        at.session.refusal = None
        await at.press("end", "enter")
        await at.until(lambda: isinstance(at.app.screen, Confirm))
        assert "Undo: Enroll namespace aa" in at.screen
        await at.press("escape")
        await told(at, "Stopped: 1 was not changed (cc).")
        assert [change.target.name for change in at.session.applied] == ["aa"]


async def test_those_that_follow_are_made_without_a_question_where_that_was_answered(
    file: Path,
) -> None:
    async with looking(namespaces(aa={}, bb={}, cc={}), "namespaces", audit_file=file) as at:
        for name in ("aa", "bb", "cc"):
            await at.select(name)
            await at.press("space")
        await asked(at, "m", "enter")
        await at.press("A")
        await at.until(lambda: len(at.session.applied) == 3 and not at.app._changing.busy)
        assert [change.target.name for change in at.session.applied] == ["aa", "bb", "cc"]
    assert story(file) == ["intent", "outcome applied"] * 3


async def test_a_row_that_is_gone_by_now_is_not_changed_and_stops_those_that_follow(
    file: Path,
) -> None:
    async with looking(namespaces(aa={}, bb={}, cc={}), "namespaces", audit_file=file) as at:
        for name in ("aa", "bb", "cc"):
            await at.select(name)
            await at.press("space")
        await asked(at, "m", "enter")
        await at.show(namespaces(aa={}, cc={}))
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, Pick))
        assert "Namespace bb: cannot be read" in at.screen
        assert "stop here  1 was not changed (cc)" in at.screen
        assert "undo all  all that were changed: 1" in at.screen
        assert "undo this one" not in at.screen
        await at.press("down", "enter")
        await at.until(lambda: isinstance(at.app.screen, Confirm) and "(3 of 3)" in at.screen)
        await at.press("escape")
        await told(at, "Namespace bb cannot be read: bb is not there")
        assert [change.target.name for change in at.session.applied] == ["aa"]


async def test_marks_go_with_escape_and_say_what_a_filter_hides() -> None:
    async with looking(namespaces(aa={}, bb={}), "namespaces") as at:
        for name in ("aa", "bb"):
            await at.select(name)
            await at.press("space")
        assert at.screen.count("▌") == 2
        await at.type("/aa\r")
        await at.press("m")
        await shown(at, "aa (1 more that are marked are not shown)")
        await at.press("escape", "ctrl+d")
        await shown(at, "1 more that are marked are not shown, and stay as they are")
        await at.press("escape", "escape", "escape")
        assert "▌" not in at.screen


async def test_the_waypoint_is_picked_among_those_that_there_are(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.select("payments")
        assert (await menu(at))[0] == "remove  from the mesh"
        await at.press("down", "enter")
        await shown(at, "shop/waypoint")
        await at.press("escape")


async def test_a_controller_is_taken_out_by_its_template(file: Path) -> None:
    deployment = made("Deployment", "ledger", "payments", spec={"template": {"metadata": {}}})
    objects = {**SHOP.objects, DEPLOYMENT: {"payments/ledger": deployment}}
    async with looking(replace(SHOP, objects=objects), "workloads", audit_file=file) as at:
        name = min(row[2] for row in at.rows if row[2].startswith("ledger-"))
        await at.select(name)
        assert [each.split("  ")[0] for each in await menu(at)] == [
            "take in",
            "take out",
            "as its namespace says",
        ]
        await asked(at, "down", "enter")
        assert f"+         {LABEL}: none" in at.screen
        await at.press("escape")
        await at.until(lambda: not at.app._changing.busy)
        await asked(at, "r")
        assert "kubectl.kubernetes.io/restartedAt" in at.screen
        assert "connections to its pods break as they are replaced" in at.screen
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, Verify) and "replaced" in at.screen)
        assert "undo" not in at.screen, "there is no way back from a restart"
        await at.press("escape")


def _editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *program: str) -> None:
    """An editor that runs a program over the text of the file."""
    script = tmp_path / "editor.py"
    lines = ["import sys, pathlib", "path = pathlib.Path(sys.argv[-1])", "text = path.read_text()"]
    script.write_text("\n".join([*lines, *program]))
    monkeypatch.setenv("KUBE_EDITOR", shlex.join([sys.executable, str(script)]))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def _left(tmp_path: Path) -> Sequence[Path]:
    return sorted(tmp_path.glob("meshtui-*/*.yaml"))


ADD = 'path.write_text(text.replace("  labels:\\n", "  labels:\\n    team: a\\n"))'


async def test_an_object_is_edited_and_nothing_typed_is_lost_where_that_fails(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _editor(monkeypatch, tmp_path, ADD)
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.select("plain")
        await asked(at, "e")
        assert "Edit Namespace plain" in at.screen
        assert "+     team: a" in at.screen
        at.session.refusal = StatusError(Problem(Trouble.SERVER, WEBHOOK), 403)
        await at.press("enter")
        await shown(at, "✗ refused")
        [kept] = _left(tmp_path)
        await told(at, f"What was written is in {kept}.")
        assert "team: a" in kept.read_text()
        at.session.refusal = None
        await at.press("escape")
        await asked(at, "e")
        await at.press("enter")
        await at.until(lambda: bool(at.session.applied))
        await at.until(lambda: _left(tmp_path) == [kept])
    assert story(file) == ["intent", "outcome refused", "intent", "outcome applied"]


METHODS = 'path.write_text(text.replace("ports:", "methods: [GET]\\n        ports:"))'


async def test_what_the_doctor_would_newly_find_is_said_before_an_edit(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _editor(monkeypatch, tmp_path, METHODS)
    async with looking(SHOP, "policies", (180, 48), audit_file=file) as at:
        await at.select("allow-checkout")
        await asked(at, "e")
        said = " ".join(at.screen.split())
        assert "✗ the doctor would find: ALLOW payments/allow-checkout is for" in said
        assert "(AMB-028)" in said
        assert "attach it by targetRefs to the Service or its waypoint" in said
        await at.press("escape")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (("pass",), "Nothing was changed."),
        (("path.write_text('a: [')",), "Not sent, it cannot be read"),
        (("path.write_text('- a')",), "Not sent: what was written is no object."),
        (("path.write_text('x'); sys.exit(3)",), "the editor ended with status 3"),
    ],
)
async def test_what_is_no_edit_is_said_and_not_sent(
    program: tuple[str, ...],
    words: str,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _editor(monkeypatch, tmp_path, *program)
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.select("plain")
        await at.press("e")
        await told(at, words)
        assert not at.session.applied
    assert story(file) == []
    assert bool(_left(tmp_path)) is (program != ("pass",))


async def test_the_audit_is_read_on_the_screen_and_u_takes_the_last_change_back(
    file: Path,
) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.type(":undo\r")
        await told(at, "Nothing was changed in this cluster")
        await at.select("plain")
        await asked(at, "m", "enter")
        await at.press("escape")
        await at.type(":audit\r")
        await at.until(lambda: isinstance(at.app.screen, AuditReader))
        assert "declined" in at.read
        assert "Enroll namespace plain in the mesh: declined" in at.read


async def test_when_the_audit_cannot_be_written_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blocked: Any = tmp_path / "file" / "audit.jsonl"
    async with looking(SHOP, "namespaces", audit_file=blocked) as at:
        await at.select("plain")
        await asked(at, "m", "enter")
        await at.press("enter")
        await shown(at, "✗ failed")
        whole = " ".join(at.screen.split())
        assert "so nothing was sent See that this file" in whole, "all of it, however narrow"
        assert "room on the disk" in whole
        assert not at.session.applied

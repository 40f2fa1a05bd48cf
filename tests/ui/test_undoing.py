"""Taking changes back that the audit tells of, also those of an earlier run; coming back to evidence that was left; and
stopping many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.kube import audit
from meshtui.mesh import past
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.raw import Raw, strings
from meshtui.mesh.snapshot import Snapshot
from meshtui.settings import Settings
from meshtui.ui.audit_reader import AuditReader
from meshtui.ui.main import Main
from meshtui.ui.verify import Verify
from tests.ui.looking import Looking, looking
from tests.ui.test_changes import LABEL, SHOP, asked, namespaces, shown, story, told

MANY = namespaces(aa={}, bb={}, cc={})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def labels(snapshot: Snapshot, name: str) -> dict[str, str]:
    return dict(strings(snapshot.find(NAMESPACE, "", name), "metadata", "labels"))


async def enroll(at: Looking, name: str) -> None:
    """Enrolls a namespace and leaves the dialog once that is told."""
    await at.select(name)
    await asked(at, "m", "enter")
    await at.press("enter")
    await at.until(lambda: isinstance(at.app.screen, Verify))
    await at.press("escape")
    await at.until(lambda: isinstance(at.app.screen, Main))


async def earlier(file: Path, *names: str, snapshot: Snapshot = MANY) -> Snapshot:
    """A run of the program that enrolled these; gives the cluster as it left it."""
    async with looking(snapshot, "namespaces", audit_file=file) as at:
        for name in names:
            await at.until(lambda: not at.app._changing.busy)
            await enroll(at, name)
        return at.session.now


async def audited(at: Looking) -> None:
    await at.type(":audit\r")
    await at.until(lambda: isinstance(at.app.screen, AuditReader))


def under_cursor(at: Looking) -> str:
    """The change that the cursor is on, without its time."""
    screen = at.app.screen
    assert isinstance(screen, AuditReader)
    return str(screen._told[screen.entries.cursor].entry["title"])


async def test_u_takes_back_the_change_under_the_cursor_of_an_earlier_run(file: Path) -> None:
    left = await earlier(file, "aa", "bb", "cc")
    async with looking(left, "namespaces", audit_file=file) as at:
        await audited(at)
        assert [under_cursor(at)[17:19]] == ["cc"]
        await at.press("down")
        assert under_cursor(at) == "Enroll namespace bb in the mesh"
        await asked(at, "u")
        assert "Undo: Enroll namespace bb in the mesh" in at.screen
        assert f"-     {LABEL}: ambient" in at.screen
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, Verify))
        assert [LABEL in labels(at.session.now, name) for name in ("aa", "bb", "cc")] == [
            True,
            False,
            True,
        ]
        await at.press("escape")
        await at.until(lambda: not at.app._changing.busy)
        await audited(at)
        assert "undone" in at.read.splitlines()[2]
        await at.press("down", "down", "u")
        await told(at, "It was taken back already.")
        assert isinstance(at.app.screen, AuditReader), "it is still looked at"
    assert story(file) == ["intent", "outcome applied"] * 4
    assert [each.undone for each in past.of(audit.read(file))] == [False, False, True, False]


async def test_the_cursor_goes_over_entries_by_key_and_by_search(file: Path) -> None:
    left = await earlier(file, "aa", "bb", "cc")
    async with looking(left, "namespaces", (60, 20), audit_file=file) as at:
        await audited(at)
        for keys, name in (
            ("j", "bb"), ("G", "aa"), ("j", "aa"), ("k", "bb"), ("g", "cc"), ("pagedown", "aa"),
            ("pageup", "cc"),
        ):  # fmt: skip
            await at.press(keys)
            assert under_cursor(at) == f"Enroll namespace {name} in the mesh", keys
        await at.type("/namespace aa\r")
        assert "aa" in under_cursor(at)


async def test_an_undo_is_an_entry_too_and_can_be_undone(file: Path) -> None:
    left = await earlier(file, "aa")
    async with looking(left, "namespaces", audit_file=file) as at:
        for _ in range(2):
            await audited(at)
            await asked(at, "u")
            await at.press("enter")
            await at.until(lambda: isinstance(at.app.screen, Verify))
            await at.press("escape")
            await at.until(lambda: not at.app._changing.busy)
        assert labels(at.session.now, "aa") == {LABEL: "ambient"}


async def test_what_is_followed_is_undone_from_the_audit_as_from_its_dialog(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await enroll(at, "plain")
        await audited(at)
        await asked(at, "u")
        assert "Undo: Enroll namespace plain" in at.screen
        await at.press("enter")
        await at.until(lambda: LABEL not in labels(at.session.now, "plain"))
        await at.press("escape")
    assert [each.undone for each in past.of(audit.read(file))] == [False, True]


async def test_what_somebody_else_changed_since_is_left_alone(file: Path) -> None:
    await earlier(file, "aa")
    changed = namespaces(aa={LABEL: "none", "team": "a"})
    async with looking(changed, "namespaces", audit_file=file) as at:
        await audited(at)
        await at.press("u")
        await shown(at, "✗ conflict")
        assert "Namespace aa was changed in the meantime" in at.read
        assert {f"  -     {LABEL}: ambient", f"  +     {LABEL}: none"} < set(at.read.splitlines())
        assert "team" not in at.read, "what the change was not about was not kept"
        assert not at.session.applied
    assert story(file)[2:] == ["outcome conflict"]


def moved(snapshot: Snapshot, **server: Any) -> Snapshot:
    return replace(snapshot, server=replace(snapshot.server, **server))


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"context": "other"}, "It was made in recorded-shop: look at that first, by :ctx"),
        ({"url": "https://other"}, "It was made in recorded-shop when that was https://127.0.0.1"),
    ],
)
async def test_in_another_cluster_it_is_not_taken_back(
    server: dict[str, str], words: str, file: Path
) -> None:
    left = await earlier(file, "aa")
    async with looking(moved(left, **server), "namespaces", audit_file=file) as at:
        await audited(at)
        await at.press("u")
        await told(at, words)
        assert isinstance(at.app.screen, AuditReader)
    assert story(file) == ["intent", "outcome applied"]


async def test_what_was_declined_and_what_is_read_only_is_not_taken_back(file: Path) -> None:
    async with looking(MANY, "namespaces", audit_file=file) as at:
        await at.select("bb")
        await asked(at, "m", "enter")
        await at.press("escape")
        await at.until(lambda: not at.app._changing.busy)
    left = await earlier(file, "aa")
    settings = Settings(pane="namespaces", read_only=True)
    async with looking(left, settings=settings, audit_file=file) as at:
        await audited(at)
        await at.press("u")
        await told(at, "Read-only: --read-only was given.")
        await at.press("down", "u")
        await told(at, "It was declined, so there is nothing to take back.")
    assert story(file) == ["outcome declined", "intent", "outcome applied"]


def tamper(file: Path) -> None:
    """Edits the first line."""
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0].replace("Enroll", "Change"), *lines[1:], ""]))


async def test_a_file_that_was_tampered_with_says_so_and_takes_nothing_back(file: Path) -> None:
    left = await earlier(file, "aa")
    tamper(file)
    async with looking(left, "namespaces", audit_file=file) as at:
        await audited(at)
        await shown(at, "✗ This file was tampered with or damaged: line 2 does not follow")
        await at.press("u")
        await told(at, "Nothing is taken back by a file that cannot be relied on.")
        await at.press("escape")
        await enroll(at, "bb")  # and what is done now is told all the same
    assert [str(each["title"])[17:19] for each in audit.read(file)][2:] == ["bb", "bb"]


async def test_an_entry_of_an_earlier_version_says_that_it_holds_too_little(file: Path) -> None:
    def bare(entry: Raw) -> Raw:
        return {key: each for key, each in entry.items() if key not in ("back", "before")}

    left = await earlier(file, "aa")
    old = file.with_name("old.jsonl")
    for each in audit.read(file):
        audit.append(old, bare(each))
    async with looking(left, "namespaces", audit_file=old) as at:
        await audited(at)
        await at.press("u")
        await told(at, "an earlier meshtui wrote it")


# Evidence that was left


async def test_verify_shows_the_evidence_again_that_was_left(file: Path) -> None:
    async with looking(SHOP, "namespaces", audit_file=file) as at:
        await at.type(":verify\r")
        await told(at, "Nothing is followed now")
        await enroll(at, "plain")
        await at.until(lambda: "plain: 0 of 1 pod captured" in at.screen.splitlines()[0])
        await at.type(":verify\r")
        await at.until(lambda: isinstance(at.app.screen, Verify))
        await shown(at, "Enroll namespace plain in the mesh")
        assert "0 of 1 pod captured" in at.screen
        assert "plain: 0 of 1" not in at.screen.splitlines()[0]
        await at.press("escape")
        await at.until(lambda: "plain: 0 of 1 pod captured" in at.screen.splitlines()[0])
        await at.type(":verify\r")
        await at.until(lambda: isinstance(at.app.screen, Verify))
        await asked(at, "u")
        assert f"-     {LABEL}: ambient" in at.screen
        await at.press("escape")
        await at.until(lambda: isinstance(at.app.screen, Verify))
        await at.press("escape", "?")
        assert ":verify" in at.read
    assert story(file) == ["intent", "outcome applied", "outcome declined"]


# Many at once


async def test_three_hundred_that_are_made_unseen_are_stopped_with_escape(file: Path) -> None:
    many = namespaces(**{f"ns-{number:03}": {} for number in range(300)})
    async with looking(many, "namespaces", audit_file=file) as at:
        await at.select("ns-000")
        await at.type(" " * 300)
        await asked(at, "m", "enter")
        assert "Enroll namespace ns-000 in the mesh (1 of 300)" in at.screen
        assert at.pane.table.marks == 300, "nothing was begun yet"
        await at.hammer("A")
        await at.until(lambda: len(at.session.applied) > 9)
        await shown(at, "esc stop after this one")
        assert isinstance(at.app.screen, Verify)
        await at.hammer("escape")
        await at.until(lambda: not at.app._changing.busy)
        made = [change.target.name for change in at.session.applied]
        assert made == [f"ns-{number:03}" for number in range(len(made))]
        assert 9 < len(made) < 300
        await told(at, f"Stopped: {300 - len(made)} were not changed (ns-{len(made):03}, ")
        assert isinstance(at.app.screen, Main)
        assert not at.pane.table.marks, "what was asked for was begun"
    assert story(file) == ["intent", "outcome applied"] * len(made)

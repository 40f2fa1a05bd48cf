"""What is taken from the screen: copies of a row, and files of rows, in which nothing that a cluster says does harm."""

from __future__ import annotations

import base64
import csv
import json
import re
import stat
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import yaml
from textual.widgets import Input

from meshtui import desktop
from meshtui.mesh.kinds import POD, SERVICE
from meshtui.mesh.snapshot import Ref
from meshtui.ui import clipboard, copies, export
from meshtui.ui.jumping import letters
from meshtui.ui.naming import Naming
from meshtui.ui.panes import PANES
from meshtui.ui.pick import Pick
from tests.ui import situations
from tests.ui.key_table import told
from tests.ui.looking import Looking, looking

SHOP = situations.shop()
LEDGER = "payments/ledger-669657bc95-cvfm7"

# Copies


async def test_more_of_a_row_is_copied_by_a_list_or_a_command() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.select("ledger-669657bc95-cvfm7")
        await at.press("shift+right", "shift+right", "C")
        assert isinstance(at.app.screen, Pick)
        assert f"Copy of {LEDGER}" in at.screen
        await at.press("escape")
        found = {}
        for what in ("name", "namespace", "cell", "kubectl", "istioctl"):
            await at.type(f":copy {what}\r")
            found[what] = at.app.clipboard
        assert found == {
            "name": LEDGER,
            "namespace": "payments",
            "cell": "ledger-669657bc95-cvfm7",
            "kubectl": "kubectl get pods ledger-669657bc95-cvfm7 -n payments -o yaml --context kind-shop",
            "istioctl": "istioctl ztunnel-config workload ztunnel-gnq4h.istio-system"
            " --workload-namespace payments --context kind-shop",
        }
        await at.type(":copy yaml\r")
        await at.until(lambda: "kind: " in at.app.clipboard or "metadata:" in at.app.clipboard)
        assert "  name: ledger-669657bc95-cvfm7\n" in at.app.clipboard
        await at.type(":copy moon\r")
        assert told(at).startswith(":copy moon: of this row there are name, namespace, cell,")


async def test_of_marked_rows_all_are_copied() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.press("space", "j", "ctrl+@", "c")
        assert told(at).startswith("Copied 3 lines, ")
        names = [f"{row[1]}/{row[2]}" for row in at.rows[:3]]
        assert at.app.clipboard.split("\n") == names
        await at.type(":copy kubectl\r")
        assert at.app.clipboard.startswith("kubectl get pods opted-out-79c9876f8-jvcb9 reports-")
        await at.press("n")
        assert at.app.clipboard == "batch"


def test_a_hostile_name_is_quoted_for_the_shell() -> None:
    line = copies.kubectl([Ref(POD, "x;y", "$(reboot)"), Ref(SERVICE, "x;y", "a")], "prod`id`")
    assert line.split("\n") == [
        "kubectl get pods '$(reboot)' -n 'x;y' -o yaml --context 'prod`id`'",
        "kubectl get services a -n 'x;y' -o yaml --context 'prod`id`'",
    ]


def test_what_is_copied_steers_no_terminal() -> None:
    assert clipboard.clean("a\x1b]52;c;x\x07b\r\nc\u202ed") == "a�]52;c;x�b�\nc�d"


def _asked(sequence: str) -> str:
    [coded] = re.findall(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\a", sequence)
    return base64.b64decode(coded).decode()


def test_a_terminal_is_asked_as_tmux_and_screen_pass_it_on() -> None:
    text = "é" * 900
    assert _asked(clipboard.request(text, {})) == text
    inside = clipboard.request(text, {"TMUX": "/tmp/tmux-0/default,1,0"})
    plain, _, passed = inside.partition("\x1bPtmux;")
    assert _asked(plain) == text
    assert _asked(passed.removesuffix("\x1b\\").replace("\x1b\x1b", "\x1b")) == text
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", clipboard.request(text, {"STY": "1.pts"}), re.DOTALL)
    assert _asked("".join(pieces)) == text
    assert max(map(len, pieces)) < 768


async def test_what_is_too_long_for_a_terminal_is_said_and_half_a_character_does_no_harm() -> None:
    async with looking(SHOP, "workloads") as at:
        at.app._taking.copy("x" * 80_000)
        assert told(at).startswith("80,000 characters are more than a terminal takes")
        assert at.app.clipboard == ""
        at.app._taking.copy("a\ud800b")
        assert told(at) == "Copied a\ud800b"


def test_the_desktops_clipboard_is_for_who_sits_there(tmp_path: Path) -> None:
    for name in ("xclip", "wl-copy", "pbcopy"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    here = {"PATH": str(tmp_path), "DISPLAY": ":0"}
    assert desktop.clipboard(here, "linux")[0] == "xclip"
    assert desktop.clipboard({**here, "WAYLAND_DISPLAY": "wayland-0"}, "linux") == ("wl-copy",)
    assert desktop.clipboard(here, "darwin") == ("pbcopy",)
    assert desktop.clipboard({**here, "SSH_CONNECTION": "1 2 3 4"}, "darwin") == ()
    assert desktop.clipboard({"PATH": str(tmp_path)}, "linux") == ()


def test_a_program_that_takes_nothing_is_an_error_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    code = f"import sys; open({str(out)!r}, 'w').write(sys.stdin.read())"
    desktop.put("text", (sys.executable, "-c", code))
    assert out.read_text() == "text"
    with pytest.raises(OSError, match=r"^exit status 1$"):
        desktop.put("text", (sys.executable, "-c", "import sys; sys.exit(1)"))
    with pytest.raises(OSError, match="No such file"):
        desktop.put("text", (str(tmp_path / "none"),))
    monkeypatch.setattr(desktop, "_PATIENCE", 0.01)
    with pytest.raises(OSError, match=r"^no answer in 0 seconds$"):
        desktop.put("text", (sys.executable, "-c", "import time; time.sleep(9)"))


# Files


async def test_the_rows_shown_are_saved_for_nobody_else_to_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    async with looking(SHOP, "workloads", (80, 24)) as at:
        await at.type("/ledger\r")
        await at.type(f":save {file}\r")
        await at.until(lambda: "2 rows are in" in told(at))
        with file.open(newline="") as opened:
            headings, *rows = csv.reader(opened)
        assert headings == ["HEALTH", *(each.title for each in at.pane.columns), "REASON"]
        assert [row[1:3] for row in rows] == [list(row[1:3]) for row in at.rows]
        assert [row[0] for row in rows] == ["ok", "ok"]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        other = tmp_path / "rows.JSON"
        await at.type(f":save {other}\r")
        await at.until(lambda: other.name in told(at))
        assert [each["name"] for each in json.loads(other.read_text())] == [
            row[2] for row in at.rows
        ]


async def test_each_pane_is_saved(tmp_path: Path) -> None:
    async with looking(SHOP) as at:
        for pane in PANES:
            await at.type(f":{pane.NAME}\r:save {tmp_path}/{pane.NAME}.json\r")
            words = f"rows are in {tmp_path}/{pane.NAME}.json"
            await at.until(partial(_was_told, at, words))
            saved = json.loads((tmp_path / f"{pane.NAME}.json").read_text())
            assert len(saved) == len(at.pane.table.rows) > 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{}/nowhere/rows.csv", "No such file or directory."),
        ("{}/there.csv", "there is such a file already, and nothing is written over it."),
        ("{}/file/rows.csv", "Not a directory."),
        ("{}/rows.txt", "the name of the file ends with .csv or .json."),
        ("{}/rows", "the name of the file ends with .csv or .json."),
        ("/dev/full/rows.csv", "Not a directory."),
        ("~nobody-of-this-name/rows.csv", "was not written: "),
        ("{}/" + "x" * 300 + ".csv", "File name too long."),
    ],
)
async def test_a_file_that_cannot_be_written_is_said(name: str, words: str, tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")
    (tmp_path / "file").write_text("mine")
    async with looking(SHOP, "workloads") as at:
        await at.type(f":save {name.format(tmp_path)}\r")
        await at.until(lambda: words in told(at))
        assert at.app.is_running
    assert there.read_text() == "mine"
    assert _files(tmp_path) == ["file", "there.csv"]


async def test_what_a_reader_shows_is_saved(tmp_path: Path) -> None:
    async with looking(SHOP, "workloads") as at:
        for key, end in (("d", ".txt"), ("y", ".yaml")):
            await at.press(key)
            await at.until(lambda: "opted-out" in at.read)
            shown = at.read
            await at.press("ctrl+s")
            await at.until(lambda: isinstance(at.app.screen, Naming))
            typed = at.app.screen.query_one(Input)
            assert typed.value.endswith(f"-kind-shop-20261122-123900{end}")
            typed.value = f"{tmp_path}/read{end}"
            await at.press("enter")
            await at.until(partial(_was_told, at, f"lines are in {tmp_path}/read{end}"))
            saved = (tmp_path / f"read{end}").read_text()
            assert saved == shown.rstrip("\n") + "\n"
            await at.press("ctrl+s")
            await at.until(lambda: isinstance(at.app.screen, Naming))
            await at.press("escape", "escape")
            assert len(at.app.screen_stack) == 1
    assert yaml.safe_load((tmp_path / "read.yaml").read_text())["metadata"]["namespace"] == "batch"


async def test_where_there_are_no_rows_nothing_is_written(tmp_path: Path) -> None:
    async with looking(situations.empty(), "workloads") as at:
        await at.type(f":save {tmp_path}/rows.csv\r")
        await at.until(lambda: told(at) == "There are no rows to save.")
    assert _files(tmp_path) == []


def _was_told(at: Looking, words: str) -> bool:
    return words in told(at)


def _files(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "  =1",
    "\x1b[31mred",
    'a\nb,"c"',
    "\ud800",
]


def test_no_cell_is_a_formula_or_steers_a_terminal() -> None:
    text = export.as_csv(["NAME", "=X"], [[cell, "–"] for cell in HOSTILE])
    rows = list(csv.reader(text.splitlines()))
    assert rows[0] == ["NAME", "'=X"]
    assert len(rows) == len(HOSTILE) + 1, "a row is one line"
    for row in rows[1:]:
        assert row[0][0] not in "=+-@\t\r "
        assert "\x1b" not in row[0]
    found = json.loads(export.as_json(["A", "a", "A"], [["1", "2", "\x1b]0;x\a"]]))
    assert found == [{"a": "1", "a (2)": "2", "a (3)": "�]0;x�"}]


def test_the_proposed_name_is_one_for_every_file_system() -> None:
    now = datetime(2026, 11, 22, 12, 33, 59, tzinfo=UTC)
    assert export.proposed("Workloads", "arn:aws:eks:eu/../x", now) == (
        "workloads-arn-aws-eks-eu-..-x-20261122-123359.csv"
    )


# Jumps and what is pasted


def test_each_pane_has_a_letter_of_its_own() -> None:
    titles = [pane.TITLE for pane in PANES]
    found = letters(titles)
    assert sorted(found) == sorted(titles)
    assert len(set(found.values())) == len(titles)
    assert all(letter in title.lower() for title, letter in found.items())
    assert len(set(letters([f"{'q' * n}x" for n in range(30)]).values())) == 30


async def test_a_letter_jumps_and_any_other_key_goes_back() -> None:
    async with looking(SHOP, "workloads", (80, 24)) as at:
        await at.press("ctrl+o")
        assert "z  Ztunnels" in at.screen
        await at.press("z")
        assert at.pane.NAME == "ztunnels"
        for key in ("escape", "q", "Z", "7", "down"):
            await at.press("ctrl+o", key)
            assert len(at.app.screen_stack) == 1
            assert at.pane.NAME == "ztunnels"
        await at.press("escape")
        assert at.pane.NAME == "workloads", "the way back"


async def test_a_paste_fires_no_verb_and_goes_where_one_types() -> None:
    pasted = "\x1b[200~dylr:q!\r/m0-ex\x1b[201~"
    async with looking(SHOP, "workloads") as at:
        for pane in PANES:
            await at.type(f":{pane.NAME}\r")
            before = at.screen
            await at.type(pasted)
            assert told(at).startswith("What was pasted did nothing")
            assert at.screen == before
            assert len(at.app.screen_stack) == 1
        await at.type(":work\rd")
        before = at.screen
        await at.type(pasted)
        assert at.screen == before
        await at.press("escape")
        await at.type("/\x1b[200~ledger\x1b[201~")
        assert at.pane.filter_text == "ledger"


async def test_w_keeps_to_the_namespace_and_a_row_without_one_says_so() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.select("ledger-669657bc95-cvfm7")
        await at.press("w")
        assert at.main.place.namespaces == ("payments",)
        assert {row[1] for row in at.rows} == {"payments"}
        await at.press("-")
        assert len(at.rows) == 26
        await at.type(":zt\r")
        await at.press("w", "n")
        assert told(at) == "This row is in no namespace."
        await at.type(":namespaces\r")
        marked = [row[1] for row in at.rows[:3:2]]
        await at.press("space", "j", "space", "w")
        assert list(at.main.place.namespaces) == marked
        assert [row[1] for row in at.rows] == marked


async def test_marks_and_ranges_go_with_their_rows() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.press("j", "space", "G", "ctrl+@")
        assert at.pane.table.marks == 25
        await at.press("ctrl+backslash", "home", "ctrl+@")
        assert at.pane.table.marks == 1, "without a mark before it, the row itself"
        await at.press("N", "S")
        assert [row.ref.key for row in at.pane.table.marked] == ["batch/opted-out-79c9876f8-jvcb9"]
        await at.type(":mark clear\r")
        assert at.pane.table.marks == 0
        await at.type(":mark all of them\r")
        assert "write range, clear or nothing" in told(at)


async def test_wide_shows_every_column_from_80_columns_on_and_keeps_the_name() -> None:
    async with looking(SHOP, "workloads", (80, 24)) as at:
        await at.press("ctrl+w")
        seen: set[str] = set()
        for _ in at.pane.columns:
            await at.press("shift+right")
            heading = at.pane.table.render_line(0).text
            seen |= set(heading.split())
            assert "NAME" in heading.split()
            assert at.pane.columns[at.pane.table.chosen or 0].title in heading
        assert seen == {column.title for column in at.pane.columns}
        await at.press("ctrl+w")
        assert "CONTROLLER" not in at.pane.table.render_line(0).text

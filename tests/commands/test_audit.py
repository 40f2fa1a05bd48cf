"""`meshtui audit`: what it prints, and what its exit status says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from meshtui.kube import audit
from tests.commands.shell import meshtui

ENTRY = {
    "at": "2026-11-25T12:00:00.123+00:00",
    "context": "prod-eu1",
    "user": "jane",
    "title": "Enroll namespace shop in the mesh",
    "step": "outcome",
    "state": "refused",
    "reason": "no\x1b[2Jpe",
}


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return meshtui(home, "audit", *words)


def filled(home: Path) -> Path:
    path = home / "meshtui" / "audit.jsonl"
    audit.append(path, {**ENTRY, "step": "intent", "state": "", "reason": ""})
    audit.append(path, ENTRY)
    return path


def test_nothing_was_changed_yet(tmp_path: Path) -> None:
    shown, verified = run(tmp_path, "show"), run(tmp_path, "verify")
    assert (shown.returncode, shown.stdout) == (0, "")
    assert verified.returncode == 0
    assert verified.stdout.endswith("audit.jsonl: nothing was changed yet\n")


def test_each_step_is_a_line_that_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    filled(tmp_path)
    done = run(tmp_path, "show")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "2026-11-25 12:00:00  intent    prod-eu1  as jane  Enroll namespace shop in the mesh",
        "2026-11-25 12:00:00  refused   prod-eu1  as jane  Enroll namespace shop in the mesh: no\ufffd[2Jpe",
    ]


def test_json_is_all_that_is_known_an_object_a_line(tmp_path: Path) -> None:
    filled(tmp_path)
    first, second = map(json.loads, run(tmp_path, "show", "-o", "json").stdout.splitlines())
    assert first["before"] == ""
    assert {key: second[key] for key in ENTRY} == ENTRY


def test_what_was_taken_back_is_marked_where_it_was_made(tmp_path: Path) -> None:
    path = filled(tmp_path)
    made = {**ENTRY, "id": "1", "state": "applied", "reason": ""}
    audit.append(path, made)
    audit.append(path, {**made, "id": "2", "title": "Undo: Enroll", "undoes": "1"})
    lines = run(tmp_path, "show").stdout.splitlines()
    assert [line.endswith("  (undone)") for line in lines] == [False, False, True, False]
    said = map(json.loads, run(tmp_path, "show", "-o", "json").stdout.splitlines())
    assert [each.get("undone") for each in said] == [None, None, True, None]


def test_a_whole_file_gives_its_last_hash_to_keep_elsewhere(tmp_path: Path) -> None:
    path = filled(tmp_path)
    done = run(tmp_path, "verify")
    assert done.returncode == 0
    assert "2 lines, each follows from the one before" in done.stdout
    said = json.loads(run(tmp_path, "verify", "-o", "json").stdout)
    assert said == {
        "path": str(path),
        "lines": 2,
        "last": audit.verify(path).last,
        "problems": [],
    }
    assert said["last"] in done.stdout


def test_an_edit_is_exit_status_1(tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.write_text(path.read_text().replace("jane", "joan", 1))
    done = run(tmp_path, "verify")
    assert done.returncode == 1
    assert "line 2 does not follow: line 1 was changed" in done.stdout


def test_a_file_that_cannot_be_read_is_exit_status_3(tmp_path: Path) -> None:
    (tmp_path / "meshtui" / "audit.jsonl").mkdir(parents=True)
    for word in ("show", "verify"):
        done = run(tmp_path, word)
        assert (done.returncode, done.stdout) == (3, "")
        assert "cannot be read: Is a directory" in done.stderr


def test_what_is_no_such_command_is_exit_status_2(tmp_path: Path) -> None:
    assert run(tmp_path, "verfy").returncode == 2

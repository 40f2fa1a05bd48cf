"""The audit file: who may read it, what its chain shows, and what becomes of it when it cannot be written."""

from __future__ import annotations

import fcntl
import hashlib
import json
import multiprocessing
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meshtui.kube import audit
from meshtui.kube.audit import Audit, AuditError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "meshtui" / "audit.jsonl"


def test_each_line_carries_the_hash_of_the_one_before(path: Path) -> None:
    """As `sha256sum` gives it for the line without its end."""
    for number in range(3):
        last = audit.append(path, {"number": number})
    lines = path.read_bytes().splitlines()
    hashes = [hashlib.sha256(line).hexdigest() for line in lines]
    assert [json.loads(line)["before"] for line in lines] == ["", *hashes[:2]]
    found = audit.verify(path)
    assert (found.lines, found.last, found.problems) == (3, hashes[2], ())
    assert last == hashes[2]
    assert [entry["number"] for entry in audit.read(path)] == [0, 1, 2]


def test_nobody_else_may_read_it(path: Path) -> None:
    audit.append(path, {"a": "1"})
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.chmod(0o644)
    audit.append(path, {"a": "2"})
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_no_file_keeps_no_audit_and_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir(parents=True)
    os.mkfifo(path, 0o644)
    path.chmod(0o644)
    reading = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(AuditError, match="is no file"):
            audit.append(path, {"a": "1"})
    finally:
        os.close(reading)
    assert path.stat().st_mode & 0o777 == 0o644


def test_nothing_was_changed_yet(path: Path) -> None:
    assert list(audit.read(path)) == []
    assert audit.verify(path) == audit.Verified(0, "", ())


def test_an_entry_longer_than_a_block_is_chained_too(path: Path) -> None:
    for text in ("a" * 200_000, "b" * 65_536, "c"):
        audit.append(path, {"text": text})
    assert audit.verify(path).problems == ()


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"jane", b"joan"), *lines[2:]], "line 3 does"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 does not follow"),
        (lambda lines: lines[1:], "line 1 does not follow"),
        (lambda lines: [lines[0], b'{"before": ""}\n', *lines[1:]], "line 2 does not follow"),
        (lambda lines: [*lines[:-1], lines[-1][:20]], "line 4 is damaged or incomplete"),
        (lambda lines: [*lines, b"nonsense\n"], "line 5 is damaged or incomplete"),
        (lambda lines: [*lines, b"\xff\x00\n"], "line 5 is damaged or incomplete"),
    ],
)
def test_an_edit_shows(path: Path, tamper: object, problem: str) -> None:
    for number in range(4):
        audit.append(path, {"user": "jane", "number": number})
    assert callable(tamper)
    path.write_bytes(b"".join(tamper(path.read_bytes().splitlines(keepends=True))))
    found = audit.verify(path)
    assert found.problems
    assert found.problems[0].startswith(problem)


def test_what_comes_after_a_line_that_was_torn_is_whole(path: Path) -> None:
    """A program that dies while it writes must not keep the next one from telling what it does."""
    audit.append(path, {"number": 0})
    with path.open("ab") as file:
        file.write(b'{"before": "')
    audit.append(path, {"number": 1})
    audit.append(path, {"number": 2})
    assert [entry["number"] for entry in audit.read(path)] == [0, 1, 2]
    assert audit.verify(path).problems == ("line 2 is damaged or incomplete",)


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_leaves_the_file_as_it_was(path: Path) -> None:
    audit.append(path, {"number": 0})
    before = path.read_bytes()
    with no_file_longer_than(len(before) + 10), pytest.raises(AuditError, match="File too large"):
        audit.append(path, {"number": 1})
    assert path.read_bytes() == before
    audit.append(path, {"number": 1})
    assert audit.verify(path).problems == ()


async def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AuditError, match="cannot be written: Not a directory"):
        await Audit(tmp_path / "file" / "meshtui" / "audit.jsonl").write({})
    with pytest.raises(AuditError, match="cannot be written: Is a directory"):
        await Audit(tmp_path).write({})
    with pytest.raises(AuditError, match="cannot be read: Is a directory"):
        audit.verify(tmp_path)


def test_a_file_that_another_program_holds_is_not_written(path: Path) -> None:
    audit.append(path, {"number": 0})
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(AuditError, match="another program holds"):
            audit.append(path, {"number": 1}, patience=0.02)
    assert audit.verify(path).lines == 1


def _write_many(path: Path, who: int) -> None:
    for number in range(40):
        audit.append(path, {"who": who, "number": number})


def test_programs_that_write_at_the_same_time_make_one_chain(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    programs = [spawn.Process(target=_write_many, args=(path, who)) for who in range(3)]
    for program in programs:
        program.start()
    for program in programs:
        program.join(30)
        assert program.exitcode == 0
    found = audit.verify(path)
    assert (found.lines, found.problems) == (120, ())

"""Audit: a file that tells what was done to which cluster, or was not.

One JSON object a line, one line for each step of a change. Each line carries the SHA-256 of the one before, so that an
edit inside the file shows; who rewrites all of it, or cuts off its end, is found out by a last hash that was kept
elsewhere (architecture 13.5).
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Any

from msgspec import Struct

from meshtui.kube import background
from meshtui.settings import state_path

BEFORE = "before"
"""The field with the hash of the line before; "" in the first line."""

_PATIENCE = 3.0
"""Seconds to wait for another program that writes."""
_BLOCK = 64 * 1024


class AuditError(Exception):
    """The file cannot be written or read; its text is for the screen."""


class Verified(Struct, frozen=True):
    """What became of a file's chain."""

    lines: int
    last: str
    """The hash of the last line, to keep elsewhere; "" where there is none."""
    problems: tuple[str, ...]


class Audit(Struct, frozen=True):
    """The file at a path, which is made when it is first needed."""

    path: Path

    async def write(self, entry: Mapping[str, Any]) -> str:
        """Adds a line, on the disk when it returns; gives its hash. Raises AuditError, and the file is as it was."""
        return await background.start(append, self.path, entry)


def default_path() -> Path:
    return state_path() / "audit.jsonl"


def append(path: Path, entry: Mapping[str, Any], patience: float = _PATIENCE) -> str:
    """As Audit.write, but the caller waits; for another program that writes, so many seconds."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with path.open("ab+", buffering=0) as file:
            _lock(file, path, patience)
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):  # a device, or a pipe, keeps nothing
                raise AuditError(f"the audit file {path} is no file")
            os.fchmod(file.fileno(), 0o600)
            return _append(file, entry)
    except OSError as error:
        raise AuditError(f"the audit file {path} cannot be written: {error.strerror}") from error


def read(path: Path) -> Iterator[Mapping[str, Any]]:
    """The entries, oldest first; a line that is none is passed over. Raises AuditError."""
    for line in _lines(path):
        if (entry := _entry(line)) is not None:
            yield entry


def verify(path: Path) -> Verified:
    """Whether each line follows from the one before. Raises AuditError."""
    before, number, problems = "", 0, []
    for number, line in enumerate(_lines(path), 1):
        entry = _entry(line)
        if entry is None or not line.endswith(b"\n"):
            problems.append(f"line {number} is damaged or incomplete")
        elif entry.get(BEFORE) != before:
            what = f"line {number - 1} was changed, or lines were" if number > 1 else "lines were"
            problems.append(f"line {number} does not follow: {what} added or taken out before it")
        before = _hash(line)
    return Verified(number, before, tuple(problems))


def _lock(file: FileIO, path: Path, patience: float) -> None:
    """Alone until the file is closed; another program holds it for moments only."""
    until = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise AuditError(f"another program holds the audit file {path}") from None
            time.sleep(0.01)


def _append(file: FileIO, entry: Mapping[str, Any]) -> str:
    size = file.seek(0, os.SEEK_END)
    last = _last_line(file, size)
    before = _hash(last) if last else ""
    line = f"{json.dumps({BEFORE: before, **entry}, default=str)}\n".encode()
    torn = b"" if not last or last.endswith(b"\n") else b"\n"  # a program died while it wrote
    try:
        rest = memoryview(torn + line)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
    except OSError:
        file.truncate(size)
        raise
    return _hash(line)


def _last_line(file: FileIO, size: int) -> bytes:
    found, start = b"", size
    while start and b"\n" not in found[:-1]:
        start = max(start - _BLOCK, 0)
        file.seek(start)
        found = file.read(size - start)
    return found[found[:-1].rfind(b"\n") + 1 :]


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except FileNotFoundError:
        return
    except OSError as error:
        raise AuditError(f"the audit file {path} cannot be read: {error.strerror}") from error


def _entry(line: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _hash(line: bytes) -> str:
    """Of a line without its end."""
    return sha256(line.removesuffix(b"\n")).hexdigest()

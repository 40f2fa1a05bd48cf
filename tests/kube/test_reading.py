"""Reading: large bodies in a process that ends when it should."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest

from meshtui.kube.errors import Unreachable
from meshtui.kube.reading import LARGE, Reading
from meshtui.mesh import dumps
from tests.kube.eventually import until
from tests.recordings import DATA

DUMP = (DATA / "shop" / "ztunnel-node-1.config_dump.json").read_bytes()


@pytest.fixture
async def reading() -> AsyncIterator[Reading]:
    reading = Reading()
    yield reading
    reading.close()


def large_dump() -> bytes:
    """The recorded dump with its workloads many times over."""
    dump = json.loads(DUMP)
    dump["workloads"] = dump["workloads"] * (LARGE // len(DUMP) * 8)
    body = json.dumps(dump).encode()
    assert len(body) > LARGE
    return body


async def test_a_large_body_is_read_in_another_process(reading: Reading) -> None:
    read = await reading.read(dumps.read_dump, large_dump())
    assert set(read.proxied) == set(dumps.read_dump(DUMP).proxied or ())


async def test_what_cannot_be_read_has_words_in_either_process(reading: Reading) -> None:
    for body in (DUMP[:1000], large_dump()[:-10], b"[" * LARGE):
        with pytest.raises(Unreachable, match="cannot be read: the dump is cut off or no JSON"):
            await reading.read(dumps.read_dump, body)


LARGE_BODY = b" " * LARGE


def process_id(_: bytes) -> int:
    """A reader that tells where it runs."""
    return os.getpid()


def die(_: bytes) -> None:
    os._exit(1)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_the_process_ends_when_it_is_closed_and_comes_again_when_needed(
    reading: Reading,
) -> None:
    pids = []
    for _ in range(2):
        pids.append(await reading.read(process_id, LARGE_BODY))
        reading.close()
    assert len({*pids, os.getpid()}) == 3
    await until(lambda: not any(map(alive, pids)))


async def test_a_process_that_dies_is_a_failure_of_that_body_alone(reading: Reading) -> None:
    with pytest.raises(Unreachable, match="the process that read it died"):
        await reading.read(die, LARGE_BODY)
    assert await reading.read(process_id, LARGE_BODY) != os.getpid()


SCRIPT = """
import asyncio, sys
from meshtui.kube.reading import Reading
from tests.kube.test_reading import LARGE_BODY, process_id

async def main():
    reading = Reading()
    print(await reading.read(process_id, LARGE_BODY), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    reading.close()

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("killed", [True, False])
async def test_the_process_does_not_outlive_the_program(tmp_path: Path, killed: bool) -> None:
    """Neither where it is killed nor where it ends by itself, and then it ends at once."""
    script = tmp_path / "reads.py"
    script.write_text(SCRIPT)
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert program.stdout is not None
    assert program.stdin is not None
    worker = int(await program.stdout.readline())
    assert alive(worker)
    began = monotonic()
    if killed:
        program.kill()
    else:
        program.stdin.write(b"\n")
    await asyncio.wait_for(program.wait(), 5)
    await until(lambda: not alive(worker))
    assert monotonic() - began < 2
    program.stdin.close()


UNDER_A_SCREEN = """
import io, sys

class Captured(io.TextIOBase):
    def fileno(self):
        return -1

sys.stderr = Captured()
"""


async def test_the_process_starts_while_a_screen_holds_stderr(tmp_path: Path) -> None:
    """As `textual.app._PrintCapture` does: it has no file descriptor to give to a child."""
    script = tmp_path / "reads.py"
    script.write_text(f"{UNDER_A_SCREEN}{SCRIPT}")
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    said, _ = await asyncio.wait_for(program.communicate(b"\n"), 10)
    assert said.strip().isdigit()

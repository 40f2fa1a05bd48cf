"""Names: looked up with a deadline, and never in the way of the end of the program."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest

from meshtui.kube.resolve import LookupTimeout, Resolver


async def test_addresses_are_those_of_the_system() -> None:
    found = await Resolver().resolve("localhost", 6443)
    system = socket.getaddrinfo("localhost", 6443, type=socket.SOCK_STREAM)
    assert [each["host"] for each in found] == [address[4][0] for address in system]
    assert {each["port"] for each in found} == {6443}
    assert [each["family"] for each in found] == [address[0] for address in system]


async def test_only_the_family_that_is_asked_for() -> None:
    found = await Resolver().resolve("127.0.0.1", 1, socket.AF_INET)
    assert [each["host"] for each in found] == ["127.0.0.1"]


async def test_a_name_that_does_not_exist() -> None:
    def none(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror) as caught:
        await Resolver(none).resolve("kube.invalid", 6443)
    assert caught.value.errno == socket.EAI_NONAME


async def test_a_lookup_that_hangs_is_given_up() -> None:
    hanging = threading.Event()

    def hang(*_: Any, **__: Any) -> list[Any]:
        hanging.wait()
        return []

    try:
        with pytest.raises(LookupTimeout, match=r"kube\.example within 0\.05 s"):
            await Resolver(hang, deadline=0.05).resolve("kube.example", 6443)
    finally:
        hanging.set()


def test_a_lookup_that_hangs_does_not_hold_the_end_of_the_program() -> None:
    program = """
import asyncio, threading
from meshtui.kube.resolve import LookupTimeout, Resolver

async def main():
    try:
        await Resolver(lambda *_, **__: threading.Event().wait(), deadline=0.05).resolve("kube.example")
    except LookupTimeout:
        print("given up")

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=10)
    assert done.stdout == b"given up\n"
    assert done.stderr == b""


async def test_what_nobody_waits_for_any_more_disturbs_nobody() -> None:
    gate = threading.Event()

    def fail(*_: Any, **__: Any) -> list[Any]:
        gate.wait(5)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    waiter = asyncio.create_task(Resolver(fail).resolve("kube.example"))
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "_lookup":
            thread.join(5)
    await asyncio.sleep(0)
    assert complaints == []

"""Work that takes a while, or may wait on a file, a program or a name, on threads that nobody waits for when the
program ends.

The loop's own executor joins its threads at the end of the program, and so does `concurrent.futures`: a name lookup
that hangs held the exit for five seconds. A daemon thread dies with the program.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

PREFIX = "background: "
"""With which the names of these threads begin."""


def start(function: Callable[..., T], *args: Any) -> asyncio.Future[T]:
    """The result of `function(*args)`, to come from a thread of its own. Giving it up does not end the thread."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if result.done():
            return
        if error is None:
            result.set_result(value)  # type: ignore[arg-type]
        else:
            result.set_exception(error)

    def tell(value: T | None, error: BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, value, error)

    def work() -> None:
        try:
            value = function(*args)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            tell(None, error)
        else:
            tell(value, None)

    name = f"{PREFIX}{function.__name__}"
    threading.Thread(target=work, name=name, daemon=True).start()
    return result

"""Waiting for a condition that has to be asked for, with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

_INTERVAL = 0.02


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Returns once the condition holds; TimeoutError after so many seconds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - it is on the far side of a connection
            await asyncio.sleep(_INTERVAL)

"""Waiting for a condition instead of for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from meshtui.mesh.snapshot import Snapshot

DEADLINE = 5.0


async def until(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; fails after five seconds."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - the conditions are on plain values
            await asyncio.sleep(0.002)


async def snapshot_where(
    snapshots: AsyncIterator[Snapshot],
    condition: Callable[[Snapshot], bool],
    *,
    seconds: float = DEADLINE,
) -> Snapshot:
    """The first snapshot for which the condition holds; fails after so many seconds."""
    last = None
    try:
        async with asyncio.timeout(seconds):
            async for last in snapshots:
                if condition(last):
                    return last
    except TimeoutError:
        raise AssertionError(f"never so; the last one was {last}") from None
    raise AssertionError("the snapshots ended")

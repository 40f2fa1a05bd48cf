"""Listening: the access logs of proxies are followed while the screen wants to know who is refused, and for a while
after; what they tell is a value that snapshots carry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from meshtui.kube.pace import Pace
from meshtui.kube.session import Session
from meshtui.kube.tails import Tails
from meshtui.mesh import denial_watch
from meshtui.mesh.denial_watch import Heard, Watch
from meshtui.mesh.logs import LogOptions
from meshtui.mesh.snapshot import Snapshot

SINCE = 600
"""Seconds back from when it begins, or goes on after nobody listened for long."""


class Listening:
    """Which logs are worth reading is said by the latest snapshot; `start` runs what it does as a task."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        session: Session,
        pace: Pace,
        latest: Callable[[], Snapshot],
        changed: Callable[[], None],
    ) -> None:
        self.heard: Heard | None = None
        """None before anybody wanted to know."""
        self._start = start
        self._pace = pace
        self._latest = latest
        self._changed = changed
        self._watch = Watch(SINCE)
        self._tails = Tails(
            session,
            self._watch.take,
            LogOptions(denial_watch.CONTAINER, tail=None, since=SINCE),
            matters=lambda pod: self._watch.matters(pod, datetime.now(UTC)),
            take_up=self._watch.take_up,
        )
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._told: tuple[Any, ...] = ()

    def want(self, wanted: bool) -> None:
        """Whether anybody wants to know now."""
        if wanted and self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if wanted and self._task is None:
            self._task = self._start(self._listen())
        elif not wanted and self._task is not None and self._ending is None:
            loop = asyncio.get_running_loop()
            self._ending = loop.call_later(self._pace.linger, self._give_up)

    def again(self) -> None:
        """Reads at once what could not be read."""
        self._tails.again()

    def end(self) -> None:
        """Start nothing more; the task is the session's to end."""
        if self._ending is not None:
            self._ending.cancel()

    def _give_up(self) -> None:
        self._ending = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _listen(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._tails.run())
                while True:
                    self._look()
                    await asyncio.sleep(self._pace.hearing)
        finally:
            now = datetime.now(UTC)
            for pod in self._watch.proxies(now):
                self._watch.leave(pod, now)
            self._tails.rest()
            self._tell()

    def _look(self) -> None:
        """Sees which proxies there are, and tells what is new."""
        now = datetime.now(UTC)
        self._watch.see(self._latest())
        self._tails.offer(self._watch.proxies(now))
        for pod in self._tails.steady:
            self._watch.take_up(pod, now)
        self._tell()

    def _tell(self) -> None:
        heard = self._watch.heard(self._tails.open, self._tails.problems)
        told = (heard.rows, heard.gaps, heard.switches, heard.followed, heard.problems)
        self.heard, news = heard, told != self._told
        self._told = told
        if news and self._ending is None:  # that more lines were read alone can wait for other news
            self._changed()

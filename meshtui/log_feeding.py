"""Feeding a log to the screen that shows it: of one pod, or of several as one; and keeping its lines in a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from textual.app import App

from meshtui.kube.errors import KubeError
from meshtui.kube.session import Session
from meshtui.mesh.logs import LogLine, LogOptions, Merging, Range, saved
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.mesh.successors import Watched
from meshtui.settings import state_path
from meshtui.ui import notices
from meshtui.ui.log_reader import LogReader

STREAMS = 50
"""So many logs are read as one; each is a stream through the API server and a kubelet."""
WINDOW = 1.0
"""Seconds that a line waits for older ones of other pods."""
_OFTEN = 0.1
_AT_ONCE = 1_000
"""Lines that are drawn in one go: more would keep a key waiting."""


_LOOK = 1.0
"""Seconds between two looks for pods that came in the place of others."""


async def feed(
    app: App[int],
    session: Session | None,
    screen: LogReader,
    snapshot: Callable[[], Snapshot | None],
) -> None:
    """Feeds a few times a second, until all of it was said or it is given up. Where several logs are followed as one,
    that of a pod which replaces one of theirs is too."""
    screen.begin()
    if session is None:
        words = "There is no connection to read it from."
        screen.add([LogLine(None, words, notice=True)])
        return
    clock = asyncio.get_running_loop().time
    several = screen.merged
    merging = Merging(WINDOW if several else 0.0)
    waiting: list[LogLine] = []

    def flush() -> None:
        waiting.extend(merging.due(clock()))
        if waiting:
            screen.add(waiting[:_AT_ONCE])
            del waiting[:_AT_ONCE]

    def take(line: LogLine) -> None:
        if several:
            merging.add(line, clock())
        else:
            waiting.append(line)

    if len(screen.pods) > STREAMS:
        words = f"the first {STREAMS} of {len(screen.pods)} pods are read; the others are not"
        take(LogLine(None, words, notice=True))
    timer = app.set_interval(_OFTEN, flush)
    try:
        async with asyncio.TaskGroup() as tasks:
            for pod in screen.pods[:STREAMS]:
                tasks.create_task(_read(session, screen, pod, take, several=several))
            if several and not screen.previous:
                tasks.create_task(_join(session, screen, take, snapshot, tasks))
        waiting.extend(merging.rest())
        while waiting:
            flush()
            await asyncio.sleep(0)
    finally:
        timer.stop()
        waiting.clear()  # a flush that is on its way has nothing left to add
        merging.rest()


async def _join(
    session: Session,
    screen: LogReader,
    take: Callable[[LogLine], None],
    snapshot: Callable[[], Snapshot | None],
    tasks: asyncio.TaskGroup,
) -> None:
    """Reads pods that come in the place of those that are followed, from their start; as many at once as `STREAMS`."""
    first = snapshot()
    if first is None:
        return
    watched, reading = Watched.of(first, screen.pods), set[asyncio.Task[None]]()
    while True:
        await asyncio.sleep(_LOOK)
        for pod in watched.successors(snapshot() or first):
            if pod not in screen.pods and len(reading) < STREAMS:
                screen.join(pod)
                words = "came in the place of another, and is followed too"
                take(LogLine(datetime.now(UTC), words, notice=True, pod=pod.key))
                joined = tasks.create_task(
                    _read(session, screen, pod, take, within=Range("from its start"), several=True)
                )
                reading.add(joined)
                joined.add_done_callback(reading.discard)


async def _read(
    session: Session,
    screen: LogReader,
    pod: Ref,
    take: Callable[[LogLine], None],
    *,
    within: Range | None = None,
    several: bool,
) -> None:
    """One log, to its end; what ends it is a line of it too. `within` is what the screen asks for unless it is said."""
    within = within or screen.range
    options = LogOptions(tail=within.tail, since=within.since, previous=screen.previous)
    name = pod.key if several else ""
    try:
        async for line in session.logs(pod, options):
            take(LogLine(line.at, line.text, line.notice, name))
        take(LogLine(None, "end of the log", notice=True, pod=name))
    except KubeError as failure:
        take(LogLine(None, notices.sentences(failure.problem), notice=True, pod=name))


def place(pods: Sequence[Ref], now: datetime) -> Path:
    """Where lines of these logs are kept."""
    whose = pods[0].key.replace("/", "-") if len(pods) == 1 else f"{len(pods)}-pods"
    return state_path() / "logs" / f"{whose}-{now:%Y%m%dT%H%M%SZ}.log"


def write(path: Path, lines: Sequence[LogLine]) -> None:
    """Keeps lines in a file that none but its owner reads. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(saved(lines), encoding="utf-8", errors="replace")

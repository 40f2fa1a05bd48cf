"""Logs: the lines of a container as they come, taken up again where the stream was cut."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from meshtui.kube.api import Api, address
from meshtui.kube.errors import Absent, KubeError
from meshtui.kube.lines import Lines
from meshtui.kube.pace import Pace
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.raw import annotation, entries, moment, text
from meshtui.mesh.snapshot import Ref

TRIES = 20
LONGEST_LINE = 64 * 1024  # bytes; a longer one is handed out in parts
_SILENCE = (
    3600.0  # a log may say nothing for long; the connection under it may be dead all the same
)
_STEADY = 60.0  # a stream that lasted so long was not a failed try

_STAMP = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ", re.ASCII
)


async def follow(api: Api, pod: Ref, options: LogOptions, pace: Pace) -> AsyncGenerator[LogLine]:
    """The lines; with `follow` a stream that ends is taken up again, with a notice, until the pod is gone or has run
    to its end, or nothing came of 20 tries. Raises KubeError where the first try is refused."""
    if not options.container:
        chosen, among = await _container(api, pod)
        if len(among) > 1:
            options = replace(options, container=chosen)
            yield _notice(f"container {chosen}, of {', '.join(among)}")
    place = _Place()
    failures, opened, why = 0, False, ""
    while True:
        began = monotonic()
        try:
            async for line in _stream(api, pod, options, place):
                opened = True
                yield line
            opened = True
            why = "the stream ended"
            if not options.follow or options.previous or await _is_over(api, pod):
                return
        except Absent:
            if not opened:
                raise
            yield _notice("the pod is gone")
            return
        except KubeError as error:
            if not opened:
                raise
            why = str(error)
        failures = 1 if monotonic() - began > _STEADY else failures + 1
        if failures > TRIES:
            yield _notice(f"{why}; given up after {TRIES} tries")
            return
        wait = pace.backoff(failures)
        yield _notice(f"{why}, trying again in {wait:.1f} s")
        await asyncio.sleep(wait)
        place.resume()


async def _stream(
    api: Api, pod: Ref, options: LogOptions, place: _Place
) -> AsyncGenerator[LogLine]:
    """One request for the log: its lines that were not handed out before."""
    lines = Lines(LONGEST_LINE)
    path = address(POD, "v1", pod.namespace, pod.name, "log")
    async with api.open(path, _query(options, place), accept="*/*", silence=_SILENCE) as pieces:
        async for piece in pieces:
            for line in lines.split(piece):
                if (said := place.read(line)) is not None:
                    yield said
            await asyncio.sleep(0)  # a flood of lines must not keep the screen waiting
    for line in lines.end():
        if (said := place.read(line)) is not None:
            yield said


def _query(options: LogOptions, place: _Place) -> dict[str, str]:
    """The parameters of `pods/log`: from the start as asked, later from the second of the last line on."""
    query = {"timestamps": "true"}
    if options.container:
        query["container"] = options.container
    if options.follow:
        query["follow"] = "true"
    if options.previous:
        query["previous"] = "true"
    if place.last:
        second = datetime.fromtimestamp(place.last // 1_000_000_000, UTC)
        query["sinceTime"] = second.strftime("%Y-%m-%dT%H:%M:%SZ")
        return query
    if options.tail is not None:
        query["tailLines"] = str(options.tail)
    if options.since is not None:
        query["sinceSeconds"] = str(max(1, options.since))
    return query


@dataclass
class _Place:
    """How far a log was read. The server takes it up by whole seconds, so the lines of the last one come again."""

    last: int = 0
    """The newest stamp of a line, in nanoseconds since 1970; 0 before the first."""
    seen: int = 0
    """How many lines had this stamp."""
    catching_up: bool = False
    skipped: int = 0

    def resume(self) -> None:
        """The next lines are those of a new stream."""
        self.catching_up, self.skipped = self.last > 0, 0

    def read(self, line: bytes) -> LogLine | None:
        """The line, or None where it was handed out before the stream was cut."""
        stamp = _STAMP.match(line)
        if stamp is None:
            return None if self.catching_up else LogLine(None, _text(line))
        second = moment(b"".join((stamp[1], stamp[3])).decode())
        if second is None:
            return LogLine(None, _text(line))
        nanoseconds = int((stamp[2] or b"").ljust(9, b"0"))
        if not self._is_new(int(second.timestamp()) * 1_000_000_000 + nanoseconds):
            return None
        at = second.replace(microsecond=nanoseconds // 1000)
        return LogLine(at, _text(line[stamp.end() :]))

    def _is_new(self, stamp: int) -> bool:
        if self.catching_up:
            if stamp < self.last:
                return False
            if stamp == self.last and self.skipped < self.seen:
                self.skipped += 1
                return False
            self.catching_up = False
        if stamp > self.last:
            self.last, self.seen = stamp, 0
        if stamp == self.last:
            self.seen += 1
        return True


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")


def _notice(words: str) -> LogLine:
    return LogLine(datetime.now(UTC), words, notice=True)


class _Status(msgspec.Struct):
    phase: str = ""


class _Pod(msgspec.Struct):
    status: _Status | None = None


async def _container(api: Api, pod: Ref) -> tuple[str, Sequence[str]]:
    """The container that kubectl would take, and all there are; none of them where the pod cannot be read."""
    try:
        found = await api.get(address(POD, "v1", pod.namespace, pod.name), dict[str, Any])
    except KubeError:
        return "", ()
    names = [name for each in entries(found, "spec", "containers") if (name := text(each, "name"))]
    wished = annotation(found, "kubectl.kubernetes.io/default-container")
    return (wished if wished in names else next(iter(names), "")), names


async def _is_over(api: Api, pod: Ref) -> bool:
    """Whether nothing more can come: the pod has run to its end. Raises Absent where it is gone."""
    found = await api.get(address(POD, "v1", pod.namespace, pod.name), _Pod)
    return bool(found.status and found.status.phase in ("Succeeded", "Failed"))

"""A container's log as lines, what of it one may ask for, and how lines of several logs become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec import Struct, field


class LogOptions(Struct, frozen=True):
    """What to read of a log, in kubectl's terms."""

    container: str = ""
    """"" for the only one, or the one that the pod's annotation names as its default."""
    tail: int | None = 500
    """So many of the last lines; None for all."""
    since: int | None = None
    """Seconds back from now; None for no limit."""
    previous: bool = False
    follow: bool = True


class LogLine(Struct, frozen=True):
    """One line as the kubelet gave it. Its text comes from strangers: it may hold escape codes and markup."""

    at: datetime | None
    """When the kubelet received it, UTC; None for a line that it did not stamp."""
    text: str
    notice: bool = False
    """Said by this program, not by the container: "stream cut, trying again in 2 s"."""
    pod: str = ""
    """Whose it is, where the logs of several pods are read as one."""


class Range(Struct, frozen=True):
    """How much of a log to begin with, before what is said from now on."""

    words: str
    tail: int | None = None
    since: int | None = None
    """As LogOptions have them."""


RANGES: Mapping[str, Range] = {
    "0": Range("last 500 lines", tail=500),
    "1": Range("from its start"),
    "2": Range("last minute", since=60),
    "3": Range("last 5 minutes", since=5 * 60),
    "4": Range("last 15 minutes", since=15 * 60),
    "5": Range("last 30 minutes", since=30 * 60),
    "6": Range("last hour", since=60 * 60),
    "7": Range("last 100 lines", tail=100),
    "8": Range("last 2,000 lines", tail=2_000),
    "9": Range("last 10,000 lines", tail=10_000),
}
"""By the key that chooses it; 0 to 6 are as k9s has them."""


def saved(lines: Iterable[LogLine]) -> str:
    """Lines as they are kept in a file: stamp in UTC, pod where there are several, and the text as it came."""
    return "".join(f"{' '.join(_parts(line))}\n" for line in lines)


def _parts(line: LogLine) -> Iterable[str]:
    if line.at is not None:
        yield line.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if line.pod:
        yield line.pod
    yield f"-- {line.text}" if line.notice else line.text


class Merging(Struct):
    """Lines of several logs in the order of their stamps, as far as that can be told: a line waits `window` seconds,
    so that what another pod said before it has the time to come. One that comes later still stands where it came."""

    window: float
    _waiting: list[tuple[float, datetime | None, LogLine]] = field(default_factory=list)
    """When each came, and what it is ordered by."""
    _last: dict[str, datetime | None] = field(default_factory=dict)
    """The newest stamp of each pod."""

    def add(self, line: LogLine, now: float) -> None:
        """`now` is in seconds, by any clock that does not go back. A line without a stamp stays behind the one before
        it, and so does one whose stamp is older than that: each log keeps its own order."""
        last = self._last.get(line.pod)
        at = line.at if last is None or (line.at is not None and line.at > last) else last
        self._last[line.pod] = at
        self._waiting.append((now, at, line))

    def due(self, now: float) -> list[LogLine]:
        """The lines that have waited long enough, and those that stand before them."""
        ripe = [at for came, at, _ in self._waiting if came <= now - self.window]
        if not ripe:
            return []
        until = max(map(_order, ripe))
        ordered = sorted(self._waiting, key=lambda each: _order(each[1]))
        found = [line for _, at, line in ordered if _order(at) <= until]
        self._waiting = [each for each in ordered if _order(each[1]) > until]
        return found

    def rest(self) -> list[LogLine]:
        """All that waits."""
        ordered = sorted(self._waiting, key=lambda each: _order(each[1]))
        self._waiting = []
        return [line for _, _, line in ordered]


_EPOCH = datetime.fromtimestamp(0, UTC)


def _order(at: datetime | None) -> datetime:
    return at or _EPOCH

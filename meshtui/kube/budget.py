"""Budget: how much a connection asked of the API server, which has others to serve."""

from __future__ import annotations

from collections import deque

_PERIOD = 60.0
"""Seconds that are told of."""


class Sent:
    """Counts what was sent in the last minute. Times are in seconds, of a clock that never goes back."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def add(self, now: float) -> None:
        self._times.append(now)
        self.count(now)

    def count(self, now: float) -> int:
        """How many there were; each is forgotten once, whoever asks."""
        while self._times and now - self._times[0] >= _PERIOD:
            self._times.popleft()
        return len(self._times)

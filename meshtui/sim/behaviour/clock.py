"""Clock: the time of the built-in cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


def real() -> datetime:
    return datetime.now(UTC)


class Clock:
    """Tells the time when called: the real one or a given one, or, while the past is played, a moment before."""

    def __init__(self, now: Callable[[], datetime] = real) -> None:
        self._now = now
        self._ago = timedelta()

    def __call__(self) -> datetime:
        return self._now() - self._ago

    @contextmanager
    def ago(self, age: timedelta) -> Iterator[None]:
        """What is done meanwhile was done so long ago."""
        self._ago = age
        try:
            yield
        finally:
            self._ago = timedelta()

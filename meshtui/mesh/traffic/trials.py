"""Trials: a rule held against a call, test by test. What is not known of the call makes a test neither true nor false,
and that only matters where nothing else decides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct


class Test(NamedTuple):
    """One field of a rule against what the call has for it."""

    field: str
    """As it is written, such as "notPorts"."""
    wanted: tuple[str, ...]
    """None where the field says it all."""
    given: str | None
    """ "" for nothing, such as no identity; None where it is not known."""
    holds: bool | None

    def __str__(self) -> str:
        given = "not known" if self.given is None else self.given or "none"
        wanted = f" [{', '.join(self.wanted)}]" if self.wanted else ""
        return f"{self.field}{wanted}, and it is {given}"


Alternative = tuple[Test, ...]
"""All of them must hold."""
Clause = tuple[Alternative, ...]
"""One of them must hold."""


class Trial(Struct, frozen=True):
    """A rule, all of whose clauses must hold."""

    policy: str
    """ "namespace/name"."""
    rule: int
    """Its place in the policy as it is written, from 0."""
    clauses: tuple[Clause, ...]

    @property
    def holds(self) -> bool | None:
        return every(some(every(test.holds for test in one) for one in c) for c in self.clauses)


def every(found: Iterable[bool | None]) -> bool | None:
    """Whether all hold; None where that is not known and none is false."""
    unknown = False
    for each in found:
        if each is False:
            return False
        unknown = unknown or each is None
    return None if unknown else True


def some(found: Iterable[bool | None]) -> bool | None:
    """Whether any holds; None where that is not known and none is true."""
    opposite = every(None if each is None else not each for each in found)
    return None if opposite is None else not opposite

"""The life of a certificate: what is left of it, when its renewal is expected, and how late that is."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from msgspec import Struct

from meshtui.mesh.health import Health, Verdict

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_NEVER = timedelta.max


class Dated(Protocol):
    """Anything with a validity, in UTC."""

    @property
    def not_before(self) -> datetime: ...
    @property
    def not_after(self) -> datetime: ...


class Span(Struct, frozen=True):
    """A validity by itself."""

    not_before: datetime
    not_after: datetime


class Renewal(Enum):
    """Who renews it, and when: so much of its life before the end, at most so long before, with a delay that is usual.

    ztunnel and agents renew at exactly half (reference istio-ambient.md, 4.5; doctor-rules.md, AMB-036: late after some
    minutes, critical with a quarter left). istiod looks hourly whether its own root is in the last fifth (6.2).
    cert-manager renews with a third left unless told otherwise (its `renewBefore`). A person should be told of a
    gateway's certificate in the last 30 days, of a CA in the last 90 (AMB-035: critical under 7 days); where a whole
    life is not longer than that, in its last third and tenth.
    """

    HALF = ("at half of its life", 2, _NEVER, timedelta(minutes=10), 4, _NEVER)
    ISTIOD = ("by istiod", 5, _NEVER, _DAY, 10, 7 * _DAY)
    CERT_MANAGER = ("by cert-manager", 3, _NEVER, _HOUR, 10, 7 * _DAY)
    HAND = ("by hand", 3, 30 * _DAY, timedelta(), 10, 7 * _DAY)
    CA_BY_HAND = ("by hand", 3, 90 * _DAY, timedelta(), 10, 7 * _DAY)

    def __init__(
        self,
        words: str,
        share: int,
        most: timedelta,
        delay: timedelta,
        critical_share: int,
        critical_most: timedelta,
    ) -> None:
        self.words = words
        self.share = share
        self.most = most
        self.delay = delay
        self.critical_share = critical_share
        self.critical_most = critical_most


class Terms(Struct, frozen=True):
    """The moments at which the health of a certificate changes, in this order: it depends on nothing else."""

    due: datetime
    """When its renewal is expected, or, by hand, should have been done."""
    late: datetime
    critical: datetime
    end: datetime


class Life(Struct, frozen=True):
    """How a certificate stands at one moment."""

    left: float
    """The part of its life that is left, 0 to 1."""
    expires_in: timedelta
    """Negative once it has expired."""
    due: datetime
    late_by: timedelta
    """How long the expected renewal is past; negative while it is to come."""
    past_half: bool
    verdict: Verdict


def terms(start: datetime, end: datetime, renewal: Renewal) -> Terms:
    """When it is due, late and critical; all at its end where it ends before it begins."""
    whole = max(end - start, timedelta())
    due = end - min(whole / renewal.share, renewal.most)
    critical = end - min(whole / renewal.critical_share, renewal.critical_most)
    late = due + min(renewal.delay, end - due)
    return Terms(due, late, max(critical, late), end)


def life(dated: Dated, now: datetime, renewal: Renewal = Renewal.HAND) -> Life:
    """What a certificate's dates mean at `now`. Its verdict is of the dates alone."""
    when = terms(dated.not_before, dated.not_after, renewal)
    whole = dated.not_after - dated.not_before
    rest = dated.not_after - now
    left = min(1.0, max(0.0, rest / whole)) if whole > timedelta() else 0.0
    return Life(
        left=left,
        expires_in=rest,
        due=when.due,
        late_by=now - when.due,
        past_half=left < 0.5,
        verdict=judge(dated.not_before, dated.not_after, now, renewal),
    )


def judge(start: datetime, end: datetime, now: datetime, renewal: Renewal) -> Verdict:
    """The health of a certificate by its dates. It changes at `start` and at its terms, at no other moment."""
    when = terms(start, end, renewal)
    if now >= end:
        return Verdict(Health.BAD, f"expired at {stamp(end)}")
    if now < start:
        return Verdict(Health.BAD, f"not valid before {stamp(start)}")
    if now < when.late:
        return Verdict(Health.OK, f"valid until {stamp(end)}")
    health = Health.BAD if now >= when.critical else Health.WARN
    if renewal in (Renewal.HAND, Renewal.CA_BY_HAND):
        return Verdict(health, f"expires at {stamp(end)} and is renewed by hand")
    said = f"not renewed {renewal.words}: due at {stamp(when.due)}, expires at {stamp(end)}"
    return Verdict(health, said)


def stamp(moment: datetime) -> str:
    """A moment as a person reads it, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"

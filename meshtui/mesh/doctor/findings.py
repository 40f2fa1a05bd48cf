"""Findings: what a rule says of a mesh, as values, with what it was seen by."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Struct

from meshtui.mesh.health import Health
from meshtui.mesh.snapshot import Ref


class Severity(Enum):
    """How bad a finding is (doctor-rules.md, D), from worst to least, with the health of what it is about."""

    CRITICAL = ("critical", Health.BAD)
    HIGH = ("high", Health.BAD)
    MEDIUM = ("medium", Health.WARN)
    LOW = ("low", Health.WARN)
    INFO = ("info", Health.NONE)

    def __init__(self, word: str, health: Health) -> None:
        self.word = word
        self.health = health
        self.rank = len(type(self).__members__)
        """0 for the worst."""

    __hash__ = object.__hash__  # Enum's own is written in Python


class Rule(Struct, frozen=True):
    """What is looked for: the texts that are the same for each finding of it."""

    code: str
    """Such as "AMB-019" or "IST0101"."""
    title: str
    """What is wrong, in plain words, of no object in particular."""
    severity: Severity
    why: str = ""
    """Why it matters, in one sentence."""
    remedy: str = ""
    """What to look at or to do where a finding has nothing of its own to say."""
    link: str = ""
    """The page of Istio's documentation, as the end of its address, such as "docs/ambient/usage/waypoint/"."""


class Evidence(Struct, frozen=True):
    """One thing that was seen: which field of what, its value, and when it was read."""

    source: str
    """Where it stands, such as "Gateway shop/waypoint" or "config_dump of ztunnel-9zqzc"."""
    field: str
    """Such as "status.addresses"."""
    value: str
    ref: Ref | None = None
    at: datetime | None = None
    """None for what is watched: it is as fresh as the snapshot."""


class Found(Struct, frozen=True):
    """One finding."""

    rule: Rule
    objects: tuple[Ref, ...]
    """What it is about, the most telling one first; none where a rule itself failed."""
    says: str
    """What is wrong with them, in plain words."""
    evidence: tuple[Evidence, ...] = ()
    remedy: str = ""
    """The next step; "" where the rule's will do."""
    severity: Severity | None = None
    """Where it is another one than the rule's."""
    symptom_of: tuple[tuple[str, Ref], ...] = ()
    """Causes that would explain it, each the code of a rule and an object: it is folded under one that is found."""

    @property
    def key(self) -> str:
        """The same for the same rule and first object, whenever it is found and whom else it concerns by then."""
        first = self.objects[0] if self.objects else None
        return f"{self.rule.code} {first.kind}/{first.key}" if first else self.rule.code

    @property
    def grade(self) -> Severity:
        return self.severity or self.rule.severity

    @property
    def step(self) -> str:
        return self.remedy or self.rule.remedy


class Unsure(Struct, frozen=True):
    """Something that a rule could not judge: it is not ok, it is not known."""

    rule: Rule
    missing: str
    """What was not read, and why."""
    about: Ref | None = None

"""Analyzers: pure functions that apply one or a few rules to a snapshot, and what each has to be given."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from meshtui.mesh.doctor.findings import Found, Rule, Unsure
from meshtui.mesh.kinds import SECRET, Kind
from meshtui.mesh.snapshot import Scope, Snapshot

Findings = Iterable[Found | Unsure]


class Analyzer(Struct, frozen=True, eq=False):
    """One analyzer. It must not fail over objects of any shape; where it does, that is told and the others go on. It is
    applied again only where something that it read of the snapshot became another (`mesh.derived`)."""

    name: str
    """Istio's name for it, such as "gateway.SecretAnalyzer", or the subject and what is wrong."""
    rules: tuple[Rule, ...]
    """All that it can report."""
    needs: tuple[Kind | Scope, ...]
    """The kinds that it reads. Where one of them may not be listed, its rules are unknown; where its first one is not
    installed, they do not apply."""
    run: Callable[[Snapshot], Findings]
    asked_for: bool = False
    """It does not run unless it is asked for by a code."""


def watched(analyzers: Iterable[Analyzer]) -> tuple[Kind | Scope, ...]:
    """What is listed and watched for them. Secrets are not: to look for one by its label all would have to be read."""
    needs = dict.fromkeys(need for each in analyzers for need in each.needs)
    return tuple(need for need in needs if kind_of(need) != SECRET)


def kind_of(need: Kind | Scope) -> Kind:
    return need.kind if isinstance(need, Scope) else need

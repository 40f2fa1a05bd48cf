"""Schema: what the server itself refuses of an object, or warns of (schema.ValidationAnalyzer of the reference).

Istio's validation is close to the schemas of its CustomResourceDefinitions with their rules, and istiod's webhook has
it whole; both speak in a dry run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.configuration.objects import ERROR, WARNING
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Unsure
from meshtui.mesh.snapshot import Ref, Snapshot

REFUSED = Rule(
    "IST0106",
    "the server refuses an object",
    ERROR,
    why="It cannot be applied; an object of before stays as it is.",
    remedy="correct the field that the server names",
    link="docs/reference/config/analysis/ist0106/",
)
WARNED = Rule(
    "IST0133",
    "the server warns of an object",
    WARNING,
    why="It is taken, and something in it does not do what it seems to.",
    remedy="correct what the server names",
    link="docs/reference/config/analysis/ist0133/",
)


class Tried(Struct, frozen=True):
    """What came of a dry run."""

    refused: str = ""
    """The server's words; "" where it would take the object, or it is not known."""
    unknown: str = ""
    """Why it is not known."""
    warnings: tuple[str, ...] = ()


def analyzer(tried: Iterable[tuple[Ref, Tried]]) -> Analyzer:
    """What dry runs of objects came to, as one that finds it."""
    known = tuple(tried)

    def run(_: Snapshot) -> Findings:
        return (told for each in known for told in _told(*each))

    return Analyzer("schema.ValidationAnalyzer", (REFUSED, WARNED), (), run)


def _told(ref: Ref, tried: Tried) -> Iterator[Found | Unsure]:
    called = f"{ref.kind.title} {ref.key}"
    if tried.unknown:
        yield from (Unsure(rule, tried.unknown, ref) for rule in (REFUSED, WARNED))
    if tried.refused:
        yield _found(REFUSED, ref, f"the server refuses {called}: {tried.refused}", tried.refused)
    for warning in tried.warnings:
        yield _found(WARNED, ref, f"the server warns of {called}: {warning}", warning)


def _found(rule: Rule, ref: Ref, says: str, words: str) -> Found:
    seen = Evidence(f"{ref.kind.title} {ref.key}", "dry run", words, ref)
    return Found(rule, (ref,), says, (seen,))

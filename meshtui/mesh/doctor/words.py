"""Words: a finding for people, as text and as Markdown, without what would steer a terminal or be markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshtui.mesh.doctor.examination import Finding
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.printable import plain
from meshtui.mesh.snapshot import Ref

_NAMED = 5


def markdown(finding: Finding) -> Iterator[str]:
    """One finding with its evidence."""
    found = finding.found
    yield f"- {finding.grade.health.mark} **{found.rule.code}** ({finding.grade.word}): {escaped(found.says)}"
    yield f"  - about: {escaped(named(found.objects))}"
    for seen in found.evidence:
        yield f"  - seen: `{plain(seen_by(seen)).replace('`', chr(39))}`"
    for symptom in finding.symptoms:
        yield f"  - explains {symptom.rule.code}: {escaped(symptom.says)}"
    if found.step:
        yield f"  - next: {escaped(found.step)}"


def named(objects: Sequence[Ref]) -> str:
    """The first few of them."""
    more = f" and {len(objects) - _NAMED} more" if len(objects) > _NAMED else ""
    return ", ".join(f"{ref.kind.title} {ref.key}" for ref in objects[:_NAMED]) + more or "–"


def seen_by(seen: Evidence) -> str:
    at = f" (read at {seen.at:%Y-%m-%d %H:%M:%S} UTC)" if seen.at else ""
    return f"{seen.source} {seen.field} = {seen.value}{at}"


def escaped(text: str) -> str:
    return "".join(f"\\{each}" if each in "\\`*_<>[]|#" else each for each in plain(text))

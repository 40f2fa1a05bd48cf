"""What `meshtui doctor` prints: the same findings as text, JSON, YAML, Markdown, SARIF 2.1.0 and JUnit XML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from msgspec import Struct, field

from meshtui import __version__
from meshtui.commands import documents
from meshtui.mesh.checks import count
from meshtui.mesh.doctor import words
from meshtui.mesh.doctor.examination import Examination, Finding, Outcome
from meshtui.mesh.doctor.findings import Found, Rule, Severity
from meshtui.mesh.doctor.rules import RULES
from meshtui.mesh.manifests import Mistake
from meshtui.mesh.mutes import Mute
from meshtui.mesh.printable import plain
from meshtui.mesh.snapshot import Ref, Snapshot

SCHEMA = "meshtui.doctor/v1"
"""What `schema` says in JSON and YAML. It gets a new number where a field changes its meaning or goes."""
DOCUMENTATION = "https://istio.io/latest/"


class Report(Struct, frozen=True, eq=False):
    """What is to be told."""

    snapshot: Snapshot
    findings: Sequence[Finding]
    result: Examination
    missing: Sequence[str]
    """What could not be read."""
    mistakes: Sequence[Mistake]
    places: Mapping[Ref, tuple[str, int]]
    """The file and the line of objects that came from one."""
    muted: Mapping[Finding, Mute] = field(default_factory=dict)
    """What somebody muted; among the findings only where that was asked for."""


# For people


def table(report: Report) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    for each in report.findings:
        found = each.found
        yield f"{each.grade.health.mark} {each.grade.word:<8}  {found.rule.code:<7}  {plain(found.says)}"
        yield f"    about     {plain(words.named(found.objects))}"
        for seen in found.evidence:
            yield f"    seen      {plain(words.seen_by(seen))}"
        for symptom in each.symptoms:
            yield f"    explains  {symptom.rule.code}: {plain(symptom.says)}"
        if found.rule.why:
            yield f"    why       {found.rule.why}"
        if found.step:
            yield f"    next      {plain(found.step)}"
        if mute := report.muted.get(each):
            yield f"    muted     {plain(mute.told)}"
        yield ""
    for missing, codes in _unknown(report).items():
        yield f"? not known: {plain(missing)} ({_few(codes)})"
    yield _summary(report)


def _unknown(report: Report) -> Mapping[str, Sequence[str]]:
    """What is missing, with the rules that could not judge for it."""
    found: dict[str, dict[str, None]] = {}
    for each in report.result.unsure:
        found.setdefault(each.missing, {})[each.rule.code] = None
    return {missing: list(codes) for missing, codes in found.items()}


def _few(codes: Sequence[str]) -> str:
    more = f" and {len(codes) - _CODES} more" if len(codes) > _CODES else ""
    return ", ".join(codes[:_CODES]) + more


_CODES = 12
"""So many are named where one thing that is missing is why; JSON has them all."""


def _summary(report: Report) -> str:
    counts = Counter(each.grade for each in report.findings if each not in report.muted)
    told = ", ".join(f"{counts[each]} {each.word}" for each in Severity if counts[each])
    unknown = sum(each is Outcome.UNKNOWN for each in report.result.outcomes.values())
    applied = len(report.result.outcomes)
    known = (
        f"{applied - unknown} of {applied} rules could judge" if unknown else count(applied, "rule")
    )
    muted = f"; {len(report.muted)} muted" if report.muted else ""
    return f"{told or 'nothing found'}{muted}; {known}"


def markdown(report: Report) -> str:
    """For an incident's channel or a pull request."""
    lines = [f"**{_summary(report)}**", ""]
    for each in report.findings:
        mute = report.muted.get(each)
        muted = [f"  - muted {words.escaped(mute.told)}"] if mute else []
        lines += [*words.markdown(each), *muted, ""]
    return "\n".join(lines)


def explained(rule: Rule) -> str:
    """A rule in words."""
    facts = (
        ("severity", rule.severity.word),
        ("why", rule.why),
        ("next", rule.remedy),
        ("more", f"{DOCUMENTATION}{rule.link}" if rule.link else ""),
    )
    told = [f"  {title:<9} {words}" for title, words in facts if words]
    return "\n".join([f"{rule.code}  {rule.title}", *told]) + "\n"


# For programs


def _document(report: Report) -> dict[str, Any]:
    return {
        **documents.head(SCHEMA, report.snapshot, report.missing),
        "mistakes": [
            {"file": each.file, "line": each.line, "column": each.column, "words": each.words}
            for each in report.mistakes
        ],
        "findings": [
            {
                **_found(each.found),
                "severity": each.grade.word,
                "explains": [_found(symptom) for symptom in each.symptoms],
                "muted": _mute(report.muted.get(each)),
            }
            for each in report.findings
        ],
        "muted": len(report.muted),
        "unknown": [
            {"code": each.rule.code, "missing": each.missing, "about": _ref(each.about)}
            for each in report.result.unsure
        ],
        "rules": {code: outcome.value for code, outcome in report.result.outcomes.items()},
    }


def _found(found: Found) -> dict[str, Any]:
    return {
        "code": found.rule.code,
        "severity": found.grade.word,
        "title": found.rule.title,
        "says": found.says,
        "objects": [_ref(each) for each in found.objects],
        "evidence": [
            {
                "source": each.source,
                "field": each.field,
                "value": each.value,
                "at": each.at.isoformat() if each.at else None,
            }
            for each in found.evidence
        ],
        "why": found.rule.why,
        "next": found.step,
        "link": f"{DOCUMENTATION}{found.rule.link}" if found.rule.link else "",
    }


def _mute(mute: Mute | None) -> dict[str, str | None] | None:
    if mute is None:
        return None
    return {"reason": mute.reason, "until": mute.until.isoformat() if mute.until else None}


def _ref(ref: Ref | None) -> dict[str, str] | None:
    if ref is None:
        return None
    kind = {"group": ref.kind.group, "kind": ref.kind.title.removeprefix("Istio ")}
    return {**kind, "namespace": ref.namespace, "name": ref.name}


_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}


def sarif(report: Report) -> str:
    """SARIF 2.1.0, for code scanning: an object of a file by its line, one of the cluster by its name."""
    used = {each.found.rule.code: each.found.rule for each in report.findings}
    rules = [
        {
            "id": rule.code,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": rule.why or rule.title},
            "help": {"text": rule.remedy or rule.title},
            "defaultConfiguration": {"level": _LEVELS[rule.severity]},
            **({"helpUri": f"{DOCUMENTATION}{rule.link}"} if rule.link else {}),
        }
        for rule in {**RULES, **used}.values()
    ]
    results = [
        {
            "ruleId": each.found.rule.code,
            "level": _LEVELS[each.grade],
            "message": {"text": f"{each.found.says}. Next: {each.found.step or '–'}"},
            "locations": [_location(ref, report.places) for ref in each.found.objects[:20]],
            "partialFingerprints": {"finding/v1": each.found.key},
            **_suppressed(report.muted.get(each)),
        }
        for each in report.findings
    ]
    driver = {"name": "meshtui doctor", "version": __version__, "rules": rules}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(document, indent=2) + "\n"


def _suppressed(mute: Mute | None) -> dict[str, Any]:
    if mute is None:
        return {}
    return {"suppressions": [{"kind": "external", "justification": mute.told}]}


def _location(ref: Ref, places: Mapping[Ref, tuple[str, int]]) -> dict[str, Any]:
    called = f"{ref.kind.title} {ref.key}"
    location: dict[str, Any] = {
        "logicalLocations": [{"fullyQualifiedName": called, "kind": "resource"}]
    }
    if ref in places:
        file, line = places[ref]
        location["physicalLocation"] = {
            "artifactLocation": {"uri": file},
            "region": {"startLine": line},
        }
    return location


def junit(report: Report) -> str:
    """JUnit XML: each rule is a case, each finding of it a failure, and a rule that could not judge is skipped."""
    by_code: dict[str, list[Finding]] = {}
    for each in (each for each in report.findings if each not in report.muted):
        by_code.setdefault(each.found.rule.code, []).append(each)
    missing = {each.rule.code: each.missing for each in report.result.unsure}
    suite = ElementTree.Element("testsuite", name="meshtui doctor")
    failures = skipped = 0
    for code, outcome in report.result.outcomes.items():
        rule = RULES.get(code)
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname="meshtui.doctor",
            name=f"{code} {rule.title if rule else ''}",
        )
        found = by_code.get(code, [])
        for each in found:
            told = {"message": plain(each.found.says), "type": each.grade.word}
            ElementTree.SubElement(case, "failure", told).text = "\n".join(_of(each))
        failures += bool(found)
        if not found and outcome is Outcome.UNKNOWN:
            skipped += 1
            ElementTree.SubElement(case, "skipped", message=plain(missing.get(code, "unknown")))
    counts = {"tests": len(suite), "failures": failures, "skipped": skipped}
    suite.attrib.update({title: str(number) for title, number in counts.items()})
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _of(finding: Finding) -> Iterable[str]:
    yield plain(words.named(finding.found.objects))
    yield from (plain(words.seen_by(each)) for each in finding.found.evidence)
    yield plain(finding.found.step)


FORMATS: Mapping[str, Callable[[Report], str]] = {
    **documents.formats(table, _document),
    "markdown": markdown,
    "sarif": sarif,
    "junit": junit,
}

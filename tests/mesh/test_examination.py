"""Examinations: what becomes of rules, of symptoms, of what cannot be read, and of a rule that fails itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from meshtui.mesh import attention
from meshtui.mesh.doctor import examination, rows
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.examination import INTERNAL, Examination, Outcome
from meshtui.mesh.doctor.findings import Found, Rule, Severity, Unsure
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.kinds import NODE, POD, SERVICE, Kind
from meshtui.mesh.memo import Memo
from meshtui.mesh.snapshot import Phase, Problem, Ref, Scope, Snapshot, Source, Trouble
from tests import recordings
from tests.mesh.made import NOW

NODES = Rule("N", "a node is not well", Severity.CRITICAL)
PODS = Rule("P", "a pod is not well", Severity.HIGH)
SMALL = Rule("S", "a pod is not tidy", Severity.LOW)
NODE_1, POD_1, POD_2 = Ref(NODE, "", "n1"), Ref(POD, "shop", "a"), Ref(POD, "shop", "b")
LIVE = {Scope(kind): Source(Phase.LIVE) for kind in (NODE, POD, SERVICE)}


def analyzer(*found: Found | Unsure, rules: tuple[Rule, ...], need: Kind = POD) -> Analyzer:
    def run(_: Snapshot) -> Findings:
        yield from found

    return Analyzer("made", rules, (need,), run)


def examined(*analyzers: Analyzer, sources: dict[Scope, Source] | None = None) -> Examination:
    return examination.of(Snapshot(NOW, sources=sources or LIVE), analyzers)


def test_the_worst_comes_first_and_of_equals_what_concerns_more() -> None:
    one = Found(PODS, (POD_1,), "one")
    two = Found(PODS, (POD_1, POD_2), "two")
    small, node = Found(SMALL, (POD_1,), "untidy"), Found(NODES, (NODE_1,), "down")
    result = examined(analyzer(small, one, two, node, rules=(NODES, PODS, SMALL)))
    assert [each.found.says for each in result.findings] == ["down", "two", "one", "untidy"]
    assert [each.says for each in result.of[POD_1]] == ["one", "two", "untidy"]


def test_a_symptom_is_folded_under_the_cause_that_was_found_and_stands_alone_without_one() -> None:
    symptom = Found(PODS, (POD_1,), "not captured", symptom_of=(("N", NODE_1),))
    cause = Found(NODES, (NODE_1,), "no CNI agent")
    (alone,) = examined(analyzer(symptom, rules=(PODS,))).findings
    assert alone.found == symptom
    result = examined(analyzer(symptom, rules=(PODS,)), analyzer(cause, rules=(NODES,)))
    (folded,) = result.findings
    assert folded.found == cause
    assert folded.symptoms == (symptom,)
    assert result.outcomes == {"N": Outcome.FINDING, "P": Outcome.FINDING}


def test_two_that_explain_each_other_are_told_once() -> None:
    one = Found(PODS, (POD_1,), "one", symptom_of=(("S", POD_2),))
    other = Found(SMALL, (POD_2,), "other", symptom_of=(("P", POD_1),))
    result = examined(analyzer(one, other, rules=(PODS, SMALL)))
    told = [each for finding in result.findings for each in (finding.found, *finding.symptoms)]
    assert sorted(each.says for each in told) == ["one", "other"]


def test_what_may_not_be_listed_makes_a_rule_unknown_and_never_ok() -> None:
    refused = Problem(Trouble.FORBIDDEN, "you may not list pods")
    result = examined(
        analyzer(rules=(PODS,)), sources={Scope(POD): Source(Phase.FORBIDDEN, problem=refused)}
    )
    assert result.outcomes == {"P": Outcome.UNKNOWN}
    assert [each.missing for each in result.unsure] == ["you may not list pods"]


def test_a_rule_about_a_kind_that_is_not_installed_does_not_apply() -> None:
    result = examined(
        analyzer(Found(PODS, (POD_1,), "never"), rules=(PODS,)),
        sources={Scope(POD): Source(Phase.ABSENT)},
    )
    assert result.outcomes == {"P": Outcome.NOT_APPLICABLE}
    assert not result.findings


def test_an_analyzer_that_fails_is_told_and_the_others_go_on() -> None:
    def fail(_: Snapshot) -> Iterator[Found]:
        yield Found(PODS, (POD_1,), "before it failed")
        raise ValueError("odd")

    failing = Analyzer("odd one", (PODS,), (POD,), fail)
    result = examined(failing, analyzer(Found(NODES, (NODE_1,), "down"), rules=(NODES,)))
    says = {each.found.rule.code: each.found.says for each in result.findings}
    assert says == {
        "N": "down",
        "P": "before it failed",
        INTERNAL.code: "odd one failed: ValueError: odd",
    }


def test_an_analyzer_is_asked_again_only_once_something_that_it_read_has_changed() -> None:
    asked = []

    def run(snapshot: Snapshot) -> Findings:
        asked.append([*snapshot.objects[POD]])
        return ()

    of_pods = Analyzer("of pods", (PODS,), (POD,), run)
    first = Snapshot(NOW, objects={POD: {"shop/a": {}}}, sources=LIVE)
    later = NOW + timedelta(seconds=31)
    same = Snapshot(later, objects=first.objects, sources=LIVE, memo=first.memo)
    other = Snapshot(later, objects={POD: {"shop/b": {}}}, sources=LIVE, memo=first.memo)
    for each in (first, same, other):
        examination.of(each, [of_pods])
    assert asked == [["shop/a"], ["shop/b"]]


def test_what_a_rule_finds_once_it_may_judge_is_not_new() -> None:
    whole = recordings.snapshot("shop")
    before = replace(whole, gets={}, answers={}, memo=Memo())
    known = {row.key for row in rows.of(before)}
    found = rows.of(replace(before, gets=whole.gets, answers=whole.answers, now=NOW))
    later = [row for row in found if row.key not in known]
    assert later, "some go by Secrets and dumps"
    assert not any(row.fresh for row in later)


def test_what_is_shown_before_a_first_look_has_no_findings_and_they_are_not_new_after_it() -> None:
    before = replace(recordings.snapshot("shop"), examines=False, memo=Memo())
    assert not rows.of(before)
    told = {item.verdict for item, _ in attention.of(before) if item.key == "worst/findings"}
    assert told == {Verdict(Health.UNKNOWN, "not everything was examined yet")}
    found = rows.of(replace(before, examines=True))
    assert found
    assert not any(row.fresh for row in found)

"""The exact set of what the doctor finds in the scenes of the built-in cluster and in the recorded mesh: each finding
was looked at by hand and is kept in tests/data/findings, a line each, symptoms under what explains them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from meshtui.mesh.doctor import examination
from meshtui.mesh.doctor.findings import Found
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.snapshot import Snapshot
from meshtui.sim.scenes import names
from tests import scenes
from tests.mesh.doctor.judged import keys
from tests.ui import situations

REVIEWED = Path(__file__).parents[2] / "data" / "findings"
UNASKED = [each for each in ANALYZERS if not each.asked_for]
SEEN: Mapping[str, Callable[[], Snapshot]] = {
    **{name: partial(scenes.snapshot, name) for name in names()},
    "recorded-shop": situations.shop,
}


def told(snapshot: Snapshot) -> Iterator[str]:
    for finding in examination.of(snapshot, UNASKED).findings:
        yield line(finding.found)
        yield from (f"  {line(symptom)}" for symptom in finding.symptoms)


def line(found: Found) -> str:
    """Code, severity and objects, with a star for what is made up of the name of a pod."""
    objects = re.sub(r"(Pod \S+?)(-[0-9a-f]{6,10})?-[0-9a-z]{5}\b", r"\1-*", ", ".join(keys(found)))
    return f"{found.rule.code} {found.grade.word}: {objects}"


@pytest.mark.parametrize("name", SEEN)
def test_what_is_found_is_what_was_reviewed(name: str) -> None:
    reviewed = (REVIEWED / f"{name}.txt").read_text().splitlines()
    kept = [each for each in reviewed if not each.lstrip().startswith("#")]
    assert sorted(told(SEEN[name]())) == sorted(kept)


def test_nothing_is_found_and_all_is_known_in_the_shop_without_its_warts() -> None:
    result = examination.of(scenes.snapshot("calm"), UNASKED)
    assert not result.findings
    assert not result.unsure

"""What `istioctl analyze` finds in its own test suite, and nothing else, is found here."""

from __future__ import annotations

import pytest

from meshtui.mesh.raw import Raw
from tests.corpora import analyze

CASES = analyze.cases()

pytestmark = pytest.mark.skipif(
    not CASES, reason="MESHTUI_CORPORA names no folder with analyze/open in it"
)

LEFT: dict[str, str] = {}
"""Analyzers that are not here, and why."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_it_finds_what_istio_finds(case: Raw) -> None:
    if case["analyzer"] in LEFT:
        pytest.skip(LEFT[case["analyzer"]])
    found = analyze.agreement(case)
    assert not found.failed
    assert found.found == found.expected

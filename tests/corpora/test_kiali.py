"""What Kiali finds in its own tests is found here, where the rule is ours too and Istio's own does not differ."""

from __future__ import annotations

import pytest

from meshtui.mesh.raw import Raw
from tests.corpora import kiali

CASES = kiali.cases()

pytestmark = pytest.mark.skipif(
    not CASES, reason="MESHTUI_CORPORA names no folder with kiali in it"
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_it_finds_what_kiali_finds(case: Raw) -> None:
    agreement = kiali.agreement(case)
    assert agreement.there
    agrees = agreement.found == agreement.expected
    assert agrees == (case["id"] not in kiali.DIFFERS)

"""Verdicts, conversion and matching as Istio's and ztunnel's own tests state them, but for what is listed."""

from __future__ import annotations

import pytest

from meshtui.mesh.raw import Raw
from tests.corpora import authorization

CASES = [
    (family, *each) for family in authorization.FAMILIES for each in authorization.cases(family)
]

pytestmark = pytest.mark.skipif(
    not CASES, reason="MESHTUI_CORPORA names no folder with authorization in it"
)


@pytest.mark.parametrize(("family", "file", "case"), CASES, ids=[it["id"] for *_, it in CASES])
def test_it_agrees(family: str, file: Raw, case: Raw) -> None:
    found = authorization.compared(family, file, case)
    if case["id"] in authorization.DIFFERS:
        assert not found.agrees, "it agrees by now: strike it off the list"
    else:
        assert found.found == found.expected

"""What a real API server accepts and rejects by its dry run, as the suites of Istio and of the Gateway API have it."""

from __future__ import annotations

import pytest

from tests.corpora import validation

pytestmark = pytest.mark.skipif(bool(validation.why_not()), reason=validation.why_not())


def test_the_server_judges_each_case_as_its_suite_does() -> None:
    assert [each.case.id for each in validation.verdicts() if not each.agrees] == []

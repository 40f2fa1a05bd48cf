"""Values that Istio's validation does not take: said of a policy that has them, as files and old clusters do."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh import policy_rows
from meshtui.mesh.health import Health
from meshtui.mesh.traffic import rules, values
from tests.mesh.made import made, snapshot

RULES: list[tuple[dict[str, Any], str]] = [
    # a rule, and what is said of it (pkg/config/security of Istio: ValidatePorts, ValidateIPs, ValidateAttribute)
    ({"to": [{"operation": {"ports": ["8080"]}}]}, ""),
    ({"to": [{"operation": {"ports": ["http"]}}]}, "rule 1: ports has “http”"),
    ({"to": [{"operation": {"notPorts": ["70000"]}}]}, "rule 1: ports has “70000”"),
    ({"from": [{"source": {"ipBlocks": ["10.0.0.0/8", "10.1.1.1"]}}]}, ""),
    ({"from": [{"source": {"ipBlocks": ["10.0.0.0/99"]}}]}, "rule 1: ipBlocks has “10.0.0.0/99”"),
    ({"from": [{"source": {"serviceAccounts": ["a/b/c"]}}]}, "rule 1: serviceAccounts has “a/b/c”"),
    ({"when": [{"key": "request.headers[x]", "values": ["1"]}]}, ""),
    ({"when": [{"key": "source.address", "values": ["1"]}]}, "rule 1: when source.address is “1”"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "words"), RULES, ids=range(len(RULES)))
def test_what_istio_does_not_take_is_said_of_the_policy(rule: dict[str, Any], words: str) -> None:
    it = made("AuthorizationPolicy", "p", "shop", spec={"rules": [rule]})
    said = [*values.refused(rules.read(it))]
    assert [each.removesuffix(", which Istio does not take") for each in said] == [
        each for each in [words] if each
    ]
    (row,) = policy_rows.of(snapshot(it))
    assert any(
        each.health is Health.WARN and "Istio does not take" in each.reason for each in row.troubles
    ) is bool(words)

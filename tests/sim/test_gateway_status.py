"""The built-in cluster's istiod against Istio's own goldens of Gateway API status. The goldens are other people's: they
are read where they are, in the folder that MESHTUI_CORPORA names."""

from __future__ import annotations

import pytest

from meshtui.sim.kinds import GATEWAY, LISTENER_SET
from tests.corpora.gateway_status import CASES, Raw, compared, settled

pytestmark = pytest.mark.skipif(
    not CASES, reason="MESHTUI_CORPORA names no folder with gateway-status/open in it"
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_istiod_says_what_istio_says(case: Raw) -> None:
    found, wanted = compared(case)
    assert set(found) == set(wanted)
    for key, message in wanted.items():
        assert found[key] == message.replace("domain.suffix", "cluster.local"), key


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_listeners_count_the_routes_that_istio_counts(case: Raw) -> None:
    store = settled(case)
    found = [
        {"resource": resource, "listener": listener["name"], "routes": listener["attachedRoutes"]}
        for kind in (GATEWAY, LISTENER_SET)
        for obj in store.list(kind)
        for resource in [f"{kind.name} {obj['metadata']['namespace']}/{obj['metadata']['name']}"]
        for listener in obj.get("status", {}).get("listeners", [])
    ]
    assert sorted(map(str, found)) == sorted(
        str({key: each[key] for key in ("resource", "listener", "routes")})
        for each in case["attached_routes"]
    )

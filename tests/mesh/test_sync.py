"""Sync: what istiods tell of the proxies that are connected to them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from meshtui.mesh import sync
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Answer, Problem, Ref, Snapshot, Trouble
from tests import recordings
from tests.ui import situations

SHOP = situations.shop()
RECORDED = (recordings.DATA / "shop" / "istiod.debug.syncz.json").read_bytes()
WDS = "type.googleapis.com/istio.workload.Address"
CDS = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
WAYPOINT = Ref(POD, "shop", "waypoint-7c6c8d8b4c-2xk9p")


def told(pod: Ref, *answers: Answer) -> tuple[Health, str]:
    probes = sync.probes(SHOP)
    known = dict(zip(probes, answers, strict=False))
    found = sync.verdict(pod, replace(SHOP, answers={**SHOP.answers, **known}))
    return found.health, found.reason


def answer(*proxies: Any) -> Answer:
    return Answer(sync.read_syncz(msgspec.json.encode(list(proxies))), SHOP.now)


def proxy(pod: Ref = WAYPOINT, **resources: dict[str, str]) -> Any:
    urls = {"cds": CDS, "wds": WDS}
    return {
        "proxy": f"{pod.name}.{pod.namespace}",
        "proxy_type": "waypoint",
        "resources": {urls[key]: it for key, it in resources.items()},
    }


def test_the_recorded_ztunnel_has_all_that_it_was_sent() -> None:
    """Its `sent` and `acked` are the same, of both types."""
    found = sync.read_syncz(RECORDED)
    assert found["ztunnel-gnq4h.istio-system"].states == {
        "policies": "synced",
        "workloads": "synced",
    }
    ref = Ref(POD, "istio-system", "ztunnel-gnq4h")
    assert told(ref, Answer(found, SHOP.now)) == (Health.OK, "synced: policies, workloads")


def test_what_was_not_taken_over_is_told_and_what_was_refused_with_its_reason() -> None:
    stale = answer(proxy(cds={"sent": "2/b", "acked": "1/a"}, wds={"sent": "1", "acked": "1"}))
    assert told(WAYPOINT, stale) == (Health.WARN, "clusters stale")
    refused = answer(proxy(cds={"sent": "2", "acked": "1", "lastError": "no such thing"}))
    assert told(WAYPOINT, refused) == (Health.BAD, "clusters refused: no such thing")
    assert told(WAYPOINT, answer(proxy(cds={})))[1] == "nothing was sent to it yet"


def test_a_proxy_that_no_istiod_knows_is_not_connected_if_all_were_asked() -> None:
    assert told(WAYPOINT, answer())[0] is Health.BAD
    health, why = told(WAYPOINT)
    assert (health, why) == (Health.UNKNOWN, "istiod is being asked")
    forbidden = Answer(problem=Problem(Trouble.FORBIDDEN, "jane may not"))
    assert told(WAYPOINT, forbidden) == (Health.UNKNOWN, "istiod does not tell: jane may not")
    nobody = sync.verdict(WAYPOINT, Snapshot(SHOP.now))
    assert nobody.health is Health.UNKNOWN


@pytest.mark.parametrize("body", [b"", b"{}", b'["a", {"proxy": 3, "resources": [1]}', b"\xff"])
def test_what_is_no_list_says_so(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|list"):
        sync.read_syncz(body)


def test_odd_entries_are_passed_over() -> None:
    odd = [3, None, {"proxy": ["x"]}, {"proxy": "a.b", "resources": {"u": 3}}]
    assert sync.read_syncz(msgspec.json.encode(odd))["a.b"].states == {"u": "not sent"}

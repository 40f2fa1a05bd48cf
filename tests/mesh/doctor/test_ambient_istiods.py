"""AMB-043, AMB-056 and AMB-060: what istiods tell, and names that ztunnels ask for in vain. Names of metrics are those
of security/pkg/server/ca/monitoring.go and of ztunnel's src/dns/metrics.rs."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from meshtui.mesh import istiod_metrics, sync
from meshtui.mesh.istiod_metrics import Signing
from meshtui.mesh.metrics import Dns, Metrics, read_metrics
from meshtui.mesh.snapshot import Answer, Snapshot
from tests import recordings
from tests.mesh.doctor.judged import SERVED, counted, keys, of, unsure
from tests.mesh.made import NOW, pod, snapshot

ISTIOD = pod("istiod-1", "istio-system", labels={"app": "istiod"})
ASKED = snapshot(*SERVED, ISTIOD)


def synced(*proxies: str, error: str = "") -> Snapshot:
    state = {"sent": "2", "acked": "1" if error else "2", **({"lastError": error} if error else {})}
    body = msgspec.json.encode(
        [
            {
                "proxy": proxy,
                "proxy_type": "ztunnel",
                "resources": {"istio.workload.Address": state},
            }
            for proxy in proxies
        ]
    )
    (probe,) = sync.probes(ASKED)
    return replace(ASKED, answers={probe: Answer(sync.read_syncz(body), NOW)})


def test_what_is_refused() -> None:
    both = synced("ztunnel-a.istio-system", "ztunnel-b.istio-system", error="unknown field")
    (found,) = of("AMB-043", both)
    assert keys(found) == ["Pod istio-system/ztunnel-a", "Pod istio-system/ztunnel-b"]
    assert "workloads: refused: unknown field" in found.says
    assert of("AMB-043", synced("ztunnel-a.istio-system")) == []
    assert unsure("AMB-043", ASKED) == ["istiod istiod-1 does not tell: it was not asked"]


def signing(now: Signing, before: Signing | None = None) -> Snapshot:
    (pod_,) = istiod_metrics.pods(ASKED)
    at = NOW - timedelta(minutes=1) if before is not None else None
    answer = Answer(now, NOW, before=before, before_at=at)
    return replace(ASKED, answers={istiod_metrics.probe(pod_): answer})


@pytest.mark.parametrize(
    ("now", "before", "says"),
    [
        (Signing(3, 0), Signing(1, 0), "2 could not be signed"),
        (Signing(0, 9), Signing(0, 8), "1 came from nobody that it knows"),
        (Signing(3, 0), Signing(3, 0), ""),
        (Signing(0, 0), Signing(0, 0), ""),
        (Signing(1, 0), Signing(5, 0), ""),  # started anew
    ],
)
def test_certificates_that_are_not_signed(now: Signing, before: Signing, says: str) -> None:
    told = of("AMB-056", signing(now, before))
    assert [each.says.rpartition(": ")[2] for each in told] == ([says] if says else [])


def test_whether_it_rises_is_not_known_by_one_reading() -> None:
    assert of("AMB-056", signing(Signing(3, 0))) == []
    assert "read once" in unsure("AMB-056", signing(Signing(3, 0)))[0]
    assert unsure("AMB-056", signing(Signing(0, 0))) == []


def test_metrics_of_an_istiod() -> None:
    recorded = (recordings.DATA / "shop" / "istiod.metrics.txt").read_bytes()
    assert istiod_metrics.read(recorded) == Signing(0, 0)
    more = b"citadel_server_csr_sign_err_count 2\ncitadel_server_authentication_failure_count 7\n"
    assert istiod_metrics.read(recorded + more) == Signing(2, 7)
    with pytest.raises(ValueError, match="istiod"):
        istiod_metrics.read(b"404 page not found")


DNS = b"""\
workload_manager_active_proxy_count 1
istio_dns_upstream_requests_total{source_workload="cart"} 90
istio_dns_upstream_requests_total{source_workload="web"} 10
istio_dns_upstream_failures_total{source_workload="web"} 7
istio_dns_upstream_request_duration_seconds_bucket{le="0.1",source_workload="cart"} 80
istio_dns_upstream_request_duration_seconds_bucket{le="1.0",source_workload="cart"} 88
istio_dns_upstream_request_duration_seconds_bucket{le="+Inf",source_workload="cart"} 90
istio_dns_upstream_request_duration_seconds_count{source_workload="cart"} 90
"""


def test_counters_of_names() -> None:
    assert read_metrics(DNS).dns == Dns(asked=100, failed=7, slow=2)


@pytest.mark.parametrize(
    ("now", "before", "found"),
    [
        (Dns(1000, 50, 0), Dns(0, 0, 0), True),
        (Dns(1000, 0, 50), Dns(0, 0, 0), True),
        (Dns(1000, 10, 0), Dns(0, 0, 0), False),  # one in a hundred
        (Dns(10, 4, 0), Dns(0, 0, 0), False),  # too few to tell
        (Dns(2000, 500, 0), Dns(1000, 500, 0), False),  # long ago
    ],
)
def test_names_that_do_not_resolve(now: Dns, before: Dns, found: bool) -> None:
    answers = counted(Metrics(messages=1, dns=now), Metrics(messages=1, dns=before))
    told = of("AMB-060", snapshot(*SERVED, answers=answers))
    assert [keys(each) for each in told] == ([["Pod istio-system/ztunnel-node-1"]] if found else [])


def test_whether_names_fail_is_not_known_by_one_reading() -> None:
    once = snapshot(*SERVED, answers=counted(Metrics(messages=1, dns=Dns(1000, 500, 0))))
    assert of("AMB-060", once) == []
    assert "read once" in unsure("AMB-060", once)[0]

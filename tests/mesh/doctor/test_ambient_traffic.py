"""AMB-032, AMB-053, AMB-054 and AMB-064: who is refused, what runs out, and Services that nobody answers for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh.doctor.findings import Severity
from meshtui.mesh.metrics import Failure, Metrics, read_metrics
from meshtui.mesh.raw import Raw
from tests import recordings
from tests.mesh.doctor.judged import (
    CART,
    NODE,
    SERVED,
    counted,
    endpoints,
    event,
    examined,
    keys,
    of,
    service,
    unsure,
)
from tests.mesh.made import NOW, before, made, pod, snapshot
from tests.mesh.test_enrollment import ENABLED, agent, ztunnel

UNREADY = pod(
    annotations=ENABLED,
    labels={"app": "cart"},
    spec={"containers": [{"name": "app", "readinessProbe": {"httpGet": {"port": 80}}}]},
    status={
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "app", "ready": False, "state": {"running": {}}}],
    },
)


def test_a_service_that_nobody_answers_for() -> None:
    """AMB-064."""
    (found,) = of("AMB-064", (UNREADY, *SERVED, service(), endpoints(ready=False)))
    assert keys(found) == ["Service shop/cart", "Pod shop/cart"]


@pytest.mark.parametrize(
    "objects",
    [
        (CART, *SERVED, service(), endpoints()),
        (*SERVED, service()),  # scaled to nothing
        (
            made("Namespace", "shop"),
            NODE,
            pod(),
            service(),
            endpoints(ready=False),
        ),  # outside the mesh
        (pod(annotations=ENABLED, age=20), *SERVED, service(), endpoints(ready=False)),  # 20 s old
    ],
)
def test_a_service_that_somebody_answers_for(objects: tuple[Raw, ...]) -> None:
    assert of("AMB-064", objects) == []


def test_failing_probes_explain_it() -> None:
    said = event("Unhealthy", "Readiness probe failed: context deadline exceeded")
    every = examined(snapshot(UNREADY, *SERVED, service(), endpoints(ready=False), said)).findings
    (found,) = [each for each in every if each.found.rule.code == "AMB-014"]
    assert [each.rule.code for each in found.symptoms] == ["AMB-064"]


@pytest.mark.parametrize(("opened", "found"), [(900, True), (800, False), (88, False)])
def test_file_descriptors(opened: int, found: bool) -> None:
    """AMB-053: more than four fifths."""
    here = snapshot(
        *SERVED, answers=counted(Metrics(messages=1, open_files=opened, most_files=1000))
    )
    told = of("AMB-053", here)
    assert bool(told) is found
    assert all(keys(each) == ["Pod istio-system/ztunnel-node-1"] for each in told)


def test_file_descriptors_are_read_of_a_real_ztunnel() -> None:
    """The recording has process_open_fds 88 and process_max_fds 20000."""
    read = read_metrics(recordings.Recording("shop").metrics("node-1"))
    assert (read.open_files, read.most_files) == (88, 20000)


def test_counters_that_were_not_read_leave_it_open() -> None:
    assert unsure("AMB-053", snapshot(*SERVED)) == [
        "the counters of 1 ztunnel are not known: they were not read"
    ]


def killed(reason: str, age: float) -> Raw:
    state = {"terminated": {"reason": reason, "finishedAt": before(age)}}
    return ztunnel(
        status={
            "containerStatuses": [
                {"name": "z", "ready": True, "state": {"running": {}}, "lastState": state}
            ]
        }
    )


def test_a_ztunnel_that_was_killed_for_its_memory() -> None:
    """AMB-054, within the last hour."""
    (found,) = of("AMB-054", (killed("OOMKilled", 600), agent()))
    assert keys(found) == ["Pod istio-system/ztunnel-node-1"]
    assert of("AMB-054", (killed("Error", 600), agent())) == []
    assert of("AMB-054", (killed("OOMKilled", 4000), agent())) == []


STRICT = made("PeerAuthentication", "default", "shop", spec={"mtls": {"mode": "STRICT"}})
PLAIN = Failure("DENY", "destination", True, "plain", "curl", "shop", "cart")
OUTSIDE = (made("Namespace", "plain"), pod("curl", "plain"))


def failing(failure: Failure, times: int, earlier: int | None = None) -> Any:
    """What its ztunnel counts now, and counted a minute before."""

    def read(number: int) -> Metrics:
        return Metrics(messages=1, failures={failure: number} if number else {})

    return counted(read(times), None if earlier is None else read(earlier))


def refusals(times: int, earlier: int | None = None) -> Any:
    return failing(PLAIN, times, earlier)


def test_plain_text_that_is_refused() -> None:
    """AMB-032: high while it goes on, for information where it is past."""
    (found,) = of("AMB-032", snapshot(CART, *SERVED, STRICT, *OUTSIDE, answers=refusals(7, 3)))
    assert found.grade is Severity.HIGH
    assert keys(found) == ["Pod plain/curl", "Pod shop/cart"]
    (found,) = of("AMB-032", snapshot(CART, *SERVED, STRICT, *OUTSIDE, answers=refusals(7, 7)))
    assert found.grade is Severity.INFO


def test_plain_text_that_is_not_refused_by_strict() -> None:
    assert (
        of("AMB-032", snapshot(CART, *SERVED, *OUTSIDE, answers=refusals(7, 3))) == []
    )  # a policy did
    assert of("AMB-032", snapshot(CART, *SERVED, STRICT, *OUTSIDE, answers=refusals(0))) == []


def test_a_caller_that_should_be_in_the_mesh_is_explained_by_that() -> None:
    never = (
        made("Namespace", "plain", labels={"istio.io/dataplane-mode": "ambient"}),
        pod("curl", "plain"),
    )
    every = examined(snapshot(CART, *SERVED, STRICT, *never, answers=refusals(7, 3))).findings
    (found,) = [each for each in every if each.found.rule.code == "AMB-002"]
    assert [each.rule.code for each in found.symptoms] == ["AMB-032"]


def test_refusals_are_counted_as_the_recording_has_them() -> None:
    """Its log has one refusal of plain text, of plain/curl by payments/ledger, and others of mTLS by policies."""
    read = read_metrics(recordings.Recording("shop").metrics("node-1"))
    plain = [each for each in read.failures if each.plain]
    assert plain == [Failure("DENY", "destination", True, "plain", "curl", "payments", "ledger")]
    assert read.failures[plain[0]] == 1
    denied = Failure("DENY", "destination", False, "shop", "storefront", "payments", "ledger")
    assert read.failures[denied] == 1
    assert replace(read, failures={}).messages


TIMED_OUT = Failure("NETWORK_POLICY", "source", False, "shop", "cart", "shop", "till")
TILL = pod("till", annotations=ENABLED, labels={"app": "till"}, node="node-2")


def test_tunnels_that_are_blocked_without_a_policy() -> None:
    """AMB-013: three at least, and more come."""
    (found,) = of("AMB-013", snapshot(CART, TILL, *SERVED, answers=failing(TIMED_OUT, 5, 3)))
    assert keys(found) == ["Pod shop/cart", "Pod shop/till"]
    assert found.evidence[0].value == "NETWORK_POLICY 5, shop/cart to shop/till"
    assert of("AMB-013", snapshot(CART, TILL, *SERVED, answers=failing(TIMED_OUT, 5, 5))) == []
    assert of("AMB-013", snapshot(CART, TILL, *SERVED, answers=failing(TIMED_OUT, 2, 1))) == []
    assert of("AMB-013", snapshot(CART, TILL, *SERVED, answers=failing(TIMED_OUT, 5))) == []


def test_a_network_policy_explains_tunnels_that_are_blocked() -> None:
    spec = {
        "podSelector": {"matchLabels": {"app": "till"}},
        "ingress": [{"ports": [{"port": 8080}]}],
    }
    policy = made("NetworkPolicy", "p", "shop", spec=spec)
    every = examined(
        snapshot(CART, TILL, *SERVED, policy, answers=failing(TIMED_OUT, 5, 3))
    ).findings
    (found,) = [each for each in every if each.found.rule.code == "AMB-010"]
    assert [each.rule.code for each in found.symptoms] == ["AMB-013"]


DENIED = Failure("DENY", "destination", False, "shop", "till", "shop", "cart")


def test_policies_that_refuse() -> None:
    """AMB-034: for information below one a minute; the readings are a minute apart."""
    (found,) = of("AMB-034", snapshot(CART, TILL, *SERVED, answers=failing(DENIED, 9, 3)))
    assert keys(found) == ["Pod shop/cart", "Pod shop/till"]
    assert found.grade is Severity.HIGH
    slow = {
        probe: replace(each, before_at=NOW - timedelta(hours=1))
        for probe, each in failing(DENIED, 9, 3).items()
    }
    (found,) = of("AMB-034", snapshot(CART, TILL, *SERVED, answers=slow))
    assert found.grade is Severity.INFO
    assert of("AMB-034", snapshot(CART, TILL, *SERVED, answers=failing(DENIED, 3, 3))) == []
    assert (
        of("AMB-034", snapshot(CART, *OUTSIDE, *SERVED, answers=refusals(9, 3))) == []
    )  # AMB-032 if at all


def test_a_certificate_that_was_revoked() -> None:
    """AMB-058."""
    failure = Failure("CERT_REVOKED", "destination", False, "shop", "till", "shop", "cart")
    (found,) = of("AMB-058", snapshot(CART, TILL, *SERVED, answers=failing(failure, 1)))
    assert keys(found) == ["Pod shop/till", "Pod istio-system/ztunnel-node-1"]
    assert of("AMB-058", snapshot(CART, TILL, *SERVED, answers=failing(DENIED, 1))) == []


def database(**parts: Any) -> Raw:
    spec = {"containers": [{"name": "db", "ports": [{"containerPort": 5432}]}]}
    return pod("db", annotations=ENABLED, spec=spec, **parts)


def test_a_ztunnel_that_was_started_anew() -> None:
    """AMB-048: it replaced another within the last hour, and pods with long connections were there before."""
    young = (
        made("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient"}),
        NODE,
        ztunnel(age=600),
        agent(),
    )
    (found,) = of("AMB-048", (database(), *young))
    assert keys(found) == ["Pod istio-system/ztunnel-node-1", "Pod shop/db"]
    assert found.grade is Severity.INFO
    assert of("AMB-048", (CART, *young)) == []  # nothing that keeps connections open
    assert of("AMB-048", (database(age=300), *young)) == []  # it came later
    assert of("AMB-048", (database(age=9000), *young[:2], ztunnel(age=4000), agent())) == []


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("AMB-013", TIMED_OUT),
        ("AMB-032", DENIED),
        ("AMB-034", DENIED),
    ],
)
def test_one_reading_of_a_counter_does_not_tell_whether_it_rises(
    code: str, failure: Failure
) -> None:
    said = "the counters of 1 ztunnel were read once: whether they rise is not known"
    assert unsure(code, snapshot(CART, TILL, *SERVED, answers=failing(failure, 5))) == [said]
    assert unsure(code, snapshot(CART, TILL, *SERVED, answers=failing(failure, 5, 5))) == []
    assert unsure(code, snapshot(CART, TILL, *SERVED, answers=failing(failure, 0, 0))) == []


@pytest.mark.parametrize("code", ["AMB-013", "AMB-032", "AMB-034", "AMB-058"])
def test_counters_that_were_not_read_are_not_known_to_be_well(code: str) -> None:
    said = "the counters of 1 ztunnel are not known: they were not read"
    assert unsure(code, snapshot(CART, TILL, *SERVED)) == [said]

"""AMB-014 and AMB-015: probes that fail since the capture, and what of Cilium breaks them."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.raw import Raw
from tests.mesh.doctor.judged import SERVED, event, examined, keys, of
from tests.mesh.made import before, made, pod, snapshot
from tests.mesh.test_enrollment import ENABLED

TIMED_OUT = 'Readiness probe failed: Get "http://10.0.0.7:8080/": context deadline exceeded'
HTTP = {"readinessProbe": {"httpGet": {"port": 8080}}}
EXEC = {"readinessProbe": {"exec": {"command": ["ls"]}}}


def unready(probe: Raw = HTTP, **parts: Any) -> Raw:
    status = {
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "app", "ready": False, "state": {"running": {}}}],
    }
    spec = {"containers": [{"name": "app", **probe}]}
    return pod(annotations=ENABLED, status=status, spec=spec, **parts)


def test_a_probe_that_nobody_answers() -> None:
    (found,) = of("AMB-014", (unready(), *SERVED, event("Unhealthy", TIMED_OUT)))
    assert keys(found) == ["Pod shop/cart"]
    assert found.evidence[0].value == TIMED_OUT


@pytest.mark.parametrize(
    ("cart", "message", "age"),
    [
        (unready(EXEC), TIMED_OUT, 60),  # a command in the container is not affected
        (
            pod(annotations=ENABLED, spec={"containers": [{"name": "app", **HTTP}]}),
            TIMED_OUT,
            60,
        ),  # ready again
        (
            unready(),
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
            60,
        ),  # it was answered
        (
            unready(metadata={"managedFields": [{"manager": "istio-cni", "time": before(30)}]}),
            TIMED_OUT,
            60,
        ),  # before
    ],
)
def test_probes_that_are_not_the_mesh_s_fault(cart: Raw, message: str, age: float) -> None:
    assert of("AMB-014", (cart, *SERVED, event("Unhealthy", message, age=age))) == []


CILIUM = made("DaemonSet", "cilium", "kube-system")


def config(**data: str) -> Raw:
    return made("ConfigMap", "cilium-config", "kube-system", data=data)


@pytest.mark.parametrize(
    "data",
    [
        {"enable-bpf-masquerade": "true", "cni-exclusive": "false"},
        {"cni-exclusive": "true"},
        {},  # it is exclusive unless told otherwise
        {"cni-exclusive": "false", "kube-proxy-replacement": "true"},
    ],
)
def test_settings_of_cilium_that_break_it(data: dict[str, str]) -> None:
    (found,) = of("AMB-015", (CILIUM, config(**data)))
    assert keys(found) == ["ConfigMap kube-system/cilium-config"]


@pytest.mark.parametrize(
    "objects",
    [
        (CILIUM, config(**{"cni-exclusive": "false", "enable-bpf-masquerade": "false"})),
        (
            CILIUM,
            config(
                **{
                    "cni-exclusive": "false",
                    "kube-proxy-replacement": "true",
                    "bpf-lb-sock-hostns-only": "true",
                }
            ),
        ),
        (config(**{"enable-bpf-masquerade": "true"}),),  # left over: no Cilium runs
        (CILIUM,),
    ],
)
def test_settings_of_cilium_that_do_not(objects: tuple[Raw, ...]) -> None:
    assert of("AMB-015", objects) == []


def test_cilium_explains_the_probes() -> None:
    objects = (unready(), *SERVED, event("Unhealthy", TIMED_OUT), CILIUM, config())
    found = next(
        each for each in examined(snapshot(*objects)).findings if each.found.rule.code == "AMB-015"
    )
    assert [each.rule.code for each in found.symptoms] == ["AMB-014"]

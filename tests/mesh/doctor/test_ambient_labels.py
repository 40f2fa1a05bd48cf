"""AMB-007: labels of the mesh on the wrong object, misspelt, or with a value that means nothing."""

from __future__ import annotations

import sys
from collections import Counter
from types import FrameType
from typing import Any

import pytest

from meshtui.mesh.doctor.ambient import labels as rule
from meshtui.mesh.raw import Raw
from tests.mesh.doctor.judged import keys, of, service
from tests.mesh.made import made, pod, snapshot

MODE = {"istio.io/dataplane-mode": "ambient"}


def workload(labels: dict[str, str], template: dict[str, str]) -> Raw:
    return made(
        "Deployment",
        "cart",
        "shop",
        labels=labels,
        spec={"template": {"metadata": {"labels": template}}},
    )


@pytest.mark.parametrize(
    ("it", "objects"),
    [
        (workload(MODE, {}), ["Deployment shop/cart"]),
        (service(labels=MODE), ["Service shop/cart"]),
        (
            made("Namespace", "shop", labels={"istio.io/dataplane-mode": "Ambient"}),
            ["Namespace shop"],
        ),
        (
            made("Namespace", "shop", labels={"istio.io/dataplane-mod": "ambient"}),
            ["Namespace shop"],
        ),
        (
            made("Namespace", "shop", labels={"istio-io/dataplane-mode": "ambient"}),
            ["Namespace shop"],
        ),
        (made("Namespace", "shop", labels={"istio.io/use-waypoints": "wp"}), ["Namespace shop"]),
        (made("Namespace", "shop", annotations=MODE), ["Namespace shop"]),
        (pod(labels={"istio.io/dataplane-mode": "on"}), ["Pod shop/cart"]),
    ],
)
def test_found(it: Raw, objects: list[str]) -> None:
    (found,) = of("AMB-007", (it,))
    assert keys(found) == objects


@pytest.mark.parametrize(
    "it",
    [
        workload(MODE, MODE),
        workload({}, MODE),
        made(
            "Namespace",
            "shop",
            labels={**MODE, "istio.io/use-waypoint": "wp", "istio.io/rev": "canary"},
        ),
        made("Namespace", "shop", labels={"istio.io/use-waypoint-namespace": "infra"}),
        made("Namespace", "shop", labels=MODE, annotations=MODE),
        pod(labels={"istio.io/dataplane-mode": "none"}),
        # istiod writes it on the Service of a gateway that it makes
        service(labels={**MODE, "gateway.istio.io/managed": "istio.io-gateway-controller"}),
    ],
)
def test_not_found(it: Any) -> None:
    assert of("AMB-007", (it,)) == []


def test_pods_of_one_controller_are_told_of_together() -> None:
    owner = {"ownerReferences": [{"kind": "StatefulSet", "name": "cart", "controller": True}]}
    label = {"istio.io/dataplane-mode": "true"}
    pods = [pod(f"cart-{n}", labels=label, metadata=owner) for n in range(3)]
    (found,) = of("AMB-007", (*pods,))
    assert len(found.objects) == 3


def test_a_key_that_many_pods_have_is_compared_once() -> None:
    key = "app.kubernetes.io/nobody-else"  # of a length that is looked at
    many = [pod(f"cart-{number}", labels={key: "x"}) for number in range(200)]
    at, calls = snapshot(*many), Counter[str]()

    def count(_: FrameType, event: str, __: object) -> None:
        calls[event] += 1

    sys.setprofile(count)
    try:
        assert not list(rule.misplaced(at))
    finally:
        sys.setprofile(None)
    assert calls["c_call"] < 200 * 200  # comparing it takes a thousand and more

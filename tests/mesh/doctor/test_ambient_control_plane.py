"""AMB-041, AMB-042, AMB-044 to AMB-047 and AMB-070: istiod and the ztunnels, and versions that go together or not."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.doctor.ambient import traffic
from meshtui.mesh.doctor.findings import Found, Severity
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.raw import Raw
from tests.mesh.doctor.judged import CART, SERVED, counted, dumps, keys, of, unsure
from tests.mesh.made import before, made, pod, snapshot
from tests.mesh.test_enrollment import UID, answer, dump, ztunnel

WELL = Metrics(messages=10)
ONE, TEN = (
    Metrics(messages=10, terminations={"ConnectionError": 1}),
    Metrics(messages=10, terminations={"ConnectionError": 10}),
)


def istiod(ready: int = 1, env: dict[str, str] | None = None) -> Raw:
    named = [{"name": key, "value": value} for key, value in (env or {}).items()]
    spec = {
        "replicas": 1,
        "template": {"spec": {"containers": [{"name": "discovery", "env": named}]}},
    }
    return made(
        "Deployment",
        "istiod",
        "istio-system",
        labels={"app": "istiod"},
        spec=spec,
        status={"readyReplicas": ready},
    )


def test_a_ztunnel_whose_failures_rise() -> None:
    """AMB-041 takes two readings."""
    (found,) = of("AMB-041", snapshot(*SERVED, istiod(), answers=counted(TEN, ONE)))
    assert keys(found) == ["Pod istio-system/ztunnel-node-1"]
    assert "9 attempts" in found.says


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (WELL, WELL),
        (TEN, TEN),  # they do not rise any more
        (ONE, TEN),  # it was restarted between
        (
            Metrics(messages=10, terminations={"Reconnect": 5}),
            WELL,
        ),  # near miss: the normal recycling
    ],
)
def test_a_ztunnel_that_has_its_connection(now: Metrics, before: Metrics) -> None:
    assert of("AMB-041", snapshot(*SERVED, istiod(), answers=counted(now, before))) == []


def test_one_reading_does_not_tell() -> None:
    found = snapshot(*SERVED, istiod(), answers=counted(TEN))
    assert of("AMB-041", found) == []
    assert any("a second reading tells" in each for each in unsure("AMB-041", found))


def test_an_istiod_that_is_down_is_one_finding() -> None:
    (found,) = of("AMB-041", snapshot(*SERVED, istiod(ready=0), answers=counted(TEN, ONE)))
    assert keys(found) == ["Deployment istio-system/istiod", "Pod istio-system/ztunnel-node-1"]
    assert "istiod is down" in found.says
    young = {
        **istiod(ready=0),
        "metadata": {**istiod()["metadata"], "creationTimestamp": before(50)},
    }
    assert of("AMB-041", snapshot(*SERVED, young, answers=counted(WELL, WELL))) == []
    idle = {**istiod(ready=0), "spec": {"replicas": 0}}
    assert of("AMB-041", snapshot(*SERVED, idle, answers=counted(WELL, WELL))) == []


def test_pods_that_no_ztunnel_was_told_of() -> None:
    """AMB-044."""
    told = snapshot(CART, *SERVED, answers=dumps(node_1=answer(dump({UID: "Up"}, None))))
    (found,) = of("AMB-044", told)
    assert keys(found) == ["Pod shop/cart"]
    assert (
        of("AMB-044", snapshot(CART, *SERVED, answers=dumps(node_1=answer(dump({UID: "Up"})))))
        == []
    )
    old = dumps(node_1=answer(dump({UID: "Up"}, None), age=3700))
    assert of("AMB-044", snapshot(CART, *SERVED, answers=old)) == []


def versions(control: str, cni: str, proxy: str) -> tuple[Raw, ...]:
    def image(name: str, tag: str) -> dict[str, Any]:
        return {"containers": [{"name": name, "image": f"docker.io/istio/{name}{tag}"}]}

    return (
        pod("istiod", "istio-system", labels={"app": "istiod"}, spec=image("pilot", control)),
        pod(
            "cni",
            "istio-system",
            labels={"k8s-app": "istio-cni-node"},
            spec=image("install-cni", cni),
        ),
        ztunnel(spec=image("ztunnel", proxy)),
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((":1.29.0", ":1.30.1", ":1.29.0"), ["istio-cni 1.30.1 is newer than istiod 1.29"]),
        (
            (":1.29.0", ":1.29.0", ":1.30.0-distroless"),
            ["ztunnel 1.30.0 is newer than istiod 1.29"],
        ),
        (
            (":1.31.0", ":1.31.0", ":1.29.0"),
            ["ztunnel 1.29.0 is more than one minor behind istiod 1.31"],
        ),
        ((":1.31.0", ":1.29.0", ":1.29.0"), ["istio-cni 1.29.0 is more", "ztunnel 1.29.0 is more"]),
        ((":1.30.0", ":1.30.0", ":1.30.0"), []),
        (
            (":1.30.0", ":1.29.4", ":1.29.4"),
            [],
        ),  # near miss: one behind is as it should be during an upgrade
        ((":1.30.0", ":1.30.5", ":1.30.5"), []),  # a newer patch alone
        ((":latest", ":1.30.0", ":1.28.0"), []),
    ],
)
def test_versions_in_order(given: tuple[str, str, str], says: list[str]) -> None:
    """AMB-045."""
    found = of("AMB-045", versions(*given))
    assert len(found) == len(says)
    assert all(word in each.says for word, each in zip(says, found, strict=True))


def test_versions_that_an_image_does_not_tell() -> None:
    found = snapshot(*versions("@sha256:0123", ":1.30.0", ":1.30.0"))
    assert any("do not all tell their version" in each for each in unsure("AMB-045", found))


def of_set(*images: str, ages: tuple[float, ...] = (3600, 3600)) -> tuple[Raw, ...]:
    owner = {"ownerReferences": [{"kind": "DaemonSet", "name": "ztunnel", "controller": True}]}
    return tuple(
        ztunnel(
            f"node-{n}",
            age=age,
            metadata=owner,
            spec={"containers": [{"name": "z", "image": image}]},
        )
        for n, (image, age) in enumerate(zip(images, ages, strict=True))
    )


def test_a_daemon_set_of_two_versions() -> None:
    """AMB-046: no new pod came for ten minutes."""
    (found,) = of("AMB-046", of_set("z:1.29.0", "z:1.30.0"))
    assert keys(found)[0] == "DaemonSet istio-system/ztunnel"
    assert of("AMB-046", of_set("z:1.30.0", "z:1.30.0")) == []
    assert of("AMB-046", of_set("z:1.29.0", "z:1.30.0", ages=(3600, 300))) == []  # it goes on


def waypoint(tag: str) -> Raw:
    labels = {
        "gateway.networking.k8s.io/gateway-name": "waypoint",
        "gateway.istio.io/managed": "istio.io-mesh-controller",
    }
    image = {"containers": [{"name": "istio-proxy", "image": f"docker.io/istio/proxyv2{tag}"}]}
    return pod("waypoint-1", labels=labels, spec=image)


def test_a_waypoint_that_is_behind() -> None:
    """AMB-047."""
    control = versions(":1.30.0", ":1.30.0", ":1.30.0")
    (found,) = of("AMB-047", (*control, waypoint(":1.28.2")))
    assert keys(found) == ["Gateway shop/waypoint", "Pod shop/waypoint-1"]
    assert of("AMB-047", (*control, waypoint(":1.29.2"))) == []
    assert of("AMB-047", (*control, waypoint(":latest"))) == []


def test_a_namespace_that_names_a_revision_that_is_gone() -> None:
    named = made("Namespace", "shop", labels={"istio.io/rev": "canary"})
    (found,) = of("AMB-047", (named, istiod()))
    assert keys(found) == ["Namespace shop"]
    assert found.grade is Severity.HIGH
    here = {
        **istiod(),
        "metadata": {**istiod()["metadata"], "labels": {"app": "istiod", "istio.io/rev": "canary"}},
    }
    assert of("AMB-047", (named, here)) == []
    tag = made(
        "MutatingWebhookConfiguration",
        "t",
        labels={"istio.io/tag": "canary", "istio.io/rev": "default"},
    )
    assert of("AMB-047", (named, istiod(), tag)) == []


def test_a_mesh_that_nears_the_largest_message() -> None:
    """AMB-042, foretold from 35,000 workloads and services on."""
    many = tuple(made("Service", f"s{n}", "shop") for n in range(35_001))
    (found,) = traffic.large(snapshot(*many, istiod()))
    assert isinstance(found, Found)
    assert keys(found) == ["Deployment istio-system/istiod"]
    assert [*traffic.large(snapshot(*many[:1000], istiod()))] == []
    raised = istiod(env={"ISTIO_GPRC_MAXRECVMSGSIZE": "8388608"})
    assert [*traffic.large(snapshot(*many, raised))] == []


def test_ztunnels_whose_account_istiod_does_not_trust() -> None:
    """AMB-070."""
    trusted = {"CA_TRUSTED_NODE_ACCOUNTS": "istio-system/ztunnel"}
    mine = ztunnel(spec={"serviceAccountName": "ztunnel"})
    other = ztunnel(spec={"serviceAccountName": "ztunnel-canary"})
    (found,) = of("AMB-070", (other, istiod(env=trusted)))
    assert keys(found) == ["Pod istio-system/ztunnel-node-1"]
    assert of("AMB-070", (mine, istiod(env=trusted))) == []
    assert of("AMB-070", (other, istiod())) == []  # it is not known what it trusts

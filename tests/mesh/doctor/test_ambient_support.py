"""SUP-001: parts of the mesh that nobody mends any more. Support ends when istio.io/latest/docs/releases says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Server, Snapshot
from tests.mesh.doctor.judged import keys, of
from tests.mesh.made import pod, snapshot


def part(version: str, **labels: str) -> Raw:
    image = f"registry.istio.io/release/x:{version}"
    named = {key.replace("_", "-"): each for key, each in labels.items()}
    return pod(
        "part", "istio-system", labels=named, spec={"containers": [{"name": "x", "image": image}]}
    )


@pytest.mark.parametrize(
    ("it", "severity"),
    [
        (part("1.28.3", app="istiod"), "medium"),  # ended on 2026-07-01
        (part("1.28.3-distroless", app="ztunnel"), "medium"),
        (part("1.27.0", k8s_app="istio-cni-node"), "medium"),
        (part("1.20.0", app="istiod"), "high"),
        (part("1.31.0", app="istiod"), ""),
        (part("latest", app="istiod"), ""),
        (part("1.20.0", app="cart"), ""),
    ],
)
def test_parts_out_of_support(it: Raw, severity: str) -> None:
    told = of("SUP-001", (it,))
    assert [each.grade.word for each in told] == ([severity] if severity else [])
    assert [keys(each) for each in told] == ([["Pod istio-system/part"]] if severity else [])


@pytest.mark.parametrize(
    ("version", "is_found"),
    [("v1.25.0", True), ("v1.36.3", False), ("v1.40.0", False), ("", False)],
)
def test_a_kubernetes_that_istio_is_not_tested_with(version: str, is_found: bool) -> None:
    found: Snapshot = replace(
        snapshot(part("1.31.0", app="istiod")), server=Server(version=version)
    )
    assert bool(of("SUP-001", found)) is is_found

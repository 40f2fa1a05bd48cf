"""Image tags, the support table and version skew, by reference istio-ambient.md, 3.4, 10.5 and 10.6."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.mesh import versions
from meshtui.mesh.health import Health

AUTUMN = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.istio.io/release/ztunnel:1.31.0-distroless", "1.31.0"),
        ("registry.example:5000/istio/pilot:1.30.3", "1.30.3"),
        ("registry.example:5000/istio/pilot", ""),
        ("docker.io/istio/proxyv2:1.31.0-rc.0-debug", "1.31.0-rc.0"),
        ("registry.istio.io/testing/pilot:latest-distroless", ""),
        ("pilot:1.30.3@sha256:00ff", "1.30.3"),
        ("pilot@sha256:00ff", ""),
        ("", ""),
        ("pilot:12345678901234.1", ""),
    ],
)
def test_the_version_in_an_image_tag(image: str, version: str) -> None:
    assert versions.of_image(image) == version


@pytest.mark.parametrize(
    ("version", "health", "words"),
    [
        ("1.23.4", Health.BAD, "older than 1.24"),
        ("1.24.0", Health.WARN, "out of support since 2025-06-24"),
        ("1.28.10", Health.WARN, "out of support since 2026-07-01"),
        ("1.29.6", Health.WARN, "about August 2026"),
        ("1.30.3", Health.OK, "until about November 2026"),
        ("1.31.0-rc.0", Health.OK, "supported"),
        ("1.40.0", Health.UNKNOWN, "newer than 1.31"),
        ("", Health.UNKNOWN, "does not tell"),
        ("latest", Health.UNKNOWN, "does not tell"),
    ],
)
def test_support_of_istio(version: str, health: Health, words: str) -> None:
    found = versions.istio(version, AUTUMN)
    assert found.health is health
    assert words in found.reason


@pytest.mark.parametrize(
    ("version", "istio", "health"),
    [
        ("v1.36.3", "1.30.3", Health.OK),
        ("v1.36.3-gke.100", "1.29.0", Health.WARN),  # tested with 1.31 to 1.35
        ("v1.27.1", "", Health.WARN),
        ("v1.28.0", "", Health.OK),
        ("v1.37.0", "1.31.0", Health.WARN),
        ("", "1.30.0", Health.UNKNOWN),
    ],
)
def test_support_of_kubernetes(version: str, istio: str, health: Health) -> None:
    assert versions.kubernetes(version, istio).health is health


@pytest.mark.parametrize(
    ("bundle", "health"),
    [("v1.6.0", Health.OK), ("v1.1.0", Health.WARN), ("v2.0.0", Health.WARN), ("", Health.UNKNOWN)],
)
def test_bundles_of_the_gateway_api(bundle: str, health: Health) -> None:
    assert versions.gateway_api(bundle).health is health


@pytest.mark.parametrize(
    ("data_plane", "control_planes", "words"),
    [
        ("1.31.0", ["1.31.2"], ""),
        ("1.30.3", ["1.31.0"], ""),
        ("1.29.0", ["1.31.0"], "more than one minor behind"),
        ("1.31.0", ["1.30.3"], "istiod is to be upgraded first"),
        ("1.30.3", ["1.31.0", "1.30.3"], ""),
        ("1.31.0", ["1.31.0", "1.30.3"], ""),
        ("", ["1.31.0"], ""),
        ("1.31.0", [], ""),
    ],
)
def test_skew(data_plane: str, control_planes: list[str], words: str) -> None:
    found = versions.skew(data_plane, control_planes)
    assert words in found
    assert bool(found) is bool(words)


@given(st.text(), st.text(), st.lists(st.text()))
def test_no_text_takes_them_down(version: str, other: str, more: list[str]) -> None:
    versions.istio(versions.of_image(version), AUTUMN)
    versions.kubernetes(version, other)
    versions.gateway_api(version)
    versions.skew(version, [*more, other])
    versions.order(version)

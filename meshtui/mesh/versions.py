"""Versions: what an image tag says, which releases are supported, and which may run side by side."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, datetime

from msgspec import Struct

from meshtui.mesh.health import Health, Verdict

OLDEST_ISTIO = (1, 24)
"""The first with ambient mode for production; older dumps and labels differ, and what they mean is not read."""


class Release(Struct, frozen=True):
    """One minor release of Istio: when its support ends, and with which Kubernetes it is tested."""

    minor: tuple[int, int]
    end: date | None
    expected: bool
    """The end is an expectation: six weeks after the second release that follows."""
    kubernetes: tuple[tuple[int, int], tuple[int, int]] | None


RELEASES = (
    Release((1, 24), date(2025, 6, 24), False, ((1, 28), (1, 31))),
    Release((1, 25), date(2025, 9, 30), False, ((1, 29), (1, 32))),
    Release((1, 26), date(2025, 12, 22), False, ((1, 29), (1, 33))),
    Release((1, 27), date(2026, 4, 7), False, ((1, 29), (1, 33))),
    Release((1, 28), date(2026, 7, 1), False, ((1, 30), (1, 34))),
    Release((1, 29), date(2026, 8, 31), True, ((1, 31), (1, 35))),
    Release((1, 30), date(2026, 11, 30), True, ((1, 32), (1, 36))),
    Release((1, 31), None, True, None),
)
"""The support table of the Istio project, as read in August 2026 (reference istio-ambient.md, 10.6)."""

_Span = tuple[tuple[int, int], tuple[int, int]]

KUBERNETES: _Span = ((1, 28), (1, 36))
"""From the oldest to the newest that any release above is tested with."""
GATEWAY_API = ((1, 2), (1, 6))
"""The bundles that Istio 1.24 to 1.31 are built against (reference istio-ambient.md, 8.2)."""


def of_image(image: str) -> str:
    """The version in an image's tag, without "-distroless" and "-debug"; "" for a tag such as "latest", a digest, or
    none."""
    _, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    tag = tag.removesuffix("-distroless").removesuffix("-debug")
    return tag if minor(tag) else ""


def minor(version: str) -> tuple[int, int] | None:
    """Major and minor of "1.31.0-rc.0" or "v1.36.3-gke.1"; None for a text that is no version."""
    found = re.match(r"v?(\d{1,4})\.(\d{1,4})(?![0-9])", version)
    return (int(found[1]), int(found[2])) if found else None


def order(version: str) -> tuple[int, ...]:
    """A key to sort versions by: the numbers in it."""
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version))


def istio(version: str, now: datetime) -> Verdict:
    """Whether a control plane of this version is supported, by the project and by this program."""
    found = minor(version)
    if found is None:
        return Verdict(Health.UNKNOWN, "its image does not tell the version")
    if found < OLDEST_ISTIO:
        said = f"Istio {_dotted(found)} is older than {_dotted(OLDEST_ISTIO)}, the oldest that is read here"
        return Verdict(Health.BAD, said)
    release = next((release for release in RELEASES if release.minor == found), None)
    if release is None:
        newest = _dotted(RELEASES[-1].minor)
        return Verdict(
            Health.UNKNOWN, f"Istio {_dotted(found)} is newer than {newest}, the newest known here"
        )
    if release.end is None or now.date() <= release.end:
        return Verdict(Health.OK, "supported" + (f" until {_end(release)}" if release.end else ""))
    return Verdict(Health.WARN, f"Istio {_dotted(found)} is out of support since {_end(release)}")


def kubernetes(version: str, istio_version: str = "") -> Verdict:
    """Whether the API server's version is among those that this Istio, or any, is tested with."""
    found = minor(version)
    if found is None:
        return Verdict(Health.UNKNOWN, "the server does not tell its version")
    span, whose = _tested(istio_version)
    return _within(found, span, f"Kubernetes {_dotted(found)}", f"{whose} is tested with")


def is_older(version: str, istio_versions: Sequence[str]) -> bool:
    """Whether the API server's version is older than what the first of these, or any Istio, is tested with."""
    found = minor(version)
    return found is not None and found < _tested(*istio_versions[:1])[0][0]


def _tested(istio_version: str = "") -> tuple[_Span, str]:
    """From which Kubernetes to which, and what with."""
    release = next((each for each in RELEASES if each.minor == minor(istio_version)), None)
    if release is not None and release.kubernetes is not None:
        return release.kubernetes, f"Istio {_dotted(release.minor)}"
    return KUBERNETES, "any Istio known here"


def gateway_api(bundle: str) -> Verdict:
    """Whether the Gateway API's CRDs are of a bundle that Istio is built against."""
    found = minor(bundle)
    if found is None:
        return Verdict(Health.UNKNOWN, "its CRDs do not tell the version")
    return _within(found, GATEWAY_API, f"Gateway API {_dotted(found)}", "Istio is built against")


def skew(data_plane: str, control_planes: Collection[str]) -> str:
    """What is wrong with a proxy of this version under these control planes; "" where it fits one of them or a version
    is unknown. The control plane may be one minor ahead and never behind (reference istio-ambient.md, 10.5)."""
    own = minor(data_plane)
    others = [found for version in control_planes if (found := minor(version))]
    if own is None or not others:
        return ""
    if any(own[0] == other[0] and 0 <= other[1] - own[1] <= 1 for other in others):
        return ""
    newest = max(others)
    if own > newest:
        return (
            f"{data_plane} is newer than istiod {_dotted(newest)}: istiod is to be upgraded first"
        )
    return f"{data_plane} is more than one minor behind istiod {_dotted(newest)}"


def _within(
    found: tuple[int, int], span: tuple[tuple[int, int], tuple[int, int]], what: str, whose: str
) -> Verdict:
    first, last = span
    if first <= found <= last:
        return Verdict(Health.OK, f"within {_dotted(first)} to {_dotted(last)}, which {whose}")
    side = "older" if found < first else "newer"
    return Verdict(
        Health.WARN, f"{what} is {side} than {_dotted(first)} to {_dotted(last)}, which {whose}"
    )


def _dotted(found: tuple[int, int]) -> str:
    return f"{found[0]}.{found[1]}"


def _end(release: Release) -> str:
    return f"about {release.end:%B %Y}" if release.expected else f"{release.end}"

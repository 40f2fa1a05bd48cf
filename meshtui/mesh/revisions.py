"""Revisions of the control plane and the tags that point to them (reference istio-ambient.md, 1.7 and 10.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshtui.mesh import components, pods, versions
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.kinds import DEPLOYMENT, SERVICE, WEBHOOK
from meshtui.mesh.raw import Raw, label, name, namespace, strings
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

REVISION, TAG = "istio.io/rev", "istio.io/tag"

KINDS = (
    components.ISTIOD,
    components.ISTIOD_PODS,
    Scope(WEBHOOK, None, labels="app=sidecar-injector"),
    Scope(SERVICE, None, labels=TAG),
)
"""A tag is a webhook's label; since Istio 1.28 also a Service's."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One istiod, by the name that labels choose it with."""

    key: str
    name: str
    verdict: Verdict
    ref: Ref | None
    """Its Deployment; None where a tag points to a revision that is not there."""
    version: str
    """"" where its image does not tell."""
    ready: int
    wanted: int
    tags: tuple[str, ...]


def of(snapshot: Snapshot) -> tuple[Revision, ...]:
    """Every revision that runs, and every one that a tag points to; the default first."""
    tagged: dict[str, list[str]] = {}
    for tag, revision in tags(snapshot).items():
        tagged.setdefault(revision, []).append(tag)
    found = {
        label(raw, REVISION) or "default": raw
        for raw in snapshot.raw(DEPLOYMENT)
        if components.is_istiod(strings(raw, "metadata", "labels"))
    }
    known = components.source(snapshot, components.ISTIOD).complete
    rows = [
        _revision(snapshot, called, found.get(called), tuple(sorted(tagged.get(called, ()))), known)
        for called in dict.fromkeys((*found, *tagged))
    ]
    return tuple(sorted(rows, key=lambda row: (row.name != "default", row.name)))


def tags(snapshot: Snapshot) -> Mapping[str, str]:
    """The revision that each tag points to."""
    return {
        tag: label(raw, REVISION)
        for kind in (SERVICE, WEBHOOK)
        for raw in snapshot.raw(kind)
        if (tag := label(raw, TAG)) and label(raw, REVISION)
    }


def _revision(
    snapshot: Snapshot, called: str, raw: Raw | None, tagged: tuple[str, ...], known: bool
) -> Revision:
    key = f"revision/{called}"
    if raw is None:
        said = f"tag {', '.join(tagged)} points to revision {called}, "
        verdict = (
            Verdict(Health.BAD, f"{said}which does not exist")
            if known
            else Verdict(Health.UNKNOWN, f"{said}whose istiod could not be looked for")
        )
        return Revision(key, called, verdict, None, "", 0, 0, tagged)
    ref = Ref(DEPLOYMENT, namespace(raw), name(raw))
    version = _version(snapshot, ref.namespace, called)
    ready, wanted = components.replicas(raw)
    return Revision(
        key=key,
        name=called,
        verdict=worst([_ready(ready, wanted), versions.istio(version, snapshot.now)]),
        ref=ref,
        version=version,
        ready=ready,
        wanted=wanted,
        tags=tagged,
    )


def _version(snapshot: Snapshot, where: str, called: str) -> str:
    """Of the newest of its pods."""
    found = [
        versions.of_image(pod.image)
        for pod in pods.of(snapshot).values()
        if pod.namespace == where
        and components.is_istiod(pod.labels)
        and (pod.labels.get(REVISION) or "default") == called
        and not (pod.terminating or pod.finished)
    ]
    return max(found, key=versions.order, default="")


def _ready(ready: int, wanted: int) -> Verdict:
    if ready >= wanted:
        return Verdict(Health.OK, f"{ready} of {wanted} ready")
    return Verdict(Health.WARN if ready else Health.BAD, f"{ready} of {wanted} ready")

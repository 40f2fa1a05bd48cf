"""Revisions of the control plane and the tags that point to them (reference istio-ambient.md, 1.7 and 10.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from meshtui.mesh import components, versions
from meshtui.mesh.derived import derived
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.kinds import DEPLOYMENT, SERVICE, WEBHOOK
from meshtui.mesh.pods import Pod
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


class Revision(Struct, frozen=True):
    """One istiod, by the name that labels choose it with."""

    key: str
    name: str
    verdict: Verdict
    ref: Ref | None
    """Its Deployment; None where that was not read or, for what a tag points to, is not there."""
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
    deployed = {
        label(raw, REVISION) or "default": raw
        for raw in snapshot.raw(DEPLOYMENT)
        if components.is_istiod(strings(raw, "metadata", "labels"))
    }
    running: dict[str, list[Pod]] = {}
    for pod in components.running(snapshot):
        if components.is_istiod(pod.labels):
            running.setdefault(pod.labels.get(REVISION) or "default", []).append(pod)
    known = components.source(snapshot, components.ISTIOD).complete
    rows = []
    for called in sorted({*deployed, *running, *tagged}):
        tags_of = tuple(sorted(tagged.get(called, ())))
        raw, own = deployed.get(called), running.get(called, ())
        if raw is None and not own:
            rows.append(_dangling(called, tags_of, known))
        else:
            rows.append(_revision(called, raw, own, tags_of, snapshot.now))
    return tuple(sorted(rows, key=lambda row: row.name != "default"))


def tags(snapshot: Snapshot) -> Mapping[str, str]:
    """The revision that each tag points to."""
    return derived(snapshot, _tags)


def _tags(snapshot: Snapshot) -> Mapping[str, str]:
    return {
        tag: label(raw, REVISION)
        for kind in (SERVICE, WEBHOOK)
        for raw in snapshot.raw(kind)
        if (tag := label(raw, TAG)) and label(raw, REVISION)
    }


def _dangling(called: str, tagged: tuple[str, ...], known: bool) -> Revision:
    said = f"tag {', '.join(tagged)} points to revision {called}, "
    verdict = Verdict(Health.UNKNOWN, f"{said}whose istiod could not be looked for")
    if known:
        verdict = Verdict(Health.BAD, f"{said}which does not exist")
    return Revision(f"revision/{called}", called, verdict, None, "", 0, 0, tagged)


def _revision(
    called: str, raw: Raw | None, own: Sequence[Pod], tagged: tuple[str, ...], now: datetime
) -> Revision:
    version = max((versions.of_image(pod.image) for pod in own), key=versions.order, default="")
    ready, wanted = sum(pod.healthy for pod in own), len(own)
    if raw is not None:
        ready, wanted = components.replicas(raw)
    return Revision(
        key=f"revision/{called}",
        name=called,
        verdict=worst([_ready(ready, wanted), versions.istio(version, now)]),
        ref=Ref(DEPLOYMENT, namespace(raw), name(raw)) if raw is not None else None,
        version=version,
        ready=ready,
        wanted=wanted,
        tags=tagged,
    )


def _ready(ready: int, wanted: int) -> Verdict:
    if ready >= wanted:
        return Verdict(Health.OK, f"{ready} of {wanted} ready")
    return Verdict(Health.WARN if ready else Health.BAD, f"{ready} of {wanted} ready")

"""Changes: what is to be done to one object, as a value, and the functions that build one, or say why there is none.

A change holds the object as it was when somebody decided on it (`standing` compares that with what it is by now).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import components, diff, reach
from meshtui.mesh.capture import DATAPLANE_MODE
from meshtui.mesh.kinds import NAMESPACE, SECRET
from meshtui.mesh.raw import Raw, dig, label, moment, name, strings, table, text
from meshtui.mesh.snapshot import Ref, Snapshot

MANAGER = "meshtui"
"""The field manager under which all is written."""

_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""What `kubectl rollout restart` writes into the template, so that the pods are no longer of it."""
_STAY_PLAIN = "existing connections stay plain until they are reopened"
"""Reference istio-ambient.md, 1.2."""


class Refusal(Struct, frozen=True):
    """Why there is no such change, in words for the screen."""

    reason: str


class _Change(Struct, frozen=True, kw_only=True):
    """What every change says of itself."""

    title: str
    """ "Enroll namespace shop in the mesh"."""
    target: Ref
    danger: bool = False
    """It interrupts or cannot be brought back: the name has to be typed."""
    warnings: tuple[str, ...] = ()
    """ "existing connections stay plain until they are reopened"."""
    reach: tuple[str, ...] = ()
    """Whom it concerns, a line each, as `mesh.reach` has it: "12 pods of 4 controllers"."""


class Create(_Change, frozen=True, kw_only=True):
    verb: ClassVar[str] = "create"
    wanted: Raw
    """The object, with apiVersion, kind, name and namespace."""

    @property
    def before(self) -> None:
        return None

    @property
    def based_on(self) -> str:
        return ""


class Patch(_Change, frozen=True, kw_only=True):
    verb: ClassVar[str] = "patch"
    before: Raw
    patch: Raw
    """A JSON merge patch (RFC 7386): null takes away, and a list is replaced as a whole."""
    final: bool = False
    """There is no way back, as from a restart."""
    partial: bool = False
    """`before` has only the fields of the patch, as the audit keeps them."""
    awaits: frozenset[str] = frozenset()
    """The UIDs of pods that changes after this one are to replace: its own proof does not wait for them."""

    @property
    def based_on(self) -> str:
        """The resourceVersion that the object must still have."""
        return text(self.before, "metadata", "resourceVersion")


class Delete(_Change, frozen=True, kw_only=True):
    verb: ClassVar[str] = "delete"
    before: Raw
    final: bool = False
    """There is no way back, as from a namespace with all that was in it."""

    @property
    def based_on(self) -> str:
        return text(self.before, "metadata", "resourceVersion")


Change = Create | Patch | Delete


def enroll(it: Raw, snapshot: Snapshot) -> Patch | Refusal:
    """A namespace into the mesh."""
    if label(it, DATAPLANE_MODE) == "ambient":
        return Refusal(f"{name(it)} is labelled {DATAPLANE_MODE}=ambient already")
    change = _labelled(
        it, snapshot, f"Enroll namespace {name(it)} in the mesh", {DATAPLANE_MODE: "ambient"}
    )
    return change if isinstance(change, Refusal) else replace(change, warnings=(_STAY_PLAIN,))


def unenroll(it: Raw, snapshot: Snapshot) -> Patch | Refusal:
    """A namespace out of the mesh."""
    if label(it, DATAPLANE_MODE) != "ambient":
        return Refusal(f"{name(it)} is not labelled {DATAPLANE_MODE}=ambient")
    return _labelled(
        it, snapshot, f"Take namespace {name(it)} out of the mesh", {DATAPLANE_MODE: None}
    )


def restart(target: Ref, it: Raw, now: datetime) -> Patch | Refusal:
    """New pods for a Deployment, DaemonSet or StatefulSet, as `kubectl rollout restart` makes them."""
    title = f"{target.kind.title} {target.key}"
    if not isinstance(dig(it, "spec", "template"), Mapping):
        return Refusal(f"{title} has no template that pods are made from")
    if dig(it, "spec", "paused") is True:
        return Refusal(f"{title} is paused (spec.paused), so its pods would stay")
    if text(it, "spec", "updateStrategy", "type") == "OnDelete":
        return Refusal(
            f"{title} replaces its pods only as they are deleted (updateStrategy OnDelete)"
        )
    # `now` is as old as the last news: a second restart in a quiet cluster must differ from the first all the same.
    last = moment(it, "spec", "template", "metadata", "annotations", _RESTARTED_AT)
    at = max(now, last + timedelta(seconds=1)) if last is not None else now
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = strings(it, "spec", "template", "metadata", "labels")
    return Patch(
        title=f"Restart {title}",
        target=target,
        before=it,
        patch={"spec": {"template": {"metadata": {"annotations": {_RESTARTED_AT: stamp}}}}},
        final=True,
        danger=components.is_ztunnel(labels),
        warnings=_interrupted(labels),
    )


def edit(target: Ref, before: Raw, after: Any) -> Patch | Refusal:
    """What a person wrote in place of an object, as a change; `before` is the whole object as it was given to them."""
    if target.kind == SECRET:
        return Refusal("of a Secret only its certificates are read here, so it cannot be edited")
    if not isinstance(after, Mapping):
        return Refusal("what was written is no object")
    if not _is_json(after):
        return Refusal("what was written has keys or values that JSON has not, such as dates")
    for path in (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")):
        if dig(after, *path) != dig(before, *path):
            return Refusal(f"{'.'.join(path)} of an object cannot be changed")
    patch = _difference(diff.said(before), diff.said(after))
    if not patch:
        return Refusal("nothing was changed")
    title = f"Edit {target.kind.title} {target.key}"
    cut = _cut(before, patch)
    return Patch(
        title=title, target=target, before=before, patch=patch, danger=bool(cut), warnings=cut
    )


def rewritten(change: Create, after: Any) -> Create | Refusal:
    """What a person wrote in place of an object that is to be created; it may have another name."""
    if not isinstance(after, Mapping):
        return Refusal("what was written is no object")
    if not _is_json(after):
        return Refusal("what was written has keys or values that JSON has not, such as dates")
    for path in (("apiVersion",), ("kind",), ("metadata", "namespace")):
        if dig(after, *path) != dig(change.wanted, *path):
            return Refusal(f"{'.'.join(path)} cannot be another one")
    if not name(after):
        return Refusal("what was written has no name")
    return replace(change, target=replace(change.target, name=name(after)), wanted=after)


def inverse(change: Change, left: Raw | None) -> Change | Refusal:
    """The change that takes one back; `left` is the object as the change left it, None where it was deleted."""
    title, target = f"Undo: {change.title}", change.target
    match change:
        case Create() if left is not None:
            return Delete(title=title, target=target, before=left, danger=True)
        case Patch(final=False, before=before, patch=patch) if left is not None:
            back = {key: _back(each, before, (key,)) for key, each in patch.items()}
            cut = _cut(left, back)
            return Patch(
                title=title, target=target, before=left, patch=back, danger=bool(cut), warnings=cut
            )
        case Delete(final=False, before=before) if left is None and target.kind != SECRET:
            return Create(title=title, target=target, wanted=diff.said(before))
    return Refusal(f"there is no way back from: {change.title}")


def manifest(change: Change) -> Raw:
    """What to write into a repository for the same effect: a patch as kustomize takes it, or the whole object; empty
    for a deletion."""
    match change:
        case Create(wanted=wanted):
            return wanted
        case Patch(before=before, patch=patch):
            named = {k: v for k in ("name", "namespace") if (v := text(before, "metadata", k))}
            head = {k: v for k in ("apiVersion", "kind") if (v := text(before, k))}
            metadata = {**named, **table(patch, "metadata")}
            return {
                **head,
                "metadata": metadata,
                **{k: v for k, v in patch.items() if k != "metadata"},
            }
        case Delete():
            return {}


def _labelled(
    it: Raw, snapshot: Snapshot, title: str, labels: Mapping[str, str | None]
) -> Patch | Refusal:
    """Labels set or taken away on a namespace."""
    own = name(it)
    if text(it, "metadata", "deletionTimestamp"):
        return Refusal(f"{own} is being deleted")
    known = strings(it, "metadata", "labels")
    return Patch(
        title=title,
        target=Ref(NAMESPACE, "", own),
        before=it,
        patch={"metadata": {"labels": {k: v for k, v in labels.items() if v or k in known}}},
        reach=reach.of_namespace(own, snapshot, leaving=labels.get(DATAPLANE_MODE, "") is None),
    )


def _interrupted(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Reference istio-ambient.md, 10.1: what a ztunnel holds open breaks once its time to drain is over."""
    if components.is_ztunnel(labels):
        return ("connections of all mesh pods of a node break when its ztunnel ends",)
    if components.is_waypoint(labels) or components.is_gateway(labels):
        return ("connections through it break as its pods are replaced",)
    return ("connections to its pods break as they are replaced",)


def _cut(it: Raw, patch: Raw) -> tuple[str, ...]:
    """Whom a patch cuts off: with another template a DaemonSet replaces its ztunnels, as a restart does."""
    labels = strings(it, "spec", "template", "metadata", "labels")
    by_itself = text(it, "spec", "updateStrategy", "type") != "OnDelete"
    if by_itself and components.is_ztunnel(labels) and "template" in table(patch, "spec"):
        return _interrupted(labels)
    return ()


def _difference(before: Raw, after: Raw) -> dict[str, Any]:
    """The JSON merge patch from one to the other. It tells 1 from true, which `==` does not."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        was = before.get(key)
        if isinstance(value, Mapping) and isinstance(was, Mapping):
            if inner := _difference(was, value):
                patch[key] = inner
        elif value != was or isinstance(value, bool) != isinstance(was, bool):
            patch[key] = value
    return patch


def _is_json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(each) for key, each in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    return value is None or isinstance(value, (str, int, float))


def _back(patched: Any, before: Any, path: tuple[str, ...]) -> Any:
    """The part of a patch at `path` that restores what was there. What was not there is taken away again: as a whole
    in a spec, whose generation shows that nothing was added to it, else field by field."""
    was = dig(before, *path)
    if isinstance(patched, Mapping) and (
        isinstance(was, Mapping) or (was is None and path[0] != "spec")
    ):
        return {key: _back(each, before, (*path, key)) for key, each in patched.items()}
    return was

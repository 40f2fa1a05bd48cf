"""Past: changes as the audit tells them, and what is kept there of each so that a later run can take it back.

That is the change which undoes it, with no more of the object than `standing` needs to see that nothing else was
written since: of a patch its fields, of an object that was made the whole of it. Of a Secret nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from meshtui.mesh import changes, diff, standing
from meshtui.mesh.changes import Change, Create, Delete, Patch, Refusal
from meshtui.mesh.kinds import SECRET, Kind
from meshtui.mesh.raw import Raw, table, text
from meshtui.mesh.snapshot import Ref, Server

APPLIED, INTENT = "applied", "intent"
"""How the audit calls a change that was made, and the step before it is sent."""

_NOT_TOLD = (
    "how it ended is not told: it is under way, or the program was ended in the middle of it"
)
_UNKNOWN = "whether it was made is not known: look at the object itself"
_NOT_MADE = {
    "declined": "it was declined",
    "refused": "it was refused",
    "conflict": "it met what somebody else had changed",
    "failed": "it failed",
}


class Past(Struct, frozen=True):
    """One change, as far as it came."""

    entry: Raw
    """Its last step."""
    undone: bool
    """It was made, and was taken back since."""

    @property
    def id(self) -> str:
        return text(self.entry, "id")

    @property
    def state(self) -> str:
        """How it ended; "intent" where that is not told."""
        return text(self.entry, "state") or text(self.entry, "step")

    @property
    def reason(self) -> str:
        return _NOT_TOLD if self.state == INTENT else text(self.entry, "reason")


def of(steps: Iterable[Raw]) -> list[Past]:
    """The changes that the steps in an audit are of, the one that was told of last first."""
    last: dict[str, Raw] = {}
    taken_back = set()
    for line, entry in enumerate(steps):
        key = text(entry, "id") or f"line {line}"
        last.pop(key, None)
        last[key] = entry
        taken_back |= undone_by(entry)
    return [Past(entry, key in taken_back) for key, entry in reversed(last.items())]


def undone_by(entry: Raw) -> set[str]:
    """The id of the change that this step of another took back; none where it did not."""
    undoes = text(entry, "undoes")
    return {undoes} if undoes and text(entry, "state") == APPLIED else set()


def kept(change: Change, left: Raw | None) -> Raw:
    """What has to be kept of a change that was made; `left` is the object as it left it, None where it was deleted."""
    back = changes.inverse(change, left)
    if change.target.kind == SECRET:
        return {"none": "of a Secret nothing is kept"}
    match back:
        case Refusal(reason=reason):
            return {"none": reason}
        case Create(wanted=wanted):
            return {"verb": back.verb, "object": wanted}
        case Delete(before=before):
            return {"verb": back.verb, "found": standing.known_by(before, diff.said(before))}
        case Patch(before=before, patch=patch):
            return {"verb": back.verb, "patch": patch, "found": standing.part(before, patch)}


def back(past: Past, server: Server) -> Change | Refusal:
    """The change that takes one back, in the cluster that is looked at."""
    if past.undone:
        return Refusal("it was taken back already")
    if past.state != APPLIED:
        why = _NOT_MADE.get(past.state)
        return Refusal(f"{why}, so there is nothing to take back" if why else _UNKNOWN)
    where, url = text(past.entry, "context"), text(past.entry, "server")
    if where != server.context:
        return Refusal(f"it was made in {where}: look at that first, by :ctx {where}")
    if url != server.url:
        return Refusal(f"it was made in {where} when that was {url}; it is {server.url} now")
    return _back(past.entry)


def _back(entry: Raw) -> Change | Refusal:
    it = table(entry, "back")
    if why := text(it, "none"):
        return Refusal(why)
    title, found = f"Undo: {text(entry, 'title')}", table(it, "found")
    named = found or table(it, "object")
    plural, _, group = text(entry, "kind").partition(".")
    namespace, name = text(entry, "namespace"), text(entry, "name")
    version = text(named, "apiVersion").rpartition("/")[2] or "v1"
    kind = Kind(group, plural, text(named, "kind") or plural, (version,), bool(namespace))
    target = Ref(kind, namespace, name)
    match text(it, "verb"):
        case "create" if kind != SECRET and named:
            return Create(title=title, target=target, wanted=named)
        case "delete" if found:
            return Delete(title=title, target=target, before=found, danger=True)
        case "patch" if found and (patch := table(it, "patch")):
            return Patch(title=title, target=target, before=found, patch=patch, partial=True)
    return Refusal("the audit does not hold what that needs: an earlier meshtui wrote it")

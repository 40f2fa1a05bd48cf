"""Standing: how a change stands to its object as that is by now.

A change is stale once something else was written to what it is about; a write whose answer never came is told from one
that was never made by what the object says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from meshtui.mesh import diff, raw
from meshtui.mesh.changes import MANAGER, Change, Create, Delete, Patch, Refusal
from meshtui.mesh.raw import Raw, dig, entries, last_edit, number, table, text

Path = tuple[str, ...]

_IDENTITY = ("name", "namespace", "uid", "generation", "resourceVersion")


def rebased(change: Change, now: Raw | None, *, pruned: bool = False) -> Change | Refusal:
    """The change against the object as it is now, where nothing was written to it that the change is about: what it
    asks for is of the same generation, and the fields that the change touches are the same. Of a `pruned` object not
    all fields are known, as of one from a list: then what is known has to be the same."""
    key = f"{change.target.kind.title} {change.target.key}"
    if isinstance(change, Create):
        return change if now is None else Refusal(f"{key} exists already")
    if now is None:
        return Refusal(f"{key} is gone: somebody deleted it")
    if raw.uid(now) != raw.uid(change.before):
        return Refusal(f"{key} was deleted and made anew")
    same = number(now, "metadata", "generation") == number(change.before, "metadata", "generation")
    if same and _is_as_before(change, now, pruned=pruned):
        if isinstance(change, Patch):
            return replace(change, before=now, partial=False)
        return replace(change, before=now)
    at, manager = last_edit(_newer_writers(change.before, now))
    by = f" by {manager}" if manager else ""
    when = f" at {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    last = f", last{by}{when}" if by or when else ""
    return Refusal(f"{key} was changed in the meantime{last}")


def seen(change: Change, now: Raw | None) -> Raw | None:
    """The object as it is now, with no more of it than the change has of what it was, to see what differs."""
    if isinstance(change, Patch) and change.partial and now is not None:
        return part(now, change.patch)
    return now


def part(it: Raw, patch: Raw) -> Raw:
    """The fields of an object that a patch is about, and by what it is known."""
    return known_by(it, _fields(it, patch))


def known_by(it: Raw, fields: Raw) -> Raw:
    """Fields of an object, with that by which it and its writers are known again."""
    metadata = table(it, "metadata")
    own = {key: metadata[key] for key in _IDENTITY if key in metadata}
    writers = [
        {key: text(each, key) for key in ("manager", "time")}
        for each in entries(metadata, "managedFields")
    ]
    head = {key: it[key] for key in ("apiVersion", "kind") if key in it}
    of_it = {**table(fields, "metadata"), **own, "managedFields": writers}
    return {**head, **fields, "metadata": of_it}


def _fields(it: Raw, patch: Raw) -> dict[str, Any]:
    return {
        key: _fields(it[key], each)
        if isinstance(each, Mapping) and isinstance(it[key], Mapping)
        else it[key]
        for key, each in patch.items()
        if key in it
    }


def _newer_writers(before: Raw, now: Raw) -> Raw:
    """The object with those of its writers alone who are new since; with all of them where none is. Their times are of
    whole seconds, so that the newest time alone does not tell."""
    known = entries(before, "metadata", "managedFields")
    times = [(text(each, "manager"), text(each, "time")) for each in known]
    there = entries(now, "metadata", "managedFields")
    newer = [each for each in there if (text(each, "manager"), text(each, "time")) not in times]
    return {"metadata": {"managedFields": newer or there}}


def is_done(change: Change, now: Raw | None, expected: Raw | None) -> bool:
    """Whether an object is as a change would leave it; `expected` is what the dry run gave."""
    match change:
        case Create():
            managers = entries(now, "metadata", "managedFields")
            return any(text(each, "manager") == MANAGER for each in managers)
        case Patch():
            return now is not None and _agree(touched(change), now, expected)
        case Delete(before=before):
            return (
                now is None
                or raw.uid(now) != raw.uid(before)
                or bool(text(now, "metadata", "deletionTimestamp"))
            )


def is_untouched(change: Change, now: Raw | None) -> bool:
    """Whether an object is as it was before the change, as far as the change is about it."""
    if isinstance(change, Create):
        return now is None
    return now is not None and raw.uid(now) == raw.uid(change.before) and _is_as_before(change, now)


def touched(change: Change) -> tuple[Path, ...]:
    """The fields that a patch sets or takes away; none for the others, which are about the whole."""
    return tuple(_leaves(change.patch)) if isinstance(change, Patch) else ()


def _is_as_before(change: Patch | Delete, now: Raw, *, pruned: bool = False) -> bool:
    if isinstance(change, Patch):
        return _agree(touched(change), now, change.before)
    before, now = _bare(change.before), _bare(now)
    return _holds(before, now) if pruned else before == now


def _holds(whole: Any, part: Any) -> bool:
    """Whether all of a part is in the whole."""
    if isinstance(whole, Mapping) and isinstance(part, Mapping):
        return all(key in whole and _holds(whole[key], each) for key, each in part.items())
    if isinstance(whole, list) and isinstance(part, list):
        return all(any(_holds(one, each) for one in whole) for each in part)
    return bool(whole == part)


def _bare(it: Raw) -> Raw:
    """Without what a list leaves out of its objects."""
    return {k: v for k, v in diff.said(it).items() if k not in ("apiVersion", "kind")}


def _agree(paths: tuple[Path, ...], one: Raw | None, other: Raw | None) -> bool:
    return all(dig(one, *path) == dig(other, *path) for path in paths)


def _leaves(patch: Raw, above: Path = ()) -> Iterator[Path]:
    for key, value in patch.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key)

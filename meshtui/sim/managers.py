"""Who wrote which field (`metadata.managedFields`), and server-side apply, which builds on it.

Kept simply: a field is a leaf, an entry of a list with merge keys, or a whole other list; there is no schema, so what a
schema would call atomic or a map is known by `patches.MERGE_KEYS` alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from meshtui.sim.errors import Conflict
from meshtui.sim.objects import Raw, mappings, text
from meshtui.sim.patches import SETS, keys_of, overlaid

Path = tuple[str, ...]
"""The steps of FieldsV1: "f:spec", 'k:{"name":"web"}', 'v:"a"', and "." for an entry itself."""

_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")


class Writer(Struct, frozen=True):
    """Someone who writes: a manager by its name, how, and at which version."""

    manager: str
    operation: str
    api_version: str
    subresource: str = ""


class Share(Struct, frozen=True):
    """The fields that one writer has."""

    writer: Writer
    time: str
    paths: frozenset[Path]

    def less(self, paths: Iterable[Path]) -> Share:
        return replace(self, paths=self.paths.difference(paths))

    def entry(self) -> Raw:
        """As it stands in `metadata.managedFields`."""
        writer = self.writer
        tree: Raw = {}
        for path in sorted(self.paths):
            inside = tree
            for step in path:
                inside = inside.setdefault(step, {})
        return {
            "manager": writer.manager,
            "operation": writer.operation,
            "apiVersion": writer.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": tree,
            **({"subresource": writer.subresource} if writer.subresource else {}),
        }


def shares(obj: Mapping[str, Any] | None) -> list[Share]:
    return [
        Share(
            Writer(
                text(each, "manager"),
                text(each, "operation"),
                text(each, "apiVersion"),
                text(each, "subresource"),
            ),
            text(each, "time"),
            frozenset(_paths(each.get("fieldsV1"), ())),
        )
        for each in mappings(obj, "metadata", "managedFields")
    ]


def _paths(tree: Any, before: Path) -> Iterator[Path]:
    if not isinstance(tree, dict) or not tree:
        yield before
        return
    for step, rest in tree.items():
        yield from _paths(rest, (*before, step))


def written(before: Mapping[str, Any] | None, after: Raw, writer: Writer, time: str) -> Raw:
    """The object after an update, its fields told by who wrote them last: whoever changed a field has it alone."""
    old = fields(before) if before else {}
    new = fields(after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    if not changed and new.keys() == old.keys():
        return _marked(after, shares(before))
    kept = [
        replace(each, paths=each.paths.difference(changed) & new.keys()) for each in shares(before)
    ]
    mine = next((each for each in kept if each.writer == writer), Share(writer, time, frozenset()))
    others = [each for each in kept if each.writer != writer]
    return _marked(after, [*others, Share(writer, time, mine.paths | changed)])


def applied(
    live: Mapping[str, Any] | None,
    wish: Raw,
    writer: Writer,
    time: str,
    *,
    force: bool,
    yielding: Collection[Path] = (),
) -> Raw:
    """The object after a server-side apply of `wish`.

    Fields that this manager applied before and no longer wishes go, unless another one has them too. Raises Conflict
    where another manager has a field at another value, `force` is not set, and the field is none that yields.
    """
    wished = fields(wish)
    known = shares(live)
    others = [each for each in known if each.writer != writer]
    current = fields(live) if live else {}
    contested = {
        path for path, value in wished.items() if path in current and current[path] != value
    }
    conflicts = [
        (each.writer, sorted((each.paths & contested).difference(yielding))) for each in others
    ]
    conflicts = [(owner, paths) for owner, paths in conflicts if paths]
    if conflicts and not force:
        raise _conflict(conflicts)
    mine = next((each.paths for each in known if each.writer == writer), frozenset())
    held = frozenset[Path]().union(*(each.paths for each in others))
    result: Raw = overlaid(live or {}, wish)
    for path in sorted(mine - wished.keys() - held):  # an entry before what is in it
        result = _without(result, path)
    rest = [each.less(contested) for each in others]
    return _marked(result, [*rest, Share(writer, time, frozenset(wished))])


def _marked(obj: Raw, found: Sequence[Share]) -> Raw:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    entries = [each.entry() for each in found if each.paths]
    return {**obj, "metadata": metadata | ({"managedFields": entries} if entries else {})}


def fields(obj: Mapping[str, Any]) -> dict[Path, Any]:
    """Every field that someone can have, with its value."""
    found: dict[Path, Any] = {}
    metadata = obj.get("metadata") or {}
    rest = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
    rest["metadata"] = {key: metadata[key] for key in _METADATA if metadata.get(key)}
    for key, value in rest.items():
        if value != {}:
            _collect("", key, value, (f"f:{key}",), found)
    return found


def _collect(parent: str, name: str, value: Any, path: Path, found: dict[Path, Any]) -> None:
    keys = keys_of(parent, name)
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            _collect(name, key, inner, (*path, f"f:{key}"), found)
    elif isinstance(value, list) and name in SETS:
        for each in value:
            found[*path, f"v:{json.dumps(each)}"] = each
    elif isinstance(value, list) and keys and _are_told_apart(value, keys[0]):
        for each in value:
            own = {key: each[key] for key in sorted(keys) if key in each}
            step = (*path, f"k:{json.dumps(own, separators=(',', ':'))}")
            found[*step, "."] = None
            for key, inner in each.items():
                _collect(name, key, inner, (*step, f"f:{key}"), found)
    else:
        found[path] = value


def _are_told_apart(entries: list[Any], key: str) -> bool:
    return bool(entries) and all(isinstance(each, dict) and key in each for each in entries)


def _without(obj: Any, path: Path) -> Any:
    """The object without one field; what the path does not lead to stays as it is."""
    step, rest = path[0], path[1:]
    if step.startswith("f:") and isinstance(obj, dict):
        key = step[2:]
        if key not in obj:
            return obj
        inner = _without(obj[key], rest) if rest else None
        if inner in (None, {}, []):
            return {name: value for name, value in obj.items() if name != key}
        return {**obj, key: inner}
    if step.startswith("v:") and isinstance(obj, list):
        return [each for each in obj if each != json.loads(step[2:])]
    if step.startswith("k:") and isinstance(obj, list):
        own = json.loads(step[2:]).items()
        changed = [
            _without(each, rest) if isinstance(each, dict) and own <= each.items() else each
            for each in obj
        ]
        return [each for each in changed if each is not None]
    return None if step == "." else obj


def _conflict(conflicts: Sequence[tuple[Writer, Sequence[Path]]]) -> Conflict:
    causes, told = [], []
    for owner, paths in conflicts:
        where = f' with subresource "{owner.subresource}"' if owner.subresource else ""
        using = f" using {owner.api_version}" if owner.operation == "Update" else ""
        who = f'"{owner.manager}"{where}{using}'
        names = [_spoken(path) for path in paths]
        causes += [
            {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": name}
            for name in names
        ]
        if len(names) == 1:
            told.append(f"conflict with {who}: {names[0]}")
        else:
            told.append("\n- ".join((f"conflicts with {who}:", *names)))
    plural = "" if len(causes) == 1 else "s"
    return Conflict(
        f"Apply failed with {len(causes)} conflict{plural}: " + "\n".join(told), {"causes": causes}
    )


def _spoken(path: Path) -> str:
    said = ""
    for step in path:
        if step.startswith("f:"):
            said += f".{step[2:]}"
        elif step.startswith("k:"):
            own = json.loads(step[2:])
            said += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in own.items()) + "]"
        elif step.startswith("v:"):
            said += f"[={step[2:]}]"
    return said

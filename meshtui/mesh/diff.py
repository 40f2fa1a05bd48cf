"""Diff: what of an object differs from what it was, as lines of YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

import yaml

from meshtui.mesh.raw import Raw, strings, table

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_KEPT_BY_SERVER = frozenset(
    (
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "selfLink",
        "managedFields",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    )
)
_CONTEXT = 1


def said(raw: Raw) -> Raw:
    """What somebody asks for in an object: without its status, what the server keeps in its metadata, and the copy
    that kubectl makes of what it applied."""
    metadata = {k: v for k, v in table(raw, "metadata").items() if k not in _KEPT_BY_SERVER}
    annotations = strings(metadata, "annotations")
    if LAST_APPLIED in annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k != LAST_APPLIED}
    asked = {key: value for key, value in raw.items() if key != "status"}
    return {**asked, "metadata": metadata} if "metadata" in raw else asked


def lines(before: Raw | None, after: Raw | None) -> tuple[str, ...]:
    """What is said in one and not in the other, each line after a "+", a "-" or, of what is around them, a space; the
    keys that a line stands under are always there, and "…" stands for what is left out. Empty where nothing differs.
    None is an object that is not there."""
    every = list(_marked(_yaml(before), _yaml(_ordered(after, before))))
    kept = _kept(every)
    shown: list[str] = []
    for number, line in enumerate(every):
        if number in kept:
            shown.append(line)
        elif kept and (not shown or shown[-1] != "…"):
            shown.append("…")
    return tuple(shown)


def text(raw: Raw) -> str:
    """An object as YAML, in the order of its keys; text of several lines stands as it is, as kubectl prints it."""
    return yaml.dump(raw, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4096)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes what stands twice twice: no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _written(dumper: Any, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


_Dumper.add_representer(str, _written)


def _ordered(it: Any, like: Any) -> Any:
    """The same with its keys in the order of the other's, since the order of keys says nothing."""
    if not isinstance(it, Mapping) or not isinstance(like, Mapping):
        return it
    keys = [*(key for key in like if key in it), *(key for key in it if key not in like)]
    return {key: _ordered(it[key], like.get(key)) for key in keys}


def _yaml(raw: Raw | None) -> list[str]:
    return text(said(raw)).splitlines() if raw is not None else []


def _marked(before: list[str], after: list[str]) -> Iterator[str]:
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from (f" {line}" for line in before[a:b])
        else:
            yield from (f"-{line}" for line in before[a:b])
            yield from (f"+{line}" for line in after[c:d])


def _kept(every: list[str]) -> set[int]:
    """The numbers of the lines that differ, of those beside them, and of those that they stand under."""
    kept: set[int] = set()
    for number, line in enumerate(every):
        if line[0] == " ":
            continue
        kept.update(range(max(number - _CONTEXT, 0), min(number + _CONTEXT + 1, len(every))))
        if not number or every[number - 1][0] == " ":  # the rest of a run stands under the same
            kept.update(_above(every, number))
    return kept


def _above(every: list[str], number: int) -> Iterator[int]:
    depth = _depth(every[number])
    for above in range(number - 1, -1, -1):
        if _depth(every[above]) < depth:
            depth = _depth(every[above])
            yield above


def _depth(line: str) -> float:
    """How far a line is indented; the entries of a list stand as far as the key that they are under."""
    bare = line[1:].lstrip(" ")
    return len(line) - 1 - len(bare) + (0.5 if bare.startswith("- ") else 0)

"""Client-side apply before a server-side one: `kubectl` may change what it said itself, though it said so under another
manager's name (k8s.io/apimachinery, util/managedfields/internal: lastappliedmanager.go, lastappliedupdater.go)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from meshtui.sim.managers import Path, Writer, fields
from meshtui.sim.objects import Raw, mapping, text

_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
_MANAGER = "kubectl"


def yielding(live: Mapping[str, Any] | None, by: Writer) -> Collection[Path]:
    """The fields that nobody contests with this writer: those that are as the last client-side apply had them."""
    if by.manager != _MANAGER or live is None:
        return ()
    try:
        said = json.loads(text(live, "metadata", "annotations", _ANNOTATION))
    except ValueError:
        return ()
    if not isinstance(said, dict):
        return ()
    current = fields(live)
    return {path for path, value in fields(said).items() if current.get(path) == value}


def renewed(applied: Raw, wish: Raw, by: Writer) -> Raw:
    """The object, whose annotation says what was applied now, if it had said so before."""
    annotations = mapping(applied, "metadata", "annotations")
    if by.manager != _MANAGER or _ANNOTATION not in annotations:
        return applied
    said = json.dumps(wish, separators=(",", ":"), sort_keys=True) + "\n"
    metadata = {**applied["metadata"], "annotations": {**annotations, _ANNOTATION: said}}
    return {**applied, "metadata": metadata}

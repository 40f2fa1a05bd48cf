"""How an object or a list goes on the wire: whole, as metadata alone, or as the table that `kubectl get` prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from msgspec import Struct

from meshtui.sim.columns import Column, columns
from meshtui.sim.kinds import CRD, POD, Kind, group_version
from meshtui.sim.objects import Raw, text
from meshtui.sim.store import Store

_META = "meta.k8s.io/v1"


class Shape(Enum):
    WHOLE = ""
    TABLE = "Table"
    METADATA = "PartialObjectMetadata"


def shape(accept: str) -> Shape:
    """What a client's Accept header asks for first, of what there is."""
    for wish in accept.split(","):
        if found := re.search(r";\s*as=(Table|PartialObjectMetadata)(?:List)?\b", wish):
            if ";v=v1;" in wish.replace(" ", "") + ";":
                return Shape(found[1])
        elif re.search(r"application/(json|yaml|\*)|\*/\*", wish):
            break
    return Shape.WHOLE


class Form(Struct, frozen=True):
    """How one client wants the objects of one kind."""

    shape: Shape
    kind: Kind
    version: str
    included: str = "Metadata"
    """What a row of a table brings along: Metadata, Object or None."""
    columns: tuple[Column, ...] = ()

    @property
    def key(self) -> tuple[Shape, str, str]:
        """Equal for those to whom an object looks the same."""
        return self.shape, self.version, self.included

    @property
    def api_version(self) -> str:
        return group_version(self.kind.group, self.version)

    def whole(self, obj: Raw) -> Raw:
        """An object at the version that was asked for."""
        if obj.get("apiVersion") == self.api_version:
            return obj
        return {**obj, "apiVersion": self.api_version}

    def one(self, obj: Raw, now: datetime) -> Raw:
        """The answer that holds one object."""
        if self.shape is Shape.TABLE:
            version = {"resourceVersion": text(obj, "metadata", "resourceVersion")}
            return {**self.head(version), "rows": [self.row(obj, now)]}
        return _metadata(obj) if self.shape is Shape.METADATA else self.whole(obj)

    def head(self, metadata: Mapping[str, Any]) -> Raw:
        """A list without its items."""
        if self.shape is Shape.TABLE:
            return {
                "kind": "Table",
                "apiVersion": _META,
                "metadata": metadata,
                "columnDefinitions": [column.definition() for column in self.columns],
            }
        if self.shape is Shape.METADATA:
            return {"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": metadata}
        return {
            "kind": f"{self.kind.name}List",
            "apiVersion": self.api_version,
            "metadata": metadata,
        }

    def items(self, objects: Iterable[Raw], now: datetime) -> Sequence[Raw]:
        """The items of a list, or the rows of a table. Kubernetes' own kinds do not repeat their kind in each item."""
        if self.shape is Shape.TABLE:
            return [self.row(obj, now) for obj in objects]
        if self.shape is Shape.METADATA:
            return [_metadata(obj) for obj in objects]
        if self.kind.custom:
            return [self.whole(obj) for obj in objects]
        return [
            {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
            for obj in objects
        ]

    def row(self, obj: Raw, now: datetime) -> Raw:
        row: Raw = {"cells": [column.cell(obj, now) for column in self.columns]}
        if self.kind == POD and text(obj, "status", "phase") in ("Succeeded", "Failed"):
            row["conditions"] = [_COMPLETED[text(obj, "status", "phase")]]
        if self.included != "None":
            row["object"] = _metadata(obj) if self.included == "Metadata" else self.whole(obj)
        return row


_COMPLETED = {
    phase: {"type": "Completed", "status": "True", "reason": phase, "message": message}
    for phase, message in (
        ("Succeeded", "The pod has completed successfully."),
        ("Failed", "The pod failed."),
    )
}


def _metadata(obj: Raw) -> Raw:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": obj["metadata"]}


def form(store: Store, kind: Kind, version: str, accept: str, included: str = "") -> Form:
    """The form that a request asks for by its Accept header and `includeObject`."""
    wanted = shape(accept)
    if wanted is not Shape.TABLE:
        return Form(wanted, kind, version)
    definition = store.get(CRD, "", str(kind)) if kind.custom else None
    return Form(wanted, kind, version, included or "Metadata", columns(kind, definition))

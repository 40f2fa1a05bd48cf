"""Raw: an object exactly as the API server sent it, and how to read one without trusting it.

Objects are edited by hand and by strangers: any field may be missing, null or of the wrong type. The readers here
give a default then; a derivation built on them cannot be taken down by an object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.inspect import (
    AnyType,
    BoolType,
    IntType,
    ListType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

V = TypeVar("V", bound=Struct)

Raw = Mapping[str, Any]

_NOTHING: Raw = {}


def dig(value: Any, *path: str) -> Any:
    """The value at `path`, or None where a step is missing or not a mapping."""
    for step in path:  # what is cheap to ask comes first: it is ten times faster
        if type(value) is not dict and (value is None or not isinstance(value, Mapping)):
            return None
        value = value.get(step)
    return value


def view(raw: Any, of: type[V]) -> V:
    """What a Struct names of an object, with its defaults where a field is missing, null or of another type; of a list
    what is of the right type. All fields of the Struct need defaults. Where an object is as it should be, this takes a
    tenth of the time of asking for each field by itself."""
    try:
        return msgspec.convert(raw, of)
    except (msgspec.ValidationError, RecursionError):
        fits = _fitting(raw, type_info(of))
        return of() if fits is _ODD else msgspec.convert(fits, of)


def _fitting(value: Any, of: Type) -> Any:
    """What of a value has this type; `_ODD` where nothing has."""
    match of:
        case StructType(fields=fields):
            if not isinstance(value, Mapping):
                return _ODD
            found = {
                each.encode_name: _fitting(value.get(each.encode_name, _ODD), each.type)
                for each in fields
            }
            return {name: each for name, each in found.items() if each is not _ODD}
        case ListType(item_type=item):
            if not isinstance(value, list):
                return _ODD
            return [fits for each in value if (fits := _fitting(each, item)) is not _ODD]
        case UnionType(types=types):
            return next((fits for t in types if (fits := _fitting(value, t)) is not _ODD), _ODD)
        case AnyType():
            return value
    return value if type(value) is _PLAIN[type(of)] else _ODD


_ODD = object()
_PLAIN = {StrType: str, BoolType: bool, IntType: int, NoneType: type(None)}


# The readers below walk by themselves instead of by `dig`: 10,000 pods are asked a million times.


def text(value: Any, *path: str) -> str:
    """The string at `path`; "" where there is none."""
    for step in path:
        if type(value) is not dict and (value is None or not isinstance(value, Mapping)):
            return ""
        value = value.get(step)
    return value if isinstance(value, str) else ""


def number(value: Any, *path: str) -> int:
    """The whole number at `path`; 0 where there is none."""
    found = dig(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def table(value: Any, *path: str) -> Raw:
    """The mapping at `path`; an empty one where there is none."""
    for step in path:
        if type(value) is not dict and (value is None or not isinstance(value, Mapping)):
            return _NOTHING
        value = value.get(step)
    if value is None:
        return _NOTHING
    return value if type(value) is dict or isinstance(value, Mapping) else _NOTHING


def entries(value: Any, *path: str) -> Sequence[Raw]:
    """The mappings in the list at `path`; anything else in it is passed over."""
    for step in path:
        if type(value) is not dict and (value is None or not isinstance(value, Mapping)):
            return ()
        value = value.get(step)
    if value is None:
        return ()
    if type(value) is not list and (not isinstance(value, Sequence) or isinstance(value, str)):
        return ()
    return [entry for entry in value if type(entry) is dict or isinstance(entry, Mapping)]


def strings(value: Any, *path: str) -> Mapping[str, str]:
    """The string values of the mapping at `path`, such as labels; other values are passed over. The mapping itself
    where there are no others: pods of one template share it."""
    found = table(value, *path)
    for each in found.values():
        if type(each) is not str:
            return {k: v for k, v in found.items() if isinstance(v, str)}
    return found


def name(raw: Raw) -> str:
    return text(raw, "metadata", "name")


def namespace(raw: Raw) -> str:
    """The namespace the object is in; "" for an object of the cluster."""
    return text(raw, "metadata", "namespace")


def uid(raw: Raw) -> str:
    return text(raw, "metadata", "uid")


def key(raw: Raw) -> str:
    """ "namespace/name", or the name alone for an object of the cluster: unique within its kind."""
    where, called = namespace(raw), name(raw)
    return f"{where}/{called}" if where else called


def label(raw: Raw, label_name: str) -> str:
    """The value of one label; "" where it is absent."""
    return text(raw, "metadata", "labels", label_name)


def annotation(raw: Raw, annotation_name: str) -> str:
    """The value of one annotation; "" where it is absent."""
    return text(raw, "metadata", "annotations", annotation_name)


def moment(value: Any, *path: str) -> datetime | None:
    """The RFC 3339 time at `path`, in UTC; None where there is none that can be read."""
    found = text(value, *path) if path else value
    return _moment(found) if isinstance(found, str) and found else None


@lru_cache(4096)  # an object and those made with it have one time in many places
def _moment(written: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        return None
    if read.tzinfo is UTC:
        return read
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def created(raw: Raw) -> datetime | None:
    return moment(raw, "metadata", "creationTimestamp")


class Writer(Struct, frozen=True):
    """An entry of `managedFields`."""

    manager: str = ""
    time: str = ""
    subresource: str = ""


class _Managed(Struct, frozen=True, rename="camel"):
    managed_fields: list[Writer] = []


class _Written(Struct, frozen=True):
    metadata: _Managed = _Managed()


def last_edit(raw: Raw) -> tuple[datetime | None, str]:
    """When anything of the object beside its status was last written, and by which field manager; None and "" where
    `managedFields` do not tell."""
    return last_beside_status(view(raw, _Written).metadata.managed_fields)


def last_beside_status(writers: Iterable[Writer]) -> tuple[datetime | None, str]:
    """The same, by the entries of `managedFields`."""
    beside = [each for each in writers if not each.subresource]
    if not beside:
        return None, ""
    last = max(beside, key=attrgetter("time"))
    return moment(last.time), last.manager


class Condition(Struct, frozen=True):
    """One entry of `status.conditions`, in Kubernetes' words."""

    type: str
    status: str
    """ "True", "False" or "Unknown"."""
    reason: str
    message: str
    since: datetime | None
    generation: int
    """The generation it speaks of; 0 where it does not say."""


def conditions(raw: Any, *path: str) -> Mapping[str, Condition]:
    """The conditions at `path` (`status.conditions` where none is given), by type."""
    return {
        text(entry, "type"): Condition(
            type=text(entry, "type"),
            status=text(entry, "status"),
            reason=text(entry, "reason"),
            message=text(entry, "message"),
            since=moment(entry, "lastTransitionTime"),
            generation=number(entry, "observedGeneration"),
        )
        for entry in entries(raw, *(path or ("status", "conditions")))
    }

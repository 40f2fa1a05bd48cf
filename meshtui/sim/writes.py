"""create, update, patch and delete: what becomes of an object, and who is said to have written it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from meshtui.sim import last_applied, managers, patches, scales
from meshtui.sim.calls import Call
from meshtui.sim.defaults import filled
from meshtui.sim.errors import BadRequest, Conflict, StatusError
from meshtui.sim.managers import Writer
from meshtui.sim.objects import Raw, at, mapping, text
from meshtui.sim.reads import selection
from meshtui.sim.store import Store
from meshtui.sim.validation import check_change, check_definition, check_namespace, checked

_GIVEN_BY_SERVER = (
    "uid",
    "creationTimestamp",
    "generation",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


class NotForCreation(StatusError):  # noqa: N818 - reads as what the server says
    code, reason = 500, ""

    def __init__(self) -> None:
        super().__init__("resourceVersion should not be set on objects to be created")


def writer(call: Call, request: web.Request, operation: str = "Update") -> Writer:
    """Who writes: the `fieldManager` of the query, or the program that the User-Agent names."""
    agent = request.headers.get("User-Agent", "").split("/")[0]
    manager = call.query.get("fieldManager") or agent or "unknown"
    group = f"{call.kind.group}/" if call.kind.group else ""
    return Writer(manager, operation, f"{group}{call.version}", call.subresource)


def create(store: Store, call: Call, by: Writer, body: Any) -> Raw:
    obj = checked(call, body)
    metadata = obj["metadata"]
    if metadata.get("resourceVersion"):
        raise NotForCreation
    made = managers.written(None, _fresh(store, call, obj), by, store.timestamp())
    return _created(store, call, obj, made)


def _fresh(store: Store, call: Call, obj: Raw) -> Raw:
    """A new object as far as a client has a say in it, with its defaults."""
    metadata = {
        key: value
        for key, value in obj["metadata"].items()
        if key not in (*_GIVEN_BY_SERVER, "resourceVersion", "managedFields")
    }
    rest = {key: value for key, value in obj.items() if key != "status" or not call.kind.status}
    return filled(store, call.kind, {**rest, "metadata": metadata})


def _created(store: Store, call: Call, obj: Raw, made: Raw) -> Raw:
    check_namespace(store, call, text(obj, "metadata", "name"))
    check_definition(call.kind, made)
    return store.create(call.kind, made, dry_run=call.dry_run)


def update(store: Store, call: Call, by: Writer, body: Any) -> Raw:
    live = store.need(call.kind, call.namespace, call.name)
    if call.subresource == "scale":
        return _scaled(store, call, by, live, body)
    return _stored(store, call, by, live, checked(call, body))


def _stored(store: Store, call: Call, by: Writer, live: Raw, wanted: Raw) -> Raw:
    """Store a new state of an object, with the fields that changed marked as the writer's."""
    if not call.subresource and _says(wanted) != _says(live):
        wanted = filled(store, call.kind, wanted, live)
        check_change(call.kind, filled(store, call.kind, live, live), wanted)
        check_definition(call.kind, wanted)
    after = store.update(call.kind, wanted, call.subresource, dry_run=True)
    after = managers.written(live, after, by, store.timestamp())
    return store.update(call.kind, after, call.subresource, dry_run=call.dry_run)


def patch(store: Store, call: Call, request: web.Request, body: Any) -> tuple[Raw, bool]:
    """The patched object, and whether it is a new one, which an apply may make."""
    if request.content_type == patches.APPLY:
        return _apply(store, call, writer(call, request, "Apply"), body)
    by = writer(call, request)
    live = store.need(call.kind, call.namespace, call.name)
    if call.subresource == "scale":
        scale = patches.patched(call.kind, request.content_type, scales.of(live), body)
        return _scaled(store, call, by, live, scale), False
    wanted = patches.patched(call.kind, request.content_type, _at_version(call, live), body)
    return _stored(store, call, by, live, checked(call, wanted)), False


def _says(obj: Raw) -> Raw:
    """What an object says beside its metadata and its status."""
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _at_version(call: Call, obj: Raw) -> Raw:
    group = f"{call.kind.group}/" if call.kind.group else ""
    return {**obj, "apiVersion": f"{group}{call.version}"}


def _scaled(store: Store, call: Call, by: Writer, live: Raw, scale: Any) -> Raw:
    after = managers.written(live, scales.applied(live, scale), by, store.timestamp())
    return scales.of(store.update(call.kind, after, dry_run=call.dry_run))


def _apply(store: Store, call: Call, by: Writer, body: Any) -> tuple[Raw, bool]:
    if not call.query.get("fieldManager"):
        raise BadRequest(
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        )
    wish = checked(call, body)
    live = store.get(call.kind, call.namespace, call.name)
    force = call.flag("force")
    if live is None:
        made = managers.applied(None, _fresh(store, call, wish), by, store.timestamp(), force=True)
        return _created(store, call, wish, made), True
    yielding = last_applied.yielding(live, by)
    result = managers.applied(live, wish, by, store.timestamp(), force=force, yielding=yielding)
    result = last_applied.renewed(result, wish, by)
    if not call.subresource and _says(result) != _says(live):
        result = filled(store, call.kind, result, live)
        check_change(call.kind, filled(store, call.kind, live, live), result)
        check_definition(call.kind, result)
    return store.update(call.kind, result, call.subresource, dry_run=call.dry_run), False


def delete(store: Store, call: Call, body: Any) -> Raw:
    """What the answer to a deletion holds: the object where it is on its way out, a Status where it is gone."""
    options = body if isinstance(body, dict) else {}
    live = store.need(call.kind, call.namespace, call.name)
    _check_preconditions(call, live, mapping(options, "preconditions"))
    left = _deleted(store, call, live, options)
    if store.get(call.kind, call.namespace, call.name) is not None and at(
        left, "metadata", "deletionTimestamp"
    ):
        return left
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {
            "name": call.name,
            **({"group": call.kind.group} if call.kind.group else {}),
            "kind": call.kind.plural,
            "uid": text(live, "metadata", "uid"),
        },
    }


def delete_collection(store: Store, call: Call, body: Any) -> list[Raw]:
    test = selection(call)
    options = body if isinstance(body, dict) else {}
    found = [obj for obj in store.list(call.kind, call.namespace or None) if test(obj)]
    return [_deleted(store, call, obj, options) for obj in found]


def _deleted(store: Store, call: Call, obj: Raw, options: Mapping[str, Any]) -> Raw:
    namespace, name = text(obj, "metadata", "namespace"), text(obj, "metadata", "name")
    if store.get(call.kind, namespace, name) is None:
        return obj  # it went with what owned it
    said = options.get("gracePeriodSeconds")
    grace = said if isinstance(said, int) else call.number("gracePeriodSeconds")
    policy = options.get("propagationPolicy") or call.query.get("propagationPolicy")
    dry_run = call.dry_run or bool(options.get("dryRun"))
    orphans = policy == "Orphan" or options.get("orphanDependents") is True
    return store.delete(call.kind, namespace, name, grace=grace, orphans=orphans, dry_run=dry_run)


def _check_preconditions(call: Call, live: Raw, wanted: Mapping[str, Any]) -> None:
    for field, title, why in (
        ("uid", "UID", "The object might have been deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "The object might have been modified"),
    ):
        asked, found = wanted.get(field), text(live, "metadata", field)
        if asked not in (None, found):
            raise Conflict.object(
                call.kind,
                call.name,
                f"the {title} in the precondition ({asked}) does not match the {title} in record ({found}). {why}",
            )

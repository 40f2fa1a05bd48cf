"""get and list: one object, or many in pages that all show the cluster as it was at the first one."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence

import msgspec
from aiohttp import web

from meshtui.sim import selectors
from meshtui.sim.calls import Call
from meshtui.sim.errors import BadRequest, Expired, Invalid, StatusError
from meshtui.sim.kinds import Kind
from meshtui.sim.objects import Raw
from meshtui.sim.store import Store, key_of
from meshtui.sim.tables import Form, Shape, form
from meshtui.sim.wire import JSON, answer, encode

_OPTIONS = Kind("meta.k8s.io", "listoptions", "ListOptions")
SLICE = 500
"""Objects that are encoded in one go, so that others get their turn: some 5 ms."""


class Timeout(StatusError):  # noqa: N818 - reads as what the server says
    code, reason = 504, "Timeout"


def get(store: Store, call: Call, accept: str) -> web.Response:
    obj = store.need(call.kind, call.namespace, call.name)
    return answer(_form(store, call, accept).one(obj, store.now()))


async def listing(store: Store, call: Call, request: web.Request) -> web.StreamResponse:
    """The list, or one page of it. Raises BadRequest, Invalid, Expired or Timeout."""
    if "sendInitialEvents" in call.query:
        raise forbidden_option("sendInitialEvents", "sendInitialEvents is forbidden for list")
    at, start = _position(store, call)
    test = selection(call)
    namespace = call.namespace or None
    found = [obj for obj in store.list(call.kind, namespace, at=at) if test(obj)]
    rest = [obj for obj in found if _name(obj) > start] if start else found
    limit = call.number("limit") or 0
    page = rest[:limit] if limit > 0 else rest
    version = store.version if at is None else at
    metadata: Raw = {"resourceVersion": str(version)}
    if len(page) < len(rest):
        metadata["continue"] = _token(version, _name(page[-1]))
        if not _selects(call):
            metadata["remainingItemCount"] = len(rest) - len(page)
    wanted = _form(store, call, request.headers.get("Accept", ""))
    return await _sent(request, wanted, metadata, page, store)


def _form(store: Store, call: Call, accept: str) -> Form:
    return form(store, call.kind, call.version, accept, call.query.get("includeObject", ""))


def selection(call: Call) -> selectors.Test:
    """The test that the selectors of a list or a watch make; of one name, where the path names it."""
    return selectors.both(
        selectors.labels(call.query.get("labelSelector", "")),
        selectors.fields(call.kind, call.query.get("fieldSelector", "")),
    )


def _selects(call: Call) -> bool:
    return bool(call.query.get("labelSelector") or call.query.get("fieldSelector"))


def _name(obj: Raw) -> str:
    """Sorts as the store does, since neither part may hold a NUL."""
    return "\0".join(key_of(obj))


def forbidden_option(field: str, why: str) -> Invalid:
    return Invalid.object(_OPTIONS, "", [(field, "FieldValueForbidden", f"Forbidden: {why}")])


def _position(store: Store, call: Call) -> tuple[int | None, str]:
    """At which resourceVersion to read (None for now), and after which object."""
    asked, match = call.query.get("resourceVersion", ""), call.query.get("resourceVersionMatch", "")
    if token := call.query.get("continue", ""):
        if asked not in ("", "0"):
            raise BadRequest("specifying resource version is not allowed when using continue")
        return _continued(store, token)
    if match and not asked:
        raise forbidden_option(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        )
    version = resource_version(asked)
    if version is None or not version:
        if match == "Exact" and asked == "0":
            raise forbidden_option(
                "resourceVersionMatch",
                'resourceVersionMatch "Exact" is forbidden for resourceVersion "0"',
            )
        return None, ""
    if version > store.version:
        raise Timeout(
            f"Timeout: Too large resource version: {version}, current: {store.version}",
            {
                "causes": [
                    {
                        "reason": "ResourceVersionTooLarge",
                        "message": "Too large resource version",
                    }
                ],
                "retryAfterSeconds": 1,
            },
        )
    exact = match == "Exact" or (not match and bool(call.query.get("limit")))
    return (version if exact else None), ""


def resource_version(asked: str) -> int | None:
    """A resourceVersion as a number; None where none is given."""
    if not asked:
        return None
    if not asked.isdecimal():
        raise BadRequest(
            f'invalid resource version: resourceVersion: Invalid value: "{asked}": '
            f'strconv.ParseUint: parsing "{asked}": invalid syntax'
        )
    return int(asked)


def _token(version: int, after: str) -> str:
    said = encode({"v": "meta.k8s.io/v1", "rv": version, "start": after})
    return base64.urlsafe_b64encode(said).rstrip(b"=").decode()


def _continued(store: Store, token: str) -> tuple[int | None, str]:
    try:
        said = msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        version, after = int(said["rv"]), str(said["start"])
    except (ValueError, KeyError, TypeError, binascii.Error, msgspec.DecodeError) as error:
        raise BadRequest(f"invalid continue token: continue key is not valid: {error}") from error
    if version < 0:
        return None, after
    try:
        store.changes(version)
    except Expired:
        raise ContinueExpired(_token(-1, after)) from None
    return version, after


class ContinueExpired(Expired):
    """Says how to go on from now on, with a list that is no longer of one moment."""

    def __init__(self, go_on: str) -> None:
        super().__init__(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list "
            "without the continue parameter, or use the continue token in this response to retrieve the remainder of "
            "the results. Continuing with the provided token results in an inconsistent list - objects that were "
            "created, modified, or deleted between the time the first chunk was returned and now may show up in the "
            "list."
        )
        self._go_on = go_on

    def status(self) -> Raw:
        return {**super().status(), "metadata": {"continue": self._go_on}}


async def _sent(
    request: web.Request, wanted: Form, metadata: Raw, page: Sequence[Raw], store: Store
) -> web.StreamResponse:
    name = "rows" if wanted.shape is Shape.TABLE else "items"
    head, now = wanted.head(metadata), store.now()
    if len(page) <= SLICE:
        return answer({**head, name: wanted.items(page, now)})
    response = web.StreamResponse(headers={"Content-Type": JSON})
    await response.prepare(request)
    await response.write(encode(head)[:-1] + f',"{name}":['.encode())
    for start in range(0, len(page), SLICE):
        items = encode(wanted.items(page[start : start + SLICE], now))
        await response.write((b"," if start else b"") + items[1:-1])
        await asyncio.sleep(0)
    await response.write(b"]}")
    await response.write_eof()
    return response

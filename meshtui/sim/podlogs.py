"""pods/log: what a container has printed, and what it prints yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from aiohttp import web
from msgspec import Struct

from meshtui.sim.calls import Call
from meshtui.sim.errors import BadRequest, Invalid
from meshtui.sim.kinds import Kind
from meshtui.sim.kubelet import Kubelet, LogLine
from meshtui.sim.objects import Raw, mappings, moment, text
from meshtui.sim.store import Store

_OPTIONS = Kind("", "podlogoptions", "PodLogOptions")


class _Options(Struct, frozen=True):
    """What the query asks for."""

    tail: int | None
    since: datetime | None
    limit: int | None
    """Bytes after which the answer ends; None for no limit."""
    timestamps: bool

    def past(self, lines: Sequence[LogLine]) -> Sequence[LogLine]:
        if self.since is not None:
            lines = [line for line in lines if line.at >= self.since]
        if self.tail is not None:
            lines = lines[len(lines) - min(self.tail, len(lines)) :]
        return lines

    def text(self, lines: Sequence[LogLine]) -> bytes:
        return "".join(
            f"{_rfc3339(line.at)} {line.text}\n" if self.timestamps else f"{line.text}\n"
            for line in lines
        ).encode()


def _rfc3339(at: datetime) -> str:
    """With nanoseconds and without the zeroes at their end, as kubelets write it."""
    fraction = f".{at.microsecond:06}".rstrip("0").rstrip(".")
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _options(store: Store, call: Call) -> _Options:
    tail, limit = call.number("tailLines"), call.number("limitBytes")
    seconds, said = call.number("sinceSeconds"), call.query.get("sinceTime", "")
    for name, number, least in (
        ("tailLines", tail, 0),
        ("limitBytes", limit, 1),
        ("sinceSeconds", seconds, 1),
    ):
        if number is not None and number < least:
            what = "greater than or equal to 0" if least == 0 else "greater than 0"
            raise _invalid(call, name, f"Invalid value: {number}: must be {what}")
    if said and seconds is not None:
        raise _invalid(
            call, "", "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        )
    since = moment(said) if said else None
    if said and since is None:
        raise BadRequest(f'parsing time "{said}" as "2006-01-02T15:04:05Z07:00": cannot parse')
    if seconds is not None:
        since = store.now() - timedelta(seconds=seconds)
    return _Options(tail, since, limit, call.flag("timestamps"))


def _invalid(call: Call, field: str, message: str) -> Invalid:
    return Invalid.object(_OPTIONS, call.name, [(field, "FieldValueInvalid", message)])


async def log(
    store: Store, kubelet: Kubelet, call: Call, request: web.Request
) -> web.StreamResponse:
    """The log as text; with `follow` until the container ends. Raises BadRequest, Invalid or NotFound."""
    options = _options(store, call)
    pod = store.need(call.kind, call.namespace, call.name)
    container = _container(pod, call.query.get("container", ""))
    previous = call.flag("previous")
    if not text(pod, "spec", "nodeName"):
        return web.Response(status=204)  # it runs nowhere yet
    found = kubelet.log(call.namespace, call.name, container, previous=previous)
    if found is None:
        raise _nothing(pod, container, previous=previous)
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    more = found.follow()  # from here on, so that no line falls between past and following
    left = options.limit
    past = options.text(options.past(found.lines))
    await response.write(past[:left])
    if call.flag("follow") and not previous:
        async for line in more:
            written = options.text([line])
            left = None if left is None else left - len(past)
            if left is not None and left <= 0:
                break
            await response.write(written[:left])
            past = written
    await response.write_eof()
    return response


def _container(pod: Raw, asked: str) -> str:
    """The container to read: the one that is asked for, or the only one."""
    name = text(pod, "metadata", "name")
    main = [text(each, "name") for each in mappings(pod, "spec", "containers")]
    init = [text(each, "name") for each in mappings(pod, "spec", "initContainers")]
    if asked:
        if asked not in (*main, *init):
            raise BadRequest(f"container {asked} is not valid for pod {name}")
        return asked
    if len(main) == 1 and not init:
        return main[0]
    others = f" or one of the init containers: [{' '.join(init)}]" if init else ""
    raise BadRequest(
        f"a container name must be specified for pod {name}, choose one of: [{' '.join(main)}]{others}"
    )


def _nothing(pod: Raw, container: str, *, previous: bool) -> BadRequest:
    name = text(pod, "metadata", "name")
    if previous:
        return BadRequest(f'previous terminated container "{container}" in pod "{name}" not found')
    reason = next(
        (
            text(each, "state", "waiting", "reason")
            for each in mappings(pod, "status", "containerStatuses")
            if text(each, "name") == container
        ),
        "",
    )
    return BadRequest(
        f'container "{container}" in pod "{name}" is waiting to start: {reason or "ContainerCreating"}'
    )

"""JSON on the wire: answers, and the bodies of requests."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml
from aiohttp import web

from meshtui.sim import protobuf
from meshtui.sim.errors import BadRequest, StatusError

JSON = "application/json"
_encoder = msgspec.json.Encoder()
encode = _encoder.encode


def answer(body: Any, status: int = 200, content_type: str = JSON) -> web.Response:
    return web.Response(body=encode(body), status=status, content_type=content_type)


def refused(error: StatusError) -> web.Response:
    return answer(error.status(), error.code)


async def body_of(request: web.Request) -> Any:
    """The body, decoded from JSON, YAML or protobuf as its Content-Type says; None where it is empty.

    Raises BadRequest or UnsupportedMediaType.
    """
    raw = await request.read()
    if not raw:
        return None
    content_type = request.content_type
    try:
        if content_type.endswith("yaml"):
            return yaml.load(raw, Loader=_YAML)
        if content_type == "application/vnd.kubernetes.protobuf":
            return protobuf.decoded(raw)
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadRequest(f"error decoding request body: {error}") from error


_YAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

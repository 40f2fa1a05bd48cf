"""One GET through a port-forward: whatever the framing of the answer, and whatever goes wrong on the way.

The frames are those that kube-apiserver 1.36 sends (see `meshtui/kube/portforward.py`)."""

from __future__ import annotations

import os

import pytest

from meshtui.kube import portforward
from meshtui.kube.api import Api
from meshtui.kube.errors import Absent, Forbidden, KubeError, StatusError, Unreachable
from meshtui.mesh.snapshot import Trouble
from tests.kube.scripted import Handler, Scripted, forwarded, status

PATH = "/api/v1/namespaces/istio-system/pods/ztunnel-x/portforward"
BODY = os.urandom(5_000)


async def get(scripted: Scripted, api: Api, handler: Handler) -> bytes:
    scripted.on(PATH, handler)
    return await portforward.get(api, "istio-system", "ztunnel-x", 15000, "/config_dump")


def with_length(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def in_chunks(body: bytes) -> bytes:
    chunks = [body[start : start + 999] for start in range(0, len(body), 999)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


@pytest.mark.parametrize("frame", [1, 7, 1_000, 100_000])
@pytest.mark.parametrize("framed", [with_length, in_chunks])
async def test_the_body_comes_whole_though_the_stream_never_ends(
    scripted: Scripted, api: Api, framed: object, frame: int
) -> None:
    body = BODY[:300] if frame == 1 else BODY
    said = framed(body)  # type: ignore[operator]
    assert await get(scripted, api, forwarded(said, frame=frame)) == body
    assert scripted.asked(PATH)[0]["ports"] == "15000"


async def test_a_body_without_length_ends_with_the_stream(scripted: Scripted, api: Api) -> None:
    said = b"HTTP/1.0 200 OK\r\n\r\n" + BODY
    assert await get(scripted, api, forwarded(said, ends=True)) == BODY


async def test_a_large_dump_comes_through(scripted: Scripted, api: Api) -> None:
    body = b"x" * 9_000_000
    assert await get(scripted, api, forwarded(with_length(body), frame=32_768)) == body


@pytest.mark.parametrize(
    ("handler", "trouble", "words"),
    [
        (
            forwarded(
                error=b"error forwarding port 15000: dial tcp4 127.0.0.1:15000: connect: connection refused"
            ),
            Trouble.REFUSED,
            "connection refused",
        ),
        (forwarded(with_length(BODY)[:-1], ends=True), Trouble.UNREACHABLE, "cut off"),
        (forwarded(ends=True), Trouble.UNREACHABLE, "cut off"),
        (forwarded(b"220 smtp.example ESMTP\r\n\r\n"), Trouble.BROKEN, "did not speak HTTP"),
        (
            forwarded(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
            Trouble.SERVER,
            "status 404",
        ),
    ],
    ids=["refused", "short", "empty", "not HTTP", "HTTP error"],
)
async def test_what_goes_wrong_behind_the_stream_has_words(
    scripted: Scripted, api: Api, handler: Handler, trouble: Trouble, words: str
) -> None:
    with pytest.raises(KubeError, match=words) as raised:
        await get(scripted, api, handler)
    assert raised.value.problem.trouble is trouble


async def test_a_body_that_is_too_long_is_not_read_on(scripted: Scripted, api: Api) -> None:
    scripted.on(PATH, forwarded(with_length(BODY)[:-1]))
    where = (api, "istio-system", "ztunnel-x", 15000, "/config_dump")
    with pytest.raises(Unreachable, match="longer than 4,000 bytes"):
        await portforward.get(*where, longest=4_000)


async def test_a_pod_that_never_answers_is_given_up(scripted: Scripted, api: Api) -> None:
    impatient = Api(api.connection, timeout=0.05)
    with pytest.raises(Unreachable, match=r"no answer within 0\.05 s"):
        await get(scripted, impatient, forwarded())


async def test_refusals_of_the_server_are_told_apart(scripted: Scripted, api: Api) -> None:
    with pytest.raises(Forbidden, match="no port-forward to istio-system/ztunnel-x: the server"):
        await get(scripted, api, status(403, "forbidden"))
    with pytest.raises(Absent):
        await get(scripted, api, status(404, 'pods "ztunnel-x" not found'))
    with pytest.raises(StatusError, match="status 500"):
        await get(scripted, api, status(500, "error dialing backend: no route to host"))

"""A connection against real servers: who it says it is, whom it trusts, and what it says when it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kube import servers
from tests.kube.configs import connection, encoded, write
from tests.kube.pki import Authority


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def trusting(authority: Authority, **more: Any) -> dict[str, Any]:
    return {"certificate-authority-data": encoded(authority.pem), **more}


async def asked(connected: Any, path: str = "/version", **kwargs: Any) -> dict[str, Any]:
    """What the server heard of a GET."""
    async with connected.request("GET", path, timeout=5, **kwargs) as response:
        assert response.status == 200
        heard: dict[str, Any] = json.loads(await response.read())
        return heard


async def test_a_token_and_a_trusted_server(tmp_path: Path, authority: Authority) -> None:
    async with servers.api(authority.issue("127.0.0.1").server()) as server:
        path = write(
            tmp_path / "config",
            f"https://127.0.0.1:{server.port}",
            trusting(authority),
            {"token": "sesame"},
        )
        async with connection(path) as connected:
            heard = await asked(
                connected, "/api/v1/pods", params={"labelSelector": "app in (a, b)"}
            )
            assert ["Authorization", "Bearer sesame"] in heard["headers"]
            assert server.requests[0].query == {"labelSelector": "app in (a, b)"}
            assert "sesame" not in repr(vars(connected))


async def test_a_websocket_carries_bytes_and_the_token(
    tmp_path: Path, authority: Authority
) -> None:
    async with servers.api(authority.issue("127.0.0.1").server()) as server:
        url = f"https://127.0.0.1:{server.port}"
        path = write(tmp_path / "config", url, trusting(authority), {"token": "sesame"})
        async with (
            connection(path) as connected,
            connected.websocket("/x", protocols=("v4.channel.k8s.io",)) as socket,
        ):
            await socket.send_bytes(b"\0ping")
            assert await socket.receive_bytes(timeout=5) == b"\0ping"
            assert socket.protocol == "v4.channel.k8s.io"
        assert server.requests[0].headers["Authorization"] == "Bearer sesame"

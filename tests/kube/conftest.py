"""What the tests of the service layer share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from meshtui.kube.api import Api
from tests.kube import configs
from tests.kube.scripted import Scripted, serving


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """A server that answers as the test tells it to."""
    async with serving() as server:
        yield server


@pytest.fixture
def config(scripted: Scripted, tmp_path: Path) -> Path:
    """A kubeconfig that leads to it."""
    return configs.write(tmp_path / "config", scripted.url)


@pytest.fixture
async def api(config: Path) -> AsyncIterator[Api]:
    """Its API, over a connection without credentials."""
    async with configs.connection(config) as connection:
        yield Api(connection, timeout=2.0)

"""What the tests of the service layer share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from meshtui.kube.api import Api
from tests.kube.scripted import Plain, Scripted, serving


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """A server that answers as the test tells it to."""
    async with serving() as server:
        yield server


@pytest.fixture
async def api(scripted: Scripted) -> AsyncIterator[Api]:
    """Its API, over a connection without credentials."""
    async with Plain(scripted.port) as connection:
        yield Api(connection, timeout=2.0)

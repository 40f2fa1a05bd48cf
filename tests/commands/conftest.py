"""The built-in cluster, for all that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshtui.sim.process import running


@pytest.fixture(scope="session")
def shop() -> Iterator[Path]:
    with running("shop") as kubeconfig:
        yield kubeconfig

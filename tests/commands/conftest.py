"""The built-in cluster, for a whole module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshtui.sim.process import running


@pytest.fixture(scope="module")
def shop() -> Iterator[Path]:
    with running("shop") as kubeconfig:
        yield kubeconfig

"""Completion: the names that a shell offers while a command line is typed. Where anything fails, there are none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from meshtui.kube import kubeconfig
from meshtui.kube.api import Api
from meshtui.kube.connect import Connection
from meshtui.kube.errors import KubeError
from meshtui.mesh import raw
from meshtui.settings import Settings

_PATIENCE = 2.0
"""Seconds that somebody who pressed tab waits for a cluster."""


def contexts(settings: Settings) -> Sequence[str]:
    """Those of the kubeconfig."""
    return [context.name for context in kubeconfig.readable(settings).contexts]


def namespaces(settings: Settings) -> Sequence[str]:
    """Those of the cluster; none where it does not tell in time."""
    try:
        return asyncio.run(_namespaces(settings))
    except (KubeError, TimeoutError):
        return ()


async def _namespaces(settings: Settings) -> Sequence[str]:
    config = kubeconfig.load(settings)
    async with asyncio.timeout(_PATIENCE), Connection(config, settings) as connection:
        found = await Api(connection, _PATIENCE).get("/api/v1/namespaces", dict[str, object])
    return [raw.name(each) for each in raw.entries(found, "items")]

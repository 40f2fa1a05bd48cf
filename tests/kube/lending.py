"""A terminal that is lent to exec plugins, or is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from meshtui.kube.exec_plugin import NotLentError


@dataclass
class Lending:
    """Lends it, or does not want to."""

    wants: bool = True
    told: list[str] = field(default_factory=list)
    """What it was told it is for, and "back" after each time."""

    @asynccontextmanager
    async def __call__(self, wish: str) -> AsyncIterator[None]:
        self.told.append(wish)
        if not self.wants:
            raise NotLentError("not now")
        yield
        self.told.append("back")

"""Since when a connection is seen to be open: dumps carry no age, so it is at least as old as it was seen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from meshtui.mesh.dumps import Connection, DumpDetail
from meshtui.mesh.snapshot import Answer


def kept(
    before: Mapping[Connection, datetime] | None, value: DumpDetail, now: datetime
) -> Mapping[Connection, datetime]:
    """The connections that are open, each with when it was first seen. One that is missing in a dump has ended, also
    where the same ports are used again."""
    known = before or {}
    return {each: known.get(each, now) for each in value.connections}


def since(answer: Answer, connection: Connection) -> datetime | None:
    """When it was first seen; None where nothing was kept of it."""
    found: Any = answer.kept
    return found.get(connection) if isinstance(found, Mapping) else None

"""What may not be changed, as a session knows it. By itself, without the HTTP client: the screen starts with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from meshtui.kube.session import Session
from meshtui.mesh.snapshot import Ref


async def of(session: Session, refs: Iterable[Ref]) -> Mapping[Ref, str]:
    """Of these objects, those that may not be patched, with why. Never raises."""
    found = {}
    for ref in refs:
        where = ref.namespace or None
        right = await session.may("patch", ref.kind, where)
        if right.allowed is False:
            right = await session.may("patch", ref.kind, where, name=ref.name)
        if right.allowed is False:
            found[ref] = f"{right.reason}."
    return found

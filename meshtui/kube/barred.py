"""What may not be changed, as a session knows it. By itself, without the HTTP client: the screen starts with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from meshtui.kube.session import Session
from meshtui.mesh.snapshot import Ref


async def of(session: Session, asked: Iterable[tuple[str, Ref]]) -> Mapping[tuple[str, Ref], str]:
    """Of these verbs on objects, those that are not allowed, with why. Never raises."""
    found = {}
    for verb, ref in asked:
        where = ref.namespace or None
        right = await session.may(verb, ref.kind, where)
        if right.allowed is False:
            right = await session.may(verb, ref.kind, where, name=ref.name)
        if right.allowed is False:
            found[verb, ref] = f"{right.reason}."
    return found

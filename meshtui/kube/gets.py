"""Gets: single objects read by name, and what of them is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from meshtui.kube import secrets
from meshtui.kube.api import Api, address
from meshtui.kube.discovery import Discovery
from meshtui.kube.errors import KubeError
from meshtui.kube.pace import Pace
from meshtui.kube.rounds import Rounds
from meshtui.mesh.kinds import SECRET
from meshtui.mesh.raw import Raw, table
from meshtui.mesh.snapshot import Answer, Ref


async def whole(api: Api, discovery: Discovery, ref: Ref, *, managed_fields: bool) -> Raw:
    """One object as the server has it now; of a Secret only its certificates. Raises KubeError."""
    version = await discovery.version(ref.kind)
    path = address(ref.kind, version, ref.namespace, ref.name)
    raw: Raw = await api.get(path, dict[str, Any])
    if ref.kind == SECRET:
        return secrets.certificates_only(raw)
    if managed_fields:
        return raw
    metadata = {k: v for k, v in table(raw, "metadata").items() if k != "managedFields"}
    return {**raw, "metadata": metadata}


class Gets:
    """The objects on screen that were asked for by name, each read now and again every minute."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        get: Callable[[Ref], Awaitable[Raw]],
        pace: Pace,
        changed: Callable[[], None],
    ) -> None:
        self._get = get
        self._changed = changed
        self._answers: dict[Ref, Answer] = {}
        self._pace = pace
        self._rounds: Rounds[Ref] = Rounds(start, self._ask)

    @property
    def answers(self) -> Mapping[Ref, Answer]:
        return self._answers

    def want(self, refs: Collection[Ref]) -> None:
        self._rounds.want(refs)

    def again(self) -> None:
        self._rounds.again()

    async def _ask(self, ref: Ref) -> float:
        known = self._answers.get(ref, Answer())
        try:
            raw = await self._get(ref)
        except KubeError as error:
            self._answers[ref] = replace(known, problem=error.problem)
        else:
            value = known.value if raw == known.value else raw
            self._answers[ref] = Answer(value, datetime.now(UTC))
        self._changed()
        return self._pace.ref

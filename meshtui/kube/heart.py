"""Heart: whether the server still answers, in which version, and who it takes us for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from meshtui.kube.api import Api
from meshtui.kube.errors import KubeError, StatusError, Unauthorized
from meshtui.kube.pace import Pace
from meshtui.mesh.snapshot import Problem

_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


class _Version(msgspec.Struct):
    gitVersion: str = ""  # noqa: N815 - the name on the wire


class _UserInfo(msgspec.Struct):
    username: str = ""


class _ReviewStatus(msgspec.Struct):
    userInfo: _UserInfo = msgspec.field(default_factory=_UserInfo)  # noqa: N815


class _Review(msgspec.Struct):
    status: _ReviewStatus = msgspec.field(default_factory=_ReviewStatus)


@dataclass
class Heart:
    """Asks for `/version` again and again. `recovered` is called when the server answers after it did not."""

    api: Api
    pace: Pace
    changed: Callable[[], None]
    recovered: Callable[[], None]
    version: str = ""
    user: str = ""
    """"" until the server said it, or where it does not say it (SelfSubjectReview: from Kubernetes 1.28)."""
    answered: datetime | None = None
    problem: Problem | None = None
    retry_at: datetime | None = None
    _user_asked: bool = False
    _now: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        while True:
            await self._beat()
            self.changed()
            self._now.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.pace.heartbeat):
                    await self._now.wait()

    def again(self) -> None:
        """Ask at once."""
        self._now.set()

    async def _beat(self) -> None:
        failed_before = self.problem is not None
        try:
            await self._ask()
        except KubeError as error:
            self.problem = error.problem
            self.retry_at = datetime.now(UTC) + timedelta(seconds=self.pace.heartbeat)
            return
        self.problem, self.retry_at = None, None
        self.answered = datetime.now(UTC)
        if failed_before:
            self.recovered()

    async def _ask(self) -> None:
        """The version; a server that keeps it from us has answered all the same."""
        try:
            self.version = (await self.api.get("/version", _Version)).gitVersion
        except Unauthorized:
            raise
        except StatusError as error:
            if error.code >= 500:
                raise
        if not self._user_asked:
            try:
                review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
                answer = await self.api.post(_REVIEWS, review, _Review)
                self.user = answer.status.userInfo.username
            except Unauthorized:
                raise
            except StatusError:
                pass  # not allowed, or too old a server: the kubeconfig's name for the user stands
            self._user_asked = True

"""Login: the credentials of one user, renewed as they age."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from meshtui.kube import background, credentials, exec_plugin
from meshtui.kube.access import Cluster, Exec, User
from meshtui.kube.credentials import Credentials
from meshtui.kube.errors import CredentialsError
from meshtui.mesh.snapshot import Problem, Trouble

AGE_OF_FILES = timedelta(seconds=60)
"""How long what was read from a file is used: the kubelet renews a pod's token in place."""
MARGIN = timedelta(seconds=60)
"""How long before they expire credentials are renewed."""
PATIENCE = 2.0
"""Seconds after which a plugin that requests wait for is told of."""
PAUSE = timedelta(seconds=5)
"""The least time between two runs of a plugin that only a failure or a refusal asks for: some open a browser."""


class _Held(Struct, frozen=True):
    credentials: Credentials
    renew: datetime | None
    """None for never: until the server refuses them."""


class Login:
    """Gives the newest credentials. However many requests wait for them, they are read, or the plugin is run, once."""

    def __init__(
        self,
        user: User,
        cluster: Cluster,
        suspend: exec_plugin.Suspend | None = None,
        changed: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = PATIENCE,
    ) -> None:
        """`changed` is called when `delay` does, which is after `patience` seconds."""
        self._user = user
        self._cluster = cluster
        self._suspend = suspend
        self._changed = changed
        self._now = now
        self._patience = patience
        self._held: _Held | None = None
        self._work: asyncio.Task[Credentials] | None = None
        self._failure: tuple[CredentialsError, datetime] | None = None
        self._forced: datetime | None = None
        self.delay: Problem | None = None
        """What requests wait for, once it has taken long enough to be told."""

    async def current(self) -> Credentials:
        """Credentials to use now; while they are valid, a renewal holds nobody up. Raises CredentialsError."""
        held, now = self._held, self._now()
        if held is None:
            return await self._renewed()
        if held.renew is None or now < held.renew:
            return held.credentials
        if self._valid(held.credentials):
            self._start()
            return held.credentials
        return await self._renewed()

    async def renew(self, refused: Credentials) -> bool:
        """Whether there are other credentials than those that the server has just refused. Raises CredentialsError."""
        if self._held is None or self._held.credentials is not refused:
            return True
        if not self._renewable:
            return False
        if not self._working:
            now = self._now()
            if self._forced is not None and now < self._forced + PAUSE:
                return False
            self._forced = now
        return await self._renewed() != refused

    async def close(self) -> None:
        """Ends a plugin that runs."""
        if self._work is not None:
            self._work.cancel()
            with suppress(asyncio.CancelledError, CredentialsError):
                await self._work

    @property
    def _renewable(self) -> bool:
        user = self._user
        return bool(user.plugin or user.token.file or user.certificate.file or user.key.file)

    async def _renewed(self) -> Credentials:
        return await asyncio.shield(self._start())

    @property
    def _working(self) -> bool:
        return self._work is not None and not self._work.done()

    def _start(self) -> asyncio.Task[Credentials]:
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._obtain())
            self._work.add_done_callback(_seen)
        return self._work

    async def _obtain(self) -> Credentials:
        if self._failure is not None and self._now() < self._failure[1]:
            problem = self._failure[0].problem
            raise CredentialsError(problem.text, problem.remedy)
        try:
            found = await self._read()
        except CredentialsError as error:
            again, plugin = self._now() + PAUSE, self._user.plugin
            if plugin is not None and plugin.interactive_mode != "Always":  # that asks first
                self._failure = (error, again)
            if self._held is not None:
                self._held = replace(self._held, renew=again)
            raise
        self._failure = None
        self._held = _Held(found, self._due(found))
        return found

    async def _read(self) -> Credentials:
        user = self._user
        if user.auth_provider:
            raise CredentialsError(
                f'user "{user.name}" logs in with the auth-provider "{user.auth_provider}", which is not supported',
                "Kubernetes replaced those by exec plugins (gke-gcloud-auth-plugin, kubelogin): let your provider's "
                "tool write the kubeconfig anew.",
            )
        fixed = await background.start(credentials.read, user)
        if user.plugin is None:
            return fixed
        given = await self._run(user.plugin)
        return replace(
            given,
            authorization=given.authorization or fixed.authorization,
            identity=given.identity or fixed.identity,
        )

    async def _run(self, plugin: Exec) -> Credentials:
        late = asyncio.get_running_loop().call_later(self._patience, self._tell, plugin)
        try:
            return await exec_plugin.run(plugin, self._cluster, self._suspend)
        finally:
            late.cancel()
            if self.delay is not None:
                self.delay = None
                self._changed()

    def _tell(self, plugin: Exec) -> None:
        if self._held is not None and self._valid(self._held.credentials):
            return  # it runs ahead of time: nobody waits
        self.delay = Problem(
            Trouble.CREDENTIALS,
            f'waiting for the credential plugin "{Path(plugin.command).name}"',
            "It has a question for you, which is asked once nothing else is open."
            if plugin.interactive_mode == "Always"
            else "It may wait for you, with a log-in in a browser: kubectl in another terminal shows what it says.",
        )
        self._changed()

    def _valid(self, credentials: Credentials) -> bool:
        return credentials.expires is not None and self._now() < credentials.expires

    def _due(self, found: Credentials) -> datetime | None:
        now = self._now()
        if found.expires is not None:
            # Not at once again, even if the plugin gives the same old token until it has expired.
            return max(found.expires - MARGIN, now + PAUSE)
        if self._user.plugin is None and self._renewable:
            return now + AGE_OF_FILES
        return None


def _seen(work: asyncio.Task[Credentials]) -> None:
    """A renewal that nobody waits for may fail: the next request tells."""
    if not work.cancelled():
        work.exception()

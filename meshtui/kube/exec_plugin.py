"""Credential plugins: programs that print a token or a client certificate (aws, gke-gcloud-auth-plugin, kubelogin).

The official client's runner shares the terminal with the program, has no deadline, cannot be ended, and knows tokens
alone. Here a plugin has no standard input and no terminal (a session of its own: what opens /dev/tty fails at once
rather than drawing over the screen), sixty seconds, and ends with us. One that insists on the terminal, or that gave
nothing without it and may ask there (interactiveMode: IfAvailable), gets it where a person lets it.

The protocol: kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meshtui.kube import background, tls
from meshtui.kube.access import Cluster, Exec
from meshtui.kube.credentials import Credentials, bearer
from meshtui.kube.errors import CredentialsError
from meshtui.kube.tls import Identity

DEADLINE = 60.0
"""Seconds: some plugins wait for a log-in in a browser."""


class NotLentError(CredentialsError):
    """The terminal is not given away: a person does not want to, or it cannot be."""


Suspend = Callable[[str], AbstractAsyncContextManager[None]]
"""Gives the terminal away to a program, told in words of which and why; NotLentError where it does not."""

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_INTERACTIVE_DEADLINE = 600.0
_POLL = 0.1
_GRACE = 0.5
_MOST_OUTPUT = 1_000_000
_STEERING = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x09\x0b-\x1f\x7f-\x9f]"
)


class _FruitlessError(CredentialsError):
    """It ran, and gave nothing."""


async def run(
    plugin: Exec, cluster: Cluster, suspend: Suspend | None = None, deadline: float = DEADLINE
) -> Credentials:
    """What one run of the plugin gives, within `deadline` seconds, or ten minutes where it has the terminal. Raises
    CredentialsError; cancelled, it ends the program."""
    name = Path(plugin.command).name
    if plugin.api_version not in _VERSIONS:
        raise CredentialsError(
            f'the credential plugin "{name}" speaks {plugin.api_version or "no version"}, which kubectl has given up',
            f"Update the plugin and its entry in the kubeconfig to {_VERSIONS[0]}.",
        )
    if plugin.interactive_mode != "Always":
        try:
            return await _run(plugin, cluster, name, deadline)
        except _FruitlessError as failure:
            if suspend is None or plugin.interactive_mode != "IfAvailable":
                raise
            try:
                async with suspend(f"{failure}. It may want to ask on the terminal"):
                    return await _run(
                        plugin, cluster, name, _INTERACTIVE_DEADLINE, interactive=True
                    )
            except NotLentError:
                raise failure from None
    if suspend is None:
        raise CredentialsError(
            f'the credential plugin "{name}" wants to ask on the terminal (interactiveMode: Always)',
            "For now: if it asks nothing once you have logged in, log in with it elsewhere and set interactiveMode: "
            "IfAvailable in the kubeconfig; else choose a context with a token or a client certificate.",
        )
    async with suspend(f'the credential plugin "{name}" wants to ask on the terminal'):
        return await _run(plugin, cluster, name, _INTERACTIVE_DEADLINE, interactive=True)


async def _run(
    plugin: Exec, cluster: Cluster, name: str, deadline: float, *, interactive: bool = False
) -> Credentials:
    ended = threading.Event()
    work = background.start(_output, plugin, cluster, name, deadline, ended, interactive)
    try:
        printed = await asyncio.shield(work)
    except asyncio.CancelledError:
        ended.set()
        await asyncio.wait([work], timeout=_POLL + 2 * _GRACE)
        if work.done() and not work.cancelled():
            work.exception()  # seen: nobody else will ask
        raise
    return _credentials(printed, plugin.api_version, name)


def _output(
    plugin: Exec,
    cluster: Cluster,
    name: str,
    deadline: float,
    ended: threading.Event,
    interactive: bool,
) -> bytes:
    """What the program prints, run to its end: its own, the deadline, or `ended`."""
    info = json.dumps(_info(plugin, cluster, interactive), default=str)
    try:
        process = subprocess.Popen(
            [plugin.command, *plugin.args],
            env={**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": info},
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,
            start_new_session=not interactive,
        )
    except FileNotFoundError:
        raise CredentialsError(
            f'the credential plugin "{name}" is not installed (looked for {plugin.command})',
            _plain(plugin.install_hint)
            or "Install it, or correct the user's exec command in the kubeconfig.",
        ) from None
    except (OSError, ValueError) as error:
        raise CredentialsError(
            f'the credential plugin "{name}" cannot be started: {_why(error)}',
            f"Try it in a shell: {plugin.command}",
        ) from None
    with process:
        try:
            printed, said = _watch(process, name, deadline, ended)
        finally:
            _end(process, group=not interactive)
    if process.returncode:
        how = (
            f"failed with status {process.returncode}"
            if process.returncode > 0
            else f"was ended by signal {-process.returncode}"
        )
        last = _last_line(said)
        raise _FruitlessError(
            f'the credential plugin "{name}" {how}' + (f": {last}" if last else ""),
            "What it said on the terminal is there again after :q."
            if interactive
            else "Log in again with the tool that it belongs to; in a shell it may say more.",
        )
    return printed


def _watch(
    process: subprocess.Popen[bytes], name: str, deadline: float, ended: threading.Event
) -> tuple[bytes, bytes]:
    """What it prints on its two outputs until it ends."""
    give_up = time.monotonic() + deadline
    gone: float | None = None
    while True:
        try:
            printed, said = process.communicate(timeout=_POLL)
        except subprocess.TimeoutExpired as so_far:
            printed, said = so_far.output or b"", so_far.stderr or b""
        else:
            return printed, said or b""
        now = time.monotonic()
        if process.poll() is not None:
            # It has ended and left a program behind that holds its output open, such as an agent.
            gone = gone or now
            if now > gone + _GRACE:
                return printed, said
        if len(printed) + len(said) > _MOST_OUTPUT:
            raise CredentialsError(f'the credential plugin "{name}" prints without end')
        if ended.is_set():
            raise CredentialsError(f'the credential plugin "{name}" was ended with the connection')
        if now > give_up:
            last = _last_line(said)
            raise _FruitlessError(
                f'the credential plugin "{name}" gave no answer within {deadline:g} s'
                + (f"; it said: {last}" if last else ""),
                "It may wait for a log-in: run it, or kubectl, in another terminal first.",
            )


def _end(process: subprocess.Popen[bytes], *, group: bool) -> None:
    """Ends what still runs, kindly first; its children with it."""
    if process.poll() is not None:
        return
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            if group:
                os.killpg(process.pid, sent)
            else:
                process.send_signal(sent)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)


def _info(plugin: Exec, cluster: Cluster, interactive: bool) -> dict[str, Any]:
    """The ExecCredential that the program finds in KUBERNETES_EXEC_INFO."""
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.provide_cluster_info:
        about: dict[str, Any] = {
            "server": cluster.server,
            "tls-server-name": cluster.server_name,
            "insecure-skip-tls-verify": cluster.insecure,
            "proxy-url": cluster.proxy,
            "certificate-authority-data": b64encode(_authority(cluster)).decode(),
            "config": cluster.exec_config,
        }
        spec["cluster"] = {name: value for name, value in about.items() if value}
    return {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}


def _authority(cluster: Cluster) -> bytes:
    with suppress(tls.Unreadable):  # opening the connection will complain of it
        return tls.read(cluster.authority)
    return b""


def _credentials(printed: bytes, api_version: str, name: str) -> Credentials:
    """The credentials in an ExecCredential. Nothing of it is ever quoted."""
    try:
        answer = json.loads(printed)
        status = answer["status"]
        said = answer["apiVersion"], answer["kind"]
        token, certificate, key, expires = (
            status.get(field) or ""
            for field in ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
        )
        if said != (api_version, "ExecCredential"):
            problem = f"not an ExecCredential of {api_version}"
        elif bool(certificate) != bool(key):
            problem = "a client certificate without its key, or a key alone"
        elif not token and not certificate:
            problem = "neither a token nor a client certificate"
        else:
            return Credentials(
                bearer(token),
                Identity(certificate.encode(), key.encode()) if certificate else None,
                _time(expires) if expires else None,
            )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, tls.Unreadable):
        problem = "something that is no ExecCredential"
    raise CredentialsError(
        f'the credential plugin "{name}" printed {problem}',
        "Update it, or correct the user's exec entry in the kubeconfig.",
    ) from None


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _why(error: OSError | ValueError) -> str:
    return (
        error.strerror if isinstance(error, OSError) else None
    ) or "its command or environment is malformed"


def _last_line(said: bytes) -> str:
    lines = _plain(said.decode("utf-8", "replace")).splitlines()
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _plain(text: str) -> str:
    """Without what steers a terminal."""
    return _STEERING.sub("", text.replace("\r\n", "\n"))

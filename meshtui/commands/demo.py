"""`meshtui demo`: the scenes of the built-in cluster, and serving one without a screen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from meshtui.configuration import unknown
from meshtui.sim import scenes
from meshtui.sim.process import READY, NotStarted, running

_ENDS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}


def listing() -> str:
    """A line for each scene: its name, and what it shows."""
    names = scenes.names()
    width = max(map(len, names))
    return "".join(f"{name:<{width}}  {scenes.about(name)}\n" for name in names)


def complaint(scene: str) -> str:
    """What is wrong with the name of a scene; "" where there is one of that name."""
    names = scenes.names()
    return "" if scene in names else unknown("scene", scene, names)


@contextmanager
def started(scene: str, pods: int) -> Iterator[Path]:
    """The kubeconfig of a cluster that plays a scene while the block runs. Raises ClickException where it cannot."""
    try:
        with running(scene, pods, wait=60 + pods / 100) as kubeconfig:
            yield kubeconfig
    except NotStarted as failure:
        raise click.ClickException(str(failure)) from None


def _has_ended() -> bool:
    """Whether the cluster has, the one process that is ours."""
    pid, _ = os.waitpid(-1, os.WNOHANG)
    return pid != 0


def serve(scene: str, pods: int) -> int:
    """Serve a scene until this process is told to end. Prints how kubectl reaches it; gives the exit status."""
    with started(scene, pods) as kubeconfig:
        # Waited for, not handled: what the cluster's end removes is removed here, on every way out.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        click.echo(f"{READY}{kubeconfig}")
        click.echo(
            "The built-in cluster answers to kubectl with that in its environment. ctrl-c ends it.",
            err=True,
        )
        while (ended_by := signal.sigwait(_ENDS)) == signal.SIGCHLD and not _has_ended():
            pass  # it was stopped, or goes on
    if ended_by == signal.SIGCHLD:
        click.echo("meshtui: the built-in cluster ended by itself", err=True)
        return 1
    return 0

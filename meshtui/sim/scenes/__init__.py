"""Scenes: clusters to practise on, each a small YAML file of what was done in it and when.

    cluster = load("shop", pods=5000)
    async with serve(cluster.store, cluster.kubelet, [cluster.run]): ...

A scene is not a picture but a past: its steps are played from the oldest to the newest, and the controllers do what
they would have done then. So every pod, condition and certificate has come about as it would in any other cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.resources import files

from meshtui.sim.behaviour.clock import real
from meshtui.sim.behaviour.cluster import Cluster
from meshtui.sim.bootstrap import bootstrap
from meshtui.sim.scenes.filling import fill
from meshtui.sim.scenes.playing import add_api_server, add_namespace, play
from meshtui.sim.scenes.reading import Scene, read

_OWN = ("default", "kube-node-lease", "kube-public", "kube-system")
"""The namespaces that the API server makes for itself; here with uids of the seed."""
_CALLED = timedelta(minutes=5)
"""How far back the logs of ztunnels tell of calls."""


def names() -> list[str]:
    """The scenes that there are."""
    found = [each.name for each in files(__name__).iterdir()]
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


def about(name: str) -> str:
    """What a scene shows, in one sentence. Raises LookupError where there is no such scene."""
    return _scene(name).about


def load(name: str, *, pods: int = 0, now: Callable[[], datetime] = real, seed: int = 0) -> Cluster:
    """A scene as a cluster that is at rest; `pods` more of them in namespaces of their own.

    The same seed and time give the same cluster, names, addresses and certificates included. Raises LookupError where
    there is no such scene.
    """
    found = _scene(name)
    cluster = Cluster(now, seed, found.behaviour)
    with cluster.clock.ago(found.age):
        for space in _OWN:
            add_namespace(cluster, space, {})
        bootstrap(cluster.store)
        add_api_server(cluster)
    for step in found.past:
        with cluster.clock.ago(step.age):
            play(cluster, step, now())
            cluster.settle()
    if pods:
        with cluster.clock.ago(timedelta(days=20)):
            fill(cluster, pods)
            cluster.settle()
    cluster.call(_CALLED)
    return cluster


def _scene(name: str) -> Scene:
    if name not in names():
        raise LookupError(f'no scene is called "{name}": there are {", ".join(names())}')
    return read(name)

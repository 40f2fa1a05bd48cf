"""Cluster: a store with everything that acts on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from meshtui.sim.behaviour.bindings import Bindings, Policies
from meshtui.sim.behaviour.ca import Authority
from meshtui.sim.behaviour.clock import Clock
from meshtui.sim.behaviour.cni import CniAgents
from meshtui.sim.behaviour.containers import Containers
from meshtui.sim.behaviour.debug import Istiod
from meshtui.sim.behaviour.deployments import Deployments
from meshtui.sim.behaviour.endpoints import Addresses, EndpointSlices
from meshtui.sim.behaviour.envoys import Envoys
from meshtui.sim.behaviour.istiod import GatewayClasses, Proxies, judges
from meshtui.sim.behaviour.jobs import Jobs
from meshtui.sim.behaviour.kubelets import Kubelets, Scheduler
from meshtui.sim.behaviour.logs import Logs
from meshtui.sim.behaviour.names import Names
from meshtui.sim.behaviour.namespaces import Namespaces
from meshtui.sim.behaviour.registry import Registry
from meshtui.sim.behaviour.replicasets import ReplicaSets
from meshtui.sim.behaviour.runner import Controller, Runner
from meshtui.sim.behaviour.scaling import Scaling, Swing
from meshtui.sim.behaviour.sets import DaemonSets, StatefulSets
from meshtui.sim.behaviour.traffic import Calls, Flow
from meshtui.sim.behaviour.waypoint_metrics import Requests
from meshtui.sim.behaviour.world import World
from meshtui.sim.behaviour.ztunnels import Renewals, Ztunnels
from meshtui.sim.kubelet import Kubelet
from meshtui.sim.store import Store

TRUST_DOMAIN = "acmellc.local"
_ALL = ("", "")
_ROOT_AGE = timedelta(days=400)


class Behaviour(Struct, frozen=True):
    """What a scene may say beyond objects."""

    load_balancer: str = ""
    """The first three numbers of its addresses; empty where the cluster has none."""
    swings: Sequence[Swing] = ()
    flows: Sequence[Flow] = ()


class Cluster:
    """A cluster that lives: its store, its kubelets, and what happens in it while `run` runs."""

    def __init__(self, now: Callable[[], datetime], seed: int, behaviour: Behaviour) -> None:
        self.clock = Clock(now)
        self.store = Store(now=self.clock)
        self.authority = Authority(TRUST_DOMAIN, seed, now() - _ROOT_AGE)
        self.names = Names(seed)
        self.world = world = World(self.store, self.clock, self.names, now)
        logs, registry = Logs(), Registry(world, TRUST_DOMAIN)
        ztunnels = Ztunnels(world, registry, self._current, logs)
        self.agents = CniAgents(world, ztunnels, logs)
        self.ztunnels = ztunnels
        requests = Requests(TRUST_DOMAIN)
        self.calls = Calls(world, registry, self._current, ztunnels, behaviour.flows, requests)
        self._renewals = Renewals(ztunnels)
        self._scaling = Scaling(world, behaviour.swings)
        envoys = Envoys(world, registry, self._current, requests)
        istiod = Istiod(world, self._current)
        self.kubelet: Kubelet = Containers(world, logs, ztunnels, istiod, envoys)
        self._runner = Runner(
            world,
            [
                *_kubernetes(world, behaviour),
                *_istio(world, self._current),
                logs,
                registry,
                ztunnels,
                self.agents,
                self.calls,
                self._renewals,
                self._scaling,
            ],
        )

    def replace_authority(self) -> None:
        """Give istiod a CA with another root. What runs goes on trusting the one that it started with."""
        self.authority = self.authority.successor(self.clock())

    def _current(self) -> Authority:
        return self.authority

    def settle(self) -> None:
        """Let everything that is still to be done be done at once."""
        self._runner.settle()

    def call(self, since: timedelta) -> None:
        """Let the calls of the last while be made, so that logs and counters have a past."""
        left = since
        while left > timedelta():
            with self.clock.ago(left - timedelta(seconds=self.names.random.random())):
                self.calls.look(_ALL)
                self._renewals.look(_ALL)
            left -= timedelta(seconds=1)

    async def run(self) -> None:
        """What happens, for ever."""
        for controller in (self.calls, self._renewals, self._scaling):
            self._runner.appoint(controller, _ALL, 1.0)
        await self._runner.run()


def _kubernetes(world: World, behaviour: Behaviour) -> Iterable[Controller]:
    return (
        Deployments(world),
        ReplicaSets(world),
        Jobs(world),
        DaemonSets(world),
        StatefulSets(world),
        Scheduler(world),
        Kubelets(world),
        Addresses(world, behaviour.load_balancer),
        EndpointSlices(world),
    )


def _istio(world: World, authority: Callable[[], Authority]) -> Iterable[Controller]:
    return (
        Namespaces(world, lambda: authority().root.pem),
        GatewayClasses(world),
        Proxies(world),
        *judges(world),
        Bindings(world),
        Policies(world),
    )

"""A ztunnel: the pods that it proxies, their certificates and connections, and what it says of all that.

Forms are those recorded (tests/data/recordings); only what differs from run to run is made up.
"""

from __future__ import annotations

from collections import Counter

import msgspec
from msgspec import Struct, field

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.ca import Authority
from meshtui.sim.behaviour.registry import Registry
from meshtui.sim.behaviour.workload_certificates import WorkloadCertificates
from meshtui.sim.behaviour.world import World
from meshtui.sim.behaviour.ztunnel_config import as_yaml, config, istio_version, version
from meshtui.sim.behaviour.ztunnel_metrics import Proxies, Traffic, render
from meshtui.sim.kubelet import Log
from meshtui.sim.objects import Raw, micros, name, namespace, uid

_ADDRESS = "type.googleapis.com/istio.workload.Address"
_AUTHORIZATION = "type.googleapis.com/istio.security.Authorization"


class Proxy(Struct):
    """The proxy of one pod."""

    info: Raw
    inbound: list[Raw] = field(default_factory=list)
    outbound: list[Raw] = field(default_factory=list)
    up: bool = True
    """False once it has ended: so have its connections."""


class Ztunnel:
    """The ztunnel of a node, from its start to its end."""

    def __init__(
        self, world: World, registry: Registry, authority: Authority, pod: Raw, log: Log
    ) -> None:
        self.pod = pod
        self.log = log
        self.traffic = Traffic()
        self.certificates = WorkloadCertificates(world, authority, pod)
        self._world = world
        self._discovery = registry
        self._trust_domain = authority.trust_domain
        self._started = world.clock()
        self._proxies: dict[str, Proxy] = {}
        self._count: Counter[str] = Counter()
        self._tell_start()

    @property
    def node(self) -> str:
        return pods.node(self.pod)

    # Pods

    def snapshot(self, handed: list[Raw]) -> None:
        """The pods that the CNI agent knows of, when the two have met."""
        for pod in handed:
            self.add(pod)
        self.say("info", "inpod::statemanager", "received snapshot sent")
        done = "Task 'workload proxy manager' complete (109.860643ms), marking server ready"
        self.say("info", "readiness", done)

    def add(self, pod: Raw) -> None:
        """Start a proxy for a pod of this node."""
        if uid(pod) in self._proxies:
            return
        account = pods.account(pod)
        info = {"name": name(pod), "namespace": namespace(pod), "serviceAccount": account}
        self._proxies[uid(pod)] = Proxy(info)
        self._count["started"] += 1
        self.certificates.ask(pod)
        told = f'uid="{uid(pod)}" name="{name(pod)}" namespace="{namespace(pod)}"'
        self.say("info", "inpod::statemanager", "pod received, starting proxy", told)
        dns = 'address=localhost:15053 component="dns"'
        self.say("info", "dns::server", "starting local DNS server", dns)
        for scope, port, component in (
            ("inbound", 15008, "inbound"),
            ("inbound_passthrough", 15006, "inbound plaintext"),
            ("outbound", 15001, "outbound"),
        ):
            fields = f'address=[::]:{port} component="{component}" transparent=true'
            self.say("info", f"proxy::{scope}", "listener established", fields)

    def remove(self, pod_uid: str) -> None:
        """End the proxy of a pod."""
        ended = self._proxies.pop(pod_uid, None)
        if ended is None:
            return
        ended.up = False
        self._count["stopped"] += 1
        message = "pod delete request, shutting down proxy"
        self.say("info", "inpod::statemanager", message, f'uid="{pod_uid}"')

    def end(self) -> None:
        """Its own pod is gone, and all proxies with it."""
        for proxy in self._proxies.values():
            proxy.up = False

    def proxy(self, pod: Raw) -> Proxy | None:
        """The proxy of a pod; None where there is none."""
        return self._proxies.get(uid(pod))

    def renew(self) -> None:
        """Ask again for the certificates that it could not get."""
        for each in self.certificates.retry():
            self.say(each.level, "identity::manager", each.message, f"id={each.identity}")

    # What it says

    def say(self, level: str, scope: str, message: str, fields: str = "") -> None:
        """One message of its log, which may run over many lines."""
        now = self._world.clock()
        for line in "\t".join((micros(now), level, scope, message, fields)).split("\n"):
            self.log.write(now, line)

    def dump(self) -> bytes:
        """`/config_dump` of port 15000."""
        workloads, services = self._discovery.encoded()
        return msgspec.json.encode(
            {
                "workloads": msgspec.Raw(workloads),
                "services": msgspec.Raw(services),
                "policies": self._discovery.policies(),
                "stagedServices": {},
                "staticConfig": {"workloads": [], "policies": [], "services": []},
                "version": version(self.pod),
                "config": config(self.pod, self._trust_domain),
                "certificates": self.certificates.dumped(),
                "workloadState": {key: _state(each) for key, each in self._proxies.items()},
            }
        )

    def metrics(self) -> str:
        """`/metrics` of port 15020."""
        workloads, services = self._discovery.encoded()
        policies = msgspec.json.encode(self._discovery.policies())
        started, stopped = self._count["started"], self._count["stopped"]
        return render(
            self.traffic,
            Proxies(len(self._proxies), 0, started, stopped),
            istio_version(self.pod),
            {_AUTHORIZATION: len(policies) // 2, _ADDRESS: (len(workloads) + len(services)) // 4},
            (self._world.clock() - self._started).total_seconds(),
        )

    def _tell_start(self) -> None:
        told = version(self.pod)
        build = ", ".join(f'{key[0].upper()}{key[1:]}:"{value}"' for key, value in told.items())
        self.say("info", "ztunnel", f"version: version.BuildInfo{{{build}}}")
        self.say("info", "ztunnel", "set file descriptor limits from 20000 to 20000")
        printed = as_yaml(self.pod, self._trust_domain)
        self.say("info", "ztunnel", f"running with config: {printed}")
        ready = 'address=[::]:15021 component="readiness"'
        self.say("info", "hyper_util", "listener established", ready)
        self.say("info", "app", "shared proxy mode - in-pod mode enabled")
        for address, component in (("127.0.0.1:15000", "admin"), ("[::]:15020", "stats")):
            fields = f'address={address} component="{component}"'
            self.say("info", "hyper_util", "listener established", fields)
        for task, left in (("dns proxy", 3), ("proxy", 2)):
            done = f"Task '{task}' complete (19.187977ms), still awaiting {left} tasks"
            self.say("info", "readiness", done)
        self.say("info", "xds::client:xds{id=1}", "Stream established")
        for policy in self._discovery.policies():
            self.say("info", "xds:xds{id=1}", f"handling RBAC update {policy['name']}")
        done = "Task 'state manager' complete (47.744585ms), still awaiting 1 tasks"
        self.say("info", "readiness", done)
        self.say("info", "inpod::workloadmanager", "handling new stream")


def _state(proxy: Proxy) -> Raw:
    return {
        "state": "Up",
        "connections": {"inbound": proxy.inbound, "outbound": proxy.outbound},
        "info": proxy.info,
    }

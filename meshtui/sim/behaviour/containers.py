"""The containers of all pods, as kubelets reach them: their logs, and who answers on their ports."""

from __future__ import annotations

from collections.abc import Callable

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.debug import Istiod, agent_metrics
from meshtui.sim.behaviour.envoys import Envoys
from meshtui.sim.behaviour.log_levels import LogLevels
from meshtui.sim.behaviour.logs import Logs
from meshtui.sim.behaviour.waypoints import MANAGED
from meshtui.sim.behaviour.world import World
from meshtui.sim.behaviour.ztunnel import Ztunnel
from meshtui.sim.behaviour.ztunnels import Ztunnels, is_ztunnel
from meshtui.sim.kinds import POD
from meshtui.sim.kubelet import Handler, Log
from meshtui.sim.objects import Raw, full_name, labels, mapping, mappings, moment, name, text
from meshtui.sim.portforward import http

_Page = tuple[int, str, bytes]
_TEXT = "text/plain; charset=utf-8"
_OPEN_METRICS = "application/openmetrics-text;charset=utf-8;version=1.0.0"
_ABSENT: _Page = (404, _TEXT, b"Not Found")


class Containers:
    """A `Kubelet`: what the API server reaches in pods."""

    def __init__(
        self, world: World, logs: Logs, ztunnels: Ztunnels, istiod: Istiod, envoys: Envoys
    ) -> None:
        self._world = world
        self._logs = logs
        self._ztunnels = ztunnels
        self._istiod = istiod
        self._envoys = envoys
        self._levels = LogLevels()

    def log(self, namespace: str, pod: str, container: str, *, previous: bool) -> Log | None:
        """The log of a container; no container here has run before."""
        found = self._world.store.get(POD, namespace, pod)
        if found is None or previous:
            return None
        spec, status = mapping(found, "spec"), mapping(found, "status")
        if all(text(each, "name") != container for each in _all_containers(spec)):
            return None
        log = self._logs.of(found, container)
        if not log.lines and (begun := moment(text(status, "startTime"))):
            log.write(begun, _first_line(found, container))
        return log

    def port(self, namespace: str, pod: str, port: int) -> Handler | None:
        """Who listens on a port of a pod; None where nobody does."""
        found = self._world.store.get(POD, namespace, pod)
        if found is None or not pods.ip(found) or pods.finished(found):
            return None
        answer = self._answer(found, port)
        if answer is None:
            return None

        async def page(target: str) -> _Page:
            return answer(target.partition("?")[0])

        async def posted(target: str) -> _Page:
            return self._posted(found, port, target)

        return http(page, posted)

    def _posted(self, pod: Raw, port: int, target: str) -> _Page:
        """The answer to a POST: proxies take their log level so."""
        if port == 15000 and target.partition("?")[0] == "/logging":
            if is_ztunnel(pod):
                return self._levels.ztunnel(pod, target)
            if MANAGED in labels(pod):
                return self._levels.envoy(pod, target)
        return 405, _TEXT, b"method not allowed\n"

    def _answer(self, pod: Raw, port: int) -> Callable[[str], _Page] | None:
        if is_ztunnel(pod):
            ztunnel = self._ztunnels.of((text(pod, "metadata", "namespace"), name(pod)))
            return _of_ztunnel(ztunnel, port) if ztunnel else None
        if labels(pod).get("app") == "istiod":
            return (lambda path: self._istiod.answer(pod, path)) if port in (8080, 15014) else None
        if labels(pod).get("k8s-app") == "istio-cni-node":
            return self._of_agent(pods.node(pod), port)
        if MANAGED in labels(pod) and port == 15000:
            return lambda path: self._envoys.answer(pod, path) or _refused(path)
        if MANAGED in labels(pod) and port == 15020:
            return lambda path: self._envoys.metrics(pod, path) or _ABSENT
        if MANAGED in labels(pod) and port == 15021:
            return lambda path: (200, _TEXT, b"") if path == "/healthz/ready" else _ABSENT
        served = [
            each.get("containerPort")
            for container in pods.containers(mapping(pod, "spec"))
            for each in mappings(container, "ports")
        ]
        if port in served:
            return lambda path: (200, _TEXT, f"{full_name(pod)} {path}\n".encode())
        return None

    def _of_agent(self, node: str, port: int) -> Callable[[str], _Page] | None:
        if port == 15014:
            metrics = agent_metrics(node, self._ztunnels).encode()
            return lambda path: (200, _TEXT, metrics) if path == "/metrics" else _ABSENT
        if port == 8000:
            return lambda path: (200, _TEXT, b"") if path in ("/healthz", "/readyz") else _ABSENT
        return None


def _refused(path: str) -> _Page:
    return (405, _TEXT, b"Method Not Allowed") if path == "/logging" else _ABSENT


def _of_ztunnel(ztunnel: Ztunnel, port: int) -> Callable[[str], _Page] | None:
    def admin(path: str) -> _Page:
        if path == "/config_dump":
            return 200, "application/json", ztunnel.dump()
        return (405, _TEXT, b"Method Not Allowed") if path == "/logging" else _ABSENT

    def metrics(path: str) -> _Page:
        if path in ("/metrics", "/stats/prometheus"):
            return 200, _OPEN_METRICS, ztunnel.metrics().encode()
        return _ABSENT

    def readiness(path: str) -> _Page:
        return (200, _TEXT, b"ready\n") if path == "/healthz/ready" else _ABSENT

    return {15000: admin, 15020: metrics, 15021: readiness}.get(port)


def _all_containers(spec: Raw) -> list[Raw]:
    return mappings(spec, "initContainers") + pods.containers(spec)


def _first_line(pod: Raw, container: str) -> str:
    ports = [
        str(each.get("containerPort"))
        for found in pods.containers(mapping(pod, "spec"))
        if text(found, "name") == container
        for each in mappings(found, "ports")
    ]
    return f"{container}: listening on {', '.join(ports)}" if ports else f"{container}: started"

"""The log levels of proxies, as their admin ports take them (POST /logging), from the start of a pod to its end."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from meshtui.sim.objects import Raw, uid

Page = tuple[int, str, bytes]
_TEXT = "text/plain; charset=utf-8"

_AT_START = {"hickory_server::server": "off", "": "info"}
"""Of a ztunnel, by scope; "" is all else."""
_RUST = re.compile(r"(?:([\w:]+)=)?(off|error|warn|info|debug|trace)", re.ASCII)

_LOGGERS = (
    *("admin", "client", "config", "connection", "filter", "grpc", "health_checker", "hc", "http"),
    *("http2", "init", "jwt", "main", "misc", "pool", "rbac", "router", "runtime", "secret"),
    *("tcp_proxy", "tls", "tracing", "upstream", "wasm"),
)
"""Some of those that an Envoy has."""
_ENVOY = ("trace", "debug", "info", "warning", "error", "critical", "off")


class LogLevels:
    """By the UID of the pod."""

    def __init__(self) -> None:
        self._ztunnels: dict[str, dict[str, str]] = {}
        self._envoys: dict[str, dict[str, str]] = {}

    def ztunnel(self, pod: Raw, target: str) -> Page:
        """What a ztunnel answers (reference istio-ambient.md, 4.6)."""
        levels = self._ztunnels.setdefault(uid(pod), dict(_AT_START))
        query = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
        wanted = [each for each in query.get("level", "").split(",") if each]
        read = [_RUST.fullmatch(each) for each in wanted]
        if not all(read):
            said = f"Invalid level provided: {query['level']}\n"
            return 400, _TEXT, said.encode()
        if "reset" in query:
            levels.clear()
            levels.update(_AT_START)
        levels.update({each[1] or "": each[2] for each in read if each})
        scoped = [f"{scope}={level}" for scope, level in levels.items() if scope]
        said = f"current log level is {','.join([*scoped, levels['']])}\n"
        return 200, _TEXT, said.encode()

    def envoy(self, pod: Raw, target: str) -> Page:
        """What an Envoy answers, started as istio-proxy starts it: everything at warning, `misc` at error."""
        levels = self._envoys.setdefault(
            uid(pod), {**dict.fromkeys(_LOGGERS, "warning"), "misc": "error"}
        )
        for key, value in parse_qsl(urlsplit(target).query):
            pairs = [each.partition(":")[::2] for each in value.split(",")]
            wanted = (
                dict.fromkeys(levels, value)
                if key == "level"
                else dict(pairs)
                if key == "paths"
                else {key: value}
            )
            if not wanted.keys() <= levels.keys() or not set(wanted.values()) <= set(_ENVOY):
                return 400, _TEXT, b"error: unknown logger level or name\n"
            levels.update(wanted)
        lines = "".join(f"  {name}: {level}\n" for name, level in levels.items())
        return 200, _TEXT, f"active loggers:\n{lines}".encode()

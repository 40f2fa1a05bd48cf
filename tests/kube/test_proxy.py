"""The decision which proxy to take, held against Go's own and kubectl's."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from yarl import URL

from meshtui.kube.errors import ConfigError
from meshtui.kube.proxy import choose
from tests.cluster.local import talking
from tests.kube.configs import write
from tests.kube.servers import Proxy

# Server, NO_PROXY, whether Go 1.26 (`http.ProxyFromEnvironment`, each in a process of its own) takes HTTPS_PROXY.
GO = [
    ("https://kube.example:6443", "example", False),
    ("https://kube.example:6443", ".example", False),
    ("https://example:6443", ".example", True),
    ("https://example:6443", "*.example", True),
    ("https://kube.example:6443", "*.example", False),
    ("https://kube.example:6443", "kube.example", False),
    ("https://notkube.example:6443", "kube.example", True),
    ("https://a.kube.example:6443", "kube.example", False),
    ("https://kube.example:6443", "kube.example:443", True),
    ("https://kube.example:6443", "kube.example:6443", False),
    ("https://kube.example", "kube.example:443", False),
    ("https://KUBE.example:6443", "kube.EXAMPLE", False),
    ("https://10.1.2.3:6443", "10.0.0.0/8", False),
    ("https://10.1.2.3:6443", "10.1.2.3", False),
    ("https://10.1.2.3:6443", "10.1.2.3:443", True),
    ("https://10.1.2.3:6443", "10.1.2.0/33", True),
    ("https://10.1.2.3:6443", "10.1.2.9/24", False),
    ("https://10.1.2.3:6443", "2.3", True),
    ("https://10.1.2.3:6443", ".2.3", True),
    ("https://[fd00::1]:6443", "fd00::/8", False),
    ("https://[fd00::1]:6443", "fd00::1", False),
    ("https://[fd00::1]:6443", "[fd00::1]", True),
    ("https://[fd00::1]:6443", "[fd00::1]:6443", False),
    ("https://[fd00::1]:6443", "[fd00::1]:1", True),
    ("https://[::ffff:10.1.2.3]:6443", "10.0.0.0/8", False),
    ("https://[::ffff:10.1.2.3]:6443", "10.1.2.3", False),
    ("https://kube.example:6443", "*", False),
    ("https://kube.example:6443", " a , kube.example ,", False),
    ("https://kube.example:6443", ",", True),
    ("https://kube.example:6443", ".", True),
    ("https://kube.example:6443", ":6443", True),
    ("https://kube.example:6443", "example, *", False),
    ("https://localhost:6443", "", False),
    ("https://127.0.0.1:6443", "", False),
    ("https://[::1]:6443", "", False),
    ("https://127.9.9.9:6443", "", False),
    ("https://localhost.:6443", "", True),
    ("https://kube.localhost:6443", "", True),
    ("https://kube.example.:6443", "kube.example", True),
    ("https://kube.example:6443", "kube.example.", True),
    ("https://kube.example:6443", "ube.example", True),
    ("https://kube.example:6443", "*kube.example", True),
    ("https://kube.example:6443", "k*.example", True),
    ("https://kube.example:6443", "**.example", True),
    ("https://kube.example:6443", ".kube.example", True),
    ("https://a.kube.example:6443", "*.kube.example:6443", False),
    ("http://kube.example:8080", "", False),
    ("https://fd00--1.example:1", "fd00::1", True),
    ("https://[::ffff:127.0.0.1]:1", "", False),
    ("https://10.1.2.3:6443", "::ffff:10.1.2.3", False),
]  # fmt: skip


@pytest.mark.parametrize(("server", "no_proxy", "proxied"), GO)
def test_no_proxy_as_go_reads_it(server: str, no_proxy: str, proxied: bool) -> None:
    environ = {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": no_proxy}
    assert (choose(URL(server), "", environ) is not None) is proxied


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl to compare with")
@pytest.mark.parametrize(
    ("server", "no_proxy"),
    [
        ("https://kube.invalid:6443", ""),
        ("https://kube.invalid:6443", ".invalid"),
        ("https://kube.invalid:6443", "kube.invalid:443"),
        ("https://198.51.100.7:1", "198.51.100.0/24,127.0.0.1"),
        ("https://127.0.0.1:1", ""),
    ],
)
async def test_no_proxy_as_kubectl_reads_it(tmp_path: Path, server: str, no_proxy: str) -> None:
    config = write(tmp_path / "config", server, user={"token": "x"})
    refusing = Proxy(answer="502 Bad Gateway")
    async with talking(refusing.http) as port:
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{port}", "NO_PROXY": no_proxy}
        kubectl = await asyncio.create_subprocess_exec(
            *("kubectl", "--kubeconfig", config, "get", "--raw", "/version"),
            "--request-timeout=1s",
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environ},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await asyncio.wait_for(kubectl.wait(), 30) != 0
        assert (choose(URL(server), "", environ) is not None) is bool(refusing.asked)


def test_the_cluster_s_own_proxy_outweighs_the_environment() -> None:
    environ = {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "*"}
    found = choose(URL("https://kube.example"), "socks5://me:s3cret@127.0.0.1", environ)
    assert found is not None
    assert (found.socks, found.port, found.origin) == (True, 1080, "proxy-url")
    assert str(found) == "127.0.0.1:1080 (proxy-url)"
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("server", "environ", "expected"),
    [
        ("https://a.example", {"https_proxy": "http://p:1"}, "p:1 (https_proxy)"),
        ("https://a.example", {"HTTPS_PROXY": "p.example"}, "p.example:80 (HTTPS_PROXY)"),
        ("https://a.example", {"HTTPS_PROXY": "https://p"}, "p:443 (HTTPS_PROXY)"),
        ("https://a.example", {"HTTP_PROXY": "http://p:1", "ALL_PROXY": "http://p:1"}, "None"),
        ("http://a.example", {"HTTP_PROXY": "http://p:1"}, "p:1 (HTTP_PROXY)"),
        ("http://a.example", {"HTTP_PROXY": "http://p:1", "no_proxy": "a.example"}, "None"),
    ],
)
def test_which_variable_counts(server: str, environ: dict[str, str], expected: str) -> None:
    assert str(choose(URL(server), "", environ)) == expected


@pytest.mark.parametrize(
    "proxy",
    [
        "socks4://a:1",
        "ftp://u:s3cret@a",
        "127.0.0.1:3",
        "http://",
        "http://a:0",
        "::",
        "http://a:x",
    ],
)
def test_what_is_no_proxy_is_refused_without_being_shown(proxy: str) -> None:
    with pytest.raises(ConfigError, match="proxy-url names a proxy with an unusable") as caught:
        choose(URL("https://a.example"), proxy, {})
    assert "s3cret" not in str(caught.value)
    assert "socks5://" in caught.value.problem.remedy

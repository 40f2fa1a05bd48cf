"""`meshtui enroll` and `unenroll` on the built-in cluster, as a shell sees them: words, statuses, and the audit."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshtui.kube import audit
from meshtui.sim.process import running
from tests import interrupts
from tests.cluster.cluster import Cluster
from tests.cluster.kubeconfig import Api

LABEL = "istio.io/dataplane-mode"
VERIFIED, UNVERIFIED, USAGE, UNREACHABLE, REFUSED = range(5)
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def shop() -> Iterator[Path]:
    """The kubeconfig of the shop; a test leaves it as it found it."""
    with running("shop") as kubeconfig:
        yield kubeconfig


@dataclass(frozen=True, slots=True)
class Shell:
    """Who runs the command, against which cluster."""

    kubeconfig: Path
    home: Path

    def run(self, *words: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        """`typed` is what a person answers at a terminal; there is none where that is None."""
        with self.started(*words, typed=typed) as process:
            out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    @contextmanager
    def started(self, *words: str, typed: str | None = None) -> Iterator[subprocess.Popen[str]]:
        stdin: int = subprocess.DEVNULL
        theirs = None
        if typed is not None:
            theirs, stdin = pty.openpty()
            os.write(theirs, typed.encode())
        try:
            with subprocess.Popen(
                [sys.executable, "-m", "meshtui", "--kubeconfig", str(self.kubeconfig), *words],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.home),
                    "XDG_STATE_HOME": str(self.home),
                },
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=interrupts.heeded,
            ) as process:
                try:
                    yield process
                finally:
                    process.kill()  # of one that has ended this is nothing
        finally:
            if theirs is not None:
                os.close(theirs)
                os.close(stdin)

    def story(self) -> list[str]:
        """The steps in the audit, whose chain is whole."""
        file = self.home / "meshtui" / "audit.jsonl"
        assert audit.verify(file).problems == ()
        return [f"{each['step']} {each.get('state', '')}".strip() for each in audit.read(file)]


@pytest.fixture
def shell(shop: Path, tmp_path: Path) -> Shell:
    return Shell(shop, tmp_path)


def renamed(kubeconfig: Path, home: Path, context: str, server: str = "") -> Path:
    """The same kubeconfig with another name for its context, or another server."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["contexts"][0]["name"] = config["current-context"] = context
    if server:
        config["clusters"][0]["cluster"]["server"] = server
    path = home / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


async def labels(kubeconfig: Path, namespace: str) -> dict[str, Any]:
    async with Api.connected(kubeconfig) as api:
        found = (await api.get(f"/api/v1/namespaces/{namespace}")).body
    return dict(found["metadata"]["labels"])


def test_a_namespace_goes_in_and_out_and_each_is_proved(shell: Shell) -> None:
    entered = shell.run("enroll", "plain", "--yes")
    assert (entered.returncode, entered.stderr) == (VERIFIED, "")
    assert "+    istio.io/dataplane-mode: ambient" in entered.stdout
    assert "✓ no sidecars" in entered.stdout
    assert "existing connections stay plain until they are reopened" in entered.stdout
    assert entered.stdout.endswith("  1 of 1 pod captured\n")
    again = shell.run("enroll", "plain", "--yes")
    assert again.returncode == VERIFIED
    assert "the labels are so already" in again.stdout
    assert again.stdout.endswith("  1 of 1 pod captured\n")
    left = shell.run("unenroll", "plain", "--yes")
    assert left.returncode == VERIFIED
    assert "STRICT is in force in payments" in left.stdout
    assert left.stdout.endswith("  1 of 1 pod released\n")
    assert shell.story() == ["intent", "outcome applied"] * 2


async def test_a_dry_run_changes_nothing_and_says_what_the_doctor_would_newly_find(
    shell: Shell,
) -> None:
    sidecars = "/apis/networking.istio.io/v1/namespaces/plain/sidecars"
    async with Api.connected(shell.kubeconfig) as api:
        it = {"apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "spec": {}}
        await api.create(sidecars, {**it, "metadata": {"name": "narrow"}})
        done = shell.run("enroll", "plain", "--dry-run")
        await api.delete(f"{sidecars}/narrow")
    assert (done.returncode, done.stderr) == (VERIFIED, "")
    assert "! the doctor would find: namespace plain is in ambient (IST0167)" in done.stdout
    assert "+    istio.io/dataplane-mode: ambient" in done.stdout
    assert done.stdout.endswith("accepted as a dry run; nothing was changed\n")
    assert shell.story() == [], "nothing was asked for"
    assert LABEL not in await labels(shell.kubeconfig, "plain")


async def test_whoever_says_no_changes_nothing(shell: Shell) -> None:
    done = shell.run("enroll", "plain", typed="n\n")
    assert done.returncode == REFUSED
    assert "Do that in demo-shop as admin? [y/N]: " in done.stdout
    assert "declined" in done.stderr
    assert shell.story() == ["outcome declined"]
    assert LABEL not in await labels(shell.kubeconfig, "plain")


@pytest.mark.parametrize(
    ("told", "status"), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, 130)]
)
async def test_ended_while_it_asks_it_has_changed_nothing_and_says_so(
    shell: Shell, told: signal.Signals, status: int
) -> None:
    with shell.started("enroll", "plain", "default", typed="") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = ""
        while not said.endswith("[y/N]: "):
            said += process.stdout.read(1)
        process.send_signal(told)
        assert process.wait(20) == status
        assert process.stderr.read().splitlines()[:2] == [
            "meshtui: left in the middle of plain: `meshtui audit show` tells how far that came",
            "meshtui: not touched: default",
        ]
    assert shell.story() == ["outcome declined"]
    assert LABEL not in await labels(shell.kubeconfig, "plain")


async def test_where_nobody_reads_it_any_more_it_stops_and_says_what_was_not_touched(
    shell: Shell,
) -> None:
    with shell.started("enroll", "plain", "default", "--yes") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "Enroll namespace plain in the mesh:\n"
        process.stdout.close()
        assert process.wait(60) == UNVERIFIED
        said = process.stderr.read()
    assert "left in the middle of plain: `meshtui audit show`" in said
    assert said.endswith("not touched: default\n")
    assert "Traceback" not in said
    assert LABEL not in await labels(shell.kubeconfig, "default")
    if LABEL in await labels(shell.kubeconfig, "plain"):  # the reader may have gone before or after
        assert shell.story() == ["intent", "outcome applied"]
    else:
        assert shell.story() in ([], ["outcome declined"])


def test_without_a_person_to_ask_it_is_not_begun(shell: Shell) -> None:
    done = shell.run("enroll", "plain")
    assert done.returncode == USAGE
    assert "--yes" in done.stderr


async def test_what_was_never_captured_is_named_and_the_rest_is_not_touched(shell: Shell) -> None:
    done = shell.run("enroll", "batch", "plain", "--yes", "--timeout", "4s")
    assert done.returncode == UNVERIFIED
    missing, *_ = done.stderr.splitlines()
    assert missing.startswith("  reports-")
    assert "annotated: no annotation ambient.istio.io/redirection" in missing
    assert done.stderr.endswith("meshtui: not touched: plain\n")
    assert LABEL not in await labels(shell.kubeconfig, "plain")


async def test_where_no_mesh_is_nothing_is_captured_and_that_is_said(
    cluster: Cluster, tmp_path: Path
) -> None:
    await cluster.add_pod("cart")
    shell = Shell(cluster.kubeconfig, tmp_path)
    words = ("enroll", cluster.namespace, "--yes", "--timeout", "3s")
    done = await asyncio.to_thread(shell.run, *words)
    assert done.returncode == UNVERIFIED
    assert "node-1: it has no " in done.stdout  # others may have a ztunnel there just now
    assert done.stderr.startswith("  cart: annotated: ")
    assert shell.story() == ["intent", "outcome applied"]


async def test_a_namespace_that_is_not_there_stops_it_before_anything_is_done(shell: Shell) -> None:
    done = shell.run("enroll", "plain", "planes", "--yes")
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "there is no namespace planes" in done.stderr
    assert LABEL not in await labels(shell.kubeconfig, "plain")


async def test_a_waypoint_that_does_not_admit_it_stops_it_before_anything_is_done(
    shell: Shell,
) -> None:
    done = shell.run("enroll", "plain", "--waypoint", "shop/waypoint", "--yes")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert "does not admit namespace plain" in done.stderr
    assert LABEL not in await labels(shell.kubeconfig, "plain")


async def test_a_namespace_is_not_bound_to_a_waypoint_that_is_not_ready(shell: Shell) -> None:
    gateways = "/apis/gateway.networking.k8s.io/v1/namespaces/plain/gateways"
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    spec = {"gatewayClassName": "nobody", "listeners": [listener]}
    gateway = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "spec": spec}
    async with Api.connected(shell.kubeconfig) as api:
        await api.create(gateways, {**gateway, "metadata": {"name": "new"}})
        done = shell.run("enroll", "plain", "--waypoint", "new", "--yes")
        await api.delete(f"{gateways}/new")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert "Gateway plain/new has no address" in done.stderr
    assert LABEL not in await labels(shell.kubeconfig, "plain")


async def test_a_namespace_is_bound_to_its_waypoint_and_istiod_says_so(shell: Shell) -> None:
    done = shell.run("enroll", "payments", "--waypoint", "unused", "--yes")
    assert (done.returncode, done.stderr) == (VERIFIED, "")
    assert done.stdout.endswith("  2 of 2 services as the labels ask\n")
    async with Api.connected(shell.kubeconfig) as api:
        clear = {"metadata": {"labels": {"istio.io/use-waypoint": None}}}
        await api.patch("/api/v1/namespaces/payments", clear)


async def test_who_has_no_right_is_refused_and_the_audit_says_who(shell: Shell) -> None:
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "looks"}
    async with Api.connected(shell.kubeconfig) as api:
        await api.create(f"{RBAC}/clusterroles", {"metadata": {"name": "looks"}, "rules": rules})
        await api.create(
            f"{RBAC}/clusterrolebindings",
            {"metadata": {"name": "looks"}, "roleRef": role, "subjects": [subject]},
        )
    done = shell.run("--as", "jane", "enroll", "plain", "--yes")
    assert done.returncode == REFUSED
    assert "jane" in done.stderr
    assert shell.story() == ["outcome refused"]
    assert LABEL not in await labels(shell.kubeconfig, "plain")


def test_read_only_refuses_it(shell: Shell) -> None:
    done = shell.run("enroll", "plain", "--yes", "--read-only")
    assert done.returncode == REFUSED
    assert "read-only: --read-only was given" in done.stderr
    assert shell.run("--read-only", "enroll", "plain", "--yes").returncode == REFUSED
    assert shell.run("--read-only", "enroll", "plain", "--dry-run").returncode == VERIFIED


def test_production_is_named_on_the_command_line(shop: Path, tmp_path: Path) -> None:
    shell = Shell(renamed(shop, tmp_path, "prod-eu1"), tmp_path)
    unnamed = shell.run("enroll", "plain", "--yes", "--write")
    assert (unnamed.returncode, unnamed.stdout) == (USAGE, "")
    assert "--context prod-eu1" in unnamed.stderr
    locked = shell.run("--context", "prod-eu1", "enroll", "plain", "--yes")
    assert locked.returncode == REFUSED
    assert "read-only: its name looks like production" in locked.stderr
    mistyped = shell.run("enroll", "plain", "--write", typed="plane\n")
    assert mistyped.returncode == REFUSED
    assert shell.story() == ["outcome refused", "outcome declined"]
    named = shell.run("--context", "prod-eu1", "enroll", "plain", "--yes", "--write")
    assert named.returncode == VERIFIED
    assert shell.run("unenroll", "plain", "--write", typed="plain\n").returncode == VERIFIED


def test_a_cluster_that_does_not_answer_is_not_reachable(shop: Path, tmp_path: Path) -> None:
    shell = Shell(renamed(shop, tmp_path, "dev", "https://127.0.0.1:1"), tmp_path)
    done = shell.run("enroll", "plain", "--yes")
    assert (done.returncode, done.stdout) == (UNREACHABLE, "")
    assert "127.0.0.1" in done.stderr
    missing = Shell(tmp_path / "nowhere", tmp_path).run("enroll", "plain", "--yes")
    assert missing.returncode == UNREACHABLE


@pytest.mark.parametrize("command", ["enroll", "unenroll"])
def test_its_help_tells_the_exit_statuses(shell: Shell, command: str) -> None:
    done = shell.run(command, "--help")
    assert done.returncode == 0
    for status in ("0  done and proved", "1  done, but not proved", "4  refused"):
        assert status in done.stdout
    assert shell.run(command).returncode == USAGE

"""`meshtui demo` without a screen: scenes by name, and a cluster that kubectl could use, gone when it is over."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meshtui.sim import scenes
from tests.cluster.kubeconfig import Api
from tests.cluster.waiting import until

DEADLINE = 60.0


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "meshtui", "demo", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@contextmanager
def served(*words: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The process of `meshtui demo --serve`, and the kubeconfig that it names."""
    process = subprocess.Popen(
        [sys.executable, "-m", "meshtui", "demo", "--serve", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("KUBECONFIG="), process.communicate()
        yield process, Path(line.strip().removeprefix("KUBECONFIG="))
    finally:
        process.kill()
        process.communicate()


def test_the_list_has_a_line_for_each_scene() -> None:
    done = demo("--list")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == scenes.names()
    assert all(len(line.split()) > 3 for line in lines)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("scene", "symptom", "answer"),
    [
        ("bypass", "checkout has been reading them", "waypiont"),
        ("blocked", "refunds time out", "NetworkPolicy"),
        ("roots", "calls between nodes fail", "Secret"),
    ],
)
def test_the_list_tells_a_story_and_not_its_answer(scene: str, symptom: str, answer: str) -> None:
    (line,) = [line for line in demo("--list").stdout.splitlines() if line.split()[0] == scene]
    assert symptom in line
    assert answer not in line
    assert len(line) < 160


async def test_the_answer_of_a_story_can_be_looked_up() -> None:
    with served("--scene", "blocked") as (_, kubeconfig):
        async with Api.connected(kubeconfig) as api:
            found = await api.get("/api/v1/namespaces/default/configmaps/answer")
    assert found.status == 200
    assert "NetworkPolicy payments/only-8080" in found.body["data"]["why"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--scene", "gohst"], "unknown scene 'gohst'; did you mean 'ghost'?"),
        (["--pods=-1"], "Invalid value for '--pods': -1 is not in the range x>=0."),
        (["--pods", "many"], "Invalid value for '--pods': 'many' is not a valid integer range."),
    ],
)
def test_a_bad_option_is_one_line(words: list[str], complaint: str) -> None:
    done = demo(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"meshtui: {complaint}\n"


def test_without_a_terminal_nothing_is_started() -> None:
    done = demo()
    assert done.returncode == 1
    assert done.stderr.startswith("meshtui: there is no terminal to draw on; ")
    assert done.stderr.endswith(", and demo --serve\n")


async def test_a_served_scene_answers_until_it_is_interrupted() -> None:
    with served() as (process, kubeconfig):
        process.send_signal(signal.SIGCHLD)  # as it comes where the cluster is stopped, and goes on
        async with Api.connected(kubeconfig) as api:
            found = await api.get("/api/v1/namespaces/shop")
        assert found.status == 200
        assert found.body["metadata"]["labels"]["istio.io/dataplane-mode"] == "ambient"
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 0
        assert not kubeconfig.parent.exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_the_cluster_ends_with_the_program_however_that_ends(how: signal.Signals) -> None:
    with served("--scene", "ghost") as (process, kubeconfig):

        async def gone() -> bool:
            return not kubeconfig.parent.exists()

        process.send_signal(how)
        process.wait(DEADLINE)
        # Where the program was killed, the cluster removes its files itself.
        await until(gone, DEADLINE)

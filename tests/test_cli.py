"""The command line as a person meets it: the program runs in a process of its own."""

from __future__ import annotations

import os
import pty
import resource
import select
import signal
import subprocess
import sys
import termios
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from textual.binding import Binding

from meshtui import __version__, cli
from meshtui.configuration import load
from meshtui.sim.process import running


def meshtui(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the program without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "meshtui", *words],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def given(*words: str, **environment: str) -> dict[str, object]:
    """What the flags say, as fields of Settings; the program itself is not started."""
    found: dict[str, object] = {}

    @cli.meshtui.command("tell")
    @click.pass_obj
    def tell(obj: dict[str, object], /) -> None:
        found.update(obj)

    try:
        result = CliRunner().invoke(cli.meshtui, [*words, "tell"], env=environment)
    finally:
        del cli.meshtui.commands["tell"]
    assert result.exit_code == 0, result.output
    return found


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ([], {}),
        (["--context", "kind-kind"], {"context": "kind-kind"}),
        (["--kubeconfig", "mine.yaml"], {"kubeconfig": (Path("mine.yaml"),)}),
        (["-n", "shop,payments", "-n", "edge"], {"namespaces": ("shop", "payments", "edge")}),
        (["--namespace=shop"], {"namespaces": ("shop",)}),
        (["-A"], {"all_namespaces": True}),
        (
            ["--as", "oncall", "--as-group", "sre", "--as-group", "oncall"],
            {"impersonate": "oncall", "impersonate_groups": ("sre", "oncall")},
        ),
        (["--cluster", "c", "--user", "u"], {"cluster": "c", "user": "u"}),
        (
            ["-s", "https://h", "--token", "t", "--insecure-skip-tls-verify"],
            {"server": "https://h", "token": "t", "insecure_skip_tls_verify": True},
        ),
        (["--certificate-authority", "ca.pem"], {"certificate_authority": Path("ca.pem")}),
        (["--read-only"], {"read_only": True}),
        (["--write"], {"read_only": False}),
        (["--no-sweep"], {"sweep": False}),
        (["--ascii"], {"ascii": True}),
        (["--no-ascii"], {"ascii": False}),
        (["--pane", "workloads"], {"pane": "workloads"}),
    ],
)
def test_flags_become_fields(words: list[str], fields: dict[str, object], tmp_path: Path) -> None:
    found = given(*words)
    assert found == fields
    assert load(found, tmp_path / "config.toml").complaints == ()


@pytest.mark.parametrize(
    ("duration", "seconds"),
    # Go's time.ParseDuration, and whole seconds as client-go's clientcmd.ParseTimeout takes them.
    [("10s", 10.0), ("1m", 60.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("500ms", 0.5), ("7", 7.0)],
)
def test_durations_are_those_of_kubectl(duration: str, seconds: float) -> None:
    assert given("--request-timeout", duration) == {"request_timeout": pytest.approx(seconds)}


@pytest.mark.parametrize(
    "command", ["info", "doctor", "status", "certs", "denials", "verdict", "enroll", "unenroll"]
)
def test_a_command_takes_the_clusters_options_behind_its_name_too(command: str) -> None:
    """As `kubectl get -n shop` does; what stands there outweighs what stands before it."""
    called = cli.meshtui.commands[command]
    with cli.meshtui.make_context("meshtui", [command]) as program:
        program.obj = {"context": "one", "impersonate": "me"}
        words = ["--context", "two", "-n", "shop,edge", "x", "y"]
        wanted = (
            words if called.params and isinstance(called.params[0], click.Argument) else words[:-2]
        )
        with called.make_context(command, wanted, parent=program) as found:
            assert found.obj == {
                "context": "two",
                "impersonate": "me",
                "namespaces": ("shop", "edge"),
            }


def test_a_reader_that_leaves_early_is_no_failure(tmp_path: Path) -> None:
    """As in `meshtui … | head -1`, within a session too, whose task group would tell a traceback."""
    with running("shop") as kubeconfig, subprocess.Popen(
        [sys.executable, "-m", "meshtui", "enroll", "plain", "--kubeconfig", str(kubeconfig), "--dry-run"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
    ) as ended:  # fmt: skip
        assert ended.stdout is not None
        ended.stdout.close()
        assert ended.stderr is not None
        assert "Traceback" not in ended.stderr.read()
        assert ended.wait(60) == 1


def test_a_timeout_of_zero_is_the_default() -> None:
    assert given("--request-timeout", "0") == given("--request-timeout=0s") == {}


def test_the_environment_says_what_flags_say_and_flags_outweigh_it() -> None:
    environment = {"MESHTUI_CONTEXT": "kind-kind", "MESHTUI_READ_ONLY": "1"}
    assert given(**environment) == {"context": "kind-kind", "read_only": True}
    assert given("--write", "--context", "other", **environment) == {
        "context": "other",
        "read_only": False,
    }


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--contxt", "x"], "No such option '--contxt'. Did you mean '--context'?"),
        (["inf"], "No such command 'inf'. Did you mean 'info'?"),
        (["--context"], "Option '--context' requires an argument."),
        (
            ["--request-timeout", "10q"],
            "Invalid value for '--request-timeout': '10q' is not a duration such as 10s, 1m30s or 500ms",
        ),
        (
            ["--request-timeout=-1s"],
            "Invalid value for '--request-timeout': '-1s' is not a duration such as 10s, 1m30s or 500ms",
        ),
        (["info", "-o", "yaml"], "Invalid value for '-o' / '--output': 'yaml' is not one of "),
        (["rbac", "raed"], "Invalid value for '[read|evidence|operate]...': 'raed' is not one of "),
    ],
)
def test_a_bad_flag_is_one_line_and_status_2(words: list[str], complaint: str) -> None:
    done = meshtui(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"meshtui: {complaint}")
    assert done.stderr.count("\n") == 1


def test_without_a_terminal_it_says_what_else_there_is() -> None:
    done = meshtui(TERM="xterm-256color")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("meshtui: there is no terminal to draw on; ")
    named = done.stderr.partition("commands of meshtui: ")[2].replace(" --serve", "")
    others = {each.removeprefix("and ") for each in named.strip().split(", ")}
    assert others == set(cli.meshtui.commands), "each of them does without"
    assert done.stderr.count("\n") == 1


def on_a_terminal(*words: str, **environment: str) -> tuple[int, str]:
    """Runs the program on a terminal, where it is expected to end at once; gives its exit status and what it said."""
    ours, its = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "meshtui", *words],
            env={**os.environ, "TERM": "xterm-256color", **environment},
            stdin=its,
            stdout=its,
            stderr=its,
            timeout=60,
            check=False,
        )
        said = os.read(ours, 4096).decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        os.close(its)
    return done.returncode, said


def test_a_signal_ends_the_screen_and_gives_the_terminal_back_as_it_was(tmp_path: Path) -> None:
    ours, its = pty.openpty()
    before = termios.tcgetattr(its)
    running = subprocess.Popen(
        [sys.executable, "-m", "meshtui", "--kubeconfig", str(tmp_path / "none")],
        env={**os.environ, "TERM": "xterm-256color"},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    try:
        said = b""
        while b"there is no kubeconfig" not in said:
            assert select.select([ours], [], [], 30)[0], said
            said += os.read(ours, 65536)
        running.terminate()
        while running.poll() is None:
            if select.select([ours], [], [], 0.05)[0]:
                said += os.read(ours, 65536)
        if select.select([ours], [], [], 0)[0]:
            said += os.read(ours, 65536)
        assert running.returncode == 128 + signal.SIGTERM
        assert b"\x1b[?1049l" in said, "xterm's own screen again, not the alternate one"
        assert termios.tcgetattr(its)[3] == before[3]
    finally:
        running.kill()
        running.wait()
        os.close(ours)
        os.close(its)


def test_a_dumb_terminal_is_refused_in_its_own_words() -> None:
    status, said = on_a_terminal(TERM="dumb")
    assert status == 1
    assert said.startswith("meshtui: the terminal cannot draw (TERM=dumb); ")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--pane", "wrokloads"], "unknown pane 'wrokloads'; did you mean 'workloads'?"),
        (["--theme", "norde"], "unknown theme 'norde'; did you mean 'nord'?"),
        (["--log-file", "/dev/null/x"], "/dev/null/x cannot be written: Not a directory"),
        (["demo", "--pane", "wrokloads"], "unknown pane 'wrokloads'; did you mean 'workloads'?"),
        (["--pane", "ctx"], "unknown pane 'ctx'; known are cluster, "),
        (["--pane", "ns", "--theme", "norde"], "unknown theme 'norde'; did you mean 'nord'?"),
        (["--pane", "Certs", "--theme", "norde"], "unknown theme 'norde'; did you mean 'nord'?"),
    ],
)
def test_names_that_only_the_screen_knows_are_refused_before_it_starts(
    words: list[str], complaint: str
) -> None:
    status, said = on_a_terminal(*words)
    assert status == 2
    assert said.startswith(f"meshtui: {complaint}")
    assert said.count("\n") == 1


def test_help_names_every_command_with_examples() -> None:
    done = meshtui("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for name in (*cli.meshtui.commands, "Examples:", "meshtui demo", "--as-group", "--read-only"):
        assert name in done.stdout
    assert meshtui("-h").stdout == done.stdout


@pytest.mark.parametrize("command", sorted(cli.meshtui.commands))
def test_every_command_has_help(command: str) -> None:
    done = meshtui(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: meshtui {command}")


HEAVY = {"textual", "rich", "kubernetes", "aiohttp", "asyncio", "cryptography", "yaml", "logging"}


def test_the_version_is_fast() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = meshtui("--version")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout == f"meshtui {__version__}\n"
    # Processor time, not time on the clock: the tests of other workers may have the machine.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.15


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["--contxt"]])
def test_what_needs_no_cluster_loads_no_client(words: list[str]) -> None:
    program = f"""
import sys
from meshtui.cli import meshtui
try:
    meshtui.main({words!r})
except SystemExit:
    print("modules:", *sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = done.stdout.partition("modules: ")[2].split()
    assert "meshtui.cli" in loaded
    assert HEAVY.isdisjoint(loaded)


def test_a_reader_who_leaves_early_sees_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "meshtui", "--help"],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert done.stderr == ""


def test_keys_can_be_given_to_every_binding_of_the_app_and_of_each_pane() -> None:
    from meshtui import start
    from meshtui.app import MeshApp
    from meshtui.ui.panes import PANES

    bindings = start.choices().bindings
    for binding in (*MeshApp.BINDINGS, *(each for pane in PANES for each in pane.BINDINGS)):
        assert isinstance(binding, Binding)
        assert binding.id in bindings
    assert "app.help" in bindings

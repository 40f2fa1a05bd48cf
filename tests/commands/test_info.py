"""`meshtui info`: what a bug report should begin with."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from meshtui import __version__


def info(home: Path, *words: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "meshtui", *words],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def facts(home: Path, *words: str, **environment: str) -> dict[str, Any]:
    found = json.loads(info(home, *words, "info", "-o", "json", **environment))
    assert isinstance(found, dict)
    return found


def test_versions(tmp_path: Path) -> None:
    found = facts(tmp_path)
    assert found["meshtui"] == __version__
    assert found["python"] == f"{platform.python_version()} at {sys.executable}"
    assert found["libraries"]["textual"] == version("textual")
    assert found["libraries"]["kubernetes"] == version("kubernetes")
    assert "pytest" not in found["libraries"]


def test_places_follow_the_xdg_directories(tmp_path: Path) -> None:
    found = facts(tmp_path, XDG_CONFIG_HOME="/conf", XDG_STATE_HOME="/state")
    assert found["config"] == {"path": "/conf/meshtui/config.toml", "exists": False}
    assert found["state"] == {"path": "/state/meshtui", "exists": False}
    assert found["log"] is None
    mine = facts(tmp_path, "--log-file", "it.log", MESHTUI_CONFIG_DIR=str(tmp_path))
    assert mine["config"]["path"] == str(tmp_path / "config.toml")
    assert mine["log"] == {"path": "it.log", "exists": False}


def test_kubeconfig_files_as_kubectl_finds_them(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.touch()
    default = {"path": str(tmp_path / ".kube/config"), "exists": False}
    assert facts(tmp_path)["kubeconfig"] == [default]
    assert facts(tmp_path, KUBECONFIG=f"{one}{os.pathsep}{other}")["kubeconfig"] == [
        {"path": str(one), "exists": True},
        {"path": str(other), "exists": False},
    ]
    named = facts(tmp_path, "--kubeconfig", str(other), KUBECONFIG=str(one))["kubeconfig"]
    assert named == [{"path": str(other), "exists": False}]


def test_a_mistake_in_the_configuration_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('thme = "nord"\n', encoding="utf-8")
    complaint = f"{tmp_path / 'config.toml'}, line 1: unknown key 'thme'; did you mean 'theme'?"
    assert facts(tmp_path, MESHTUI_CONFIG_DIR=str(tmp_path))["complaints"] == [complaint]
    assert complaint in info(tmp_path, "info", MESHTUI_CONFIG_DIR=str(tmp_path))


def test_the_text_says_the_same_in_lines(tmp_path: Path) -> None:
    lines = info(tmp_path, "info").splitlines()
    assert lines[0] == f"meshtui     {__version__}"
    assert f"kubeconfig  {tmp_path}/.kube/config (not there)" in lines
    assert f"libraries   aiohttp {version('aiohttp')}" in lines
    assert f"            textual {version('textual')}" in lines

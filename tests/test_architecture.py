"""What holds of the package as a whole: who imports whom, what it needs, and what may not be in it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "meshtui"


def modules(package: str) -> list[str]:
    """The modules of a package by their dotted names."""
    directory = ROOT / package.replace(".", "/")
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(directory.rglob("*.py"))
    ]


@cache
def imported(path: Path) -> frozenset[str]:
    """What a file imports, also inside functions."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return frozenset(
        [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        + [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    )


def importers(of: str) -> set[str]:
    """The files of the package that import a library."""
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == of for name in imported(path))
    }


def loads(*names: str) -> set[str]:
    """The modules that are loaded once these are imported, in a fresh interpreter."""
    program = f"import sys, {', '.join(names)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_mesh_model_is_pure_at_run_time() -> None:
    """The import contracts read the code; this sees what is imported late or by others."""
    loaded = loads(*modules("meshtui.mesh"))
    assert loaded & {"textual", "rich", "kubernetes", "aiohttp", "asyncio"} == set()


def test_the_built_in_cluster_loads_nothing_of_the_program() -> None:
    loaded = loads(*modules("meshtui.sim"))
    ours = {name for name in loaded if name.startswith("meshtui.")}
    assert {name for name in ours if not name.startswith("meshtui.sim")} == set()
    assert loaded & {"textual", "kubernetes"} == set()


def test_the_service_layer_loads_no_screen() -> None:
    assert loads(*modules("meshtui.kube")) & {"textual", "rich"} == set()


def test_the_screen_loads_no_client() -> None:
    assert loads(*modules("meshtui.ui")) & {"kubernetes", "aiohttp"} == set()


def test_one_module_speaks_through_the_official_client() -> None:
    assert importers("kubernetes") == {"kube/api.py"}


def test_no_client_is_loaded_before_the_first_frame() -> None:
    loaded = loads("meshtui.cli", "meshtui.start", "meshtui.app")
    assert loaded & {"kubernetes", "aiohttp", "aiohttp_socks", "h11"} == set()


def test_only_the_service_layer_and_the_built_in_cluster_speak_http() -> None:
    for library in ("kubernetes", "aiohttp", "aiohttp_socks", "h11"):
        for file in importers(library):
            assert file.startswith(("kube/", "sim/")), f"{file} imports {library}"


@cache
def calls(path: Path) -> list[tuple[str, frozenset[str]]]:
    """The methods that a file calls, each with the names of the arguments that it gives by name."""
    return [
        (node.func.attr, frozenset(word.arg for word in node.keywords if word.arg))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


def callers(of: str, *, by_name: str = "") -> set[str]:
    """The files of the package, less the built-in cluster, that call a method of this name."""
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if not path.is_relative_to(PACKAGE / "sim")
        and any(name == of and (not by_name or by_name in words) for name, words in calls(path))
    }


def senders() -> set[tuple[str, str]]:
    """The files of the package, less the built-in cluster, that call a method `send`, and what they call it on."""
    return {
        (path.relative_to(PACKAGE).as_posix(), ast.unparse(node.func.value))
        for path in PACKAGE.rglob("*.py")
        if not path.is_relative_to(PACKAGE / "sim")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "send"
    }


def test_there_is_one_road_for_changes() -> None:
    """The session alone reaches what writes, and the errands of `perform` and `levels` alone ask it to. The road alone
    sends them, which asks before and keeps the audit. Beside that there are GETs, POSTs of reviews, of who we are and
    what we may do, and dry runs of files. The `send` of `http` is h11's: it frames a GET for a pod, or the POST that
    `writes` asks for."""
    writing = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "meshtui.kube.writes.write" in names(path)
        or "writes.write(" in path.read_text(encoding="utf-8")
    }
    assert writing == {"kube/live.py"}
    assert callers("preview") == callers("apply") == {"kube/perform.py"}
    assert callers("admin") == {"kube/live.py", "kube/levels.py"}
    errands = {"kube/perform.py", "kube/levels.py"}
    assert files_with("(Errand[") == files_with("road.follow(") == errands
    assert files_with("audit.write(") == {"kube/road.py"}
    assert callers("request") == {"kube/connect.py", "kube/api.py", "app.py"}
    assert _lines_with("app.py", ".request(") == _lines_with("app.py", "clipboard.request(")
    assert callers("call_api") == callers("_answered") == {"kube/api.py"}
    assert callers("open", by_name="method") == {"kube/api.py"}
    assert senders() == {
        ("kube/writes.py", "api"),
        ("kube/dry_runs.py", "api"),
        ("kube/portforward.py", "http"),
        ("kube/road.py", "errand"),
        ("kube/perform.py", "self"),  # of itself, a second time
    }
    trying = (PACKAGE / "kube" / "dry_runs.py").read_text(encoding="utf-8")
    assert trying.count("api.send(") == trying.count('"dryRun": "All"}, raw, _APPLY)') == 1
    assert callers("post") == {"kube/heart.py", "kube/rights.py", "kube/writes.py"}
    framed = {line.strip() for line in _lines_with("kube/portforward.py", '"POST"')}
    assert framed == {
        'return await _ask(api, namespace, pod, port, "POST", target, LONGEST)',
        'if method == "POST":',
    }
    for file in ("kube/heart.py", "kube/rights.py"):
        kinds = re.findall(r'"kind": "(\w+)"', (PACKAGE / file).read_text(encoding="utf-8"))
        assert kinds, file
        assert all(kind.startswith("SelfSubject") for kind in kinds), file


def files_with(words: str) -> set[str]:
    """The files of the package that have these words in them."""
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if words in path.read_text(encoding="utf-8")
    }


def _lines_with(file: str, words: str) -> list[str]:
    lines = (PACKAGE / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if words in line]


def names(path: Path) -> frozenset[str]:
    """What a file imports, modules and what is in them, by their dotted names."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return imported(path) | {
        f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_every_dependency_is_imported_and_every_import_is_a_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {canonical(re.split(r"[^\w.-]", each)[0]) for each in project["dependencies"]}
    top = {
        name.split(".")[0]
        for path in PACKAGE.rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] not in {*sys.stdlib_module_names, "meshtui"}
    }
    found = packages_distributions()
    assert {canonical(found[name][0]) for name in top} == needed


def canonical(name: str) -> str:
    """The name of a distribution as the packaging standards normalize it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def tracked() -> list[Path]:
    """The files that are in the repository."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name]


def test_no_file_names_a_path_of_this_machine() -> None:
    places = [f"{place}/".encode() for place in (ROOT, Path.home()) if len(place.parts) > 1]
    for path in tracked():
        content = path.read_bytes() if path.is_file() else b""
        for place in places:
            assert place not in content, f"{path.relative_to(ROOT)} names {place.decode()}"


def test_the_readme_has_one_test_command_and_ci_runs_it() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    [command] = [line for line in lines if line.endswith("tests/gate.py")]
    assert command.startswith("python3.11 -m venv .venv && ")
    assert "grep -m 1 'tests/gate.py$' README.md" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_hypothesis_tries_the_same_every_time_and_as_long_as_it_takes() -> None:
    assert hypothesis.settings.default is not None
    assert hypothesis.settings.default.derandomize
    assert hypothesis.settings.default.deadline is None


def test_modules_have_names_that_say_what_is_inside() -> None:
    vague = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "base", "core"}
    for path in PACKAGE.rglob("*.py"):
        assert path.stem not in vague

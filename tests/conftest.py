"""The two servers that tests of a cluster run on, and how many tests ran on which."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import itertools
import os
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.kubeconfig import Api
from tests.cluster.on_built_in import OnBuiltIn
from tests.cluster.on_real import OnReal
from tests.cluster.real import missing
from tests.cluster.shared import Run, Shared

SERVERS = ("built-in", "real")
_RUN = pytest.StashKey[Run]()
_DIRECTORY = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(
        50_000, 20, 100
    )  # as the program has it (`app.run`): a third of the time of all
    config.addinivalue_line(
        "markers", "only(server, reason): runs on one of the two servers alone, and why"
    )
    if hasattr(config, "workerinput"):
        config.stash[_DIRECTORY] = Path(config.workerinput["run_directory"])
    else:
        config.stash[_RUN] = Run()
        config.stash[_DIRECTORY] = config.stash[_RUN].directory


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of xdist where the run's directory is."""
    node.workerinput["run_directory"] = str(node.config.stash[_DIRECTORY])


def pytest_unconfigure(config: pytest.Config) -> None:
    if _RUN in config.stash:
        config.stash[_RUN].end()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server_name" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("only")
        metafunc.parametrize("server_name", [only.args[0]] if only else SERVERS)


_LONGEST = 150
"""Seconds that a test may wait, for whatever: one that hangs tells where, and does not hold the run."""


def pytest_itemcollected(item: pytest.Item) -> None:
    if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
        item.obj = _ended(item.obj)


def _ended(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def ended(*args: Any, **fixtures: Any) -> None:
        async with asyncio.timeout(_LONGEST):
            await test(*args, **fixtures)

    return ended


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Notes with each test which server it runs on: its reports carry that to the summary."""
    for item in items:
        server = item.callspec.params.get("server_name") if hasattr(item, "callspec") else None
        if server is not None:
            only = item.get_closest_marker("only")
            item.user_properties.append(("server", server))
            item.user_properties.append(("only", only.kwargs["reason"] if only else ""))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran = _servers(terminalreporter)
    if not ran:
        return
    both = [test for test, servers in ran.items() if len(servers) == len(SERVERS)]
    terminalreporter.section("The two servers")
    terminalreporter.write_line(f"{len(both)} tests ran on the built-in cluster and on a real one")
    alone: dict[tuple[str, str], list[str]] = defaultdict(list)
    for test in ran.keys() - both:
        for server, why in ran[test].items():
            alone[server, why].append(test.rpartition("::")[2])
    for (server, why), tests in sorted(alone.items()):
        names = f": {', '.join(sorted(tests))}" if len(tests) < 10 else ""
        terminalreporter.write_line(f"{len(tests)} on {server} alone ({why}){names}")


def _servers(reporter: pytest.TerminalReporter) -> dict[str, dict[str, str]]:
    """By test, whatever its server: the servers that it ran on, and why it ran on no other."""
    ran: dict[str, dict[str, str]] = defaultdict(dict)
    skipped = missing() or "the other one was not chosen"
    for report in itertools.chain.from_iterable(reporter.stats.values()):
        if not isinstance(report, pytest.TestReport) or report.when != "call":
            continue
        told = {name: str(value) for name, value in report.user_properties}
        if "server" in told:
            test = re.sub(rf"(?<=[\[-]){told['server']}(?=[\]-])", "*", report.nodeid)
            ran[test][told["server"]] = told["only"] or skipped
    return ran


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest) -> Shared:
    return Shared(request.config.stash[_DIRECTORY])


_count = itertools.count(1)


@pytest.fixture
async def cluster(server_name: str, shared: Shared, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster that is this test's own: on each of the two servers in turn, or on the one that it is marked for."""
    namespace = f"test-{os.getpid()}-{next(_count)}"
    if server_name == "built-in":
        async with OnBuiltIn.started(namespace, tmp_path) as built_in:
            await built_in.add_namespace()
            yield built_in
        return
    if why := missing():
        pytest.skip(why)
    access = shared.access()
    async with Api.connected(access.admin) as api:
        real = OnReal(access, api, namespace, tmp_path)
        await real.add_namespace()
        yield real

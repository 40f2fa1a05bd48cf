"""Journal: what a session goes through, a line for each change, for the log file."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from meshtui.mesh.snapshot import Answer, Problem, Scope, Server, Snapshot, Source

LOG = logging.getLogger(__name__)


def note(before: Snapshot | None, after: Snapshot) -> None:
    """Log what changed in the connection, in what is watched and in what proxies answer."""
    if LOG.isEnabledFor(logging.INFO):
        for line in changes(before, after):
            LOG.info(line)


def changes(before: Snapshot | None, after: Snapshot) -> Iterator[str]:
    """A line for each state that is another one than before; of objects and values themselves it tells nothing."""
    old = before or Snapshot(after.now)
    server = _server(after.server)
    if before is None or server != _server(old.server):
        yield f"{after.server.context or 'no context'}: {server}"
    for scope, source in after.sources.items():
        known = old.sources.get(scope)
        if known is None or (known.phase, known.problem) != (source.phase, source.problem):
            yield f"{_scope(scope)}: {_source(source)}"
    for probe, answer in after.answers.items():
        if old.answers.get(probe, Answer()).problem != answer.problem:
            path = f"{probe.namespace}/{probe.pod}:{probe.port}{probe.path}"
            yield f"{path}: {_problem(answer.problem) if answer.problem else 'answers'}"


def _server(server: Server) -> str:
    if server.problem:
        return _problem(server.problem)
    if server.answered is None:
        return "connecting"
    return f"{server.url} answers, {server.version or 'version unknown'}, as {server.user or 'whom is unknown'}"


def _scope(scope: Scope) -> str:
    narrowed = [
        f"in {scope.namespace}" if scope.namespace else "",
        f"where {scope.labels}" if scope.labels else "",
        f"where {scope.fields}" if scope.fields else "",
    ]
    return " ".join([str(scope.kind), *filter(None, narrowed)])


def _source(source: Source) -> str:
    counted = f"{source.phase.value}, {source.count:,} objects"
    return f"{counted}, {_problem(source.problem)}" if source.problem else counted


def _problem(problem: Problem) -> str:
    return f"{problem.trouble.value}: {problem.text}"

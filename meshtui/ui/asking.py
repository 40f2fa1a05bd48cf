"""Asking: the commands that ask about calls, how their words are read, and what completes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from meshtui.mesh import service_specs, workloads
from meshtui.mesh.kinds import SERVICE
from meshtui.mesh.service_specs import ServiceSpec
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.trace.ends import Question
from meshtui.mesh.traffic.parties import OUTSIDE
from meshtui.mesh.workloads import Workload
from meshtui.ui.answers import Asked
from meshtui.ui.commands import Command
from meshtui.ui.keyed import Keyed
from meshtui.ui.path_answers import PathAsked
from meshtui.ui.spans import plain
from meshtui.ui.verdict_answers import VerdictAsked, WhoAsked

FROM = "from"
"""Between who is called and who calls, where that is the order."""


def commands(
    snapshot: Callable[[], Snapshot | None],
    asked: Callable[[Asked], object],
    more: Callable[[str], object],
) -> list[Command]:
    """`asked` is given what was asked, and `more` the words of a command that says too little."""

    def known() -> Sequence[str]:
        now = snapshot()
        return names(now) if now is not None else ()

    def between(command: str, make: Callable[[Question], Asked]) -> Callable[[str], object]:
        def run(argument: str) -> None:
            ends = read(argument)
            if ends is None:
                more(f"{command} {argument} " if argument else f"{command} ")
            else:
                asked(make(ends))

        return run

    def who(argument: str) -> None:
        if argument and " " not in argument:
            asked(WhoAsked(argument))
        else:
            more("who ")

    path = between("trace", PathAsked)
    return [
        Command(("trace", "explain"), "why A does not reach B, hop by hop; also `B from A method=GET`", path, known,
                "A B[:PORT]"),
        Command(("verdict",), "whether A may call B, by which policy; also `B from A method=GET`",
                between("verdict", VerdictAsked), known, "A B[:PORT]"),
        Command(("who",), "who may call it, and whom it may call, by service account", who, known, "B[:PORT]"),
    ]  # fmt: skip


NOBODY = "Nothing that is called is behind this row: try it on a workload or a Service."
"""What to say where `begun` gives nothing."""


def begun(pane: Keyed[Any], command: str, snapshot: Snapshot) -> tuple[str, bool]:
    """What to ask of the row under the cursor, of which there must be one, or of two marked ones; and whether that is
    all, or the other end is to be typed behind it. "" where nothing is called there."""
    row, marked = pane.table.selected, pane.table.marked
    caller, callee = pane.caller(row), pane.callee(row, snapshot)
    by_address = "://" in callee
    if not callee or (by_address and command != "trace"):
        return "", False
    if command == "who":
        return f"who {callee}", True
    if caller and pane.CALLS:
        return f"{command} {caller} {callee}", True
    if caller and len(marked) == 2:
        first, second = marked
        return f"{command} {pane.caller(first)} {pane.callee(second, snapshot)}", True
    ends = caller or f"{callee} {FROM}"
    return plain(f"{command} {ends} {OUTSIDE if by_address else ''}"), False


def read(argument: str) -> Question | None:
    """What is asked by "A B" or "B from A", with "method=GET", "path=/cart" and headers behind it; None where an end is
    not said."""
    words = argument.split()
    told = dict(each.split("=", 1) for each in words[1:] if "=" in each and "://" not in each)
    match [each for each in words if each not in {f"{k}={v}" for k, v in told.items()}]:
        case [called, "from", source]:
            pass
        case [source, called] if FROM not in (source, called):
            pass
        case _:
            return None
    method, path = told.pop("method", None), told.pop("path", None)
    headers = {name.lower(): value for name, value in told.items()}
    return Question(source, called, method, path, headers)


def names(snapshot: Snapshot) -> Sequence[str]:
    """What may be named: workloads, Services with their ports, and outside."""
    return snapshot.once(
        _names, workloads.of(snapshot), *snapshot.each(SERVICE, service_specs.read)
    )


def _names(pods: Iterable[Workload], *specs: ServiceSpec) -> Sequence[str]:
    found = {OUTSIDE}
    for each in pods:
        name = each.pod.controller.partition("/")[2]
        found.add(f"{each.pod.namespace}/{name}" if name else each.pod.key)
    for spec in specs:
        found.add(spec.key)
        found.update(f"{spec.key}:{port.number}" for port in spec.ports)
    return sorted(found)

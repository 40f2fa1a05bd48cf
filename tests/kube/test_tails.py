"""Tails: many logs over few streams; every line once, and in its order."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from meshtui.kube.errors import Forbidden
from meshtui.kube.session import Session
from meshtui.kube.tails import Tails
from meshtui.mesh.kinds import POD, Kind
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.snapshot import Problem, Ref, Right, Trouble
from tests.kube.eventually import until

ONCE = LogOptions("istio-proxy", tail=None, since=600, follow=False)
FOLLOW = LogOptions("istio-proxy", tail=None, since=600)


def pods(count: int) -> list[Ref]:
    return [Ref(POD, "istio-system", f"ztunnel-{number:03}") for number in range(count)]


class Logs:
    """Logs that grow, as a session gives them: by whole seconds back, lines of one stamp among them."""

    def __init__(self) -> None:
        self.lines: dict[Ref, list[LogLine]] = defaultdict(list)
        self.rotated: dict[Ref, int] = defaultdict(int)
        """So many lines of each are not there any more for who begins to read."""
        self.open: set[Ref] = set()
        self.most = 0
        self.opened: list[Ref] = []
        self.refused: set[Ref] = set()
        self.grown = asyncio.Condition()

    async def write(self, pod: Ref, *texts: str) -> None:
        """Lines with one stamp."""
        at = datetime.now(UTC)
        async with self.grown:
            self.lines[pod] += [LogLine(at, text) for text in texts]
            self.grown.notify_all()

    def rotate(self, pod: Ref) -> None:
        self.rotated[pod] = len(self.lines[pod])

    async def may(self, verb: str, kind: Kind, namespace: str, subresource: str) -> Right:
        return Right(None, "not asked")

    async def logs(self, pod: Ref, options: LogOptions) -> AsyncIterator[LogLine]:
        if pod in self.refused:
            words = "jane may not get pods/log in istio-system"
            raise Forbidden(Problem(Trouble.FORBIDDEN, words), 403)
        self.opened.append(pod)
        self.open.add(pod)
        self.most = max(self.most, len(self.open))
        assert options.since is not None
        begin = datetime.now(UTC) - timedelta(seconds=options.since)
        old = sum(1 for line in self.lines[pod] if line.at and line.at < begin)
        given = max(old, self.rotated[pod])
        try:
            while True:
                while given < len(self.lines[pod]):
                    given += 1
                    yield self.lines[pod][given - 1]
                    await asyncio.sleep(0)
                if not options.follow:
                    return
                async with self.grown:
                    if given == len(self.lines[pod]):
                        await self.grown.wait()
        finally:
            self.open.discard(pod)


class Taken:
    def __init__(self) -> None:
        self.lines: dict[Ref, list[str]] = defaultdict(list)
        self.notices: dict[Ref, list[str]] = defaultdict(list)

    def __call__(self, pod: Ref, line: LogLine) -> None:
        (self.notices if line.notice else self.lines)[pod].append(line.text)


def tails(logs: Logs, taken: Taken, options: LogOptions, **how: Any) -> Tails:
    return Tails(cast("Session", logs), taken, options, **how)


async def test_all_logs_are_read_to_their_end_over_a_few_streams() -> None:
    logs, taken = Logs(), Taken()
    for pod in pods(40):
        await logs.write(pod, "one", "two")
    found = tails(logs, taken, ONCE, streams=7)
    found.offer(pods(40))
    assert found.total == 40
    await found.run()
    assert taken.lines == {pod: ["one", "two"] for pod in pods(40)}
    assert logs.most == 7
    assert found.open == set()


async def test_a_log_that_may_not_be_read_says_so_and_stops_no_other() -> None:
    logs, taken = Logs(), Taken()
    first, second = pods(2)
    logs.refused.add(first)
    await logs.write(second, "one")
    found = tails(logs, taken, ONCE)
    found.offer([first, second])
    await found.run()
    assert taken.lines == {second: ["one"]}
    assert found.problems[first].text == "jane may not get pods/log in istio-system"
    assert taken.notices[first] == [found.problems[first].text]


async def test_with_more_logs_than_streams_they_take_turns_and_no_line_is_lost_or_doubled() -> None:
    logs, taken = Logs(), Taken()
    every = pods(6)
    found = tails(logs, taken, FOLLOW, streams=2, turn=0.02)
    found.offer(every)
    running = asyncio.create_task(found.run())
    try:
        for number in range(5):
            for pod in every:
                await logs.write(pod, f"{number} a", f"{number} b")
            await until(lambda: all(len(taken.lines[pod]) == 2 * number + 2 for pod in every))  # noqa: B023
        expected = [f"{number} {which}" for number in range(5) for which in "ab"]
        assert taken.lines == dict.fromkeys(every, expected)
        assert logs.most <= 2
        assert all("turn" in taken.notices[pod][0] for pod in every)
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_a_turn_that_goes_on_where_the_last_one_ended_says_so_unless_the_log_was_rotated() -> (
    None
):
    logs, taken = Logs(), Taken()
    first, second = pods(2)
    for pod in (first, second):
        await logs.write(pod, "one", "two")
    met: set[Ref] = set()
    found = tails(logs, taken, FOLLOW, streams=1, turn=0.02, take_up=lambda pod, at: met.add(pod))
    found.offer([first, second])
    running = asyncio.create_task(found.run())
    try:
        await until(lambda: all(len(taken.lines[pod]) == 2 for pod in (first, second)))
        logs.rotate(second)
        await logs.write(second, "three")
        await until(lambda: "three" in taken.lines[second])
        await until(lambda: first in met and logs.open == {first})
        assert taken.lines[first] == ["one", "two"]
        met.clear()
        logs.rotate(second)
        await logs.write(second, "four")
        await until(lambda: "four" in taken.lines[second])
        assert second not in met
        assert taken.lines[second] == ["one", "two", "three", "four"]
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_what_could_not_be_read_is_read_again_at_once_where_that_is_asked_for() -> None:
    logs, taken = Logs(), Taken()
    (pod,) = pods(1)
    await logs.write(pod, "one")
    logs.refused.add(pod)
    found = tails(logs, taken, FOLLOW)
    found.offer([pod])
    running = asyncio.create_task(found.run())
    try:
        await until(lambda: pod in found.problems)
        logs.refused.clear()
        found.again()
        found.again()
        await until(lambda: pod in taken.lines)
        assert found.problems == {}
        assert logs.opened == [pod], "once, however often that was asked for"
        assert found.open == {pod}
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_what_matters_keeps_its_stream_but_never_more_than_half() -> None:
    logs, taken = Logs(), Taken()
    every = pods(8)
    hot = set(every[:4])
    for pod in every:
        await logs.write(pod, "one")
    found = tails(logs, taken, FOLLOW, streams=2, turn=0.01, matters=hot.__contains__)
    found.offer(every)
    running = asyncio.create_task(found.run())
    try:
        await until(lambda: all(logs.opened.count(pod) >= 2 for pod in every[4:]))
        kept = max(logs.opened.count(pod) for pod in hot)
        assert kept > 2 * max(logs.opened.count(pod) for pod in every[4:])
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_pods_that_come_are_followed_and_streams_without_end_give_way() -> None:
    logs, taken = Logs(), Taken()
    first, second = pods(2)
    await logs.write(first, "one")
    await logs.write(second, "two")
    found = tails(logs, taken, FOLLOW, streams=1, turn=0.02)
    found.offer([first])
    running = asyncio.create_task(found.run())
    try:
        await until(lambda: first in taken.lines)
        found.offer([first, second])
        await until(lambda: second in taken.lines)
        found.offer([second])
        await until(lambda: logs.open == {second})
        assert taken.lines == {first: ["one"], second: ["two"]}
    finally:
        running.cancel()
        await asyncio.wait([running])

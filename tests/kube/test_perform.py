"""Perform: in which order things happen, and that each end is told, with a session that fails on demand."""

from __future__ import annotations

import asyncio
import copy
import fcntl
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from json_merge_patch import lib as json_merge_patch

from meshtui.kube import audit
from meshtui.kube.audit import Audit
from meshtui.kube.errors import Absent, Conflict, Forbidden, KubeError, StatusError, Unreachable
from meshtui.kube.perform import Proposal, Result, dry_run, perform
from meshtui.kube.road import State
from meshtui.kube.session import Written
from meshtui.mesh import past
from meshtui.mesh.changes import Change, Delete, Patch
from meshtui.mesh.kinds import CONFIGMAP, NAMESPACE, SECRET, Kind
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Probe, Problem, Ref, Right, Scope, Server, Snapshot, Tail, Trouble

LABEL = "istio.io/dataplane-mode"
TARGET = Ref(NAMESPACE, "", "shop")
SERVER = Server(
    context="prod-eu1", url="https://api.example", user="oncall", impersonating="oncall"
)
LOST = Unreachable(Problem(Trouble.TIMEOUT, "no answer within 10 s"))
NEVER_SENT = Unreachable(Problem(Trouble.REFUSED, "nothing listens there"))
BROKEN = StatusError(Problem(Trouble.SERVER, "etcdserver: request timed out"), 500)
CONFLICT = Conflict(Problem(Trouble.SERVER, "the object has been modified"), 409)


def shop(**labels: str) -> dict[str, Any]:
    metadata = {"name": "shop", "uid": "u", "resourceVersion": "1", "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def enrolling(before: Raw) -> Patch:
    return Patch(
        title="Enroll namespace shop in the mesh",
        target=TARGET,
        before=before,
        patch={"metadata": {"labels": {LABEL: "ambient"}}},
    )


@dataclass
class OneObject:
    """A session with a cluster of one object."""

    it: dict[str, Any] | None
    right: Right = field(default_factory=lambda: Right(True))
    refuses: KubeError | None = None
    """What a dry run raises."""
    fails: list[KubeError] = field(default_factory=list)
    """What writes raise, one after the other, before they do anything."""
    loses: KubeError | None = None
    """What a write raises after it was done."""
    unreadable: bool = False
    applying: Callable[[], Awaitable[None]] | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def get(self, ref: Ref, *, managed_fields: bool = False) -> Raw:
        if self.unreadable:
            raise LOST
        if self.it is None:
            raise Absent(Problem(Trouble.GONE, "not found"), 404)
        return copy.deepcopy(self.it)

    async def may(
        self,
        verb: str,
        kind: Kind,
        namespace: str | None = None,
        subresource: str = "",
        *,
        name: str = "",
    ) -> Right:
        self.asked.append((verb, kind.plural, name))
        return self.right

    async def admin(self, pod: Ref, port: int, target: str) -> bytes:
        raise NotImplementedError

    async def preview(self, change: Change) -> Written:
        self.calls.append("preview")
        if self.refuses is not None:
            raise self.refuses
        return Written(self._after(change), ("a warning",))

    async def apply(self, change: Change) -> Written:
        self.calls.append("apply")
        if self.applying is not None:
            await self.applying()
        if self.fails:
            raise self.fails.pop(0)
        self.it = self._after(change)
        if self.loses is not None:
            raise self.loses
        return Written(self.it)

    def _after(self, change: Change) -> dict[str, Any] | None:
        if isinstance(change, Delete):
            return None
        assert isinstance(change, Patch)
        assert self.it is not None
        if change.based_on != self.it["metadata"]["resourceVersion"]:
            raise CONFLICT
        after: dict[str, Any] = json_merge_patch.merge(copy.deepcopy(self.it), change.patch)
        after["metadata"]["resourceVersion"] += "1"
        return after

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def snapshots(self) -> AsyncIterator[Snapshot]:
        raise NotImplementedError

    def want(
        self,
        scopes: Collection[Scope],
        probes: Collection[Probe] = (),
        refs: Collection[Ref] = (),
        tables: Collection[Scope] = (),
        tails: Collection[Tail] = (),
        *,
        denials: bool = False,
    ) -> None: ...

    def refresh(self) -> None: ...

    def logs(self, pod: Ref, options: LogOptions) -> AsyncIterator[LogLine]:
        raise NotImplementedError


async def yes(proposal: Proposal) -> bool:
    return True


async def no(proposal: Proposal) -> bool:
    return False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


async def run(
    path: Path,
    session: OneObject,
    confirm: Callable[[Proposal], Awaitable[bool]] = yes,
    *,
    change: Change | None = None,
    read_only: str = "",
    undoes: str = "",
) -> Result:
    return await perform(
        change or enrolling(shop()),
        session,
        confirm,
        Audit(path),
        server=SERVER,
        read_only=lambda: read_only,
        undoes=undoes,
        looks=(0, 0),
    )


def story(path: Path) -> list[tuple[str, str]]:
    assert audit.verify(path).problems == ()
    return [(str(each["step"]), str(each.get("state", ""))) for each in audit.read(path)]


async def test_what_is_confirmed_is_told_before_it_is_sent_and_after(path: Path) -> None:
    session = OneObject(shop())

    async def told() -> None:
        assert story(path) == [("intent", "")]

    session.applying = told
    result = await run(path, session)
    assert (result.state, result.unaudited) == (State.APPLIED, "")
    assert session.calls == ["preview", "apply"]
    assert story(path) == [("intent", ""), ("outcome", "applied")]
    intent, outcome = audit.read(path)
    assert intent["id"] == outcome["id"] == result.id
    assert (intent["context"], intent["user"], intent["as"]) == ("prod-eu1", "oncall", "oncall")
    assert (intent["verb"], intent["kind"], intent["name"]) == ("patch", "namespaces", "shop")
    assert (intent["based_on"], outcome["left"]) == ("1", "11")


async def test_the_question_has_diff_warnings_owners_and_a_patch_for_their_repository(
    path: Path,
) -> None:
    owned = shop()
    owned["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "mesh:/Namespace:/shop"}
    seen: list[Proposal] = []

    async def look(proposal: Proposal) -> bool:
        seen.append(proposal)
        return False

    await run(path, OneObject(owned), look)
    [proposal] = seen
    assert f"+    {LABEL}: ambient" in proposal.diff
    assert proposal.warnings == ("a warning",)
    assert [(owner.tool, owner.name) for owner in proposal.owners] == [
        ("Argo CD", "application mesh")
    ]
    assert proposal.for_repository == (
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n"
        f"  labels:\n    {LABEL}: ambient\n"
    )


async def test_a_dry_run_gives_the_question_or_why_there_is_none_and_is_not_in_the_audit() -> None:
    session = OneObject(shop())
    found = await dry_run(enrolling(shop()), session, read_only=lambda: "")
    assert isinstance(found, Proposal)
    assert f"+    {LABEL}: ambient" in found.diff
    assert session.calls == ["preview"]
    found = await dry_run(enrolling(shop()), OneObject(None), read_only=lambda: "")
    assert isinstance(found, Result)
    assert (found.state, found.reason) == (
        State.CONFLICT,
        "Namespace shop is gone: somebody deleted it",
    )


async def test_what_the_audit_keeps_takes_it_back_and_names_what_was_taken_back(path: Path) -> None:
    session = OneObject(shop())
    await run(path, session)
    [made] = past.of(audit.read(path))
    back = past.back(made, SERVER)
    assert isinstance(back, Patch)
    result = await run(path, session, change=back, undoes=made.id)
    assert result.state is State.APPLIED
    assert session.it is not None
    assert LABEL not in session.it["metadata"]["labels"]
    assert [each.undone for each in past.of(audit.read(path))] == [False, True]


async def test_what_a_secret_holds_is_not_in_the_audit(path: Path) -> None:
    target = Ref(SECRET, "shop", "tls")
    change = Patch(
        title="Edit tls", target=target, before=shop(), patch={"data": {"a": "c2VjcmV0"}}
    )
    assert (await run(path, OneObject(shop()), change=change)).state is State.APPLIED
    assert "c2VjcmV0" not in json.dumps(list(audit.read(path)))


async def test_what_is_declined_is_told(path: Path) -> None:
    session = OneObject(shop())
    assert (await run(path, session, no)).state is State.DECLINED
    assert session.calls == ["preview"]
    assert story(path) == [("outcome", "declined")]


async def test_a_question_that_fails_sends_nothing_and_is_told(path: Path) -> None:
    session = OneObject(shop())

    async def broken(proposal: Proposal) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run(path, session, broken)
    assert session.calls == ["preview"]
    assert story(path) == [("outcome", "declined")]


async def test_leaving_while_the_question_is_asked_sends_nothing(path: Path) -> None:
    session, asked = OneObject(shop()), asyncio.Event()

    async def wait(proposal: Proposal) -> bool:
        asked.set()
        await asyncio.Event().wait()
        return True

    task = asyncio.create_task(run(path, session, wait))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert session.calls == ["preview"]
    assert story(path) == [("outcome", "declined")]


async def test_leaving_while_an_end_is_told_waits_until_it_is(path: Path) -> None:
    answered = asyncio.Event()

    async def decline(proposal: Proposal) -> bool:
        answered.set()
        return False

    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # what is to be written has to wait
        task = asyncio.create_task(run(path, OneObject(shop()), decline))
        await answered.wait()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert story(path) == [("outcome", "declined")]


async def test_leaving_before_the_answer_leaves_it_unknown(path: Path) -> None:
    session, sent = OneObject(shop()), asyncio.Event()

    async def wait() -> None:
        sent.set()
        await asyncio.Event().wait()

    session.applying = wait
    task = asyncio.create_task(run(path, session))
    await sent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert story(path) == [("intent", ""), ("outcome", "unknown")]


async def test_without_an_audit_nothing_is_sent(tmp_path: Path) -> None:
    session = OneObject(shop())
    result = await run(tmp_path, session)  # a directory
    assert result.state is State.FAILED
    assert "cannot be written: Is a directory; so nothing was sent" in result.reason
    assert "cannot be written" in result.unaudited
    assert session.calls == ["preview"]


async def test_an_outcome_that_cannot_be_told_is_said(path: Path) -> None:
    session = OneObject(shop())

    async def away() -> None:
        _replaced_by_a_directory(path)

    session.applying = away
    result = await run(path, session)
    assert result.state is State.APPLIED
    assert "cannot be written: Is a directory" in result.unaudited


def _replaced_by_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


async def test_read_only_and_a_missing_right_refuse_before_anything_is_sent(path: Path) -> None:
    session = OneObject(shop())
    result = await run(path, session, read_only="--read-only was given")
    assert (result.state, result.reason) == (State.REFUSED, "read-only: --read-only was given")
    session.right = Right(False, "jane may not patch namespaces shop")
    result = await run(path, session)
    assert (result.state, result.reason) == (State.REFUSED, "jane may not patch namespaces shop")
    assert session.asked == [("patch", "namespaces", "shop")]
    assert session.calls == []
    assert story(path) == [("outcome", "refused")] * 2


async def test_a_right_that_is_not_known_leaves_it_to_the_server(path: Path) -> None:
    forbidden = Forbidden(Problem(Trouble.FORBIDDEN, "jane cannot patch", "meshtui rbac"), 403)
    session = OneObject(shop(), right=Right(None), refuses=forbidden)
    result = await run(path, session)
    assert (result.state, result.reason) == (State.REFUSED, "jane cannot patch")
    assert (result.remedy, story(path)) == ("meshtui rbac", [("outcome", "refused")])


@pytest.mark.parametrize("error", [LOST, NEVER_SENT, BROKEN])
async def test_a_dry_run_that_fails_ends_it(path: Path, error: KubeError) -> None:
    result = await run(path, OneObject(shop(), refuses=error), no)
    assert (result.state, story(path)) == (State.FAILED, [("outcome", "failed")])


async def test_a_request_that_was_never_sent_is_not_looked_up(path: Path) -> None:
    session = OneObject(shop(), fails=[NEVER_SENT])
    result = await run(path, session)
    assert (result.state, result.reason) == (State.FAILED, "nothing listens there")
    assert story(path) == [("intent", ""), ("outcome", "failed")]


@pytest.mark.parametrize("error", [LOST, BROKEN])
async def test_a_write_without_an_answer_that_was_not_made(path: Path, error: KubeError) -> None:
    result = await run(path, OneObject(shop(), fails=[error]))
    assert result.state is State.FAILED
    assert result.reason in (
        "its answer never came (no answer within 10 s); the object is as it was before",
        "etcdserver: request timed out; the object is as it was before",
    )
    assert story(path) == [("intent", ""), ("outcome", "unknown"), ("outcome", "failed")]


@pytest.mark.parametrize("error", [LOST, BROKEN])
async def test_a_write_without_an_answer_that_was_made(path: Path, error: KubeError) -> None:
    result = await run(path, OneObject(shop(), loses=error))
    assert result.state is State.APPLIED
    assert result.left is not None
    assert story(path) == [("intent", ""), ("outcome", "unknown"), ("outcome", "applied")]


async def test_a_write_without_an_answer_over_which_somebody_wrote(path: Path) -> None:
    session = OneObject(shop(), fails=[LOST])

    async def other() -> None:
        session.it = shop(**{LABEL: "none"})

    session.applying = other
    result = await run(path, session)
    assert result.state is State.UNKNOWN
    assert result.reason.endswith("the object is neither as before nor as asked")
    assert "make the change again where it is still wanted" in result.remedy


async def test_a_write_without_an_answer_to_what_cannot_be_read(path: Path) -> None:
    session = OneObject(shop(), fails=[LOST])

    async def away() -> None:
        session.unreadable = True

    session.applying = away
    result = await run(path, session)
    assert result.state is State.UNKNOWN
    assert result.reason.endswith("the object cannot be read either")
    assert "once the cluster answers" in result.remedy
    assert story(path) == [("intent", ""), ("outcome", "unknown"), ("outcome", "unknown")]


async def test_a_conflict_is_tried_again_once(path: Path) -> None:
    session = OneObject(shop(), fails=[CONFLICT])
    assert (await run(path, session)).state is State.APPLIED
    session = OneObject(shop(), fails=[CONFLICT, CONFLICT, CONFLICT])
    assert (await run(path, session)).state is State.CONFLICT
    assert session.calls == ["preview", "apply", "apply"]


async def test_what_somebody_else_deletes_first_is_gone_all_the_same(path: Path) -> None:
    target = Ref(CONFIGMAP, "shop", "one")
    session = OneObject(shop())

    async def other() -> None:
        session.it = None

    session.applying = other
    session.fails = [Absent(Problem(Trouble.GONE, 'configmaps "one" not found'), 404)]
    delete = Delete(title="Delete one", target=target, before=shop())
    result = await run(path, session, change=delete)
    assert (result.state, result.reason) == (
        State.APPLIED,
        'configmaps "one" not found; the object is as asked',
    )


async def test_an_object_that_goes_after_the_question_is_a_conflict_too(path: Path) -> None:
    session = OneObject(shop())

    async def other() -> None:
        session.it = None

    session.applying = other
    session.fails = [Absent(Problem(Trouble.GONE, 'namespaces "shop" not found'), 404)]
    result = await run(path, session)
    assert (result.state, result.reason) == (
        State.CONFLICT,
        "Namespace shop is gone: somebody deleted it",
    )


async def test_an_object_that_is_gone_is_a_conflict(path: Path) -> None:
    result = await run(path, OneObject(None))
    assert (result.state, story(path)) == (State.CONFLICT, [("outcome", "conflict")])
    assert result.reason == "Namespace shop is gone: somebody deleted it"

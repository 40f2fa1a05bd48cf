"""Verification on the built-in cluster as it lives: a restart cures a ghost, and the ztunnels prove it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from meshtui.kube import kubeconfig as kubeconfigs
from meshtui.kube.audit import Audit
from meshtui.kube.live import LiveSession
from meshtui.kube.perform import Proposal, perform
from meshtui.kube.road import State
from meshtui.mesh import changes, verification, workloads
from meshtui.mesh.changes import Patch
from meshtui.mesh.enrollment import State as Enrolled
from meshtui.mesh.kinds import DEPLOYMENT, Kind
from meshtui.mesh.snapshot import Ref, Scope, Snapshot
from meshtui.mesh.verification import Progress, Verification
from meshtui.settings import Settings
from meshtui.sim.process import running
from tests.kube.eventually import snapshot_where
from tests.kube.looking import BRISK

CHECKOUT = Ref(DEPLOYMENT, "shop", "checkout")
SCOPES = {Scope(each) if isinstance(each, Kind) else each for each in verification.KINDS}


async def agreed(_: Proposal) -> bool:
    return True


def ghosts(snapshot: Snapshot) -> list[str]:
    return [
        each.pod.controller
        for each in workloads.of(snapshot)
        if each.enrolled.state is Enrolled.NOT_PROXIED
    ]


async def test_a_restart_cures_the_ghost_and_that_is_proved(tmp_path: Path) -> None:
    with running("ghost") as kubeconfig:
        settings = Settings(kubeconfig=(kubeconfig,))
        config = kubeconfigs.load(settings)
        async with LiveSession(config, "", settings, pace=BRISK) as session:
            session.want(SCOPES)
            seen = await snapshot_where(
                session.snapshots(), lambda it: bool(ghosts(it)), seconds=20
            )
            assert ghosts(seen) == ["Deployment/checkout"]
            before = await session.get(CHECKOUT, managed_fields=True)
            change = changes.restart(CHECKOUT, before, datetime.now(UTC))
            assert isinstance(change, Patch)
            following = verification.begin(change, seen, datetime.now(UTC))
            assert following is not None
            result = await perform(
                change,
                session,
                agreed,
                Audit(tmp_path / "audit.jsonl"),
                server=seen.server,
                read_only=lambda: "",
            )
            assert result.state is State.APPLIED
            told: list[Progress] = []
            done = followed(session, following, told)
            after = await snapshot_where(session.snapshots(), done, seconds=50)
            assert told[0].state is verification.State.FOLLOWING
            assert {each.missing for each in told[0].proofs} == {"replaced"}
            assert told[-1].text == "2 of 2 pods replaced"
            assert ghosts(after) == []


def followed(
    session: LiveSession, following: Verification, told: list[Progress]
) -> Callable[[Snapshot], bool]:
    def is_done(snapshot: Snapshot) -> bool:
        session.want(SCOPES, verification.probes(following, snapshot))
        told.append(verification.progress(following, snapshot, snapshot.now))
        return told[-1].state is verification.State.DONE

    return is_done

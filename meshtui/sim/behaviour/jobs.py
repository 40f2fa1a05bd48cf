"""Jobs: pods that do their work and end. What a Job's pods do takes a while and goes well."""

from __future__ import annotations

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.injection import injected
from meshtui.sim.behaviour.owners import Owners
from meshtui.sim.kinds import JOB, POD
from meshtui.sim.objects import (
    Raw,
    integer,
    mapping,
    mappings,
    merged,
    name,
    seconds,
    text,
    uid,
)


class Jobs(Owners):
    """Makes pods until as many as wanted have succeeded."""

    kinds = (JOB, POD)

    def _keep(self, job: Raw) -> None:
        if mapping(job, "spec").get("suspend") is True:
            return
        wanted = integer(job, "spec", "completions", default=1)
        owned = list(self._world.pods_of[uid(job)])
        done = [pod for pod in owned if text(pod, "status", "phase") == "Succeeded"]
        active = [pod for pod in owned if not pods.finished(pod) and not pods.terminating(pod)]
        room = min(integer(job, "spec", "parallelism", default=1), wanted - len(done))
        active += [self._create(job) for _ in range(room - len(active))]
        self._world.write_status(JOB, job, self._status(job, active, len(done), wanted))

    def _create(self, job: Raw) -> Raw:
        title = f"{name(job)}-{self._world.names.suffix()}"
        extra = {
            "batch.kubernetes.io/controller-uid": uid(job),
            "batch.kubernetes.io/job-name": name(job),
            "controller-uid": uid(job),
            "job-name": name(job),
        }
        pod = pods.from_template(job, title, self._world, extra)
        made = self._world.store.create(POD, injected(pod, self._world))
        message = f"Created pod: {title}"
        self._world.events.write(job, "SuccessfulCreate", message, "job-controller")
        return made

    def _status(self, job: Raw, active: list[Raw], done: int, wanted: int) -> Raw:
        stamp, before = seconds(self._world.clock()), mapping(job, "status")
        status = {"startTime": text(before, "startTime") or stamp, "terminating": 0}
        if active:
            status |= {"active": len(active), "ready": sum(map(pods.ready, active))}
        if done:
            status["succeeded"] = done
        if done < wanted:
            return status
        reached = {
            "status": "True",
            "reason": "CompletionsReached",
            "message": "Reached expected number of succeeded pods",
            "lastProbeTime": stamp,
        }
        told = [{"type": kind, **reached} for kind in ("SuccessCriteriaMet", "Complete")]
        known = mappings(before, "conditions")
        if known:
            return before
        self._world.events.write(job, "Completed", "Job completed", "job-controller")
        return status | {"completionTime": stamp, "conditions": merged(known, told, stamp)}

"""ReplicaSets: as many pods as are wanted."""

from __future__ import annotations

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.injection import injected
from meshtui.sim.behaviour.owners import Owners
from meshtui.sim.kinds import POD, REPLICASET
from meshtui.sim.objects import Raw, integer, name, namespace, text


class ReplicaSets(Owners):
    """Makes and deletes pods until there are as many as wanted."""

    kinds = (REPLICASET, POD)

    def _keep(self, found: Raw) -> None:
        owned = list(self._world.pods_of[text(found, "metadata", "uid")])
        alive = [each for each in owned if not pods.terminating(each) and not pods.finished(each)]
        missing = integer(found, "spec", "replicas", default=1) - len(alive)
        alive += [self._create(found) for _ in range(missing)]
        if missing < 0:
            # those that are not ready go first, then the newest
            alive.sort(key=lambda pod: text(pod, "metadata", "creationTimestamp"), reverse=True)
            alive.sort(key=pods.ready)
            for pod in alive[:-missing]:
                self._world.store.delete(POD, namespace(pod), name(pod))
                self._event(found, "SuccessfulDelete", f"Deleted pod: {name(pod)}")
            alive = alive[-missing:]
        good = sum(map(pods.ready, alive))
        status = {
            "replicas": len(alive),
            "fullyLabeledReplicas": len(alive),
            "readyReplicas": good,
            "availableReplicas": good,
            "terminatingReplicas": sum(map(pods.terminating, owned)),
            "observedGeneration": found["metadata"].get("generation", 1),
        }
        self._world.write_status(REPLICASET, found, status)

    def _create(self, owner: Raw) -> Raw:
        title = f"{name(owner)}-{self._world.names.suffix()}"
        pod = pods.from_template(owner, title, self._world)
        made = self._world.store.create(POD, injected(pod, self._world))
        self._event(owner, "SuccessfulCreate", f"Created pod: {title}")
        return made

    def _event(self, owner: Raw, reason: str, message: str) -> None:
        self._world.events.write(owner, reason, message, "replicaset-controller")

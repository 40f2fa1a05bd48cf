"""Changes from the keyboard on the built-in and on a real server: how each ends, and what the audit tells."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from meshtui.ui.confirm import Confirm
from meshtui.ui.main import Main
from meshtui.ui.reader import Reader
from meshtui.ui.spans import join
from meshtui.ui.verify import Verify
from tests.cluster.cluster import RBAC, Cluster, Rule
from tests.cluster.waiting import until as eventually
from tests.kube.looking import relayed
from tests.kube.test_both_changes import admission
from tests.kube.test_both_writes import config, deployment
from tests.ui.still import until
from tests.ui.test_changing_a_cluster import MODE, Keyboard, keyboard
from tests.ui.test_changing_waypoints import pick

READS = "get list watch"


@asynccontextmanager
async def over(
    cluster: Cluster, kubeconfig: Path | None = None, *, pane: str = "namespaces", name: str = ""
) -> AsyncIterator[Keyboard]:
    """The cursor on the test's own namespace, or on what is named in it."""
    async with keyboard(
        kubeconfig or cluster.kubeconfig,
        cluster.scratch / "audit.jsonl",
        f"{cluster.namespace}/{name}" if name else cluster.namespace,
        pane=pane,
        namespaces=(cluster.namespace,),
        sweep=False,
    ) as at:
        yield at


async def done(at: Keyboard) -> None:
    """Leaves what is shown, and waits for the end of what is under way."""
    while not isinstance(at.app.screen, Main):
        await at.pilot.press("escape")
    await until(at.pilot, lambda: not at.app._changing.busy, seconds=20)


async def ended(at: Keyboard, words: str) -> str:
    """Waits for the screen that says why a change was not made; gives all that it says."""
    await until(at.pilot, lambda: isinstance(at.app.screen, Reader), seconds=30)
    await at.until(words)
    screen = at.app.screen
    assert isinstance(screen, Reader)
    return " ".join(join(screen.lines.shown).split())


async def labels(cluster: Cluster) -> dict[str, str]:
    found = (await cluster.api.get(f"/api/v1/namespaces/{cluster.namespace}")).body
    return dict(found["metadata"].get("labels") or {})


async def label(cluster: Cluster, **of: Any) -> None:
    """Somebody else labels the namespace."""
    path = f"/api/v1/namespaces/{cluster.namespace}"
    await cluster.api.patch(path, {"metadata": {"labels": of}})


def editor(monkeypatch: pytest.MonkeyPatch, scratch: Path, added: str) -> None:
    """An editor that adds a label."""
    script = scratch / "editor.py"
    script.write_text(
        "import sys, pathlib\n"
        "path = pathlib.Path(sys.argv[-1])\n"
        f"path.write_text(path.read_text().replace('  labels:\\n', '  labels:\\n    {added}\\n'))\n"
    )
    monkeypatch.setenv("KUBE_EDITOR", shlex.join([sys.executable, str(script)]))
    monkeypatch.setattr("tempfile.tempdir", str(scratch))


async def test_a_change_is_declined_made_proved_and_taken_back_in_a_later_run(
    cluster: Cluster,
) -> None:
    async with over(cluster) as at:
        await at.asked("m", "enter")
        await at.until("accepted as a dry run", f"+     {MODE}: ambient")
        await at.pilot.press("escape")
        await done(at)
        await at.asked("m", "enter")
        await at.pilot.press("enter")
        await at.until("there is no pod of", "✓ verified")
        assert (await labels(cluster))[MODE] == "ambient"
        await done(at)
    async with over(cluster) as at:
        await at.pilot.press(*":audit", "enter")
        await at.until("newest first", "applied", "declined")
        await at.asked("u")
        await at.pilot.press("enter")
        await at.until("Undo: Enroll", "✓ verified")
        assert MODE not in await labels(cluster)
        assert at.story() == ["outcome declined", *["intent", "outcome applied"] * 2]


async def test_what_the_server_refuses_and_what_somebody_else_changes_meanwhile(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(monkeypatch, cluster.scratch, "team: no/such")
    async with over(cluster) as at:
        await at.pilot.press("e")
        said = await ended(at, "✗ refused")
        assert "a valid label must be an empty string or consist of" in said
        await at.said("What was written is in")
        await done(at)
        await at.asked("m", "enter")
        await label(cluster, **{MODE: "none"})
        await at.until("in the meantime")
        await at.pilot.press("enter")
        assert f"+ {MODE}: none" in await ended(at, "✗ conflict")
        assert (await labels(cluster))[MODE] == "none"
        await done(at)
        assert at.story() == ["outcome refused", "intent", "outcome conflict"]


async def test_who_may_not_is_told_by_the_key_and_who_may_no_longer_by_the_server(
    cluster: Cluster,
) -> None:
    rules = [Rule(READS, "namespaces"), Rule(READS, "pods services", namespace=cluster.namespace)]
    async with over(cluster, await cluster.kubeconfig_of("jane", *rules)) as at:
        await at.until("enter open")
        await until(at.pilot, lambda: bool(_front(at).barred), seconds=20)
        await at.pilot.press("m")
        why = f"jane.{cluster.namespace} may not patch namespaces"
        await at.said(why)
        assert isinstance(at.app.screen, Main)
        assert at.story() == []
    rules = [Rule("patch", "namespaces"), *rules]
    async with over(cluster, await cluster.kubeconfig_of("joe", *rules)) as at:
        await at.asked("m", "enter")
        path = f"{RBAC}/clusterrolebindings/joe.{cluster.namespace}"
        bindings = (await cluster.api.get(f"{RBAC}/clusterrolebindings")).body["items"]
        [name] = [
            each["metadata"]["name"]
            for each in bindings
            if each["metadata"]["name"].startswith(path.rpartition("/")[2])
            and await _grants_patch(cluster, each["roleRef"]["name"])
        ]
        await cluster.api.delete(f"{RBAC}/clusterrolebindings/{name}")
        await eventually(lambda: _is_refused(cluster))
        await at.pilot.press("enter")
        await ended(at, "✗ refused")
        await done(at)
        assert at.story() == ["intent", "outcome refused"]
    assert MODE not in await labels(cluster)


def _front(at: Keyboard) -> Any:
    screen = at.app.screen
    assert isinstance(screen, Main)
    return screen.front


async def _grants_patch(cluster: Cluster, role: str) -> bool:
    found = (await cluster.api.get(f"{RBAC}/clusterroles/{role}")).body
    return any("patch" in rule["verbs"] for rule in found["rules"])


async def _is_refused(cluster: Cluster) -> bool:
    review = {
        "spec": {
            "user": f"joe.{cluster.namespace}",
            "resourceAttributes": {"verb": "patch", "resource": "namespaces"},
        }
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return not (await cluster.api.create(path, review))["status"]["allowed"]


@pytest.mark.only("real", reason="the built-in cluster has no admission webhooks")
async def test_an_admission_webhook_warns_in_the_dialog_and_refuses(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.api.create(cluster.path("configmaps"), config("one", a="1"))
    async with admission(cluster), over(cluster) as at:
        await at.asked("m", "enter")
        await at.until('! think "twice", friend')
        await at.pilot.press("enter")
        await at.until("✓ verified")
        await done(at)
        editor(monkeypatch, cluster.scratch, "a: forbidden")
        await at.pilot.press("e")
        assert 'denied the request: not "forbidden" here' in await ended(at, "✗ refused")
        await done(at)
        assert at.story() == ["intent", "outcome applied", "outcome refused"]


async def is_enrolled(cluster: Cluster) -> bool:
    return (await labels(cluster)).get(MODE) == "ambient"


async def test_a_connection_that_is_cut_before_it_was_sent_or_before_its_answer(
    cluster: Cluster,
) -> None:
    async with relayed(cluster) as (relay, kubeconfig), over(cluster, kubeconfig) as at:
        await at.asked("m", "enter")
        await relay.tear()
        await at.pilot.press("enter")
        said = await ended(at, "✗ failed")
        assert "refuses connections" in said
        assert MODE not in await labels(cluster)
        assert at.story() == ["intent", "outcome failed"]
        await done(at)
        await relay.mend()
        await at.pilot.press("ctrl+r")
        await at.until("● live")
        await at.asked("m", "enter")
        relay.lose_answers(True)
        await at.pilot.press("enter")
        await until(at.pilot, lambda: at.story()[-1] == "outcome unknown")
        relay.lose_answers(False)
        await at.said("the object is as asked")
        assert await is_enrolled(cluster)
        await done(at)
        assert at.story()[2:] == ["intent", "outcome unknown", "outcome applied"]


async def controller(cluster: Cluster) -> None:
    """The Deployment web with a pod."""
    await cluster.api.create(cluster.path("deployments", group="apps/v1"), deployment("web"))
    await cluster.add_pod("web-5d-x", labels={"app": "web", "pod-template-hash": "5d"})
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d", "uid": "1"}
    await cluster.api.patch(
        cluster.path("pods", "web-5d-x"),
        {"metadata": {"ownerReferences": [{**owner, "controller": True}]}},
    )


async def test_a_controller_is_restarted_and_one_that_vanishes_meanwhile_is_not(
    cluster: Cluster,
) -> None:
    await controller(cluster)
    path = cluster.path("deployments", "web", group="apps/v1")
    async with over(cluster, pane="workloads", name="web-5d-x") as at:
        await at.asked("r")
        await at.until("connections to its pods break as they are replaced")
        await at.pilot.press("enter")
        await until(at.pilot, lambda: isinstance(at.app.screen, Verify), seconds=20)
        await at.until("0 of 1 pod replaced")
        template = (await cluster.api.get(path)).body["spec"]["template"]
        assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]
        await at.pilot.press("escape", *":undo", "enter")
        await at.said("there is no way back from: Restart")
        await done(at)
        await at.asked("m", "down", "enter")
        await at.until("Take Deployment", "out of the mesh")
        await cluster.api.delete(path)
        await at.until(f"Deployment {cluster.namespace}/web is gone: somebody deleted it")
        await at.pilot.press("enter")
        assert isinstance(at.app.screen, Confirm), "there is nothing to apply it to"
        await done(at)
        assert at.story() == ["intent", "outcome applied", "outcome declined"]


async def test_an_object_is_deleted_after_its_name_and_comes_back(cluster: Cluster) -> None:
    path = cluster.path("services")
    wanted = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    await cluster.api.create(path, {"apiVersion": "v1", "kind": "Service", **wanted})

    async def there() -> set[str]:
        return {each["metadata"]["name"] for each in (await cluster.api.get(path)).body["items"]}

    async with over(cluster, pane="services", name="web") as at:
        await at.asked("ctrl+d")
        await at.until(f"Delete Service {cluster.namespace}/web", "Type web and enter to go on")
        await at.pilot.press(*"web", "enter")
        await until(at.pilot, lambda: at.story() == ["intent", "outcome applied"], seconds=20)
        await done(at)
        assert await there() == set()
        await at.asked(*":undo", "enter")
        await at.until("Undo: Delete Service", "+   ports:")
        await at.pilot.press("enter")
        await until(at.pilot, lambda: len(at.story()) == 4, seconds=20)
        assert at.story()[2:] == ["intent", "outcome applied"]
        assert await there() == {"web"}


async def waypoint(cluster: Cluster) -> None:
    """A waypoint with an address and a pod that is ready, as istiod would leave it."""
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "waypoint"},
        "spec": {
            "gatewayClassName": "istio-waypoint",
            "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
        },
    }
    path = cluster.path("gateways", group="gateway.networking.k8s.io/v1")
    await cluster.api.create(path, gateway)
    condition = {
        "type": "Programmed",
        "status": "True",
        "reason": "Programmed",
        "message": "",
        "lastTransitionTime": "2026-11-25T12:00:00Z",
        "observedGeneration": 1,
    }
    status = {"addresses": [{"value": "10.0.0.9"}], "conditions": [condition]}
    await cluster.api.patch(f"{path}/waypoint/status", {"status": status})
    await cluster.add_pod(
        "waypoint-1", labels={"gateway.networking.k8s.io/gateway-name": "waypoint"}
    )


async def test_a_waypoint_is_set_and_cleared(cluster: Cluster) -> None:
    await waypoint(cluster)
    async with over(cluster) as at:
        await pick(at, "set the waypoint", f"{cluster.namespace}/waypoint")
        await at.until("+     istio.io/use-waypoint: waypoint")
        await at.pilot.press("enter")
        await at.until("no service of", "✓ verified")
        assert (await labels(cluster))["istio.io/use-waypoint"] == "waypoint"
        await at.asked("u")
        await at.pilot.press("enter")
        await at.until("Undo: Set waypoint", "✓ verified")
        assert "istio.io/use-waypoint" not in await labels(cluster)
        await done(at)
        assert at.story() == ["intent", "outcome applied"] * 2

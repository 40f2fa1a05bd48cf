"""Changes on servers as they are: made, declined, refused, in conflict, cut off, undone; and what the audit tells."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from meshtui.kube import audit
from meshtui.kube.audit import Audit
from meshtui.kube.live import LiveSession
from meshtui.kube.perform import Proposal, Result, perform
from meshtui.kube.road import State
from meshtui.mesh import changes
from meshtui.mesh.changes import Change, Create, Delete, Patch
from meshtui.mesh.kinds import CONFIGMAP, DEPLOYMENT, NAMESPACE, Kind
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Scope, Server
from meshtui.sim.serve import hosting
from tests.cluster.authority import LOOPBACK, Authority
from tests.cluster.cluster import RBAC, Cluster, Rule
from tests.cluster.waiting import until
from tests.kube.eventually import snapshot_where
from tests.kube.looking import BRISK, looking, relayed
from tests.kube.test_both_writes import config, deployment

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SERVER = Server(context="test", url="https://api.example", user="jane")

Meanwhile = Callable[[], Awaitable[Any]]


@dataclass
class Desk:
    """A person who confirms what is proposed, after something else has happened."""

    cluster: Cluster
    session: LiveSession
    answer: bool = True
    read_only: str = ""
    meanwhile: Meanwhile | None = None
    seen: Proposal | None = None

    @property
    def file(self) -> Path:
        return self.cluster.scratch / "audit.jsonl"

    async def confirm(self, proposal: Proposal) -> bool:
        self.seen = proposal
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.answer

    async def perform(self, change: Change) -> Result:
        return await perform(
            change,
            self.session,
            self.confirm,
            Audit(self.file),
            server=SERVER,
            read_only=lambda: self.read_only,
            looks=(0.0, 0.2, 0.5),
        )

    def story(self) -> list[str]:
        """The steps in the audit, whose chain is whole."""
        assert audit.verify(self.file).problems == ()
        return [f"{each['step']} {each.get('state', '')}".strip() for each in audit.read(self.file)]


@asynccontextmanager
async def desk(cluster: Cluster, kubeconfig: Path | None = None, **how: Any) -> AsyncIterator[Desk]:
    """A session that has said hello and then asks for nothing by itself."""
    async with looking(cluster, kubeconfig, pace=replace(BRISK, heartbeat=60.0)) as session:
        await snapshot_where(session.snapshots(), lambda s: s.server.answered is not None)
        yield Desk(cluster, session, **how)


def ref(cluster: Cluster, kind: Kind, name: str) -> Ref:
    return Ref(kind, cluster.namespace if kind.namespaced else "", name)


async def made(cluster: Cluster, **data: str) -> Raw:
    return await cluster.api.create(cluster.path("configmaps"), config("one", **data))


async def found(cluster: Cluster) -> Any:
    return (await cluster.api.get(cluster.path("configmaps", "one"))).body


def setting(cluster: Cluster, before: Raw, **data: str | None) -> Patch:
    return Patch(
        title="Edit ConfigMap one",
        target=ref(cluster, CONFIGMAP, "one"),
        before=before,
        patch={"data": data},
    )


async def test_a_namespace_is_enrolled_and_that_is_undone(cluster: Cluster) -> None:
    path = f"/api/v1/namespaces/{cluster.namespace}"
    label = "istio.io/dataplane-mode"
    async with desk(cluster) as at:
        at.session.want([Scope(NAMESPACE)])
        seen = await snapshot_where(
            at.session.snapshots(), lambda s: bool(s.find(NAMESPACE, "", cluster.namespace))
        )
        it = seen.find(NAMESPACE, "", cluster.namespace)
        assert it is not None
        change = changes.enroll(it, seen)
        assert isinstance(change, Patch)
        result = await at.perform(change)
        assert result.state is State.APPLIED, result.reason
        assert at.seen is not None
        assert f"+    {label}: ambient" in at.seen.diff
        labelled = (await cluster.api.get(path)).body
        assert labelled["metadata"]["labels"][label] == "ambient"
        managers = {each["manager"] for each in labelled["metadata"]["managedFields"]}
        assert "meshtui" in managers
        back = changes.inverse(result.change, result.left)
        assert isinstance(back, Patch)
        assert (await at.perform(back)).state is State.APPLIED
        assert label not in (await cluster.api.get(path)).body["metadata"]["labels"]
        assert at.story() == ["intent", "outcome applied"] * 2
        first = next(iter(audit.read(at.file)))
    assert (first["context"], first["user"], first["title"]) == ("test", "jane", change.title)
    assert first["patch"] == {"metadata": {"labels": {label: "ambient"}}}


async def test_an_object_is_made_and_deleted_and_comes_back(cluster: Cluster) -> None:
    target = ref(cluster, CONFIGMAP, "one")
    wanted = config("one", a="1")
    async with desk(cluster) as at:
        result = await at.perform(Create(title="Create one", target=target, wanted=wanted))
        assert result.state is State.APPLIED, result.reason
        assert (await found(cluster))["data"] == {"a": "1"}
        gone = changes.inverse(result.change, result.left)
        assert isinstance(gone, Delete)
        result = await at.perform(gone)
        assert (result.state, result.left) == (State.APPLIED, None), result.reason
        assert (await found(cluster))["code"] == 404
        again = changes.inverse(result.change, result.left)
        assert isinstance(again, Create)
        assert (await at.perform(again)).state is State.APPLIED
        assert (await found(cluster))["data"] == {"a": "1"}
        assert (await at.perform(again)).state is State.CONFLICT
        assert at.story() == [*["intent", "outcome applied"] * 3, "outcome conflict"]


async def test_a_controller_is_restarted_for_good(cluster: Cluster) -> None:
    it = await cluster.api.create(cluster.path("deployments", group="apps/v1"), deployment("web"))
    async with desk(cluster) as at:
        change = changes.restart(ref(cluster, DEPLOYMENT, "web"), it, NOON)
        assert isinstance(change, Patch)
        result = await at.perform(change)
        assert result.state is State.APPLIED, result.reason
    after = (await cluster.api.get(cluster.path("deployments", "web", group="apps/v1"))).body
    stamped = after["spec"]["template"]["metadata"]["annotations"]
    assert stamped == {"kubectl.kubernetes.io/restartedAt": "2026-11-25T12:00:00Z"}
    assert after["metadata"]["generation"] == it["metadata"]["generation"] + 1
    assert isinstance(changes.inverse(result.change, result.left), changes.Refusal)


async def test_what_is_declined_is_not_sent_and_is_in_the_audit(cluster: Cluster) -> None:
    before = await made(cluster, a="1")
    async with desk(cluster, answer=False) as at:
        result = await at.perform(setting(cluster, before, a="2"))
        assert result.state is State.DECLINED
        assert at.story() == ["outcome declined"]
    assert await found(cluster) == before


async def test_read_only_refuses_even_after_the_question(cluster: Cluster) -> None:
    before = await made(cluster, a="1")
    async with desk(cluster, read_only="its name looks like production") as at:
        result = await at.perform(setting(cluster, before, a="2"))
        assert (result.state, at.seen) == (State.REFUSED, None)
        at.read_only = ""

        async def locked() -> None:
            at.read_only = "15 minutes are over"

        at.meanwhile = locked
        result = await at.perform(setting(cluster, before, a="2"))
        assert (result.state, result.reason) == (
            State.REFUSED,
            "read-only: 15 minutes are over",
        )
        assert at.story() == ["outcome refused"] * 2
    assert await found(cluster) == before


async def test_who_may_not_is_refused_before_the_question(cluster: Cluster) -> None:
    before = await made(cluster, a="1")
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("get", "configmaps", namespace=cluster.namespace)
    )
    async with desk(cluster, kubeconfig) as at:
        result = await at.perform(setting(cluster, before, a="2"))
        assert (result.state, at.seen) == (State.REFUSED, None)
        user = f"jane.{cluster.namespace}"
        assert result.reason.startswith(f"{user} may not patch configmaps one in ")
        assert at.story() == ["outcome refused"]
    assert await found(cluster) == before


async def test_a_right_for_one_object_by_its_name_is_enough(cluster: Cluster) -> None:
    before = await made(cluster, a="1")
    await cluster.api.create(cluster.path("configmaps"), config("two"))
    where = f"{RBAC}/namespaces/{cluster.namespace}"
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("get", "configmaps", namespace=cluster.namespace)
    )
    for kind, spec in (("roles", _may_patch("one")), ("rolebindings", _for_jane(cluster))):
        await cluster.api.create(f"{where}/{kind}", {"metadata": {"name": "by-name"}, **spec})
    async with looking(cluster, kubeconfig, pace=replace(BRISK, rights=0.0)) as forgetful:
        await until(lambda: _may(forgetful, cluster))
    async with desk(cluster, kubeconfig) as at:
        change = setting(cluster, before, a="2")
        assert (await at.perform(change)).state is State.APPLIED
        other = replace(change, target=ref(cluster, CONFIGMAP, "two"))
        assert (await at.perform(other)).state is State.REFUSED


async def _may(session: LiveSession, cluster: Cluster) -> bool:
    return (await session.may("patch", CONFIGMAP, cluster.namespace, name="one")).allowed is True


def _may_patch(name: str) -> Raw:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}
    return {"rules": [{**rule, "resourceNames": [name]}]}


def _for_jane(cluster: Cluster) -> Raw:
    group = "rbac.authorization.k8s.io"
    return {
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "by-name"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": f"jane.{cluster.namespace}"}],
    }


async def test_a_value_that_the_server_refuses_is_refused_in_its_words(cluster: Cluster) -> None:
    before = await made(cluster, a="1")
    patch = {"metadata": {"labels": {"istio.io/use-waypoint": "no such/value"}}}
    async with desk(cluster) as at:
        result = await at.perform(replace(setting(cluster, before), patch=patch))
        assert (result.state, at.seen) == (State.REFUSED, None)
        assert "a valid label must be an empty string or consist of" in result.reason
        assert at.story() == ["outcome refused"]
    assert await found(cluster) == before


async def test_what_is_so_already_is_not_asked(cluster: Cluster) -> None:
    before = await made(cluster, a="1")
    async with desk(cluster) as at:
        result = await at.perform(setting(cluster, before, a="1"))
        assert (result.state, at.seen) == (State.REFUSED, None)
        assert result.reason == "nothing would change: it is so already"


async def test_a_write_to_something_else_meanwhile_is_no_obstacle(cluster: Cluster) -> None:
    before = await made(cluster, a="1", b="1")
    path = cluster.path("configmaps", "one")
    async with desk(cluster) as at:
        await cluster.api.patch(path, {"data": {"b": "2"}})
        at.meanwhile = lambda: cluster.api.patch(path, {"data": {"b": "3"}})
        result = await at.perform(setting(cluster, before, a="2"))
        assert result.state is State.APPLIED, result.reason
        assert (await found(cluster))["data"] == {"a": "2", "b": "3"}
        assert at.story() == ["intent", "outcome applied"]


@pytest.mark.parametrize("when", ["before", "during"])
async def test_a_write_to_the_same_meanwhile_stops_it(cluster: Cluster, when: str) -> None:
    before = await made(cluster, a="1")
    path = cluster.path("configmaps", "one")

    async def other() -> None:
        await cluster.api.send(
            "PATCH",
            path,
            {"data": {"a": "9"}},
            content_type="application/merge-patch+json",
            query={"fieldManager": "somebody"},
        )

    async with desk(cluster) as at:
        if when == "before":
            await other()
        else:
            at.meanwhile = other
        result = await at.perform(setting(cluster, before, a="2"))
        assert result.state is State.CONFLICT
        assert "was changed in the meantime, last by somebody" in result.reason
        assert {"-  a: '1'", "+  a: '9'"} <= set(result.diff)
        steps = ["outcome conflict"] if when == "before" else ["intent", "outcome conflict"]
        assert at.story() == steps
    assert (await found(cluster))["data"] == {"a": "9"}


async def test_an_object_that_was_deleted_or_made_anew_meanwhile_is_left_alone(
    cluster: Cluster,
) -> None:
    before = await made(cluster, a="1")
    path = cluster.path("configmaps", "one")
    async with desk(cluster) as at:
        at.meanwhile = lambda: cluster.api.delete(path)
        result = await at.perform(setting(cluster, before, a="2"))
        assert result.state is not State.APPLIED
        assert (await found(cluster))["code"] == 404
        at.meanwhile = None
        await made(cluster, a="1")
        result = await at.perform(setting(cluster, before, a="2"))
        assert (result.state, at.story()[-1]) == (State.CONFLICT, "outcome conflict")
        assert result.reason.endswith("was deleted and made anew")
    assert (await found(cluster))["data"] == {"a": "1"}


async def test_an_undo_is_for_the_object_as_it_was_left(cluster: Cluster) -> None:
    before = await made(cluster, a="1")
    async with desk(cluster) as at:
        result = await at.perform(setting(cluster, before, a="2"))
        back = changes.inverse(result.change, result.left)
        assert isinstance(back, Patch)
        await cluster.api.patch(cluster.path("configmaps", "one"), {"data": {"a": "3"}})
        assert (await at.perform(back)).state is State.CONFLICT
    assert (await found(cluster))["data"] == {"a": "3"}


async def test_a_connection_cut_before_it_was_sent_leaves_all_as_it_was(cluster: Cluster) -> None:
    before = await made(cluster, a="1")
    async with relayed(cluster) as (relay, kubeconfig), desk(cluster, kubeconfig) as at:
        at.meanwhile = relay.tear
        result = await at.perform(setting(cluster, before, a="2"))
        assert result.state is State.FAILED
        assert "refuses connections" in result.reason
        assert at.story() == ["intent", "outcome failed"]
    assert await found(cluster) == before


@pytest.mark.parametrize("verb", ["create", "patch", "delete"])
async def test_a_write_whose_answer_was_lost_is_unknown_and_then_looked_up(
    cluster: Cluster, verb: str
) -> None:
    async with relayed(cluster) as (relay, kubeconfig), desk(cluster, kubeconfig) as at:
        change = await _change(cluster, verb)

        async def lose() -> None:
            relay.lose_answer()

        at.meanwhile = lose
        result = await at.perform(change)
        assert result.state is State.APPLIED, result.reason
        # A DELETE that was cut off is sent again by the transport, and answered then: there is no such object.
        lost = 'configmaps "one" not found' if verb == "delete" else "its answer never came"
        assert result.reason.startswith(lost)
        assert result.reason.endswith("; the object is as asked")
        assert at.story() == ["intent", "outcome unknown", "outcome applied"]
        now = await found(cluster)
        assert now.get("code") == (404 if verb == "delete" else None)
        assert not isinstance(changes.inverse(result.change, result.left), changes.Refusal)


async def test_a_write_that_cannot_be_looked_up_stays_unknown(cluster: Cluster) -> None:
    before = await made(cluster, a="1")
    async with relayed(cluster) as (relay, kubeconfig), desk(cluster, kubeconfig) as at:

        def away() -> None:
            relay.refuse()
            relay.cut()

        async def lose_all() -> None:
            relay.lose_answer(away)

        at.meanwhile = lose_all
        result = await at.perform(setting(cluster, before, a="2"))
        assert result.state is State.UNKNOWN
        assert at.story() == ["intent", "outcome unknown", "outcome unknown"]
    assert (await found(cluster))["data"] == {"a": "2"}


@pytest.mark.only("real", reason="the built-in cluster has no admission webhooks")
async def test_an_admission_webhook_warns_and_refuses(cluster: Cluster) -> None:
    before = await made(cluster, a="1")
    async with admission(cluster), desk(cluster) as at:
        result = await at.perform(setting(cluster, before, a="forbidden"))
        assert (result.state, at.seen) == (State.REFUSED, None)
        assert 'denied the request: not "forbidden" here' in result.reason
        assert result.remedy == ""
        result = await at.perform(setting(cluster, before, a="2"))
        assert result.state is State.APPLIED, result.reason
        assert at.seen is not None
        assert at.seen.warnings == ('think "twice", friend',)
        assert at.story() == ["outcome refused", "intent", "outcome applied"]


async def _change(cluster: Cluster, verb: str) -> Change:
    target = ref(cluster, CONFIGMAP, "one")
    if verb == "create":
        return Create(title="Create one", target=target, wanted=config("one", a="1"))
    before = await made(cluster, a="1")
    if verb == "delete":
        return Delete(title="Delete one", target=target, before=before)
    return setting(cluster, before, a="2")


@asynccontextmanager
async def admission(cluster: Cluster) -> AsyncIterator[None]:
    """A webhook that warns of every ConfigMap of the test's namespace and of that itself, and refuses those that say
    "forbidden", in their data or as a label."""

    async def review(request: web.Request) -> web.Response:
        asked = (await request.json())["request"]
        it = asked["object"]
        told = {**(it.get("data") or {}), **(it["metadata"].get("labels") or {})}
        allowed = "forbidden" not in told.values()
        answer = {"uid": asked["uid"], "allowed": allowed, "warnings": ['think "twice", friend']}
        if not allowed:
            answer["status"] = {"code": 403, "message": 'not "forbidden" here'}
        return web.json_response(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
        )

    authority = Authority.new("webhooks")
    app = web.Application()
    app.router.add_post("/", review)
    async with hosting(app, _tls(authority, cluster.scratch)) as port:
        url = f"https://{LOOPBACK}:{port}/"
        path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        await cluster.api.create(path, _registration(cluster, url, authority))
        await _until_asked(cluster)
        yield
        await cluster.api.delete(f"{path}/{cluster.namespace}")


def _tls(authority: Authority, scratch: Path) -> ssl.SSLContext:
    pair, file = authority.server("webhook"), scratch / "webhook.pem"
    file.write_bytes(pair.certificate + pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


def _registration(cluster: Cluster, url: str, authority: Authority) -> dict[str, Any]:
    return {
        "metadata": {"name": cluster.namespace},
        "webhooks": [
            {
                "name": "opinions.example.com",
                "clientConfig": {
                    "url": url,
                    "caBundle": b64encode(authority.pair.certificate).decode(),
                },
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "resources": ["configmaps", "namespaces"],
                        "operations": ["CREATE", "UPDATE"],
                    }
                ],
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}
                },
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


async def _until_asked(cluster: Cluster) -> None:
    """The API server hears of a new webhook by a watch, so a little later."""

    async def warned() -> bool:
        answer = await cluster.api.send(
            "PATCH",
            cluster.path("configmaps", "one"),
            {"data": {"b": "1"}},
            content_type="application/merge-patch+json",
            query={"dryRun": "All"},
        )
        return "Warning" in answer.headers

    await until(warned)

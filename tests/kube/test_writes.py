"""Writes: what goes over the wire for each change, as the Kubernetes API reference has it, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from meshtui.kube import writes
from meshtui.kube.api import Api
from meshtui.kube.discovery import Discovery
from meshtui.kube.errors import Unreachable
from meshtui.mesh.changes import Change, Create, Delete, Patch
from meshtui.mesh.kinds import GATEWAY, SECRET
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Trouble
from tests.kube.scripted import QUICK, Handler, Scripted, answer
from tests.kube.test_secrets import CERTIFICATE, secret

TARGET = Ref(GATEWAY, "shop", "waypoint")
COLLECTION = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways"
IT: Raw = {"metadata": {"name": "waypoint", "uid": "u", "resourceVersion": "7"}}
LABELS = {"metadata": {"labels": {"a": "b"}}}

CREATE = Create(title="", target=TARGET, wanted=IT)
PATCH = Patch(title="", target=TARGET, before=IT, patch=LABELS)
DELETE = Delete(title="", target=TARGET, before=IT)
OPTIONS = {
    "apiVersion": "v1",
    "kind": "DeleteOptions",
    "preconditions": {"uid": "u", "resourceVersion": "7"},
}


def saying(bodies: list[Any], *warnings: str) -> Handler:
    """Notes the bodies, and answers with warnings."""

    async def handle(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        response = web.json_response(IT)
        for warning in warnings:
            response.headers.add("Warning", warning)
        return response

    return handle


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("change", "method", "path", "content_type", "body"),
    [
        (CREATE, "POST", COLLECTION, "application/json", IT),
        (
            PATCH,
            "PATCH",
            f"{COLLECTION}/waypoint",
            "application/merge-patch+json",
            {"metadata": {"labels": {"a": "b"}, "resourceVersion": "7"}},
        ),
        (DELETE, "DELETE", f"{COLLECTION}/waypoint", "application/json", OPTIONS),
    ],
)
async def test_a_change_is_one_request(
    scripted: Scripted,
    api: Api,
    dry_run: bool,
    change: Change,
    method: str,
    path: str,
    content_type: str,
    body: dict[str, Any],
) -> None:
    bodies: list[Any] = []
    scripted.on(path, saying(bodies))
    written = await writes.write(api, Discovery(api, QUICK), change, dry_run=dry_run)
    assert written.object == (None if change is DELETE else IT)
    request = scripted.requests[-1]
    assert (request.method, request.content_type) == (method, content_type)
    assert dict(request.query) == {
        "fieldManager": "meshtui",
        **({"dryRun": "All"} if dry_run else {}),
    }
    dry = {"dryRun": ["All"]} if dry_run and change is DELETE else {}
    assert bodies == [{**body, **dry}]


async def test_warnings_are_read_whatever_is_quoted_in_them(scripted: Scripted, api: Api) -> None:
    """RFC 7234, 5.5; the API server's own have the code 299 and no agent."""
    path = f"{COLLECTION}/waypoint"
    said = ('299 - "unknown field \\"spec.x\\""', '299 - "one", 299 - "two"', "199 - miscellaneous")
    scripted.on(path, saying([], *said))
    written = await writes.write(api, Discovery(api, QUICK), PATCH, dry_run=True)
    assert written.warnings == ('unknown field "spec.x"', "one", "two")


async def test_an_answer_that_is_no_object_is_none(scripted: Scripted, api: Api) -> None:
    """The change may have been made all the same."""
    scripted.on(f"{COLLECTION}/waypoint", answer(["login"]))
    with pytest.raises(Unreachable) as caught:
        await writes.write(api, Discovery(api, QUICK), PATCH, dry_run=False)
    assert caught.value.problem.trouble is Trouble.BROKEN


async def test_of_a_secret_only_certificates_come_back(scripted: Scripted, api: Api) -> None:
    scripted.on(
        "/api/v1/namespaces/shop/secrets/a", answer(secret(tls_crt=CERTIFICATE, tls_key=b"k"))
    )
    change = Patch(title="", target=Ref(SECRET, "shop", "a"), before=IT, patch=LABELS)
    written = await writes.write(api, Discovery(api, QUICK), change, dry_run=True)
    assert written.object is not None
    assert set(written.object["data"]) == {"tls.crt"}

"""The question before a change: what it says, and in which order."""

from __future__ import annotations

from meshtui.mesh import checks
from meshtui.mesh.changes import Patch
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.ownership import Owner
from meshtui.mesh.snapshot import Ref, Server
from meshtui.ui import confirm
from meshtui.ui.confirm import Question
from meshtui.ui.spans import text_of
from tests.mesh.made import made


def test_what_webhooks_and_owners_say_against_it_is_seen_without_scrolling() -> None:
    target = Ref(NAMESPACE, "", "shop")
    question = Question(
        change=Patch(title="", target=target, before=made("Namespace", "shop"), patch={}),
        context="kind",
        server=Server(user="jane"),
        diff=[" labels:", "+  istio.io/dataplane-mode: ambient"] * 20,
        warnings=["deprecated: \x1b[31mask the mesh team"],
        owners=[Owner("Argo CD", "application shop", gitops=True, sets=True)],
        for_repository="metadata: {}",
        checks=[checks.well(f"check {number}") for number in range(8)],
        reach=["3 pods of 2 controllers"],
    )
    told = [text_of(line) for line in confirm.lines(question, 76)]
    assert "ask the mesh team" in told[0]
    assert "\x1b" not in told[0]
    assert "Argo CD (application shop) will revert the change" in told[1]
    assert "accepted as a dry run" in told[-1]

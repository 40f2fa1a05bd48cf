"""The verification dialog: what it says of evidence that is followed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from meshtui.mesh import verification
from meshtui.mesh.changes import Patch
from meshtui.mesh.kinds import NAMESPACE, POD
from meshtui.mesh.snapshot import Phase, Problem, Ref, Scope, Source, Trouble
from meshtui.ui import verify
from meshtui.ui.spans import text_of
from tests.mesh.made import NOW, made, snapshot

WHY = "jane may not list pods in the namespace shop, says the server, nor may anybody of her group"


@pytest.mark.parametrize("width", [76, 116])
def test_why_nothing_can_be_proved_and_that_the_time_is_over_are_said_whole(width: int) -> None:
    labels = {"istio.io/dataplane-mode": "ambient"}
    change = Patch(
        title="Enroll namespace shop in the mesh",
        target=Ref(NAMESPACE, "", "shop"),
        before=made("Namespace", "shop"),
        patch={"metadata": {"labels": labels}},
    )
    denied = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, WHY))
    namespace = made("Namespace", "shop", labels=labels)
    found = snapshot(namespace, sources={Scope(POD): denied})
    following = verification.begin(change, found, NOW)
    assert following is not None
    late = NOW + timedelta(seconds=61)
    told = verify.lines(following, verification.progress(following, found, late), late, width)
    said = [text_of(line) for line in told]
    assert max(map(len, said)) <= width
    whole = " ".join(" ".join(said).split())
    assert WHY in whole
    assert "60 s of 60" in whole
    assert "not verified in time" in whole

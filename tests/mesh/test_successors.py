"""Which pods come in the place of others: of a DaemonSet the one on the same node alone."""

from __future__ import annotations

from msgspec.structs import replace

from meshtui.mesh.kinds import POD
from meshtui.mesh.memo import Memo
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.successors import Watched
from tests import recordings

SHOP = recordings.snapshot("shop")
HOME = "istio-system"


def on(node: str, name: str) -> dict[str, Raw]:
    it = SHOP.objects[POD][f"{HOME}/ztunnel-4rh2t"]
    metadata, spec = {**it["metadata"], "name": name}, {**it["spec"], "nodeName": node}
    return {f"{HOME}/{name}": {**it, "metadata": metadata, "spec": spec}}


def test_a_ztunnel_is_replaced_on_its_node() -> None:
    mine = Ref(POD, HOME, "ztunnel-4rh2t")
    node = SHOP.objects[POD][mine.key]["spec"]["nodeName"]
    watched = Watched.of(SHOP, [mine])
    assert watched.successors(SHOP) == []
    found = {**SHOP.objects[POD], **on(node, "ztunnel-new"), **on("elsewhere", "ztunnel-other")}
    later = replace(SHOP, objects={**SHOP.objects, POD: found}, memo=Memo())
    assert watched.successors(later) == [Ref(POD, HOME, "ztunnel-new")]

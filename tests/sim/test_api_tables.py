"""Tables hold what a real kube-apiserver prints for the same objects."""

import json

from meshtui.sim.serve import serve
from meshtui.sim.store import Store
from tests.cluster.kubeconfig import Api, Raw
from tests.cluster.on_built_in import Kubelets
from tests.sim.record_tables import TABLES, printed

RECORDED: Raw = json.loads(TABLES.read_text())


async def test_rows_and_columns_are_those_of_a_real_server() -> None:
    async with serve(Store(), Kubelets()) as served, Api.connected(served.kubeconfig) as api:
        tables = await printed(api)
    assert tables.keys() == RECORDED.keys()
    for plural, table in RECORDED.items():
        assert tables[plural]["columns"] == table["columns"], plural
        for key, cells in table["rows"].items():
            assert tables[plural]["rows"].get(key) == cells, (plural, key)

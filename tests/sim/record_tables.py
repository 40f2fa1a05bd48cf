"""Records what a real kube-apiserver prints for the recorded objects of `shop`: `python -m tests.sim.record_tables
KUBECONFIG`, with the kubeconfig that `python -m tests.cluster` prints. Writes tests/data/sim/tables.json."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.cluster.kubeconfig import MERGE, Api, Raw

OBJECTS = Path(__file__).parents[1] / "data" / "recordings" / "shop" / "objects"
TABLES = Path(__file__).parents[1] / "data" / "sim" / "tables.json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PODS = TABLES.with_name("pods.yaml")
_UNSTEADY = ("Age", "Last Seen", "First Seen")
"""Columns of times."""


def recorded() -> Iterator[tuple[str, str, Raw]]:
    """Plural with its group, apiVersion, and each object, namespaces first. Nodes get other names than the real
    server's own."""
    files = sorted(OBJECTS.glob("*.json"), key=lambda file: (file.stem != "namespaces", file.stem))
    for file in files:
        listing = json.loads(file.read_text())
        for item in listing["items"]:
            obj = {
                "apiVersion": listing["apiVersion"],
                "kind": listing["kind"].removesuffix("List"),
                **item,
            }
            if file.stem == "nodes":
                obj["metadata"]["name"] = "recorded-" + obj["metadata"]["name"]
            if (
                obj["metadata"].get("namespace") != "default"
            ):  # where each server has things of its own
                yield file.stem, listing["apiVersion"], obj
    for said in yaml.safe_load(PODS.read_text()):
        yield "pods", "v1", _pod(said)


def _pod(said: Raw) -> Raw:
    def containers(names: list[str]) -> list[Raw]:
        sidecars = said.get("sidecars", ())
        return [
            {"name": name, "image": "a"} | ({"restartPolicy": "Always"} if name in sidecars else {})
            for name in names
        ]

    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": said["name"], "namespace": "plain"},
        "spec": {
            "nodeName": "node-1",
            "containers": containers(said.get("containers", ["app"])),
            "initContainers": containers(said.get("init", [])),
        },
        "status": said["status"],
        "deleted": said.get("deleted", False),
    }


def path(plural: str, api_version: str, namespace: str = "") -> str:
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{where}/{plural.partition('.')[0]}"


def steady(table: Raw, wanted: set[str]) -> Raw:
    """The columns, and by "namespace/name" the cells, without those that differ from run to run."""
    columns = [
        [column[part] for part in ("name", "type", "format", "priority")]
        for column in table["columnDefinitions"]
    ]
    rows = {}
    for row in table["rows"]:
        metadata = row["object"]["metadata"]
        key = f"{metadata.get('namespace', '')}/{metadata['name']}"
        if key in wanted:
            cells = zip(columns, row["cells"], strict=True)
            rows[key] = ["*" if column[0] in _UNSTEADY else cell for column, cell in cells]
    return {"columns": columns, "rows": rows}


async def printed(api: Api) -> Raw:
    """The tables that a server prints by plural, once it has been given all these objects."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for plural, api_version, obj in recorded():
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "")
        wanted.setdefault((plural, api_version), set()).add(f"{namespace}/{metadata['name']}")
        await _create(api, path(plural, api_version, namespace), obj)
    return {
        plural: steady((await api.send("GET", path(plural, version), accept=TABLE)).body, keys)
        for (plural, version), keys in wanted.items()
    }


async def _record(kubeconfig: Path) -> None:
    async with Api.connected(kubeconfig) as api:
        TABLES.write_text(json.dumps(await printed(api), indent=1) + "\n")


async def _create(api: Api, collection: str, obj: Raw) -> None:
    kept = ("name", "namespace", "labels", "annotations")
    metadata = {key: value for key, value in obj["metadata"].items() if key in kept}
    body = {**obj, "metadata": metadata}
    deleted = body.pop("deleted", False)
    made = await api.send("POST", collection, body)
    assert made.status in (201, 409), made.body
    if "status" in obj and made.status == 201:
        status = f"{collection}/{metadata['name']}/status"
        told = await api.send("PATCH", status, {"status": obj["status"]}, content_type=MERGE)
        assert told.status == 200, told.body
    if deleted:
        await api.delete(f"{collection}/{metadata['name']}")


if __name__ == "__main__":
    asyncio.run(_record(Path(sys.argv[1])))

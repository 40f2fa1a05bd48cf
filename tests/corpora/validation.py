"""Resources that an API server accepts or rejects (`validation/open`; its README says what is compared), by the dry run
of `meshtui doctor --dry-run` on a real kube-apiserver with the CustomResourceDefinitions beside the corpora."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from meshtui.commands import whole
from meshtui.mesh.doctor.configuration.schema import Tried
from meshtui.mesh.raw import Raw, namespace
from meshtui.settings import Settings
from tests.cluster.kubeconfig import Api
from tests.cluster.real import RealCluster, missing

CORPORA = Path(os.environ.get("MESHTUI_CORPORA", "."))
HOME = CORPORA / "validation" / "open"
CRDS = CORPORA.parent / "crds"
CHANNELS = ("standard", "experimental")
"""Of the Gateway API: a cluster has one of the two. Istio's kinds are in both."""


@dataclass(frozen=True, slots=True)
class Case:
    """One file, and whether it is to be accepted."""

    id: str
    channel: str
    file: Path
    valid: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the server said of the documents of one case."""

    case: Case
    tried: Sequence[Tried]

    @property
    def agrees(self) -> bool:
        refused = any(each.refused for each in self.tried)
        unknown = any(each.unknown for each in self.tried)
        return refused != self.case.valid and not (self.case.valid and unknown)


def cases() -> list[Case]:
    """None where there is no such folder, or no CustomResourceDefinitions."""
    file = HOME / "cases.json"
    if not file.is_file() or not CRDS.is_dir():
        return []
    return [
        Case(each["id"], each["channel"] or CHANNELS[0], HOME / each["file"], each["valid"])
        for each in json.loads(file.read_bytes())["cases"]
    ]


def why_not() -> str:
    """Why they cannot be run here; "" where they can."""
    return missing() or ("" if cases() else "MESHTUI_CORPORA names no folder with validation/open")


def verdicts() -> list[Verdict]:
    return [each for channel in CHANNELS for each in asyncio.run(_of_channel(channel))]


async def _of_channel(channel: str) -> list[Verdict]:
    chosen = [case for case in cases() if case.channel == channel]
    with tempfile.TemporaryDirectory(prefix="meshtui-validation-") as scratch:
        cluster = RealCluster(Path(scratch), crds=False)
        async with cluster as access:
            await cluster.install(_definitions(channel))
            documents = {case.id: list(_documents(case.file)) for case in chosen}
            every = [each for found in documents.values() for each in found]
            async with Api.connected(access.admin) as api:
                for name in {namespace(each) for each in every} - {"", "default"}:
                    await api.create("/api/v1/namespaces", {"metadata": {"name": name}})
            said = await whole.tried(Settings(kubeconfig=(access.admin,)), every, "default")
    return list(_shared_out(chosen, documents, said))


def _shared_out(
    chosen: Iterable[Case], documents: Mapping[str, Sequence[Raw]], said: Sequence[Tried]
) -> Iterable[Verdict]:
    left = iter(said)
    for case in chosen:
        yield Verdict(case, [next(left) for _ in documents[case.id]])


def _definitions(channel: str) -> list[dict[str, Any]]:
    files = [*(CRDS / "istio").glob("*.yaml"), *(CRDS / "gateway-api" / channel).glob("*.yaml")]
    found = (each for file in sorted(files) for each in _documents(file))
    return [dict(each) for each in found if each["kind"] == "CustomResourceDefinition"]


def _documents(file: Path) -> Iterable[Raw]:
    return (each for each in yaml.load_all(file.read_text(), _Loader) if each)


class _Loader(yaml.SafeLoader):
    """Times stay as they are written; a plain scalar may end in a colon, as in Kubernetes' own parser."""


_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

"""What strangers put into objects, dumps and certificates neither takes a pane down nor steers a terminal."""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from meshtui.kube.secrets import certificates_only
from meshtui.mesh import named_secrets, raw, ztunnel_probes
from meshtui.mesh.kinds import EVENT, POD, SECRET, Kind
from meshtui.mesh.logs import LogLine
from meshtui.mesh.memo import Memo
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Probe, Problem, Ref, Snapshot, Trouble
from meshtui.ui import detail, notices
from meshtui.ui.panes import PANES
from meshtui.ui.reader import Describe
from meshtui.ui.spans import line, text_of
from meshtui.ui.table import fit
from tests import recordings
from tests.anything import JSON, damaged
from tests.ui import situations
from tests.ui.look import strips_of
from tests.ui.looking import Looking, looking

SHOP = situations.shop()
POISON = "\x1b]0;pwned\x07\x1b[31m\x9b2J[bold red]☠[/]\u202e\u200b\r\n\t"
KINDS = sorted({scope.kind for scope in situations.WATCHED} | {EVENT}, key=str)
NODES = ("node-1", "node-2")


_STEERING = re.compile("[\0-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")


def steers(text: str) -> str:
    """The characters in a text that steer a terminal, or turn or hide what stands beside them."""
    return "".join(_STEERING.findall(text))


# One mesh in which every word is poisoned, on the running screen.


def poisoned(value: Any, spared: Collection[str]) -> Any:
    """A copy with something nasty behind every string, but for those under the keys that are spared."""
    if isinstance(value, str):
        return value + POISON
    if isinstance(value, list):
        return [poisoned(each, spared) for each in value]
    if isinstance(value, Mapping):
        return {k: each if k in spared else poisoned(each, spared) for k, each in value.items()}
    return value


MATTERS = ("labels", "annotations", "phase", "type", "status", "creationTimestamp", "startTime")
"""What decides which rows there are: spared, the rows stay what they are, and all their names are poisoned."""


def poisoned_mesh(spared: Collection[str]) -> Snapshot:
    """The recorded mesh, poisoned: names alike wherever they stand, so that what belongs together still does."""
    objects: dict[Kind, dict[str, Raw]] = {}
    for kind, found in SHOP.objects.items():
        made = [
            poisoned(it, {*spared} - ({"status"} if kind == POD else set()))
            for it in found.values()
        ]
        objects[kind] = {raw.key(it): it for it in made}
    answers: dict[Probe, Answer] = {}
    recording = recordings.Recording("shop")
    for node in NODES:
        (pod,) = (
            it for it in objects[POD].values()
            if "ztunnel" in raw.name(it) and raw.text(it, "spec", "nodeName") == node + POISON
        )  # fmt: skip
        dump = poisoned(
            json.loads(recording.dump(node)),
            ("state", "pem", "protocol", "validFrom", "expirationTime"),
        )
        dump["workloadState"] = {uid + POISON: each for uid, each in dump["workloadState"].items()}
        where = raw.namespace(pod), raw.name(pod)
        for probe in (ztunnel_probes.dump(*where), ztunnel_probes.detail(*where)):
            answers[probe] = Answer(probe.read(json.dumps(dump).encode()), recording.read_at)
        metrics = ztunnel_probes.metrics(*where)
        answers[metrics] = Answer(metrics.read(recording.metrics(node)), recording.read_at)
    at = replace(
        SHOP,
        server=replace(SHOP.server, cluster=POISON, url=POISON, version="v1.36.3" + POISON),
        objects=objects,
        answers=answers,
        memo=Memo(),
    )
    refused = Answer(problem=Problem(Trouble.FORBIDDEN, "no" + POISON, "ask" + POISON))
    return replace(at, gets=dict.fromkeys(named_secrets.refs(at), refused))


async def shown_everywhere(at: Looking, rows: int) -> set[str]:
    """All that a person comes to see of some rows of every pane; the names of the panes that had rows."""
    seen = set()
    for _ in PANES:
        for row in at.pane.table.rows[:: max(1, len(at.pane.table.rows) // rows)]:
            seen.add(at.pane.NAME)
            at.pane.table.select(row.key)
            await at.press("c", "d")
            assert isinstance(at.app.screen, Describe)
            clean(at)
            assert steers(at.read.replace("\n", "")) == ""
            await at.press("escape")
        if at.pane.NAME == "certificates":
            await at.press("x")
        clean(at)
        await at.press("tab")
    return seen


def clean(at: Looking) -> None:
    """No strip of the screen steers anything, and each fills its line."""
    for strip in strips_of(at.app):
        assert steers(strip.text) == "", repr(strip.text)
        assert cell_len(strip.text) == at.app.size.width


@pytest.mark.parametrize("spared", [MATTERS, ()], ids=["names", "everything"])
async def test_poisoned_words_are_drawn_as_they_are_and_steer_nothing(
    spared: Collection[str],
) -> None:
    log = [LogLine(None, f"error {POISON}")]
    async with looking(poisoned_mesh(spared), context="kind" + POISON, log=log) as at:
        seen = await shown_everywhere(at, rows=2 if spared else 1)
        assert seen >= {pane.NAME for pane in PANES if spared or pane.NAME != "certificates"}
        assert "[bold red]☠[/]" in at.screen, "markup is text"
        await at.type(":wl\r")
        await at.press("l")
        await at.until(lambda: "☠" in at.read)
        clean(at)
        await at.press("q", "y")
        await at.until(lambda: "☠" in at.read)
        clean(at)
        await at.press("q", "!")
        clean(at)
        assert "Copied" in at.read
        await at.press("q")
        await at.type(":info\r")
        clean(at)
        await at.press("q")
        await at.type(":ns ")
        assert "☠" in at.screen, "offered as a completion"
        clean(at)
        await at.press("escape")
        await at.type(":ctx\r")
        clean(at)


async def test_a_toast_of_a_poisoned_name_steers_nothing() -> None:
    nasty = POISON.strip()
    pods = {
        key: {**it, "metadata": {**it["metadata"], "name": nasty}}
        for key, it in [*SHOP.objects[POD].items()][:1]
    }
    poisoned_pod = replace(SHOP, objects={**SHOP.objects, POD: pods})
    async with looking(poisoned_pod, "workloads", toasts=True) as at:
        await at.press("c")
        await at.until(lambda: "Copied batch/" in at.screen)
        clean(at)
        assert not set(at.app.clipboard) & set("\x1b\x07\r\u202e\u200b"), "nor where it is pasted"
        assert at.app.clipboard.startswith("batch/")


async def test_a_failure_in_nasty_words_is_drawn_and_steers_nothing() -> None:
    problem = Problem(Trouble.TLS, f"the certificate {POISON}", f"do {POISON}")
    down = replace(SHOP.server, answered=None, problem=problem)
    async with looking(Snapshot(SHOP.now, down)) as at:
        assert "☠" in at.screen
        clean(at)


async def test_an_annotation_of_64_kilobytes_is_cut_and_said_to_be() -> None:
    pods = dict(SHOP.objects[POD])
    for key, it in pods.items():
        metadata = {**it["metadata"], "annotations": {"big": "x" * 65536, "wide": "字" * 65536}}
        pods[key] = {**it, "metadata": metadata}
    big = replace(SHOP, objects={**SHOP.objects, POD: pods})
    async with looking(big, "workloads") as at:
        await at.press("d")
        assert "(65,536 characters)" in at.read
        assert len(at.read) < 5000
        clean(at)


# Any object at all, through what panes are made of.


def seen(snapshot: Snapshot, rows: int = 2, *, alike: bool = False) -> None:
    """Everything that each pane would draw of a snapshot; `alike` where uids need not tell objects apart."""
    for kind in PANES:
        pane = kind()
        found = pane.rows(snapshot)
        assert alike or len({row.key for row in found}) == len(found), "the cursor needs them"
        for row in [*found[:rows], *found[-rows:]]:
            cells = pane.cells(row, snapshot)
            assert len(cells) == len(pane.COLUMNS)
            drawn = [fit(line(cell), 12) for cell in cells]
            drawn += detail.render(row.verdict, pane.described(row, snapshot), 60)
            assert steers("".join(text_of(line(each)) for each in drawn)) == ""
            pane.wants(row, found[:rows], snapshot)
            pane.described_wants(row, snapshot)
            pane.ztunnel_of(row, snapshot)
            pane.log_of(row, snapshot)
            pane.onward(row)
            assert pane.called(row) is not None
            for within in ("namespace/shop", "node/node-1", "ztunnel/istio-system/ztunnel-4rh2t"):
                pane.belongs(row, within)
        notices.below(snapshot, pane.NEEDS)
        notices.freshness(snapshot, pane.NEEDS)
        notices.instead(snapshot, pane.NEEDS, pane.EMPTY)


def with_objects(kind: Kind, changed: Iterable[tuple[str, Any]]) -> Snapshot:
    """The recorded mesh with some objects of a kind, by their keys, replaced by what became of them."""
    kept = dict(SHOP.objects.get(kind, {}))
    for key, it in changed:
        kept.pop(key, None)
        kept[raw.key(it)] = it
    return replace(SHOP, objects={**SHOP.objects, kind: kept})


MANY = settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def changed(kind: Kind) -> st.SearchStrategy[tuple[str, Any]]:
    """Recorded objects with something in them damaged; or, where none was recorded, any mapping."""
    found = [*SHOP.objects.get(kind, {}).items()][:6]
    odd = st.dictionaries(st.sampled_from(["metadata", "spec", "status", "data", "webhooks"]), JSON)
    return st.one_of(
        st.tuples(st.just(""), odd),
        *(st.tuples(st.just(key), damaged(dict(it), times=3)) for key, it in found),
    )


@pytest.mark.parametrize("kind", KINDS, ids=str)
@MANY
@given(st.data())
def test_no_object_takes_a_pane_down(kind: Kind, data: st.DataObject) -> None:
    seen(with_objects(kind, data.draw(st.lists(changed(kind), min_size=1, max_size=3))))


WRONG = (None, "x", 7, [None], {"istio.io/dataplane-mode": None})


def with_every(change: Callable[[Raw], Raw]) -> Snapshot:
    """The recorded mesh with a change to every object of every kind."""
    objects = {
        kind: {raw.key(it): it for it in map(change, found.values())}
        for kind, found in SHOP.objects.items()
    }
    return replace(SHOP, objects=objects)


@pytest.mark.parametrize("part", ["metadata", "spec", "status"])
@pytest.mark.parametrize("instead", WRONG, ids=repr)
def test_a_part_of_the_wrong_type_in_every_object(part: str, instead: Any) -> None:
    seen(with_every(lambda it: {**it, part: instead}))


@pytest.mark.parametrize("field", ["labels", "annotations", "creationTimestamp", "uid"])
@pytest.mark.parametrize("instead", WRONG, ids=repr)
def test_metadata_of_the_wrong_type_in_every_object(field: str, instead: Any) -> None:
    seen(with_every(lambda it: {**it, "metadata": {**it["metadata"], field: instead}}), alike=True)


# Dumps, metrics and certificates.


def answered(read: Mapping[str, bytes]) -> Snapshot:
    """The recorded mesh where the ztunnels answer this to some paths; what cannot be read is a problem, as the session
    has it."""
    answers = dict(SHOP.answers)
    for probe in SHOP.answers:
        if probe.path in read:
            try:
                answers[probe] = Answer(probe.read(read[probe.path]), SHOP.now)
            except ValueError as failure:
                answers[probe] = Answer(problem=Problem(Trouble.BROKEN, str(failure)))
    return replace(SHOP, answers=answers)


@functools.cache
def dump() -> bytes:
    return recordings.Recording("acme").dump("node-1")


@MANY
@given(st.integers(0, len(dump())))
def test_a_dump_that_was_cut_is_said_to_be(end: int) -> None:
    at = answered({"/config_dump": dump()[:end]})
    seen(at)
    if end < len(dump().rstrip()):
        assert all(a.problem for probe, a in at.answers.items() if probe.path == "/config_dump")


@settings(MANY, max_examples=12)
@given(damaged(json.loads(dump()), times=4))
def test_no_dump_takes_a_pane_down(broken: Any) -> None:
    seen(answered({"/config_dump": json.dumps(broken).encode()}))


@MANY
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_answer_of_any_kind_takes_a_pane_down(body: bytes) -> None:
    seen(answered({"/config_dump": body, "/metrics": body}))


def pem(block: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(block).decode()}-----END CERTIFICATE-----\n"


def secret(**data: bytes) -> Answer:
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    it = {"metadata": {"name": "acme-tls", "namespace": "edge"}, "data": encoded}
    return Answer(certificates_only(it), SHOP.now)


@settings(MANY, max_examples=12)
@given(st.data())
def test_no_certificate_takes_a_pane_down(data: st.DataObject) -> None:
    """A recorded one with bytes of it replaced, or cut."""
    chain = json.loads(dump())["certificates"][0]["certChain"][0]["pem"]
    body = base64.b64decode("".join(base64.b64decode(chain).decode().splitlines()[1:-1]))
    broken = bytearray(body)
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=3)
    ):
        broken[at] = value
    cut = bytes(broken)[: data.draw(st.integers(0, len(body)) | st.just(len(body)))]
    ref = Ref(SECRET, "edge", "acme-tls")
    whole = json.loads(dump())
    whole["certificates"][0]["certChain"][0]["pem"] = base64.b64encode(pem(cut).encode()).decode()
    told = answered({"/config_dump": json.dumps(whole).encode()})
    seen(replace(told, gets={**SHOP.gets, ref: secret(**{"tls.crt": pem(cut).encode()})}))


@MANY
@given(st.dictionaries(st.sampled_from(["metadata", "data", "type"]), JSON))
def test_no_secret_takes_a_pane_down(it: dict[str, Any]) -> None:
    gets = dict.fromkeys(SHOP.gets, Answer(certificates_only(it), SHOP.now))
    seen(replace(SHOP, gets=gets))

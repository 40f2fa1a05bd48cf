"""`meshtui doctor`: what is wrong with a mesh, or with files before they are applied, for a terminal or for CI."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click
from msgspec import Struct
from msgspec.structs import replace

from meshtui import mutes
from meshtui.commands import doctor_reports, frame, whole
from meshtui.commands.doctor_reports import Report
from meshtui.commands.frame import Told
from meshtui.commands.whole import Asked
from meshtui.kube.errors import KubeError
from meshtui.mesh import agent_logs, certificates, components, manifests, scopes
from meshtui.mesh.doctor import analyzer, examination, rows
from meshtui.mesh.doctor.ambient import agent_logs as by_logs
from meshtui.mesh.doctor.ambient import istiods
from meshtui.mesh.doctor.analyzer import Analyzer
from meshtui.mesh.doctor.configuration import schema
from meshtui.mesh.doctor.configuration.schema import Tried
from meshtui.mesh.doctor.examination import Examination, Finding
from meshtui.mesh.doctor.findings import Severity
from meshtui.mesh.doctor.rules import ANALYZERS, RULES
from meshtui.mesh.kinds import NAMESPACE, Kind
from meshtui.mesh.manifests import Manifest, Mistake
from meshtui.mesh.memo import Memo
from meshtui.mesh.raw import Raw, key, name, namespace
from meshtui.mesh.snapshot import Phase, Probe, Ref, Scope, Snapshot, Source
from meshtui.mutes import ByFinding, Mutes
from meshtui.settings import Settings


class Order(Struct, frozen=True):
    """What is asked for."""

    codes: tuple[str, ...] = ()
    """Only these rules; empty for all that run unasked."""
    severity: Severity = Severity.INFO
    """The least that is told."""
    fail_on: Severity | None = Severity.HIGH
    """The least that makes the exit status 1; None for nothing."""
    output: str = "table"
    strict: bool = False
    """A cluster that was read only in part is one that could not be read."""
    files: tuple[Path, ...] = ()
    """Files and folders of YAML, Path("-") for standard input; empty for what is in the cluster."""
    alone: bool = False
    """The files are looked at without the cluster."""
    dry_run: bool = False
    """The server tries each object of the files."""
    again: timedelta = timedelta()
    """After so long the counters of ztunnels are read again, for rules that go by how they rise; 0 for once only."""
    muted: bool = False
    """What is muted is told too."""
    logs: bool = False
    """The ends of the logs of ztunnels and CNI agents are read, for the rules that go by them."""


def run(order: Order, settings: Settings) -> int:
    """Does it, and gives the exit status."""
    found = list(_manifests(order.files))
    objects = [each for each in found if isinstance(each, Manifest)]
    mistakes = [each for each in found if isinstance(each, Mistake)]
    if order.alone:
        return _told(order, Snapshot(datetime.now(UTC)), objects, mistakes)
    snapshot = whole.reached(settings, partial(_asked, settings, order))
    if snapshot is None:
        return frame.UNREADABLE
    namespaces = settings.namespaces_of(snapshot.server.context)
    missing = _not_there(snapshot, namespaces)
    for each in missing:
        click.echo(f"meshtui: there is no namespace {each}", err=True)
    muted = _muted(snapshot.server.context)
    tries = _tried(settings, objects, snapshot) if order.dry_run else ()
    status = _told(order, replace(snapshot, muted=muted), objects, mistakes, tries, namespaces)
    # files may bring the namespace; without them it is a slip that must not pass for a mesh without findings
    return frame.USAGE if missing and not order.files and status != frame.UNREADABLE else status


def explanation(code: str) -> str:
    """A rule in words; "" where there is none of that code."""
    rule = RULES.get(code.upper())
    return doctor_reports.explained(rule) if rule else ""


def _told(
    order: Order,
    before: Snapshot,
    objects: Sequence[Manifest],
    mistakes: Sequence[Mistake],
    tries: Sequence[Analyzer] = (),
    namespaces: Sequence[str] = (),
) -> int:
    analyzers = [*_analyzers(order), *tries]
    snapshot = _merged(before, objects, alone=order.alone) if order.files else before
    result = _of_codes(examination.of(snapshot, analyzers), order.codes)
    findings = list(result.findings)
    if order.files and not order.alone:
        findings = list(_new(result, examination.of(before, analyzers), objects))
    elif namespaces:
        near = {*namespaces, *components.namespaces(snapshot)}
        findings = [each for each in findings if _concerns(each, near)]
    asked_for = [each for each in findings if each.grade.rank <= order.severity.rank]
    muted = {each: mute for each in asked_for if (mute := rows.mute_of(each, snapshot))}
    wanted = [each for each in asked_for if each not in muted]
    missing = (
        ()
        if order.alone
        else tuple(whole.missing(snapshot, (need for each in analyzers for need in each.needs)))
    )
    told = asked_for if order.muted else wanted
    report = Report(snapshot, told, result, missing, mistakes, _places(objects), muted)
    notes = [str(each) for each in mistakes]
    if order.files and not objects and not mistakes:
        notes = ["no object that a rule reads is in these files"]
    fails = order.fail_on is not None and any(
        each.grade.rank <= order.fail_on.rank for each in wanted
    )
    text = doctor_reports.FORMATS[order.output](report)
    # where nothing at all could be read, it was not read in part
    strict = order.strict or not any(it.complete for it in snapshot.sources.values())
    return frame.say(Told(text, not fails and not mistakes, notes), missing, strict=strict)


def _not_there(snapshot: Snapshot, namespaces: Sequence[str]) -> Sequence[str]:
    if snapshot.unread(NAMESPACE):
        return ()
    return [each for each in namespaces if snapshot.find(NAMESPACE, "", each) is None]


def _concerns(finding: Finding, namespaces: Collection[str]) -> bool:
    """Whether it is about something in these namespaces, or about what belongs to none."""
    refs = [ref for each in (finding.found, *finding.symptoms) for ref in each.objects]
    places = {ref.name if ref.kind == NAMESPACE else ref.namespace for ref in refs}
    return not places or "" in places or not places.isdisjoint(namespaces)


def _of_codes(found: Examination, codes: Sequence[str]) -> Examination:
    """Without what other rules of the same analyzers say; all where none is asked for."""
    if not codes:
        return found
    return replace(
        found,
        findings=tuple(each for each in found.findings if each.found.rule.code in codes),
        unsure=tuple(each for each in found.unsure if each.rule.code in codes),
        outcomes={code: each for code, each in found.outcomes.items() if code in codes},
    )


def _analyzers(order: Order) -> Sequence[Analyzer]:
    """Those that apply a rule that is asked for, or that run unasked."""
    if not order.codes:
        told = (*istiods.ANALYZERS, *(by_logs.ANALYZERS if order.logs else ()))
        beside = () if order.alone else told
        return [each for each in ANALYZERS if not each.asked_for or each in beside]
    return [each for each in ANALYZERS if any(rule.code in order.codes for rule in each.rules)]


def _tried(
    settings: Settings, objects: Sequence[Manifest], snapshot: Snapshot
) -> Sequence[Analyzer]:
    """What the server says of the objects of the files."""
    default = snapshot.server.namespace or "default"
    try:
        said = asyncio.run(whole.tried(settings, [each.raw for each in objects], default))
    except KubeError as error:
        said = [Tried(unknown=str(error))] * len(objects)
    refs = (Ref(each.kind, namespace(each.raw), name(each.raw)) for each in objects)
    return (schema.analyzer(zip(refs, said, strict=True)),)


def _muted(context: str) -> ByFinding:
    known = Mutes(mutes.default_path())
    try:
        known.load()
    except OSError as error:
        click.echo(f"meshtui: what is muted cannot be read: {error.strerror}", err=True)
    return known.of(context)


def _asked(settings: Settings, order: Order, namespaces: Sequence[str]) -> Asked:
    """All that the rules need."""
    needs = [*certificates.KINDS, *analyzer.watched(_analyzers(order))]
    asked = Asked(scopes.of(needs, namespaces), _nothing, certificates.refs)
    if not settings.sweep:
        return asked
    reads_logs = any(each in by_logs.ANALYZERS for each in _analyzers(order))
    return replace(
        asked,
        probes=_probes,
        again=_counters if order.again else _nothing,
        after=order.again,
        tails=agent_logs.tails if reads_logs else asked.tails,
    )


def _nothing(snapshot: Snapshot) -> Sequence[Probe]:
    return ()


def _probes(snapshot: Snapshot) -> Sequence[Probe]:
    return (*whole.dumps(snapshot), *istiods.probes(snapshot))


def _counters(snapshot: Snapshot) -> Sequence[Probe]:
    return (*whole.counters(snapshot), *istiods.counters(snapshot))


def _merged(snapshot: Snapshot, files: Iterable[Manifest], *, alone: bool) -> Snapshot:
    """The objects of files over those of the cluster, where there is one."""
    objects: dict[Kind, dict[str, Raw]] = {
        kind: dict(found) for kind, found in snapshot.objects.items()
    }
    for each in files:
        objects.setdefault(each.kind, {})[key(each.raw)] = each.raw
    sources: Mapping[Scope, Source] = snapshot.sources
    if alone:
        for each in _INGRESS:
            objects.setdefault(each.kind, {}).setdefault(key(each.raw), each.raw)
        sources = {Scope(each): Source(Phase.LIVE) for each in (*manifests.KINDS, *objects)}
    return replace(snapshot, objects=objects, sources=sources, memo=Memo())


_INGRESS = [
    each
    for each in manifests.read(
        """\
apiVersion: v1
kind: Pod
metadata: {name: istio-ingressgateway, namespace: istio-system, labels: {istio: ingressgateway}}
spec: {containers: [{name: istio-proxy}]}
---
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  ports:
  - {name: http2, port: 80, protocol: TCP, targetPort: 80}
  - {name: https, port: 443, protocol: TCP, targetPort: 443}
  - {name: tcp, port: 31400, protocol: TCP, targetPort: 31400}
  - {name: tls, port: 15443, protocol: TCP, targetPort: 15443}
""",
        "",
    )
    if isinstance(each, Manifest)
]
"""What files alone are looked at with, as `istioctl analyze` does: the gateway that most Gateways select
(istioctl-analyze.md, 2)."""


def _new(after: Examination, before: Examination, files: Sequence[Manifest]) -> Iterator[Finding]:
    """What is about the objects of the files, or was not found without them."""
    known = {each.found.key for each in before.findings}
    own = {Ref(each.kind, namespace(each.raw), name(each.raw)) for each in files}
    for each in after.findings:
        if each.found.key not in known or own.intersection(each.found.objects):
            yield each


def _manifests(given: Sequence[Path]) -> Iterator[Manifest | Mistake]:
    """Of files, of folders with all below them, and of standard input."""
    for path in given:
        if str(path) == "-":
            yield from manifests.read(sys.stdin.read(), "-")
            continue
        inside = sorted(
            each for each in path.rglob("*") if each.suffix in (".yaml", ".yml", ".json")
        )
        for file in inside if path.is_dir() else [path]:
            try:
                written = file.read_text()
            except (OSError, UnicodeDecodeError) as error:
                yield Mistake(str(file), 1, 1, f"it cannot be read: {error}")
                continue
            yield from manifests.read(written, str(file))


def _places(files: Iterable[Manifest]) -> Mapping[Ref, tuple[str, int]]:
    """The file and the line of each object that came from one."""
    return {
        Ref(each.kind, namespace(each.raw), name(each.raw)): (each.file, each.line)
        for each in files
    }

"""Kiali's validation tests (`kiali`; its README says how a case is run and compared), as far as a rule is ours too."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from meshtui.mesh import manifests
from meshtui.mesh.doctor import examination
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.kinds import DEPLOYMENT, POD
from meshtui.mesh.manifests import Manifest
from meshtui.mesh.raw import Raw, name, namespace, table
from tests.corpora.analyze import Agreement, Pair, expected, resource, snapshot

HOME = Path(os.environ.get("MESHTUI_CORPORA", "."), "kiali")

OURS = {
    "KIA0202": ("destinationrule.SubsetSelectPodAnalyzer", "IST0174"),
    "KIA0203": ("destinationrule.SubsetSelectPodAnalyzer", "IST0173"),
    "KIA1102": ("virtualservice.GatewayAnalyzer", "IST0101"),
    "KIA1106": ("virtualservice.ConflictingMeshGatewayHostsAnalyzer", "IST0109"),
    "KIA1107": ("virtualservice.DestinationRuleAnalyzer", "IST0101"),
}
"""By code of Kiali the analyzer and the code of the rule that looks for the same."""

DIFFERS = {
    "subset-presence-matching-subsets-diff-ns-half-fqdn": "istiod takes reviews.bookinfo for no Service of the cluster",
    "non-existent-gateway-in-match": "Istio's rule reads spec.gateways alone",
    "bookinfo-service-entry-labels": "Istio's rule looks for pods, and not for the endpoints of a ServiceEntry",
    "bookinfo-vs-sidecar-foreign-multimatch": "Istio's rule does not look at what a Sidecar imports",
}
"""Cases that Istio's own rule, which is followed here, judges otherwise, and why."""


def cases() -> list[Raw]:
    """Those about a rule that is ours; none where there is no such folder."""
    file = HOME / "cases.json"
    found = json.loads(file.read_bytes())["cases"] if file.is_file() else []
    return [case for case in found if not OURS.keys().isdisjoint(case["codes_in_scope"])]


def agreement(case: Raw) -> Agreement:
    """Runs our rules in place of Kiali's, and names what they find by its codes."""
    wanted = {code: OURS[code] for code in case["codes_in_scope"] if code in OURS}
    chosen = [each for each in ANALYZERS if each.name in {named for named, _ in wanted.values()}]
    result = examination.of(snapshot(_manifests(case)), chosen)
    pairs = {
        (code, resource(each.found.objects[0]))
        for each in result.findings
        for code, (_, own) in wanted.items()
        if each.found.rule.code == own
    }
    whole = Agreement(
        case["id"],
        case["checker"] or "all of Kiali's",
        frozenset(pair for pair in expected(case) if pair[0] in wanted),
        frozenset(pairs),
        bool(chosen),
    )
    return replace(whole, found=_counting(case, whole)) if case["partial"] else whole


def _counting(case: Raw, whole: Agreement) -> frozenset[Pair]:
    """What was found and what the case says something of: all else may be found or not."""
    absent = {(each["code"], each["resource"]) for each in case["absent"]}
    return frozenset(
        pair
        for pair in whole.found
        if pair in whole.expected or pair in absent or ("*", pair[1]) in absent
    )


def _manifests(case: Raw) -> Iterator[Manifest]:
    files = (*case["input_files"], *case["fixture_files"], *case["base_files"])
    for file in files:
        for each in manifests.read((HOME / file).read_text(), file):
            if isinstance(each, Manifest):
                yield from _with_pods(_placed(each, case["default_namespace"]))


def _placed(manifest: Manifest, where: str | None) -> Manifest:
    if not where or namespace(manifest.raw) or not manifest.kind.namespaced:
        return manifest
    metadata = {**table(manifest.raw, "metadata"), "namespace": where}
    return Manifest(
        manifest.kind, {**manifest.raw, "metadata": metadata}, manifest.file, manifest.line
    )


def _with_pods(manifest: Manifest) -> Iterator[Manifest]:
    """A Deployment with a pod of its own: Kiali judges by the templates of pods, Istio by pods."""
    yield manifest
    if manifest.kind == DEPLOYMENT:
        template = table(manifest.raw, "spec", "template")
        metadata = {
            **table(template, "metadata"),
            "name": f"{name(manifest.raw)}-1",
            "namespace": namespace(manifest.raw),
        }
        yield Manifest(POD, {**template, "metadata": metadata}, manifest.file, manifest.line)

"""Secrets of Istio Gateways, in files and as the live program keeps them (gateway.SecretAnalyzer of the reference)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta

import pytest
from msgspec.structs import replace

from meshtui.kube.secrets import certificates_only
from meshtui.mesh.kinds import ISTIO_GATEWAY, SECRET
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import (
    LOADING,
    Answer,
    Phase,
    Problem,
    Ref,
    Scope,
    Snapshot,
    Source,
    Trouble,
)
from tests.mesh import issuing
from tests.mesh.doctor.analyzing import LIVE, Thing, cluster, examined, pod, thing, told
from tests.mesh.issuing import NOON

ANALYZER = "gateway.SecretAnalyzer"
GOOD = issuing.root(start=NOON, life=timedelta(days=1)).pem
KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
NOT_PEM = "hush"
POD = pod("p", "edge", istio="ingress")
NAMED = Ref(SECRET, "edge", "c")


def gateway(credential: str = "c") -> Thing:
    server = {"port": {"number": 443}, "tls": {"mode": "SIMPLE", "credentialName": credential}}
    return thing(ISTIO_GATEWAY, "g", selector={"istio": "ingress"}, servers=[server])


def encoded(data: Mapping[str, str]) -> dict[str, str]:
    return {key: b64encode(value.encode()).decode() for key, value in data.items()}


def secret(name: str = "c", namespace: str = "edge", **data: str) -> Thing:
    return thing(SECRET, name, namespace, data=encoded({k.replace("_", "."): v for k, v in data.items()}))  # fmt: skip


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        (secret(tls_crt=GOOD, tls_key=KEY), set()),
        (secret(cert=GOOD, key=KEY), set()),
        (secret(cert=NOT_PEM, key=KEY, tls_crt=GOOD, tls_key=KEY), {"IST0161"}),
        (secret(cert=NOT_PEM, tls_crt=GOOD, tls_key=KEY), set()),
        (secret(tls_crt=GOOD), {"IST0161"}),
        (secret(tls_crt=GOOD, tls_key=""), {"IST0161"}),
        (secret(tls_crt=GOOD, key=KEY), {"IST0161"}),
        (secret(tls_crt=NOT_PEM, tls_key=KEY), {"IST0161"}),
        (secret(tls_crt=KEY, tls_key=KEY), {"IST0161"}),
        (secret(), {"IST0161"}),
        (secret("other", tls_crt=GOOD, tls_key=KEY), {"IST0101"}),
        (secret("c", "shop", tls_crt=GOOD, tls_key=KEY), {"IST0101"}),
        (thing(SECRET, "c", "edge", stringData={"tls.crt": GOOD, "tls.key": KEY}), set()),
        (thing(SECRET, "c", "edge", data={"tls.crt": "&", "tls.key": "&"}), {"IST0161"}),
    ],
)
def test_a_secret_of_files(written: Thing, codes: set[str]) -> None:
    snapshot = cluster(gateway(), POD, written, now=NOON)
    assert told(examined(ANALYZER, snapshot)) == {(code, "shop/g") for code in codes}


@pytest.mark.parametrize(
    ("after", "is_valid"),
    [
        (timedelta(hours=-1), False),
        (timedelta(0), True),
        (timedelta(hours=24), True),
        (timedelta(hours=25), False),
    ],
)
def test_a_certificate_within_its_dates(after: timedelta, is_valid: bool) -> None:
    good = secret(tls_crt=GOOD, tls_key=KEY)
    snapshot = cluster(gateway(), POD, good, now=NOON + after)
    assert told(examined(ANALYZER, snapshot)) == (set() if is_valid else {("IST0161", "shop/g")})


def test_the_dates_are_judged_anew_while_no_object_changes() -> None:
    first = cluster(gateway(), POD, secret(tls_crt=GOOD, tls_key=KEY), now=NOON)
    later = Snapshot(
        NOON + timedelta(days=2), objects=first.objects, sources=first.sources, memo=first.memo
    )
    assert not told(examined(ANALYZER, first))
    assert told(examined(ANALYZER, later)) == {("IST0161", "shop/g")}


def test_a_credential_may_name_its_namespace() -> None:
    there = secret("c", "vault", tls_crt=GOOD, tls_key=KEY)
    assert not told(examined(ANALYZER, cluster(gateway("vault/c"), POD, there, now=NOON)))


def test_a_gateway_without_pods_has_no_place_for_secrets() -> None:
    assert told(examined(ANALYZER, cluster(gateway()))) == {("IST0101", "shop/g")}


def live(answer: Answer | None) -> Snapshot:
    gets = {} if answer is None else {NAMED: answer}
    return cluster(gateway(), POD, gets=gets, sources={Scope(SECRET): LOADING}, now=NOON)


def kept(**data: str) -> Raw:
    """What the live program keeps of a Secret."""
    _, raw = secret(**data)
    return certificates_only(raw)


@pytest.mark.parametrize(
    ("answer", "codes"),
    [
        (Answer(kept(tls_crt=GOOD, tls_key=KEY)), set()),
        (Answer(kept(tls_crt=NOT_PEM, tls_key=KEY)), {"IST0161"}),
        (
            Answer(kept(tls_crt=issuing.root(life=timedelta(minutes=1)).pem, tls_key=KEY)),
            {"IST0161"},
        ),
        (Answer(problem=Problem(Trouble.GONE, "there is none")), {"IST0101"}),
    ],
)
def test_a_secret_that_was_asked_for_is_judged_by_its_certificates(
    answer: Answer, codes: set[str]
) -> None:
    assert told(examined(ANALYZER, live(answer))) == {(code, "shop/g") for code in codes}


@pytest.mark.parametrize(
    "answer", [None, Answer(problem=Problem(Trouble.FORBIDDEN, "you may not get secrets"))]
)
def test_a_secret_that_was_not_read_is_unknown(answer: Answer | None) -> None:
    result = examined(ANALYZER, live(answer))
    assert not result.findings
    assert {each.rule.code for each in result.unsure} == {"IST0101", "IST0161"}
    assert all("edge/c was not read" in each.missing for each in result.unsure)


def test_nothing_but_names_and_dates_of_a_secret_is_told() -> None:
    expired = cluster(
        gateway(), POD, secret(tls_crt=GOOD, tls_key="s3cr3t"), now=NOON + timedelta(days=9)
    )
    (only,) = examined(ANALYZER, expired).findings
    assert "s3cr3t" not in repr(only)
    assert "expired on 2026-11-23 12:00 UTC" in only.found.says


def test_what_is_missing_is_told_as_far_as_it_is_known() -> None:
    (files,) = examined(ANALYZER, cluster(gateway(), POD, secret(tls_crt=GOOD), now=NOON)).findings
    assert "neither tls.crt and tls.key" in files.found.says
    (asked,) = examined(ANALYZER, live(Answer(kept(tls_key=KEY)))).findings
    assert "no certificate" in asked.found.says


def test_of_a_list_that_is_whole_what_is_not_in_it_is_missing() -> None:
    whole = cluster(gateway(), POD, sources={Scope(SECRET): Source(Phase.LIVE)}, now=NOON)
    assert told(examined(ANALYZER, whole)) == {("IST0101", "shop/g")}


def test_a_list_of_some_secrets_tells_nothing_of_the_others() -> None:
    remote = {Scope(SECRET, None, labels="istio/multiCluster=true"): Source(Phase.LIVE)}
    others = {scope: each for scope, each in LIVE.items() if scope.kind != SECRET}
    known = replace(cluster(gateway(), POD, now=NOON), sources={**others, **remote})
    result = examined(ANALYZER, known)
    assert not result.findings
    assert {each.rule.code for each in result.unsure} == {"IST0101", "IST0161"}

"""The pane Certificates, over the recorded meshes: what is late first, and each decoded as openssl prints it."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import named_secrets
from meshtui.mesh.kinds import GATEWAY, SECRET
from meshtui.mesh.snapshot import Answer, Problem, Ref, Snapshot, Trouble
from meshtui.settings import Settings
from tests.recordings import DATA
from tests.ui import situations
from tests.ui.looking import Looking, looking

SHOP = situations.shop()
ACME = situations.acme()
LEDGER = "acmellc.local/ns/payments/sa/ledger"

OPENSSL = shutil.which("openssl") or ""
needs_openssl = pytest.mark.skipif(not OPENSSL, reason="openssl is not installed")


def block(at: Looking) -> dict[str, str]:
    """What stands under the open row: label to words, as if nothing had been wrapped."""
    found: dict[str, str] = {}
    last = ""
    for line in at.screen.splitlines():
        if line.startswith(" │ "):
            label, words = line[3:14].strip(), line[14 : at.app.size.width - 1].strip()
            last = label or last
            found[last] = f"{found.get(last, '')} {words}".strip()
    return found


async def test_what_is_wrong_is_first_and_what_renews_normally_is_one_row_a_namespace() -> None:
    """The listener of `edge/public` without its Secret, the ztunnel nobody answers for, then by the next renewal; of
    the twelve identities in both dumps one is in batch, three in payments and eight in shop."""
    async with looking(SHOP, "certificates") as at:
        assert [(row[0], row[1], row[4]) for row in at.rows] == [
            ("✗", "–", "absent"),
            ("?", "–", "ztunnel-68wn4"),
            ("✓", "23h", "payments  (3)"),
            ("✓", "23h", "shop  (8)"),
            ("✓", "23h", "batch  (1)"),
            ("✓", "19d", "*.acme.example"),
            ("✓", "9y", "cluster.local"),
        ]
        assert "Secret edge/absent does not exist" in at.screen, "said of the row under the cursor"
        assert "✗ 1  7  ● live" in at.screen.splitlines()[1]


async def test_enter_unfolds_a_namespace_and_escape_folds_it() -> None:
    async with looking(ACME, "certificates") as at:
        await at.select("payments  (2)")
        await at.press("enter")
        assert sorted(row[4] for row in at.rows) == [LEDGER, LEDGER.replace("ledger", "refunds")]
        assert LEDGER in at.screen, "there is room for all of it"
        await at.press("escape")
        assert at.under_cursor[4] == "payments  (2)"


async def opened(at: Looking, name: str) -> dict[str, str]:
    if "/ns/" in name:
        await at.select("payments  (2)")
        await at.press("enter")
    await at.select(name, column=4)
    await at.press("x")
    return block(at)


def pems() -> dict[str, str]:
    """The recorded certificates by the name of their row: leaf, intermediate and root of one chain, and a gateway's."""
    dump = json.loads((DATA / "acme" / "ztunnel-node-1.config_dump.json").read_bytes())
    (ledger,) = (c for c in dump["certificates"] if c["identity"].endswith("/sa/ledger"))
    chain = [base64.b64decode(each["pem"]).decode() for each in ledger["certChain"]]
    secrets = json.loads((DATA / "shop" / "objects" / "secrets.json").read_bytes())["items"]
    (served,) = (each for each in secrets if each["metadata"]["name"] == "acme-tls")
    gateway = base64.b64decode(served["data"]["tls.crt"]).decode()
    names = (LEDGER, "Acme LLC Intermediate CA", "Acme LLC Root CA")
    return dict(zip(names, chain, strict=True)) | {"*.acme.example": gateway}


def openssl(pem: str, *options: str) -> str:
    command = (OPENSSL, "x509", "-noout", *options)
    return subprocess.run(command, input=pem, check=True, capture_output=True, text=True).stdout


@needs_openssl
@pytest.mark.parametrize("name", pems())
async def test_a_certificate_opens_in_place_as_openssl_prints_it(name: str) -> None:
    pem = pems()[name]
    names = openssl(pem, "-subject", "-issuer", "-nameopt", "oneline").splitlines()
    subject, issuer = (line.partition("=")[2].strip() for line in names)
    dates = openssl(pem, "-dates", "-dateopt", "iso_8601").splitlines()
    start, end = (line.partition("=")[2].removesuffix("Z") for line in dates)
    serial = openssl(pem, "-serial").strip().partition("=")[2]
    fingerprint = openssl(pem, "-fingerprint", "-sha256").strip().partition("=")[2]
    text = openssl(pem, "-text")

    def after(heading: str) -> str:
        """The line behind a heading of `openssl x509 -text`."""
        return text.partition(heading)[2].partition("\n")[2].partition("\n")[0].strip()

    async with looking(ACME, "certificates") as at:
        said = await opened(at, name)
    assert said["valid"].startswith(f"{start} → {end} UTC")
    assert said["subject"] == (subject or "– (a workload has none)")
    assert said["issuer"] == issuer
    assert said["serial"].replace(":", "").upper().lstrip("0") == serial.lstrip("0")
    assert said["SHA-256"] == fingerprint
    for extension, sign in (
        ("X509v3 Subject Key Identifier", "subject"),
        ("X509v3 Authority Key Identifier", "authority"),
    ):
        wanted = after(extension).removeprefix("keyid:") or "–"
        assert f"{sign} {wanted}" in said["ids"]
    alternatives = (
        after("X509v3 Subject Alternative Name").replace("URI:", "URI ").replace("DNS:", "DNS ")
    )
    assert said["names"] == (alternatives or "–")
    usage = after("X509v3 Key Usage")
    assert said["usage"].partition(" · ")[0] == (usage.lower().replace("crl", "CRL") or "any use")
    assert ("CA:TRUE" in text) is ("· a CA" in said["usage"])
    key = (
        "ECDSA P-256"
        if "NIST CURVE: P-256" in text
        else f"RSA {text.partition('Public-Key: (')[2].partition(' bit')[0]}"
    )
    assert said["key"].startswith(key)


async def test_the_chain_is_verified_up_to_the_root_and_says_who_holds_it() -> None:
    async with looking(ACME, "certificates") as at:
        said = await opened(at, LEDGER)
    assert said["chain"] == (
        "✓ leaf ← ✓ Acme LLC Intermediate CA, 729 d ← ✓ Acme LLC Root CA, 10.0 y, self-signed, held by"
        " 1 ztunnel, 2 namespaces, Secret istio-system/cacerts"
    )
    assert said["held by"] == "istio-system/ztunnel-7wx9t"


async def test_rows_below_an_open_one_move_down_and_it_closes_again() -> None:
    async with looking(ACME, "certificates") as at:
        before = at.screen
        await at.select("*.acme.example")
        await at.press("enter")
        lines = at.screen.splitlines()
        at_row = next(i for i, line in enumerate(lines) if "*.acme.example" in line)
        assert lines[at_row + 1].startswith(" │ health")
        below = next(
            i for i, line in enumerate(lines) if "Acme LLC Root CA  " in line and "│" not in line
        )
        assert below > at_row + len(block(at))
        await at.press("down")
        assert at.under_cursor[4] == "Acme LLC Intermediate CA"
        assert block(at), "it stays open while one looks further"
        await at.press("up", "enter")
        assert block(at) == {}
        await at.press("home")
        assert at.screen == before


async def test_at_80_columns_a_decoded_certificate_is_whole_and_wraps_anew_on_resize() -> None:
    der = ssl.PEM_cert_to_DER_cert(pems()["Acme LLC Root CA"])
    fingerprint = hashlib.sha256(der).hexdigest().upper()
    async with looking(ACME, "certificates", (80, 24)) as at:
        await at.press("end", "enter")
        assert block(at)["SHA-256"].replace(" ", "").replace(":", "") == fingerprint
        await at.pilot.resize_terminal(160, 48)
        await at.settle()
        (line,) = [line for line in at.screen.splitlines() if line.startswith(" │ SHA-256")]
        assert line.split()[-1].replace(":", "") == fingerprint


async def test_an_open_row_follows_the_cluster() -> None:
    async with looking(ACME, "certificates") as at:
        await opened(at, "*.acme.example")
        assert "expires" not in block(at)["health"]
        await at.show(replace(ACME, now=datetime(2027, 1, 1, tzinfo=UTC)))
        assert at.under_cursor[0:2] == ("✗", "expired")
        assert "expired" in block(at)["health"]


@pytest.mark.parametrize(
    "broken",
    [b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
)
async def test_a_broken_pem_is_a_row_that_says_so(broken: bytes) -> None:
    ref = Ref(SECRET, "edge", "acme-tls")
    secret: dict[str, Any] = {
        "metadata": {"namespace": "edge", "name": "acme-tls"},
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": base64.b64encode(broken).decode()},
    }
    gets = {**SHOP.gets, ref: Answer(secret, SHOP.now)}
    async with looking(replace(SHOP, gets=gets), "certificates") as at:
        (row,) = [row for row in at.rows if "edge/acme-tls" in row[5]]
        assert row[0] == "✗"
        await at.select(row[4])
        await at.press("enter")
        assert block(at)["health"].startswith("✗ ")
        assert len(at.rows) == 7, "the others are there"


async def test_the_secrets_that_listeners_and_the_ca_name_are_asked_for_by_name() -> None:
    """`edge/public` names two; and istiod keeps its CA in one of two."""
    async with looking(SHOP, "certificates") as at:
        names = {
            "edge/acme-tls",
            "edge/absent",
            "istio-system/cacerts",
            "istio-system/istio-ca-secret",
        }
        await at.until(lambda: {ref.key for ref in at.wanted[2]} == names)
        assert {ref.kind for ref in at.wanted[2]} == {SECRET}
        assert not any(scope.kind == SECRET for scope in at.wanted[0]), "Secrets are never listed"
        assert set(named_secrets.refs(SHOP)) == at.wanted[2]


@pytest.mark.parametrize(
    ("chosen", "served"),
    [("shop", set()), ("edge", {"absent", "*.acme.example"}), ("public", {"*.acme.example"})],
)
async def test_of_gateways_only_what_chosen_namespaces_hold_or_serve(
    chosen: str, served: set[str]
) -> None:
    """`edge/public` names edge/absent and edge/acme-tls; here public/public names the latter too."""
    other: dict[str, Any] = copy.deepcopy(dict(SHOP.objects[GATEWAY]["edge/public"]))
    other["metadata"]["namespace"] = "public"
    del other["spec"]["listeners"][2:]
    other["spec"]["listeners"][1]["tls"]["certificateRefs"][0]["namespace"] = "edge"
    gateways = {**SHOP.objects[GATEWAY], "public/public": other}
    at_both = replace(SHOP, objects={**SHOP.objects, GATEWAY: gateways})
    only = Settings(pane="certificates", namespaces=(chosen,))
    async with looking(at_both, settings=only) as at:
        names = {row[4] for row in at.rows}
        assert names & {"absent", "*.acme.example"} == served
        assert "cluster.local" in names, "the root is everybody's"


async def test_a_secret_that_may_not_be_read_is_unknown_with_the_reason() -> None:
    words = 'secrets "acme-tls" is forbidden: User "jane" cannot get resource "secrets"'
    refused = Answer(problem=Problem(Trouble.FORBIDDEN, words, situations.RBAC))
    gets = {**SHOP.gets, Ref(SECRET, "edge", "acme-tls"): refused}
    async with looking(replace(SHOP, gets=gets), "certificates", (180, 48)) as at:
        (row,) = [row for row in at.rows if "edge/acme-tls" in row[5]]
        assert row[0] == "?"
        await at.select(row[4])
        assert 'User "jane" cannot get resource "secrets"' in at.screen
        assert len(at.rows) == 7


async def test_a_ca_that_answers_nobody_leaves_every_identity_named() -> None:
    """no-ca: every certificate is "Unavailable"."""
    async with looking(situations.no_ca(), "certificates") as at:
        dump = json.loads((DATA / "no-ca" / "ztunnel-node-1.config_dump.json").read_bytes())
        identities = {each["identity"].removeprefix("spiffe://") for each in dump["certificates"]}
        assert {row[4] for row in at.rows if row[0] == "✗" and "/ns/" in row[4]} == identities
        await at.select(min(identities))
        assert "nobody answers at the address of the CA" in at.screen


async def test_z_l_y_d_and_c_of_a_workload_certificate() -> None:
    async with looking(ACME, "certificates") as at:
        await at.select("payments  (2)")
        await at.press("enter")
        await at.select(LEDGER)
        await at.press("c")
        assert at.app.clipboard == f"spiffe://{LEDGER}"
        await at.press("d")
        assert f"spiffe://{LEDGER}" in at.screen.splitlines()[0]
        assert f"names      URI spiffe://{LEDGER}" in at.read
        assert "Conditions" not in at.read, "those of the pod that holds it"
        await at.press("q", "l")
        assert "Log of istio-system/ztunnel-7wx9t" in at.screen
        await at.press("q", "z")
        assert at.pane.NAME == "ztunnels"
        assert at.under_cursor[2] == "ztunnel-7wx9t"
        await at.press("escape")
        assert at.under_cursor[4] == LEDGER
        await at.select(LEDGER)
        await at.press("escape")
        await at.select("*.acme.example")
        await at.press("z", "l", "!")
        assert "No ztunnel serves this row." in at.read
        assert "There is no log behind this row." in at.read


async def test_no_private_key_comes_to_the_screen() -> None:
    async with looking(ACME, "certificates") as at:
        for row in at.pane.table.rows:
            at.pane.table.select(row.key)
            await at.press("d")
            assert "PRIVATE KEY" not in at.read
            await at.press("q")


@pytest.mark.parametrize(
    ("situation", "words"),
    [
        (situations.empty(), "No certificate was read yet"),
        (situations.refusing(), "✗ connection refused"),
    ],
)
async def test_no_rows_for_different_reasons(situation: Snapshot, words: str) -> None:
    async with looking(situation, "certificates") as at:
        assert at.rows == []
        assert words in at.screen


async def test_each_kind_that_may_not_be_listed_is_a_row_of_its_own() -> None:
    async with looking(situations.forbidden(), "certificates") as at:
        assert sorted(row[4] for row in at.rows) == [
            "ConfigMaps",
            "Deployments",
            "Gateways",
            "Istio Gateways",
            "Pods",
        ]
        assert {row[0] for row in at.rows} == {"?"}
        await at.select("Gateways")
        assert '? gateways.gateway.networking.k8s.io is forbidden: User "jane"' in at.screen

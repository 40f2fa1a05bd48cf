"""Secrets of Istio Gateways: not there (IST0101), or without a certificate that holds (IST0161). Whatever else than a
certificate is in a Secret is asked for its presence alone."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping

from meshtui.mesh import x509
from meshtui.mesh.doctor.configuration import selection
from meshtui.mesh.doctor.configuration.gateways import selector, without_pods
from meshtui.mesh.doctor.configuration.objects import ERROR, analyzer, every, found
from meshtui.mesh.doctor.configuration.references import NOT_FOUND
from meshtui.mesh.doctor.findings import Found, Rule, Unsure
from meshtui.mesh.kinds import ISTIO_GATEWAY, POD, SECRET
from meshtui.mesh.raw import Raw, entries, key, namespace, strings, text
from meshtui.mesh.snapshot import Ref, Snapshot, Trouble
from meshtui.mesh.x509 import Unreadable

INVALID = Rule(
    "IST0161",
    "a Gateway's Secret holds no valid certificate",
    ERROR,
    why="The proxy serves nothing there, or a certificate that clients refuse.",
    remedy="put a certificate that holds today and its key under tls.crt and tls.key of the Secret",
    link="docs/reference/config/analysis/ist0161/",
)

_ENTRIES = (("cert", "key"), ("tls.crt", "tls.key"))
"""Where a certificate and its key are; the first pair counts that is there."""


def broken(snapshot: Snapshot) -> Iterator[Found | Unsure]:
    pods = selection.of_gateways(snapshot)
    homes = {wanted: namespace(min(each, key=key)) for wanted, each in pods.items()}
    for it in every(snapshot, ISTIO_GATEWAY):
        home = homes.get(selector(it))
        if home is None:
            yield without_pods(it)
            continue
        named = [text(each, "tls", "credentialName") for each in entries(it, "spec", "servers")]
        for credential in filter(None, dict.fromkeys(named)):
            where, slash, name = credential.partition("/")
            secret = Ref(SECRET, where, name) if slash else Ref(SECRET, home, credential)
            yield from _judged(snapshot, it, credential, secret)


def _judged(
    snapshot: Snapshot, gateway: Raw, credential: str, secret: Ref
) -> Iterator[Found | Unsure]:
    field = "spec.servers[].tls.credentialName"
    answer = snapshot.gets.get(secret)
    held = snapshot.find(SECRET, secret.namespace, secret.name)
    if held is not None:
        problem = _problem(snapshot, held, whole=True)
    elif answer is not None and isinstance(answer.value, Mapping):
        problem = _problem(snapshot, answer.value, whole=False)
    elif snapshot.covering(SECRET, secret.namespace).complete or (
        answer is not None
        and answer.problem is not None
        and answer.problem.trouble in (Trouble.GONE, Trouble.ABSENT)
    ):
        says = f"there is no Secret {secret.key}"
        yield found(NOT_FOUND, ISTIO_GATEWAY, gateway, says, field, credential, secret)
        return
    else:
        why = f": {answer.problem.text}" if answer is not None and answer.problem else ""
        for rule in (NOT_FOUND, INVALID):
            yield Unsure(rule, f"the Secret {secret.key} was not read{why}", secret)
        return
    if problem:
        says = f"Secret {secret.key}: {problem}"
        yield found(INVALID, ISTIO_GATEWAY, gateway, says, field, credential, secret)


def _problem(snapshot: Snapshot, secret: Raw, *, whole: bool) -> str:
    """What is wrong with a Secret; "" where nothing is. Of one that is not `whole` only certificates were kept."""
    data = {**strings(secret, "data"), **strings(secret, "stringData")}
    for certificate, private_key in _ENTRIES:
        if data.get(certificate) and (data.get(private_key) or not whole):
            plain = certificate in strings(secret, "stringData")
            return _certificate_problem(snapshot, certificate, data[certificate], plain=plain)
    if whole:
        return "it has neither tls.crt and tls.key nor cert and key"
    return "there is no certificate under tls.crt or cert"


def _certificate_problem(snapshot: Snapshot, entry: str, value: str, *, plain: bool) -> str:
    try:
        pem = value if plain else b64decode(value).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        return f"{entry} is not base64: {error}"
    read = x509.certificate(pem)
    if isinstance(read, Unreadable):
        return f"{entry} is {read.reason}"
    if snapshot.now > read.not_after:
        return f"the certificate under {entry} expired on {read.not_after:%Y-%m-%d %H:%M} UTC"
    if snapshot.now < read.not_before:
        return f"the certificate under {entry} holds only from {read.not_before:%Y-%m-%d %H:%M} UTC"
    return ""


ANALYZERS = (
    analyzer(
        "gateway.SecretAnalyzer",
        (NOT_FOUND, INVALID),
        (ISTIO_GATEWAY, POD),
        broken,
        looks_up=(POD,),
    ),
)

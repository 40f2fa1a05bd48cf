"""What a ConfigMap or a Secret holds, as its description has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given

from meshtui.mesh.kinds import CONFIGMAP, SECRET, SERVICE, Kind
from meshtui.mesh.snapshot import Answer, Ref
from meshtui.ui import held, yaml_lines
from meshtui.ui.detail import render
from meshtui.ui.spans import join
from tests.anything import JSON
from tests.ui import situations

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
SERVED = situations.shop().gets[Ref(SECRET, "edge", "acme-tls")]


def told(kind: Kind, answer: Answer, now: datetime = NOW) -> str:
    return join(render(None, held.sections(kind, answer, now), 200))


def test_a_configmap_is_told_line_by_line_and_a_large_one_in_part() -> None:
    data = {"why": "One.\n\nTwo.\n", "large": "line\n" * 5000, "long": "x" * 900_000, "odd": 1}
    lines = told(CONFIGMAP, Answer({"data": data}, NOW)).splitlines()
    at = lines.index("why")
    assert lines[at : at + 4] == ["why", "One.", "", "Two."]
    assert "… 4,703 more lines: y shows them" in lines
    assert len(lines) < 350


def test_the_certificates_of_a_secret_are_decoded_as_openssl_prints_them() -> None:
    """`openssl x509 -noout -subject -dates -serial -fingerprint -sha256` of the recorded edge/acme-tls."""
    found = told(SECRET, SERVED)
    for words in (
        "tls.crt",
        "2026-11-22 12:34:35 → 2026-12-12 12:34:35 UTC",
        "O = Acme LLC, CN = *.acme.example",
        "26:d9:9c:09:7b:0b:45:f8:22:9a:4b:d2:7f:1a:85:e2:25:05:7f:da",
        "4D:CA:4B:FD:98:F8:47:3D:61:B5:8E:BA:0E:01:4D:5F:94:12:AC:AC:FC:9D",
        "only the certificates of a Secret are read",
    ):
        assert words in found
    assert "renewed" not in found, "nobody says by whom"
    assert "✗ 2026-11-22" in told(SECRET, SERVED, NOW + timedelta(20))


def test_what_is_left_out_of_a_secret_is_said_in_its_yaml() -> None:
    assert SERVED.value is not None
    first, *rest = join(yaml_lines.lines({**SERVED.value, "kind": "Secret"})).splitlines()
    assert first == "# only the certificates of a Secret are read: no key, and no token"
    assert not any("only the certificates" in line for line in rest)


@given(JSON)
def test_odd_objects_are_told_of(value: object) -> None:
    for kind in (CONFIGMAP, SECRET, SERVICE):
        told(kind, Answer({"data": value}, NOW))
        told(kind, Answer({"data": {"tls.crt": value}}, NOW))

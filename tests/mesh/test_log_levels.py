"""Log levels: what proxies tell of them, what sets them back, and what the audit keeps of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from meshtui.mesh import log_levels
from meshtui.mesh.kinds import POD
from meshtui.mesh.log_levels import LevelChange, Proxy
from meshtui.mesh.snapshot import Ref, Server

WHERE = Server(context="kind-shop", url="https://shop.example:6443")
UNTIL = datetime(2026, 11, 22, 12, 15, tzinfo=UTC)


def change(proxy: Proxy = Proxy.ZTUNNEL, level: str = "debug", **more: Any) -> LevelChange:
    target = Ref(POD, "istio-system", "ztunnel-4rh2t")
    return LevelChange(target=target, uid="u1", proxy=proxy, level=level, **more)


def test_a_ztunnel_is_set_back_to_the_directives_that_it_told() -> None:
    """The words of istio-ambient.md, 4.6; directives accumulate, so a reset comes first."""
    known = change().known(b"current log level is hickory_server::server=off,info\n")
    assert known.posts == ("/logging?level=debug",)
    assert known.backwards.posts == ("/logging?reset&level=hickory_server::server=off,info",)
    assert change(level="warning").posts == ("/logging?level=warn",), "as istioctl translates it"


def test_an_envoy_is_set_back_logger_by_logger() -> None:
    told = b"active loggers:\n  admin: warning\n  misc: error\n  rbac: debug\n  tls: warning\n"
    known = change(Proxy.ENVOY, "trace").known(told)
    assert known.posts == ("/logging?level=trace",)
    assert known.backwards.posts == (
        "/logging?level=warning",
        "/logging?paths=misc:error,rbac:debug",
    )
    assert known.before == "warning, misc=error, rbac=debug"


@pytest.mark.parametrize("proxy", Proxy)
@pytest.mark.parametrize("said", [b"", b"404", b"\xff\xfe", b"current log level is a b\x1b[31m;rm"])
def test_what_cannot_be_read_sets_nothing(proxy: Proxy, said: bytes) -> None:
    if proxy is Proxy.ZTUNNEL and said.startswith(b"current"):
        assert change().known(said).before == "a"
        return
    with pytest.raises(ValueError, match="did not tell"):
        change(proxy).known(said)


def entry(**more: Any) -> dict[str, Any]:
    known = change(back=("/logging?reset&level=info",))
    return {
        "id": "c1", "step": "outcome", "state": "applied", "context": WHERE.context, "server": WHERE.url,
        "namespace": "istio-system", "name": "ztunnel-4rh2t", "kind": "pods",
        "log_level": log_levels.kept(known, UNTIL), **more,
    }  # fmt: skip


def test_one_that_was_set_and_not_set_back_is_left() -> None:
    [left] = log_levels.left([entry()], WHERE)
    assert (left.id, left.change.target.name, left.until) == ("c1", "ztunnel-4rh2t", UNTIL)
    assert left.change.posts == ("/logging?reset&level=info",)


@pytest.mark.parametrize(
    "steps",
    [
        [entry(), entry(id="c2", undoes="c1", log_level={})],
        [entry(state="declined")],
        [entry(state="failed")],
        [entry(context="another")],
        [entry(server="https://another")],
        [entry(log_level=None)],
        [entry(log_level={"level": "debug", "back": "x"})],
        [{"id": 3, "log_level": [1]}],
    ],
)
def test_none_is_left_of_others(steps: list[dict[str, Any]]) -> None:
    assert log_levels.left(steps, WHERE) == []


def test_one_whose_end_is_not_told_is_left() -> None:
    assert log_levels.left([entry(step="intent", state=None)], WHERE)
    assert log_levels.left([entry(state="unknown")], WHERE)


@pytest.mark.parametrize(
    "target", ["/quitquitquit", "/logging?x=1 HTTP/1.1\r\n", "/logging", "//e"]
)
def test_what_somebody_wrote_into_the_file_is_not_posted(target: str) -> None:
    assert not log_levels.left([entry(log_level={"level": "debug", "back": [target]})], WHERE)

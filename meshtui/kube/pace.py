"""Pace: how often a cluster is asked, and how long an answer is waited for, in seconds."""

from __future__ import annotations

import random

from msgspec import Struct


class Pace(Struct, frozen=True):
    """Tests shorten it; nothing else changes it."""

    settle: float = 0.1
    """Quiet time between the first change and the snapshot that carries it."""
    heartbeat: float = 10.0
    """Between two questions for `/version`."""
    silence: float = 90.0
    """A watch that says nothing for so long is opened anew: bookmarks come about once a minute."""
    poll: float = 30.0
    """Between two lists where watching is forbidden."""
    fading: int = 60
    """Between two lists of a table in whose cells the server has written ages."""
    absent: float = 60.0
    """Between two looks for a kind that is not installed, or that one may not list."""
    first_retry: float = 1.0
    last_retry: float = 30.0
    linger: float = 300.0
    """So long is a scope followed after nobody wants it any more, so that going back is instant."""
    linger_narrow: float = 10.0
    """The same for the scope of a single object, such as the events of the selected pod."""
    lull: float = 1 / 30
    """Between what the sweep brings and the snapshot that carries it, for each ztunnel there is: 300 of them answer
    several times a second, and a snapshot of their mesh, which takes 0.2 s to derive, is not made for each answer."""
    long_lull: float = 1 / 5
    """The same for what nothing asked for but the round: a ztunnel whose counts agree mostly says what it said."""
    hearing: float = 1.0
    """Between two looks at what access logs have told meanwhile."""
    probe: float = 15.0
    """Between two readings of a probe that is on screen."""
    probe_rate: float = 150_000.0
    """So many bytes a second of one probe that is on screen: a dump of 9 MB is read once a minute."""
    ref: float = 60.0
    """Between two readings of a single object that is on screen."""
    rights: float = 300.0
    """So long is a right remembered."""
    sweep_look: float = 1.0
    """Between two looks for what the sweep should read."""
    sweep_metrics: float = 60.0
    """Between two readings of a ztunnel's metrics, and `sweep_dump` of its dump where nothing asks for it sooner."""
    sweep_dump: float = 600.0
    sweep_again: float = 3.0
    """From a dump that was read because of them to the next look at counts that disagree."""
    sweep_rate: int = 2_000_000
    """Bytes a second that the sweep may read, on average."""
    sweep_ask: int = 800_000
    """Bytes that each reading counts for at least: a port-forward is a connection, and a line in an audit log."""

    def backoff(self, failures: int) -> float:
        """The wait after so many failures in a row: doubling, with jitter, so that watches do not return in step."""
        longest = min(self.last_retry, self.first_retry * 2.0 ** min(failures - 1, 16))
        return longest * random.uniform(0.5, 1.0)

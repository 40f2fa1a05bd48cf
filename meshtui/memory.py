"""Memory: when Python looks for garbage. A cluster is read into objects by the million, and they stay."""

from __future__ import annotations

import gc


def look_seldom() -> None:
    """For objects that come by the thousand."""
    gc.set_threshold(50_000, 20, 100)


def hold() -> None:
    """Looks for none until all is read."""
    gc.disable()
    look_seldom()


def settle() -> None:
    """Takes what was read out of the collector's sight, and lets it look at what comes from now on: JSON has no cycles,
    and walking 10,000 pods stalls the screen (architecture §6)."""
    gc.freeze()
    gc.enable()


def let_go() -> None:
    """What was read may go: another cluster is looked at."""
    gc.unfreeze()

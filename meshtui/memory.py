"""Memory: when Python looks for garbage, and what the C library does with what was let go. A cluster is read into
objects by the million, and they stay; the dumps of its ztunnels have 9 MB each, and go.

glibc maps a large piece of memory for itself and unmaps it when it is freed; but having seen one freed it takes the
next ones out of its heap, where they leave holes (mallopt(3), M_MMAP_THRESHOLD).
"""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

_M_MMAP_THRESHOLD = -3  # malloc.h of glibc
_LARGE = 256 * 1024


def look_seldom() -> None:
    """For objects that come by the thousand."""
    gc.set_threshold(50_000, 20, 100)


def hold() -> None:
    """Looks for none until all is read; from then on often at little: nothing else runs meanwhile, and 50,000 young
    objects take 30 ms and more."""
    gc.disable()
    gc.set_threshold(2_000, 10, 300)


def settle() -> None:
    """Takes what was read out of the collector's sight, and lets it look at what comes from now on: JSON has no cycles,
    and walking 10,000 pods stalls the screen (architecture §6)."""
    gc.freeze()
    gc.enable()
    give_back()


def let_go() -> None:
    """What was read may go: another cluster is looked at."""
    gc.unfreeze()


def map_large_pieces() -> None:
    """Large pieces are mapped for themselves from now on, however many were freed; nothing where there is no glibc."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Gives back what is free within the heap; nothing where there is no glibc."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)

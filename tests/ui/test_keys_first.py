"""Keys first: a thread that derives waits while a key is at work."""

from __future__ import annotations

from threading import Event, Thread
from time import monotonic

from meshtui.ui.keys_first import KeysFirst


def deriving(keys: KeysFirst) -> tuple[Thread, Event]:
    """A thread that gives way once, and whether it went on."""
    went_on = Event()

    def derive() -> None:
        keys.give_way()
        went_on.set()

    thread = Thread(target=derive)
    thread.start()
    return thread, went_on


def test_a_thread_waits_until_what_a_key_does_is_drawn() -> None:
    keys, pressed = KeysFirst(), monotonic()
    keys.pressed()
    thread, went_on = deriving(keys)
    early = went_on.wait(0.01)
    keys.drawn()
    thread.join()
    assert not early or monotonic() - pressed > 0.04  # this test itself was held up


def test_a_key_that_draws_nothing_is_not_waited_for_forever() -> None:
    keys = KeysFirst()
    keys.pressed()
    thread, went_on = deriving(keys)
    thread.join(10)
    assert went_on.is_set()


def test_without_a_key_nothing_waits_nor_does_the_thread_that_handles_it() -> None:
    keys = KeysFirst()
    thread, _ = deriving(keys)
    thread.join(10)
    assert not thread.is_alive()
    keys.pressed()
    began = monotonic()
    for _ in range(1000):
        keys.give_way()
    assert monotonic() - began < 10  # waiting would be 50 s

"""The driver of the terminal: at the end it waits for nobody, and for its reader of keys where the terminal is lent."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from textual.app import App

from meshtui.ui.driver import Driver
from meshtui.ui.keys_first import KeysFirst


class Program(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.keys_first = KeysFirst()


class Lent(Driver):
    """In place of what Textual writes to the terminal when it is lent: that it takes no more keys."""

    def stop_application_mode(self) -> None:
        self.disable_input()

    def close(self) -> None:
        pass


@contextmanager
def reading(*, answers: bool) -> Iterator[Lent]:
    """A driver whose thread reads keys until it is told to stop, or where it does not answer for ever."""
    before = signal.getsignal(signal.SIGWINCH)
    driver, never = Lent(Program(), mouse=False), threading.Event()
    waits = driver.exit_event if answers else never
    driver._key_thread = threading.Thread(target=waits.wait)
    driver._key_thread.start()
    try:
        yield driver
    finally:
        driver.exit_event.set()
        never.set()
        driver._key_thread.join()
        signal.signal(signal.SIGWINCH, before)


async def test_the_end_does_not_wait_for_the_thread_that_reads_keys() -> None:
    with reading(answers=False) as driver:
        driver.disable_input()
        driver.disable_input()  # as Textual does
        assert driver.exit_event.is_set()


async def test_a_terminal_that_is_lent_has_no_reader_any_more() -> None:
    with reading(answers=True) as driver:
        driver.suspend_application_mode()
        assert driver._key_thread is not None
        assert not driver._key_thread.is_alive()
        assert not driver.exit_event.is_set(), "the next one reads again"

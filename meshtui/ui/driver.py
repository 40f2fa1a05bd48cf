"""The driver of the terminal: Textual's, which ends at once and says when a key comes and when something is drawn."""

from __future__ import annotations

import signal
import termios
from contextlib import suppress
from typing import Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key
from textual.message import Message

from meshtui.ui.keys_first import Considerate


class Driver(LinuxDriver):
    """At the end it does not wait for the thread that reads keys, which looks ten times a second whether it may go, and
    takes up to 0.2 s: the process goes first. Where the terminal is lent it waits: the keys are another's then."""

    _lending = False

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        assert isinstance(app, Considerate)
        self._keys_first = app.keys_first

    def process_message(self, message: Message) -> None:
        if isinstance(message, Key):
            self._keys_first.pressed()
        super().process_message(message)

    def flush(self) -> None:
        super().flush()
        self._keys_first.drawn()

    def suspend_application_mode(self) -> None:
        self._lending = True
        super().suspend_application_mode()
        self._lending = False

    def disable_input(self) -> None:
        if self._lending:
            super().disable_input()
        elif not self.exit_event.is_set():
            signal.signal(signal.SIGWINCH, signal.SIG_DFL)
            self._disable_mouse_support()
            self.exit_event.set()
            with suppress(termios.error):  # the terminal may be gone
                termios.tcflush(self.fileno, termios.TCIFLUSH)

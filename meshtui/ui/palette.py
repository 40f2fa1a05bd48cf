"""Palette: the same commands as behind `:`, to be found by any letters of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from meshtui.ui.commands import Completion
from meshtui.ui.main import Main
from meshtui.ui.panes import NS
from meshtui.ui.spans import plain


class CommandsOfMain(Provider):
    """Commands, and with them what may stand behind those that take one of a few names."""

    async def discover(self) -> Hits:
        for each in self._lines(arguments=False):
            yield DiscoveryHit(each.text, partial(self._pick, each.text), help=each.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for each in self._lines(arguments=True):
            shown = plain(each.text)
            score = max(matcher.match(shown), matcher.match(each.help) / 2)
            if score > 0:
                pick = partial(self._pick, each.text)
                yield Hit(score, matcher.highlight(shown), pick, shown, each.help)

    @property
    def _main(self) -> Main:
        main = self.app.screen_stack[0]
        assert isinstance(main, Main)
        return main

    def _lines(self, *, arguments: bool) -> Iterator[Completion]:
        for command in self._main.commands:
            yield Completion(command.names[0], command.help)
            if arguments and (command.closed or command.names == NS):
                for choice in command.choices():
                    if not choice.startswith("@"):
                        yield Completion(f"{command.names[0]} {choice}", command.help)

    def _pick(self, line: str) -> None:
        self._main.post_message(Main.CommandPicked(line))

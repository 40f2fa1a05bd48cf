"""Opening: the commands that open a pane or a kind without one, or keep to namespaces; what may stand behind them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.served import Served
from meshtui.ui import arguments, commands, kind_commands, unbound
from meshtui.ui.arguments import Arguments, BadArguments
from meshtui.ui.commands import Command
from meshtui.ui.exchange import Jump
from meshtui.ui.filters import BadPattern
from meshtui.ui.panes import NS, PANES
from meshtui.ui.panes.served import ServedPane
from meshtui.ui.spans import Tone
from meshtui.ui.switcher import AnyPane

if TYPE_CHECKING:
    from meshtui.ui.main import Main


class Opening:
    """What such commands do on the screen with the panes."""

    def __init__(self, main: Main) -> None:
        self._main = main

    def commands(self) -> list[Command]:
        """Those that are always there: a pane each, and `:ns`."""
        words = "keep to these namespaces, or look at `all`"
        ns = Command(NS, words, self._keep_to, self._may_follow, "[NAMESPACE,…]")
        return [*map(self._of_pane, PANES), ns]

    def of_kinds(self, own: Sequence[Command]) -> list[Command]:
        """Those for the kinds that the cluster serves; names in `own` are taken."""
        return kind_commands.commands(self._kinds, own, self._open_kind, self._may_follow)

    def unknown(self, name: str) -> str:
        """Why a name opens nothing."""
        close = commands.complete(self._main.commands, name, most=1)
        hint = f" Did you mean :{close[0].text}?" if close else ""
        return unbound.COMMANDS.get(name) or kind_commands.unknown(name, self._kinds, hint)

    def _of_pane(self, pane: type[AnyPane]) -> Command:
        names = (pane.NAME, *pane.ALIASES)
        words = f"the pane {pane.TITLE}"
        return Command(names, words, self._opens(pane.NAME), self._may_follow, "[NAMESPACE,…]")

    def _opens(self, name: str) -> Callable[[str], None]:
        def run(argument: str) -> None:
            given = self._read(name, argument, self._main.panes[name])
            if given is not None:
                self._main.go(Jump(name), given.filter, given.namespaces)

        return run

    @property
    def _kinds(self) -> Collection[Served]:
        snapshot = self._main.snapshot
        return snapshot.server.served.values() if snapshot else ()

    def _open_kind(self, it: Served, argument: str) -> None:
        """Shows a kind as the server prints it, and says which others have its name."""
        main = self._main
        given = self._read(str(it.kind), argument, main.panes[ServedPane.NAME])
        if given is None:
            return
        main.go(Jump(ServedPane.NAME, str(it.kind)), given.filter, given.namespaces)
        others = kind_commands.homonyms(it, self._kinds)
        if others:
            also = ", ".join(f":{each}" for each in others)
            main.post_message(main.Told(f"This is {it.kind}. Of the same name: {also}."))

    def _keep_to(self, argument: str) -> None:
        """Where no namespace is named, it is the pane of them that is meant."""
        main = self._main
        pane = main.panes["namespaces"]
        given = self._read(NS[0], argument, main.front, unnamed=pane)
        if given is None:
            return
        if given.namespaces is None:
            main.go(Jump(pane.NAME), given.filter)
        else:
            main.choose_namespaces(given.namespaces, given.filter)

    def _read(
        self, command: str, argument: str, pane: AnyPane, unnamed: AnyPane | None = None
    ) -> Arguments | None:
        """What stands behind a command; None where it cannot be meant, or is meant for another cluster. A filter is
        for the pane, or for another one where no namespace is named."""
        main = self._main
        try:
            given = arguments.parse(argument)
            about = unnamed if unnamed is not None and given.namespaces is None else pane
            about.read_filter(given.filter)
        except (BadArguments, BadPattern) as failure:
            main.post_message(main.Told(f":{command} {argument}: {failure}.", Tone.WARN))
            return None
        if given.context in ("", main.place.context):
            return given
        main.post_message(main.ContextAsked(given.context, f"{command} {given.elsewhere}"))
        return None

    def _may_follow(self) -> Sequence[str]:
        """Namespaces, and contexts with their sign."""
        contexts = commands.find(self._main.commands, "ctx")
        return [
            *self._namespaces(),
            *(f"@{name}" for name in (contexts.choices() if contexts else ())),
        ]

    def _namespaces(self) -> Sequence[str]:
        main = self._main
        known = main.snapshot.objects.get(NAMESPACE, {}) if main.snapshot else {}
        return [arguments.ALL, *sorted(set(known) | set(main.place.namespaces))]

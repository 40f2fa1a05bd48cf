"""Commands for every kind that the cluster serves, by each name that kubectl takes for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from meshtui.mesh.served import Served, by_name, listed
from meshtui.ui.commands import Command
from meshtui.ui.spans import plain


def commands(
    served: Iterable[Served],
    own: Sequence[Command],
    open_: Callable[[Served, str], None],
    choices: Callable[[], Iterable[str]],
) -> list[Command]:
    """A command for each kind, which is `open_` with what stands behind it. A name that one of our own commands has
    stays that one's; of kinds with the same name the first that the server names has it, as with kubectl, and all
    have it with their group."""
    kinds = listed(served)
    named = by_name(kinds)
    taken = {name for command in own for name in command.names}

    def command(it: Served) -> Command:
        names = [name for name in it.names if name not in taken and named[name][0] is it]
        found = [name for name in (*names, *it.qualified) if _can_be_typed(name)]
        kind = it.kind
        version = f"{kind.group}/{it.versions[0]}" if kind.group else it.versions[0]
        words = f"{kind.title or kind.plural}, {version}"
        short = f" ({' '.join(it.short)})" if it.short else ""
        takes = "[NAMESPACE,…]" if kind.namespaced else "[/FILTER]"
        given = choices if kind.namespaced else tuple
        return Command(
            tuple(dict.fromkeys(found)),
            plain(f"{words}{short}"),
            lambda argument: open_(it, argument),
            given,
            takes,
            listed=False,
        )

    return [found for it in kinds if (found := command(it)).names]


def homonyms(it: Served, served: Iterable[Served]) -> Sequence[str]:
    """The kinds that have a name of this one too, by the name that only they have."""
    named = by_name(listed(served))
    others = (other for name in it.names for other in named[name] if other is not it)
    return [*dict.fromkeys(str(other.kind) for other in others)]


def unknown(name: str, served: Collection[Served], hint: str) -> str:
    """Why a name opens nothing; `hint` is what may have been meant."""
    members = [str(it.kind) for it in listed(served) if name in it.categories]
    if members:
        return f":{name} is a category, of {', '.join(f':{each}' for each in members)}."
    found = [it for it in served if name in (*it.names, *it.qualified)]
    if found:
        return f"{found[0].kind.title} cannot be listed: there is nothing to show."
    kinds = "The cluster serves no kind of that name."
    if not served:
        kinds = "Which kinds the cluster serves is not known."
    return f"There is no command :{name}.{hint} {kinds}"


def _can_be_typed(name: str) -> bool:
    return name.isprintable() and " " not in name

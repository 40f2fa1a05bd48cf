"""Running the program on the screen, from where one left off to where one leaves off."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from meshtui import memory, places
from meshtui.app import MeshApp
from meshtui.clusters import clusters
from meshtui.files import Files
from meshtui.places import Left
from meshtui.settings import Settings
from meshtui.ui.driver import Driver
from meshtui.ui.panes import NAMED


def run(settings: Settings, kept: Path | None = None) -> int:
    """Runs the program; gives its exit status. `kept` is the file of where one left off; None to begin anew."""
    memory.hold()
    memory.map_large_pieces()
    sys.setswitchinterval(0.001)  # a key must not wait long for a thread that derives
    found = clusters(settings)
    context = settings.context or found.current
    app = MeshApp(_begun(settings, context, kept), found, files=Files.default())
    app.driver_class = Driver
    status = app.run() or 0
    if kept is not None:
        _keep(kept, app)
    return status


def _begun(settings: Settings, context: str, kept: Path | None) -> Settings:
    try:
        return places.begun(settings, context, places.load(kept, context)) if kept else settings
    except OSError:  # which is said when it cannot be written either
        return settings


def _keep(path: Path, app: MeshApp) -> None:
    main = app.get_default_screen()
    pane = (
        main.front.NAME if main.front.NAME in NAMED else ""
    )  # the kinds are not known at the start
    try:
        places.save(path, main.place.context, Left(pane, main.place.namespaces))
    except OSError as error:
        click.echo(f"meshtui: where you left off cannot be kept: {error.strerror}", err=True)

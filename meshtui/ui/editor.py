"""Editor: an object as YAML in the person's own editor; what was written stays in its file until it was applied."""

from __future__ import annotations

import asyncio
import os
import shlex
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct
from textual.app import App, SuspendNotSupported

from meshtui.mesh import diff
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref
from meshtui.ui import terminal

VARIABLES = ("KUBE_EDITOR", "EDITOR")
"""Where the editor is looked for, as kubectl does; after them `vi`."""


class EditorError(Exception):
    """Nothing came of it, in words for the screen; they name the file, if something was written."""


class Written(Struct, frozen=True):
    """What a person wrote."""

    path: Path
    object: Any
    """Whatever the YAML says, which may be no object."""
    unchanged: bool

    def forget(self) -> None:
        """Takes the file away."""
        with suppress(OSError):
            self.path.unlink()
            self.path.parent.rmdir()


async def edited(app: App[int], ref: Ref, before: Raw) -> Written:
    """Lends the terminal to the editor until it ends. Raises EditorError."""
    given = diff.text(diff.said(before))
    try:
        path = await asyncio.to_thread(_write, f"{ref.kind.title}-{ref.name}".lower(), given)
    except OSError as error:
        raise EditorError(f"no file to edit can be written: {error.strerror}") from error
    status = await _run(app, path)
    try:
        text = await asyncio.to_thread(path.read_text, encoding="utf-8")
        found = await asyncio.to_thread(yaml.safe_load, text)
    except (OSError, UnicodeError, ValueError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())
        raise EditorError(f"Not sent, it cannot be read: {why}. It is in {path}.") from error
    if status:
        raise EditorError(f"Not sent: the editor ended with status {status}. The file is {path}.")
    return Written(path, found, unchanged=text == given)


def _write(name: str, text: str) -> Path:
    """Into a directory of its own that nobody else may read."""
    path = Path(tempfile.mkdtemp(prefix="meshtui-")) / f"{name.replace('/', '-')}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


async def _run(app: App[int], path: Path) -> int:
    """Runs the editor on a file; gives its exit status. Nothing is drawn meanwhile, and the cluster is still read."""
    editor = next((found for name in VARIABLES if (found := os.environ.get(name))), "vi")
    try:
        with terminal.lent(app):
            process = await asyncio.create_subprocess_exec(*shlex.split(editor), str(path))
            return await process.wait()
    except (OSError, ValueError) as error:
        raise EditorError(f"The editor {editor!r} does not start: {error}") from error
    except SuspendNotSupported as error:
        raise EditorError("This terminal cannot be lent to an editor.") from error

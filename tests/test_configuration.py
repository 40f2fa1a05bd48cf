"""The configuration file: what it may say, what outweighs it, and what is said of its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.configuration import Choices, load
from meshtui.settings import ContextSettings, Settings, config_path

GOOD = """\
theme = "nord"
ascii = true
bell = true
quit_on_ctrl_c = "never"

[keys]
"app.help" = "f1,question_mark"

[aliases]
Led = ":workloads payments /ledger"
l = "led @prod-eu1"

[contexts.prod-eu1]
read_only = false
namespaces = ["shop", "payments"]
colour = "#aa3366"
theme = "gruvbox"

[contexts."arn:aws:eks:eu-west-1:1:cluster/a.b"]
read_only = true
"""


def written(directory: Path, text: str) -> Path:
    path = directory / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    assert load({}, path) == Settings(config_file=path)


def test_everything_a_file_may_say(tmp_path: Path) -> None:
    settings = load({}, written(tmp_path, GOOD))
    assert settings.complaints == ()
    assert settings.theme_of("kind-kind") == "nord"
    assert settings.theme_of("prod-eu1") == "gruvbox"
    assert settings.ascii is True
    assert settings.bell is True
    assert settings.quit_on_ctrl_c == "never"
    assert settings.aliases == {"led": "workloads payments /ledger", "l": "led @prod-eu1"}
    assert settings.keys == {"app.help": "f1,question_mark"}
    assert settings.about("prod-eu1") == ContextSettings(
        read_only=False, namespaces=("shop", "payments"), colour="#aa3366", theme="gruvbox"
    )
    assert settings.about("arn:aws:eks:eu-west-1:1:cluster/a.b").read_only is True
    assert settings.about("kind-kind") == ContextSettings()


def test_what_is_given_outweighs_the_file(tmp_path: Path) -> None:
    settings = load({"theme": "light", "namespaces": ("edge",)}, written(tmp_path, GOOD))
    assert settings.theme_of("kind-kind") == settings.theme_of("prod-eu1") == "light"
    assert settings.keys
    assert settings.namespaces_of("prod-eu1") == ("edge",)


def test_the_namespaces_of_a_context_hold_where_no_flag_says_otherwise(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    assert load({}, path).namespaces_of("prod-eu1") == ("shop", "payments")
    assert load({}, path).namespaces_of("kind-kind") == ()
    assert load({"all_namespaces": True}, path).namespaces_of("prod-eu1") == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('thme = "nord"', "line 1: unknown key 'thme'; did you mean 'theme'?"),
        (
            "\nmouse = true",
            "line 2: unknown key 'mouse'; known are theme, ascii, bell, quit_on_ctrl_c, keys, aliases, contexts",
        ),
        ('quit_on_ctrl_c = "twice"', 'line 1: quit_on_ctrl_c must be "first", "double" or "never"'),
        ("quit_on_ctrl_c = [1]", 'line 1: quit_on_ctrl_c must be "first", "double" or "never"'),
        ("# theme = 1\ntheme = 3", "line 2: theme must be text in quotes"),
        (
            r'"a\nb" = 1',
            r"line 1: unknown key 'a\nb'; known are theme, ascii, bell, quit_on_ctrl_c, keys, aliases, contexts",
        ),
        ('[contexts.a]\ncolour = "red"', 'line 2: colour must be a colour such as "#aa3366"'),
        (
            "[contexts.a]\nread_only = true\n[contexts.b]\n  read_onl = true",
            "line 4: unknown key 'read_onl'; did you mean 'read_only'?",
        ),
        (
            '[contexts]\n"a.b" = {read_only = 1}',
            "line 2: read_only must be true or false",
        ),
        (
            'contexts."a.b".namespaces = "shop"',
            'line 1: namespaces must be a list of names, such as ["shop", "payments"]',
        ),
        (
            '[contexts]\nprod = "red"',
            'line 1: contexts must be a table for each context, such as [contexts."prod-eu1"]',
        ),
        (
            "[keys]\nhelp = 1",
            'line 1: keys must be a table of keys by binding, such as "app.help" = "f1,question_mark"',
        ),
        (
            "[aliases]\nled = 1",
            'line 1: aliases must be a table of commands by a word, such as led = "workloads payments /ledger"',
        ),
        (
            '[aliases]\na = "b x"\nb = ":A y"',
            "line 1: aliases must be without a circle: a leads to a again",
        ),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    path = written(tmp_path, text)
    assert load({}, path).complaints == (f"{path}, {complaint}",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('theme = "norde"', "line 1: unknown theme 'norde'; did you mean 'nord'?"),
        ('theme = "x"', "line 1: unknown theme 'x'; known are gruvbox, nord"),
        (
            '[contexts.a]\ncolour = "#aa3366"\ntheme = "nrd"',
            "line 3: unknown theme 'nrd'; did you mean 'nord'?",
        ),
        (
            '[keys]\n"app.help" = "f1"\n"app.hepl" = "f2"',
            "line 3: unknown binding 'app.hepl'; did you mean 'app.help'?",
        ),
    ],
)
def test_names_that_the_screen_does_not_have(tmp_path: Path, text: str, complaint: str) -> None:
    path = written(tmp_path, text)
    choices = Choices(themes={"nord", "gruvbox"}, bindings={"app.help", "app.back"})
    assert load({}, path, choices).complaints == (f"{path}, {complaint}",)


def test_what_is_right_in_a_file_counts_beside_a_mistake(tmp_path: Path) -> None:
    settings = load({}, written(tmp_path, 'theme = "nord"\nkeys = 1\nfoo = 2'))
    assert settings.theme == "nord"
    assert len(settings.complaints) == 2


def test_a_file_that_is_not_toml_is_one_complaint(tmp_path: Path) -> None:
    path = written(tmp_path, "theme = 'nord'\nread only = yes\n")
    [complaint] = load({}, path).complaints
    assert complaint.startswith(f"{path} is not TOML: ")
    assert "line 2" in complaint
    assert "\n" not in complaint


def test_a_file_that_cannot_be_read_is_one_complaint(tmp_path: Path) -> None:
    assert load({}, tmp_path).complaints == (f"{tmp_path} cannot be read: Is a directory",)
    binary = tmp_path / "config.toml"
    binary.write_bytes(b"theme = '\xff'")
    assert load({}, binary).complaints == (f"{binary} is not UTF-8 text",)


@given(text=st.text(alphabet='abt."[]{}=\n#,0 \\', max_size=60) | st.text(max_size=40))
def test_no_text_stops_the_start(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = written(tmp_path_factory.getbasetemp(), text.replace("\r", ""))
    for complaint in load({}, path).complaints:
        assert complaint.startswith(str(path))
        assert "\n" not in complaint


def test_where_the_configuration_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHTUI_CONFIG_DIR", "/somewhere/mine")
    assert config_path() == Path("/somewhere/mine/config.toml")
    monkeypatch.delenv("MESHTUI_CONFIG_DIR")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere/config")
    assert config_path() == Path("/somewhere/config/meshtui/config.toml")

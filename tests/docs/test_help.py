"""The help of each command: sections, examples, 80 columns; the man pages made of it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kubeauth_plugin.cli import kubeauth

ROOT = Path(__file__).parents[2]
ALSO_WITHOUT_EXAMPLES = {"cache"}


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(kubeauth, info_name="kubeauth")
    for name in kubeauth.list_commands(context):
        found = kubeauth.get_command(context, name)
        assert found is not None
        yield name, found
        if isinstance(found, click.Group):
            inner = click.Context(found, parent=context, info_name=name)
            for other in found.list_commands(inner):
                one = found.get_command(inner, other)
                assert one is not None
                yield f"{name} {other}", one


def help_of(name: str, command: click.Command) -> str:
    whole = click.Context(kubeauth, info_name="kubeauth", terminal_width=80, max_content_width=80)
    return command.get_help(click.Context(command, parent=whole, info_name=name))


COMMANDS = dict(commands())


@pytest.mark.parametrize(("name", "command"), list(COMMANDS.items()), ids=list(COMMANDS))
class TestHelp:
    def test_fits_80_columns(self, name: str, command: click.Command) -> None:
        assert [line for line in help_of(name, command).splitlines() if len(line) > 80] == []

    def test_has_two_examples(self, name: str, command: click.Command) -> None:
        if name not in ALSO_WITHOUT_EXAMPLES:
            lines = re.findall(
                rf"^  (?:\w+: +.*)?kubeauth {name}\b.*$", help_of(name, command), re.M
            )
            assert len(lines) >= 2

    def test_each_flag_says_what_it_is_for(self, name: str, command: click.Command) -> None:
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.help or parameter.name == "output", parameter.name


def test_flags_stand_in_sections_with_their_variables() -> None:
    text = help_of("get-token", COMMANDS["get-token"])
    sections = re.findall(r"^(\w[\w ]+):$", text, re.MULTILINE)
    assert sections == [
        "Which cluster",
        "Who signs in",
        "How to sign in",
        "Cache and time limits",
        "Output and help",
    ]
    one_line = " ".join(text.split())
    assert "[AZURESUBSCRIPTION_TENANT_ID, AZURE_TENANT_ID]" in one_line
    assert "[AAD_LOGIN_METHOD]" in one_line and "[KUBEAUTH_CACHE_DIR, KUBECACHEDIR]" in one_line


@pytest.mark.process
def test_the_man_pages_are_as_new_as_the_help(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "docs/build_man.py", tmp_path], check=True)
    fresh = {page.name: page.read_text("utf-8") for page in tmp_path.iterdir()}
    kept = {page.name: page.read_text("utf-8") for page in (ROOT / "docs/man").iterdir()}
    assert fresh == kept, "run `python3 dev.py docs`"
    assert "kubeauth-convert-kubeconfig.1" in kept

"""Write a man page for each command into docs/man, from its help; `dev.py docs` runs it.

The wheel puts them where `man kubeauth` finds them.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

import click
from click_man.core import write_man_pages

from kubeauth_plugin.cli import kubeauth

PAGES = Path(__file__).parent / "man"


def main(folder: Path = PAGES) -> None:
    """Write all pages anew."""
    folder.mkdir(exist_ok=True)
    for page in folder.glob("*.1"):
        page.unlink()
    context = click.Context(kubeauth, info_name="kubeauth")
    names = kubeauth.list_commands(context)
    commands = {name: kubeauth.get_command(context, name) for name in names}
    # The real group loads its commands by name, and so has none of its own.
    whole = click.Group(
        "kubeauth",
        commands={name: found for name, found in commands.items() if found is not None},
        help=kubeauth.help,
        params=kubeauth.params,
    )
    version = metadata.version("kubeauth")
    write_man_pages("kubeauth", whole, version=version, target_dir=str(folder), date="")
    for page in folder.glob("*.1"):
        page.write_text(tidied(page.read_text("utf-8")), "utf-8")


def tidied(text: str) -> str:
    """Return a page without today's date, and with its examples line by line."""
    text = re.sub(r'^(\.TH "[^"]*" "1" )"[^"]*"', r'\1""', text)
    text = re.sub(r"\.PP\n\x08?\n((?:\w.*\n)+)", r".PP\n.nf\n\1.fi\n", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:]))

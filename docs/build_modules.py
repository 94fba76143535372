"""Write the list of modules in docs/architecture.md from their docstrings: `python dev.py docs`.

A test fails while the page is older than the code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- modules: written by `python3 dev.py docs` -->\n"
END = "<!-- end of modules -->\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


def render() -> str:
    """Return the page with a list that is as new as the code."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + "\n".join(_lines()) + "\n" + END + after


def _lines() -> Iterator[str]:
    for base, package in ((ROOT, "kubeauth"), (ROOT / "plugin", "kubeauth_plugin")):
        folders = [base / package, *(p for p in (base / package).rglob("*") if p.is_dir())]
        for folder in sorted(folders):
            if not (folder / "__init__.py").is_file():
                continue
            name = folder.relative_to(base).as_posix()
            yield f"**`{name}/`** {_first_sentence(folder / '__init__.py')}\n"
            for file in sorted(folder.glob("*.py")):
                if file.name != "__init__.py":
                    yield f"- `{file.stem}`: {_first_sentence(file)}"
            yield ""


def _first_sentence(file: Path) -> str:
    """Return the first paragraph of a module's docstring, on one line."""
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("``", "`").rstrip(":")


if __name__ == "__main__":
    main()

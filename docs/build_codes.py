"""Write the table of Entra ID's codes into docs/errors.md: `python docs/build_codes.py`.

A test fails while the page is older than the codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kubeauth.providers._entra.hints import FAMILIES, HINTS, Hint
from kubeauth_plugin.commands.help import GENERAL

PAGE: Final = Path(__file__).parent / "errors.md"
BEGIN: Final = "<!-- codes: written by `python3 dev.py docs` -->\n"
END: Final = "<!-- end of codes -->\n"
HEAD: Final = """
| Code AADSTS… | Cause | Next step |
|---|---|---|
"""


def main() -> None:
    """Write the table."""
    PAGE.write_text(render(), encoding="utf-8")


def render() -> str:
    """Return the page with the table as it should be."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{HEAD}{''.join(_rows())}\n{END}{after}"


def _rows() -> Iterator[str]:
    """Yield a line for each code, in order of the numbers."""
    rows = [(code, hint) for hint in HINTS for code in hint.codes]
    for code, hint in sorted(rows, key=lambda row: str(row[0])):
        more = ", and longer ones" if code in FAMILIES else ""
        more += "".join(f", and others with {n}…" for n, c in FAMILIES.items() if n != c == code)
        anchor = f'<a id="aadsts{code}"></a>{code}{more}'
        yield f"| {anchor} | {hint.cause.format(**GENERAL)} | {_steps(hint)} |\n"


def _steps(hint: Hint) -> str:
    """Return the next step, and those of single logins."""
    own = (f"{', '.join(logins.split())}: {step}" for logins, step in hint.instead.items())
    return ".<br>".join([hint.step, *own]).format(**GENERAL)


if __name__ == "__main__":
    main()

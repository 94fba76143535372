"""Write facts about logins and flags into docs/login-*.md, logins.md and from-kubelogin.md.

`dev.py docs` runs it.

They come from the tables that the program itself reads. A test fails while a page is older.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from kubeauth.options.logins import LOGINS, Login
from kubeauth.options.settings import FLAGS, Flag, flag_of
from kubeauth.options.variables import variables_for
from kubeauth.providers._entra.hints import HINTS
from kubeauth_plugin.commands.help import GENERAL

DOCS: Final = Path(__file__).parent
_PLACE: Final = re.compile(
    r"(<!-- (facts|codes|logins|flags):(?: ([^\n]*))? -->\n).*?(<!-- end of \2 -->)", re.DOTALL
)

# By the flag's field. Where a flag is not here, there is no difference.
_DIFFERENT: Final = {
    "login": "the same, and four more logins; `convert-kubeconfig` without it keeps the login",
    "client_secret": "the same; better are `--client-secret-file`, `--client-secret-env` and "
    "`--client-secret-keyring`",
    "client_certificate": "the same; PKCS#1 and encrypted keys work, and a file may have any name",
    "environment": "the same names; an unknown one is an error, not the public cloud",
    "authority_host": "the same, for every login; `convert-kubeconfig` keeps it",
    "federated_token_file": "the same; it wins over the token of GitHub",
    "login_hint": "the same, for devicecode too; each person has a session of their own",
    "pop_enabled": "the same, for devicecode and workloadidentity too; other logins refuse it",
    "pop_claims": "the same; a claim may hold `=`",
    "cache_dir": "the same; the default is `~/.kube/cache/kubeauth`",
    "timeout": "the same for machines, and kept by `convert-kubeconfig`; `--person-timeout` is for "
    "people",
    "legacy": "the same; `--legacy=false` clears it",
    "disable_instance_discovery": "the same; `convert-kubeconfig` keeps it",
    "use_azurerm_env_vars": "the same, and more of those variables",
}


def pages() -> list[Path]:
    """Return the pages that have such facts."""
    return [DOCS / "from-kubelogin.md", DOCS / "logins.md", *sorted(DOCS.glob("login-*.md"))]


def main() -> None:
    """Write all pages."""
    for page in pages():
        page.write_text(render(page), encoding="utf-8")


def render(page: Path) -> str:
    """Return the page with facts that are as new as the tables."""
    parts: dict[str, Callable[..., Iterator[str]]] = {
        "facts": _facts,
        "codes": _codes,
        "logins": _all_logins,
        "flags": _all_flags,
    }

    def written(place: re.Match[str]) -> str:
        lines = "\n".join(parts[place[2]](*(place[3] or "").split()))
        return f"{place[1]}\n{lines}\n\n{place[4]}"

    return _PLACE.sub(written, page.read_text("utf-8"))


def _facts(name: str, *without: str) -> Iterator[str]:
    """Yield what a login needs, and a row for each of its flags but those to leave out."""
    login = LOGINS[name]
    needs = [flag_of(field) for field in ("server_id", *login.needs)]
    one_of = [flag_of(field) for field in login.needs_one_of if field not in without]
    yield "| | |"
    yield "|---|---|"
    yield f"| Needs | {_code(needs)}{f'; one of {_code(one_of)}' if one_of else ''} |"
    yield f"| A person has to act | {'yes, the first time' if login.human else 'no'} |"
    yield f"| Proof of possession | {'yes' if login.proves else 'no'} |"
    yield f"| Azure/kubelogin has it | {'yes' if login.kubelogin else 'no'} |"
    flags = [flag for flag in FLAGS if _belongs(login, flag) and flag.field not in without]
    if flags:
        yield ""
        yield "| Flag | Meaning | Variables; a later one wins over an earlier one |"
        yield "|---|---|---|"
    for flag in flags:
        variables = variables_for(login, flag.field, terraform=False)
        meaning = re.sub(rf"^(interactive|{name}): ", "", flag.help).replace("|", "\\|")
        yield f"| `--{flag.name}` | {meaning} | {_code(variables)} |"


def _belongs(login: Login, flag: Flag) -> bool:
    own = {*login.needs, *login.needs_one_of, *login.entry.own}
    return flag.field in own or flag.help.startswith(f"{login.name}: ")


def _codes(name: str, *numbers: str) -> Iterator[str]:
    """Yield a row for each of Entra ID's codes, with the next step for this login."""
    login = LOGINS[name]
    again = login.sign_in_command("TENANT")
    words = GENERAL | {
        "way": login.other_way,
        "again": f"run `{again}`" if again else "run the command again",
        "public": "allow public client flows for the application"
        if login.public_client
        else "give `--client-secret` or a certificate",
    }
    yield "| Code | Cause | Next step |"
    yield "|---|---|---|"
    for number in numbers:
        hint = next(hint for hint in HINTS if int(number) in hint.codes)
        code = f"[AADSTS{number}](errors.md#aadsts{number})"
        yield f"| {code} | {hint.cause} | {hint.step_for(name)} |".format(**words)


def _all_logins() -> Iterator[str]:
    """Yield a row for each login."""
    yield "| Login | Who signs in | A person has to act | Azure/kubelogin has it |"
    yield "|---|---|---|---|"
    for name, login in LOGINS.items():
        person = "the first time" if login.human else "no"
        kubelogin = "yes" if login.kubelogin else "no"
        yield f"| [`{name}`](login-{name}.md) | {login.summary} | {person} | {kubelogin} |"


def _all_flags() -> Iterator[str]:
    """Yield a row for each flag of Azure/kubelogin, with what differs here."""
    yield "| Flag of kubelogin | With kubeauth |"
    yield "|---|---|"
    for flag in FLAGS:
        if flag.kubelogin:
            names = ", ".join(f"`--{name}`" for name in (flag.name, *flag.aliases))
            yield f"| {names} | {_DIFFERENT.get(flag.field, 'the same')} |"


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    main()

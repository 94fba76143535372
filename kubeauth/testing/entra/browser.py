"""Play a person at a browser: fill in the sign-in form and follow the redirect."""

from __future__ import annotations

import json
import os
import shlex
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urljoin


class Form(HTMLParser):
    """The first form of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and their inputs."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = found.get("action", "")
        if tag == "input" and "name" in found:
            self.fields[found["name"]] = found.get("value", "")


class Browser:
    """Signs a person in, the way a browser would, and trusts the simulator's certificate."""

    def __init__(self, ca_file: Path) -> None:
        context = ssl.create_default_context(cafile=str(ca_file))
        # Use no proxy: all servers are on this machine.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def sign_in(self, url: str, username: str, password: str = "", *, cancel: bool = False) -> str:
        """Open `url`, fill in the form, follow redirect or form post; return the last page.

        A redirect to http://localhost reaches the program that listens there. Raises OSError if no
        program does, and ValueError if `url` shows no form.
        """
        final, page = self._open(url)
        form = Form(page)
        if not form.action:
            raise ValueError("the page shows no sign-in form: " + page)
        filled = {**form.fields, "action": "cancel" if cancel else "signin"}
        filled |= {"username": username or form.fields.get("username", ""), "password": password}
        final, page = self._open(urljoin(final, form.action), filled)
        posted = Form(page)
        if posted.action.startswith("http") and "username" not in posted.fields:
            final, page = self._open(posted.action, posted.fields)
        return page

    def _open(self, url: str, fields: dict[str, str] | None = None) -> tuple[str, str]:
        data = None if fields is None else urlencode(fields).encode()
        request = urllib.request.Request(url, data)  # noqa: S310  # the simulator's own pages
        try:
            with self._opener.open(request, timeout=10) as answer:
                return answer.url, answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.url or url, error.read().decode("utf-8", "replace")


def browser_command(settings_file: Path) -> str:
    """Return a value for the variable BROWSER, which runs ``main`` with the person of a file."""
    words = [sys.executable, "-m", __name__, str(settings_file)]
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    return f"{join(words)} %s &"


def main(arguments: list[str]) -> int:
    """Sign in at a URL as the person of a file; what ``browser_command`` runs.

    `arguments` are the file and the URL. NOTE: the password is in the file, since a command line
    is visible to every user of the machine.
    """
    settings_file, url = arguments
    person = json.loads(Path(settings_file).read_text(encoding="utf-8"))
    browser = Browser(Path(person["ca_file"]))
    browser.sign_in(url, person["username"], person["password"], cancel=person["cancel"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

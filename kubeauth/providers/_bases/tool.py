"""The base of the logins through another program: run it, and explain its failures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from kubeauth.adapters.child_environ import for_tool
from kubeauth.cache.tokens import Key
from kubeauth.errors import SettingsError, ToolError
from kubeauth.files import read_bytes
from kubeauth.options.logins import find_login
from kubeauth.providers._entra.refusals import hint_for
from kubeauth.providers._program import Advice, beginning_of, output_of
from kubeauth.providers.base import Provider
from kubeauth.secret import fast_digest
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Final

__all__ = ["ToolProvider"]

# The limit of Azure/kubelogin; such a program needs seconds to start. Seconds.
_LIMIT: Final = 60.0
_LONGEST_ADVICE: Final = 10_000
_UNSAFE: Final = frozenset("\"'`$;&|<>^%!\r\n\0")


class ToolProvider(Provider):
    """A program with an account of its own, which prints tokens.

    ``tool`` is its name for people, ``program`` that of its file. ``usual_places`` lists where its
    installers put it, for callers with a short PATH. ``asking`` has the arguments that request a
    token.
    """

    tool: ClassVar[str]
    program: ClassVar[str]
    usual_places: ClassVar[Sequence[str]]
    asking: ClassVar[Sequence[str]]

    @property
    def sign_in_command(self) -> str:
        """The command that signs in to the program, without a tenant."""
        return find_login(self.login).sign_in_command()

    def _identity(self) -> dict[str, str]:
        """Add the account: the program rewrites its files when an account signs in or out."""
        accounts = []
        for file in self.stamped_files():
            try:
                accounts.append(read_bytes(file))
            except OSError:
                accounts.append(b"none")
        return {
            "login": self.login,
            "tenant": self._settings.tenant_id,
            "subscription": self._settings.subscription,
            "files": " ".join(self.stamped_files()),
            "profile": fast_digest(b"".join(accounts)),
        }

    @abstractmethod
    def stamped_files(self) -> Iterable[str]:
        """Return the files in which the program stores its account."""

    @abstractmethod
    def _options(self) -> Sequence[tuple[str, str]]:
        """Return flags and values for the program; the caller skips empty values."""

    @abstractmethod
    def _read(self, stdout: str) -> AccessToken:
        """Read the token from the program's output; raises ValueError, TypeError or KeyError."""

    def _sign_in(self, scope: str, key: Key, begun: float) -> AccessToken:
        argv = [self._found(), *self.asking, *self._arguments()]
        environ: Mapping[str, str] = {
            **for_tool(self._system.environ),
            "AZURE_CORE_NO_COLOR": "true",
            "NO_COLOR": "true",
        }
        if self._settings.ca_file:
            environ = {**environ, "REQUESTS_CA_BUNDLE": self._settings.ca_file}
        asked = " ".join([self.program, *self.asking[:2]])
        stdout = output_of(
            argv,
            self._system,
            environ=environ,
            limit=self._settings.timeout or _LIMIT,
            what=self.tool,
            shown=f"`{asked}`",
            advice=Advice(
                not_started=f"check its installation with `{self.program} version`",
                too_slow=f"run `{asked}` to see what it waits for; --timeout sets the limit",
                failed=self._advice,
            ),
            complaint_in=self._complaint,
        )
        try:
            token = self._read(stdout)
        except (ValueError, TypeError, KeyError) as error:
            raise ToolError(
                f"{self.tool}: its answer could not be read ({beginning_of(stdout)})",
                hint=f"run `{asked}` to see all of it; check `{self.program} version`, and update "
                "it",
            ) from error
        if token.seconds_left(self._system.now()) <= 0:
            raise ToolError(
                f"{self.tool}: its token has already expired",
                hint=f"check this machine's clock; else {self._sign_in_hint()}",
            )
        return token

    def _advice(self, stderr: str) -> str:
        """Return the hint for a failure: the program's own commands where they are exact.

        Against a policy or a disabled account its commands do not help, and ours are better.
        """
        hint = hint_for(self._complaint(stderr), self.login, self._settings)
        commands = self._own_commands(stderr)
        if commands and (not hint or f"`{self.sign_in_command}" in hint):
            said = " and ".join(f"`{command}`" for command in commands)
            return f"run {said}, as {self.program} says, then run this again"
        return hint or self._sign_in_hint()

    def _own_commands(self, stderr: str) -> Sequence[str]:
        """Return the commands that the program says would sign in, with all of their flags."""
        # NOTE: words and quoted words only, so that nothing else looks like a command of ours.
        import re

        flags = r"(?: --[a-z-]+(?:[ =](?:\"[\w.:/@-]+\"|[\w.:/@-]*[\w/]))?)*"
        command = rf"\b(?:{self.program} logout|{self.sign_in_command}{flags})(?![\w-])"
        found = [match[0] for match in re.finditer(command, stderr[:_LONGEST_ADVICE])]
        exact = [each for each in found if each != self.sign_in_command]
        return list(dict.fromkeys(exact))[:2] if any("--" in each for each in exact) else ()

    def _sign_in_hint(self) -> str:
        command = find_login(self.login).sign_in_command(self._settings.tenant_id)
        return f"sign in with `{command}`, then run this again"

    def _found(self) -> str:
        from kubeauth.adapters.programs import find_program

        program = find_program(self.program, self._system.environ, self.usual_places)
        if not program:
            raise ToolError(
                f"{self.tool}: `{self.program}` is not on PATH",
                hint=f"install it and run `{self.sign_in_command}`, or use another login such as "
                "devicecode",
            )
        return program

    def _arguments(self) -> Sequence[str]:
        arguments: list[str] = []
        for flag, value in self._options():
            # NOTE: on Windows az is a batch file, and a shell reads its arguments.
            if not _UNSAFE.isdisjoint(value) or value.startswith("-"):
                raise SettingsError(
                    f"login {self.login}: {value!r} cannot be handed to {self.program}",
                    hint="give ids instead of names",
                )
            arguments += [flag, value] if value else []
        return arguments

    def _complaint(self, stderr: str) -> str:
        """Return the line of stderr with the program's error."""
        lines = [line.strip() for line in stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR:")]
        return (errors or lines or [""])[-1].removeprefix("ERROR:").strip()

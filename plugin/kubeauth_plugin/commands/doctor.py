"""``kubeauth doctor``: find out why kubectl cannot sign in."""

from __future__ import annotations

import json
import os
from importlib import metadata
from typing import Any, Final

import click

from kubeauth_plugin.doctor.finding import Scene
from kubeauth_plugin.doctor.run import examine
from kubeauth_plugin.options import context_options, sign_in_options
from kubeauth_plugin.output import harmless, say
from kubeauth_plugin.shell.help import Sectioned

__all__ = ["command"]

# The exit code with findings; docs/errors.md.
_FOUND: Final = 11


@click.command("doctor", cls=Sectioned)
@context_options
@click.option("--sign-in", "may_ask", is_flag=True, help="ask you to sign in where that is needed")
@click.option(
    "--from-kubelogin",
    is_flag=True,
    help="also show, user by user, what leaving kubelogin would change and mend",
)
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="how to print it"
)
@sign_in_options()
def command(
    kubeconfig: str | None,
    context: str,
    may_ask: bool,
    from_kubelogin: bool,
    output: str,
    **flags: Any,
) -> None:
    """Find out why kubectl cannot sign in, and what to type next.

    Looks at all that stands between kubectl and the cluster, in order: for the current context, for
    --context, or with --server-id for the flags only. It changes nothing, ends within 30 seconds,
    and prints no secret, so that you can paste its output into an issue. The exit code is 0 without
    findings, else 11.

    \b
    kubeauth doctor
    kubeauth doctor --context prod -o json
    kubeauth doctor --from-kubelogin
    """
    typed = {name: value for name, value in flags.items() if value is not None}
    scene = Scene(dict(os.environ), context, kubeconfig, may_ask, typed)
    found = examine(scene)
    if from_kubelogin:
        from kubeauth_plugin.doctor.from_kubelogin import changes

        scene.seen += [(name, scene.foreign(text)) for name, text in changes(scene, context)]
    version = metadata.version("kubeauth")
    if output == "json":
        rows = [{"subject": f.subject, "problem": f.problem, "next": f.next_step} for f in found]
        seen = [{"subject": name, "text": text} for name, text in scene.seen]
        say(json.dumps({"kubeauth": version, "seen": seen, "findings": rows}, indent=2))
    else:
        say(f"kubeauth {version}")
        for name, text in scene.seen:
            say(harmless(f"{name}: {text}"))
        for one in found:
            say(harmless(f"\N{BALLOT X} {one.subject}: {one.problem}"))
            say(harmless(f"  next: {one.next_step}"))
        if not found:
            say("nothing is wrong")
    if found:
        click.get_current_context().exit(_FOUND)

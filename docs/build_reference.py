"""Write docs/reference.md from the docstrings: `python docs/build_reference.py`.

Every public name has to have a docstring, or it stops with the names that have none. A test fails
while the page is older than the code.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "reference.md"
CLIENTS = ("kubernetes", "kubernetes_asyncio", "kr8s", "lightkube", "httpx", "requests")
HEAD = """\
# Reference

Every public name of the library, written from its docstrings by `python docs/build_reference.py`.
[library.md](library.md) explains, [cookbook.md](cookbook.md) shows. `kubeauth.AKS_SERVER_ID` is the
audience of every AKS cluster's tokens.
"""
# Longer signatures get a line for each parameter.
WIDTH = 88


class Undocumented(Exception):
    """Public names without a docstring."""


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")


def render() -> str:
    """Give the page; raises Undocumented."""
    missing: list[str] = []
    lines = [HEAD]
    for title, module, names in _chapters():
        home = importlib.import_module(module)
        lines.append(f"## {title}\n")
        if module.startswith("kubeauth.integrations") or module == "kubeauth.testing":
            lines.append(_prose(home))
        for name in names:
            lines += _entry(name, getattr(home, name), missing)
    if missing:
        raise Undocumented(", ".join(missing))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _chapters() -> Iterator[tuple[str, str, list[str]]]:
    """Give title, module and names of every chapter."""
    import kubeauth

    errors = set(importlib.import_module("kubeauth.errors").__all__)
    values = ["AccessToken", "Cluster", "Settings", "System"]
    kinds = [n for n in kubeauth.__all__ if inspect.isclass(getattr(kubeauth, n))]
    makers = [n for n in kubeauth.__all__ if inspect.isfunction(getattr(kubeauth, n))]
    base = ["Credential", "Provider"]
    ways = [n for n in kinds if n not in errors and n not in values and n not in base]
    yield "What every credential can do", "kubeauth", base
    yield "Asynchronous programs", "kubeauth.aio", ["AsyncCredential"]
    yield "Ways to sign in", "kubeauth", ways
    yield "Providers from elsewhere", "kubeauth", makers
    yield "Values", "kubeauth", values
    yield "Errors", "kubeauth", [n for n in kinds if n in errors]
    yield "Options that all providers take", "kubeauth.providers.options", ["Options"]
    yield "Options that all `load` functions take", "kubeauth.integrations._target", ["LoadOptions"]
    for client in CLIENTS:
        module = f"kubeauth.integrations.{client}"
        yield module, module, list(importlib.import_module(module).__all__)
    testing = importlib.import_module("kubeauth.testing")
    classes = [n for n in testing.__all__ if inspect.isclass(getattr(testing, n))]
    yield "kubeauth.testing", "kubeauth.testing", classes


def _entry(name: str, thing: Any, missing: list[str]) -> Iterator[str]:
    """Give the lines about a class or a function."""
    yield f"### {name}\n"
    signature = _signature(name, thing)
    if signature:
        yield f"```python\n{signature}\n```\n"
    yield _prose(thing) or _noted(missing, name)
    if not inspect.isclass(thing) or issubclass(thing, BaseException):
        return
    if issubclass(thing, dict):
        yield "\n".join(f"- `{key}: {kind}`" for key, kind in _annotations(thing)) + "\n"
    for member, value in vars(thing).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if member.startswith("_") or not inspect.isfunction(function):
            continue
        if dataclasses.is_dataclass(thing) and member in {
            f.name for f in dataclasses.fields(thing)
        }:
            continue
        inherited = next(
            (_prose(getattr(b, member)) for b in thing.__mro__ if hasattr(b, member)), ""
        )
        text = _prose(function) or inherited or _noted(missing, f"{name}.{member}")
        label = member if isinstance(value, property) else _one_line(member, function)
        yield f"- **`{label}`** {text.strip()}".replace("\n", "\n  ") + "\n"


def _annotations(options: type) -> Iterator[tuple[str, str]]:
    """Give the names of a TypedDict's entries, and their types as the source has them."""
    for key, kind in options.__annotations__.items():
        yield key, getattr(kind, "__forward_arg__", str(kind))


def _noted(missing: list[str], name: str) -> str:
    missing.append(name)
    return ""


def _prose(thing: Any) -> str:
    """Give a docstring as Markdown: its code blocks and lists are indented already."""
    text = thing.__doc__ or ""
    if not text or text == getattr(type(thing), "__doc__", None):
        return ""
    if dataclasses.is_dataclass(thing) and text.startswith(f"{getattr(thing, '__name__', '')}("):
        return ""  # what dataclasses write themselves
    return inspect.cleandoc(text).replace("``", "`") + "\n"


def _signature(name: str, thing: Any) -> str:
    if inspect.isclass(thing) and (
        issubclass(thing, (dict, BaseException)) or inspect.isabstract(thing)
    ):
        return ""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    line = _clean(f"{name}{signature}")
    if inspect.isclass(thing):
        line = line.removesuffix(" -> None")
    if inspect.iscoroutinefunction(thing):
        line = f"await {line}"
    if len(line) <= WIDTH:
        return line
    parameters = ",\n    ".join(_parameters(signature))
    gives = line.rpartition(" -> ")[2] if ") -> " in line else ""
    end = f" -> {gives}" if gives else ""
    return _clean(f"{line.partition('(')[0]}(\n    {parameters},\n)") + end


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    keyword_only = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            yield "*"
        keyword_only |= parameter.kind is parameter.VAR_POSITIONAL
        yield str(parameter)


def _one_line(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    rest = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    return _clean(f"{name}{signature.replace(parameters=rest)}")


def _clean(text: str) -> str:
    """Write annotations as they stand in the source, and defaults that are objects as dots."""
    text = re.sub(r"<[^<>]*(<[^<>]*>)?[^<>]*>", "...", text)
    return re.sub(r"'([^' ]+(?: \| [^']+)?|[\w.\[\], |]+)'", _unquoted, text)


def _unquoted(match: re.Match[str]) -> str:
    before = match.string[: match.start()]
    is_annotation = before.endswith((": ", "-> "))
    return match.group(1) if is_annotation else match.group(0)


if __name__ == "__main__":
    main()

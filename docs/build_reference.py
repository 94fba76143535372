"""Write docs/reference.md and a page for each module from the docstrings: `dev.py docs` runs it.

Every public name has to have a docstring, or it stops with the names that have none. A test fails
while a page is older than the code.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

DOCS = Path(__file__).parent
CLIENTS = ("kubernetes", "kubernetes_asyncio", "kr8s", "lightkube", "httpx", "requests")
HEAD = """\
# Python API

Every public name of the library, a page for each module, written from the docstrings.
[library.md](library.md) explains, [cookbook.md](cookbook.md) shows. `kubeauth.AKS_SERVER_ID` is the
audience of every AKS cluster's tokens.

| Module | |
|---|---|
"""
# Longer signatures get a line for each parameter.
WIDTH = 88


class Undocumented(Exception):
    """Public names without a docstring."""


class Chapter(NamedTuple):
    """A part of the page of ``module``; the names are in the module ``home``."""

    module: str
    title: str
    home: str
    names: list[str]


def main() -> None:
    """Write all pages."""
    for name, text in render().items():
        (DOCS / name).write_text(text, encoding="utf-8")


def render() -> dict[str, str]:
    """Return the text of each page, by its file's name; raises Undocumented."""
    missing: list[str] = []
    pages = {"reference.md": [HEAD]}
    for chapter in _chapters():
        page = f"api-{chapter.module.replace('.', '-')}.md"
        if page not in pages:
            about = _prose(importlib.import_module(chapter.module))
            pages[page] = [f"# {chapter.module}\n", about]
            first = " ".join(about.partition("\n\n")[0].split()).rstrip(":")
            pages["reference.md"].append(f"| [`{chapter.module}`]({page}) | {first} |")
        home = importlib.import_module(chapter.home)
        pages[page].append(f"## {chapter.title}\n" if chapter.title else "")
        for name in chapter.names:
            pages[page] += _entry(name, getattr(home, name), missing)
    if missing:
        raise Undocumented(", ".join(missing))
    return {page: _joined(lines) for page, lines in pages.items()}


def _joined(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).replace("|\n\n|", "|\n|").rstrip() + "\n"


def _chapters() -> Iterator[Chapter]:
    """Yield every chapter, those of one page in turn."""
    import kubeauth

    errors = set(importlib.import_module("kubeauth.errors").__all__)
    values = ["AccessToken", "Cluster", "Settings", "System"]
    kinds = [n for n in kubeauth.__all__ if inspect.isclass(getattr(kubeauth, n))]
    makers = [n for n in kubeauth.__all__ if inspect.isfunction(getattr(kubeauth, n))]
    base = ["Credential", "Provider"]
    ways = [n for n in kinds if n not in errors and n not in values and n not in base]
    library = "kubeauth"
    yield Chapter(library, "What every credential can do", library, base)
    yield Chapter(library, "Ways to sign in", library, ways)
    yield Chapter(
        library, "Options that all providers take", "kubeauth.providers.options", ["Options"]
    )
    yield Chapter(library, "Providers from elsewhere", library, makers)
    yield Chapter(library, "Values", library, values)
    yield Chapter("kubeauth.errors", "", library, [n for n in kinds if n in errors])
    yield Chapter("kubeauth.aio", "", "kubeauth.aio", ["AsyncCredential"])
    integrations = "kubeauth.integrations"
    title = "Options that all `load` functions take"
    yield Chapter(integrations, title, f"{integrations}._target", ["LoadOptions"])
    for client in CLIENTS:
        module = f"{integrations}.{client}"
        yield Chapter(module, "", module, list(importlib.import_module(module).__all__))
    testing = importlib.import_module("kubeauth.testing")
    classes = [n for n in testing.__all__ if inspect.isclass(getattr(testing, n))]
    yield Chapter("kubeauth.testing", "", "kubeauth.testing", classes)


def _entry(name: str, thing: Any, missing: list[str]) -> Iterator[str]:
    """Return the lines about a class or a function."""
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
    """Return the names of a TypedDict's entries, and their types as the source has them."""
    for key, kind in options.__annotations__.items():
        yield key, getattr(kind, "__forward_arg__", str(kind))


def _noted(missing: list[str], name: str) -> str:
    missing.append(name)
    return ""


def _prose(thing: Any) -> str:
    """Return a docstring as Markdown: its code blocks and lists are indented already."""
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

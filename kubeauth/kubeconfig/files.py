"""Which kubeconfig files there are, and the text of each."""

from __future__ import annotations

import codecs
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kubeauth import _env
from kubeauth.errors import KubeconfigError
from kubeauth.files import read_bytes, undisturbed
from kubeauth.kubeconfig.home import kubectl_home
from kubeauth.kubeconfig.node import Node, line_of

__all__ = ["Kubeconfig", "find_files", "load", "malformed"]

# Bytes; 2,000 users take 5 MB.
_LARGEST: Final = 1 << 24
# The byte order marks that kubectl's reader of YAML knows; PowerShell's `>` writes the second.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """One file: its bytes, its text, and the tree of it (None if it is empty).

    ``mark`` is the byte order mark, which is not part of the text; ``encoding`` is that of the
    rest.
    """

    path: Path
    data: bytes = field(repr=False)
    text: str = field(repr=False)
    root: Node | None = field(repr=False)
    mark: bytes = b""
    encoding: str = "utf-8"

    def line(self, node: Node) -> int:
        """Return the line (from 1) at which a node starts."""
        return line_of(self.text, node.start)

    def encoded(self, text: str) -> bytes:
        """Return another text for this file as bytes, in the file's encoding."""
        return self.mark + text.encode(self.encoding)


def find_files(explicit: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> list[Path]:
    """Return the kubeconfig files in kubectl's order of precedence, missing ones included.

    ``explicit`` (--kubeconfig) stands alone, else those of KUBECONFIG count, else the one in the
    home folder. Empty and repeated parts of KUBECONFIG are skipped, and so is the null device,
    which people name to have no kubeconfig. See "Organizing Cluster Access Using kubeconfig Files"
    in the documentation of Kubernetes.
    """
    if explicit:
        return [Path(os.path.expanduser(explicit))]
    listed = [part for part in environ.get(_env.KUBECONFIG, "").split(os.pathsep) if part]
    if not listed:
        listed = [os.path.join(kubectl_home(environ), ".kube", "config")]
    return [Path(part) for part in dict.fromkeys(listed) if part != os.devnull]


def load(path: Path) -> Kubeconfig | None:
    """Read one file; None if it does not exist. Raises KubeconfigError if it cannot be read."""
    from kubeauth.kubeconfig.parse import parse

    try:
        null = str(path) == os.devnull
        data = b"" if null else undisturbed(lambda: read_bytes(str(path), _LARGEST))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise KubeconfigError(
            f"{path}: cannot be read ({error.strerror or type(error).__name__})",
            hint="name a file that you may read",
        ) from error
    mark, encoding = next((m for m in _MARKS if data.startswith(m[0])), (b"", "utf-8"))
    content = data[len(mark) :]
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise KubeconfigError(
            f"{path}: line {line} is not {encoding[:6].upper().rstrip('-')} text",
            hint="name a kubeconfig, which is a text file",
        ) from None
    return Kubeconfig(path, data, text, parse(text, str(path)), mark, encoding)


def malformed(file: Kubeconfig, node: Node, problem: str) -> KubeconfigError:
    """Return the error for a wrong node, with the number of its line."""
    return KubeconfigError(
        f"{file.path}: line {file.line(node)}: {problem}", hint="correct that line"
    )

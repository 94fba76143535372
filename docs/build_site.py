"""Build the documentation site into a folder, site/ by default: `python3 dev.py site`.

The pages are docs/*.md and the files that a forge expects in the root. The site asks no other host
for anything: its fonts are the reader's, and Mermaid, which draws the diagrams, is part of it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Pages that stand in the root of the repository, and their names on the site.
ROOT_PAGES = {
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "README.md": "index.md",
}
FOLDERS = ("examples", "container")
MERMAID = "12.3.0"
# Of the package as the npm registry lists it.
INTEGRITY = (
    "4113TdXeLAsMruJ79OpFL5O8+LTFXhQqZ260rF3tgUmiNAtRm4Uume04I+65PRN6yZ69J4f8rVYWW8zRk65UYw=="
)


def main(target: Path) -> int:
    """Build the site and return the generator's exit code; a warning is an error."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        collect(source / "docs")
        shutil.copy(ROOT / "zensical.toml", source)
        command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
        done = subprocess.run(command, cwd=source, env={**os.environ, "NO_COLOR": "1"})
        if done.returncode == 0:
            shutil.rmtree(target, ignore_errors=True)
            shutil.move(source / "site", target)
            for name in FOLDERS:  # the generator leaves out names that begin with a dot
                shutil.copytree(ROOT / name, target / name, dirs_exist_ok=True)
    return done.returncode


def collect(pages: Path) -> None:
    """Copy every page and what pages link to."""
    shutil.copytree(
        ROOT / "docs", pages, ignore=shutil.ignore_patterns("*.py", "__pycache__", "man")
    )
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, pages / folder)
        for page in (pages / folder).rglob("*.md"):
            text = re.sub(r"\]\(((?:\.\./)+)docs/", r"](\1", page.read_text("utf-8"))
            page.write_text(text, "utf-8")
    for page in pages.glob("*.md"):
        page.write_text(moved(page.read_text("utf-8"), "../"), "utf-8")
    for name, target in ROOT_PAGES.items():
        if not (pages / target).exists():
            (pages / target).write_text(moved((ROOT / name).read_text("utf-8"), ""), "utf-8")
    shutil.copy(ROOT / "action.yml", pages)
    (pages / "javascripts").mkdir()
    shutil.copy(mermaid(), pages / "javascripts" / "mermaid.min.js")


def moved(text: str, root: str) -> str:
    """Return a page whose links lead to the site's pages; ``root`` leads to the repository's."""
    for name, target in ROOT_PAGES.items():
        text = text.replace(f"]({root}{name}", f"]({target}")
    text = re.sub(rf"\]\({re.escape(root)}({'|'.join(FOLDERS)})/", r"](\1/", text)
    return text if root else text.replace("](docs/", "](")


def mermaid() -> Path:
    """Return Mermaid's script, from the npm registry the first time; raises ValueError."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = caches / "kubeauth-dev" / f"mermaid-{MERMAID}.min.js"
    if not kept.exists():
        address = f"https://registry.npmjs.org/mermaid/-/mermaid-{MERMAID}.tgz"
        with urllib.request.urlopen(address, timeout=120) as answer:  # it is https
            package = answer.read()
        if base64.b64encode(hashlib.sha512(package).digest()).decode() != INTEGRITY:
            raise ValueError(f"{address} is not the package that was expected")
        with tarfile.open(fileobj=io.BytesIO(package)) as archive:
            script = archive.extractfile("package/dist/mermaid.min.js")
            content = script.read() if script is not None else b""
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.with_suffix(f".{os.getpid()}").write_bytes(content)
        kept.with_suffix(f".{os.getpid()}").replace(kept)
    return kept


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "site").absolute()))

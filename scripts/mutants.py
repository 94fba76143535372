"""Break the code in one place after the other, and count the breaks that its tests notice.

`python3 dev.py mutants [FILE ...]`. A mutant changes one operator, constant, condition, return or
statement, in memory only: no file is written. Its tests run in a fork of this process, so this
needs fork (Linux, macOS), and the processes that a test starts do not see the mutant.
"""

from __future__ import annotations

import ast
import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from threading import Timer
from types import CodeType
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
SETTINGS = ("tests/kubeauth/test_settings.py", "tests/kubeauth/test_variables.py")
CACHE = ("tests/cache",)
CONVERT = (
    "tests/plugin/test_convert.py",
    "tests/plugin/test_convert_table.py",
    "tests/kubeauth/test_from_kubeconfig.py",
)
HOT = ("tests/plugin/test_hot.py", "tests/plugin/test_fast_path_agrees.py")
# The files for which CONTRIBUTING.md has figures, and what tests each.
TARGETS: Final = {
    "kubeauth/options/resolve.py": SETTINGS,
    "kubeauth/options/variables.py": SETTINGS,
    "kubeauth/options/check.py": SETTINGS,
    "kubeauth/cache/state.py": CACHE,
    "kubeauth/cache/keeper.py": CACHE,
    "kubeauth/cache/failures.py": CACHE,
    "kubeauth/cache/renewal_throttle.py": CACHE,
    "kubeauth/options/take_over.py": CONVERT,
    "plugin/kubeauth_plugin/_hot.py": HOT,
}
# How much longer than without a mutant its tests may take; one that hangs is noticed.
SLACK: Final = 5
LEFT_OUT: Final = ("'", '"', "import ", "from ", "__all__", "logger.", "TYPE_CHECKING", "if TYPE_")
SWAPS: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


@dataclass(frozen=True)
class Mutant:
    """One break: its place, a description, and the source of the broken module."""

    file: str
    line: int
    what: str
    code: CodeType


def mutants(file: str) -> Iterator[Mutant]:
    """Make every mutant of a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    for line, what, holder, place, new in list(_changes(tree)):
        old = _put(holder, place, new)
        code = compile(ast.fix_missing_locations(tree), str(ROOT / file), "exec")
        yield Mutant(file, line, what, code)
        _put(holder, place, old)


def _put(holder: Any, place: Any, value: Any) -> Any:
    """Put ``value`` into a list or a node; return what was there."""
    if isinstance(holder, list):
        old, holder[place] = holder[place], value
    else:
        old = getattr(holder, place)
        setattr(holder, place, value)
    return old


def _changes(node: ast.AST) -> Iterator[tuple[int, str, Any, Any, Any]]:
    """Find what can be changed in what runs: line, words, where it is, and what to put there."""
    for place, new in _edits(node):
        shown = ast.unparse(node).split("\n")[0][:60]
        yield getattr(node, "lineno", 0), f"{shown}: another {place}", node, place, new
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for at, child in enumerate(value if isinstance(value, list) else [value]):
            text = ast.unparse(child) if isinstance(child, ast.stmt) else ""
            # Neither docstrings and lists of names nor imports and log lines are for mutants.
            if not isinstance(child, ast.AST) or text.startswith(LEFT_OUT):
                continue
            if isinstance(child, (ast.Raise, ast.AugAssign, ast.Continue, ast.Expr)):
                yield child.lineno, f"without: {text[:60]}", value, at, ast.Pass()
            yield from _changes(child)


def _edits(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Name the attributes of one node to change, each with its new value."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        yield "ops", [SWAPS[type(node.ops[0])](), *node.ops[1:]]
    if isinstance(node, (ast.BoolOp, ast.BinOp)) and type(node.op) in SWAPS:
        yield "op", SWAPS[type(node.op)]()
    if isinstance(node, (ast.If, ast.IfExp)):
        yield "test", ast.UnaryOp(ast.Not(), node.test)
    if (
        isinstance(node, ast.Return)
        and node.value is not None
        and ast.unparse(node) != "return None"
    ):
        yield "value", ast.Constant(None)
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield "value", not node.value
        elif isinstance(node.value, (int, float)):
            yield "value", node.value + 1
        elif isinstance(node.value, str) and node.value and not set(" :;") & set(node.value):
            yield "value", node.value + "x"  # other texts are for people


class Broken(MetaPathFinder, Loader):
    """Imports one module from a mutant's code."""

    def __init__(self, mutant: Mutant) -> None:
        self.code = mutant.code
        self.name = mutant.file.removesuffix(".py").replace("/", ".").removeprefix("plugin.")

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """Take the one module, and leave the others to Python."""
        return ModuleSpec(name, self, origin=self.code.co_filename) if name == self.name else None

    def exec_module(self, module: Any) -> None:
        """Run the mutant."""
        exec(self.code, module.__dict__)


def noticed(mutant: Mutant | None, tests: tuple[str, ...], limit: float) -> bool:
    """Run the tests against a mutant, or against the code as it is; say whether one failed.

    Tests that take longer than ``limit`` seconds fail.
    """
    process = os.fork()
    if process == 0:
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        if mutant is not None:
            sys.meta_path.insert(0, Broken(mutant))
        words = (
            "-x",
            "-q",
            "--assert=plain",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
        )
        failed = 1
        try:
            failed = pytest.main([*words, *tests])
        finally:
            os._exit(failed)
    # A timer of the child itself would not do: the time limits of tests use the same one.
    end = Timer(limit, os.kill, (process, signal.SIGKILL))
    end.start()
    status = os.waitpid(process, 0)[1]
    end.cancel()
    return status != 0


def main(files: list[str]) -> int:
    """Print every mutant that no test notices, and the share of those that one does."""
    os.chdir(ROOT)
    total = killed = 0
    for file in files or list(TARGETS):
        tests = TARGETS.get(file, ())
        begun = time.monotonic()
        if not tests or noticed(None, tests, 600):
            print(f"error: {file}: no tests are named for it here, or they fail", file=sys.stderr)
            return 1
        check = partial(noticed, tests=tests, limit=SLACK * (time.monotonic() - begun) + SLACK)
        found = list(mutants(file))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(check, found))
        for mutant, seen in zip(found, results, strict=True):
            if not seen:
                print(f"  survives  {mutant.file}:{mutant.line}  {mutant.what}")
        print(f"{file}: {sum(results)} of {len(results)} noticed", flush=True)
        total, killed = total + len(results), killed + sum(results)
    print(f"all: {killed} of {total} noticed, {100 * killed / total:.0f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

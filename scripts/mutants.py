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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
SETTINGS = ("tests/kubeauth/test_settings.py", "tests/kubeauth/test_variables.py")
CACHE = ("tests/cache",)
CONVERT = ("tests/plugin/test_convert.py", "tests/plugin/test_convert_rules.py")
HOT = ("tests/plugin/test_hot.py", "tests/plugin/test_fast_path_agrees.py")
# The files for which CONTRIBUTING.md has figures, and what tests each.
TARGETS: Final = {
    "kubeauth/options/resolve.py": SETTINGS,
    "kubeauth/options/variables.py": SETTINGS,
    "kubeauth/options/check.py": SETTINGS,
    "kubeauth/cache/state.py": CACHE,
    "kubeauth/cache/keeper.py": CACHE,
    "kubeauth/cache/renewal_throttle.py": CACHE,
    "plugin/kubeauth_plugin/convert/rules.py": CONVERT,
    "plugin/kubeauth_plugin/_hot.py": HOT,
}
LIMIT: Final = 30  # seconds for the tests of one mutant; one that hangs is noticed
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
    """One break: where it is, what it is, and the module with it."""

    file: str
    line: int
    what: str
    code: CodeType


def mutants(file: str) -> Iterator[Mutant]:
    """Make every mutant of a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    for line, what, change, undo in list(_changes(tree)):
        change()
        text = ast.fix_missing_locations(tree)
        yield Mutant(file, line, what, compile(text, str(ROOT / file), "exec"))
        undo()


def _changes(tree: ast.AST) -> Iterator[tuple[int, str, Callable[[], None], Callable[[], None]]]:
    """Find what can be changed: line, words for it, the change and the way back."""
    for node in _working(tree):
        for name, new in _edits(node):
            old = getattr(node, name)
            line, what = getattr(node, "lineno", 0), f"{_shown(node)}: {name} -> {_shown(new)}"
            yield line, what, _setter(node, name, new), _setter(node, name, old)
        for name in ("body", "orelse", "finalbody"):
            for at, statement in enumerate(_statements(node, name)):
                if _does_something(statement):
                    change = _setter(getattr(node, name), at, ast.Pass())
                    back = _setter(getattr(node, name), at, statement)
                    yield statement.lineno, f"without: {_shown(statement)}", change, back


def _working(node: ast.AST) -> Iterator[ast.AST]:
    """Walk over what runs: no docstrings, annotations, imports, lists of names, log lines."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            skipped = text or isinstance(child, (ast.Import, ast.ImportFrom))
            listed = isinstance(child, ast.Assign) and _shown(child).startswith("__all__")
            logged = isinstance(child, ast.Expr) and _shown(child).startswith("logger.")
            if isinstance(child, ast.AST) and not (skipped or listed or logged):
                yield from _working(child)


def _edits(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Name the attributes of one node to change, each with its new value."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        yield "ops", [SWAPS[type(node.ops[0])](), *node.ops[1:]]
    if isinstance(node, (ast.BoolOp, ast.BinOp)) and type(node.op) in SWAPS:
        yield "op", SWAPS[type(node.op)]()
    if isinstance(node, (ast.If, ast.IfExp)):
        yield "test", ast.UnaryOp(ast.Not(), node.test)
    if isinstance(node, ast.Return) and node.value is not None and _shown(node.value) != "None":
        yield "value", ast.Constant(None)
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield "value", not node.value
        elif isinstance(node.value, (int, float)):
            yield "value", node.value + 1
        elif isinstance(node.value, str) and node.value and not set(" :;") & set(node.value):
            yield "value", node.value + "x"  # texts for people are not for mutants


def _statements(node: ast.AST, name: str) -> list[ast.stmt]:
    found = getattr(node, name, [])
    return found if isinstance(found, list) else []


def _does_something(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call) and not _shown(statement).startswith("logger.")
    return isinstance(statement, (ast.Raise, ast.AugAssign, ast.Continue))


def _setter(target: Any, name: Any, value: Any) -> Callable[[], None]:
    if isinstance(target, list):
        return lambda: target.__setitem__(name, value)
    return lambda: setattr(target, name, value)


def _shown(node: Any) -> str:
    text = ast.unparse(node) if isinstance(node, (ast.expr, ast.stmt)) else _names(node)
    return text.split("\n")[0][:60]


def _names(node: Any) -> str:
    nodes = node if isinstance(node, list) else [node]
    return " ".join(type(n).__name__ if isinstance(n, ast.AST) else repr(n) for n in nodes)


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


def noticed(mutant: Mutant | None, tests: tuple[str, ...]) -> bool:
    """Run the tests against a mutant, or against the code as it is; say whether one failed."""
    process = os.fork()
    if process == 0:
        signal.alarm(LIMIT)
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        if mutant is not None:
            sys.meta_path.insert(0, Broken(mutant))
        words = (
            "-x",
            "-q",
            "--quick",
            "--assert=plain",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
        )
        os._exit(pytest.main([*words, *tests]))
    return os.waitpid(process, 0)[1] != 0


def main(files: list[str]) -> int:
    """Print every mutant that no test notices, and the share of those that one does."""
    os.chdir(ROOT)
    total = killed = 0
    for file in files or list(TARGETS):
        tests = TARGETS.get(file, ())
        if not tests or noticed(None, tests):
            print(f"error: {file}: no tests are named for it here, or they fail", file=sys.stderr)
            return 1
        found = list(mutants(file))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(lambda mutant, tests=tests: noticed(mutant, tests), found))
        for mutant, seen in zip(found, results, strict=True):
            if not seen:
                print(f"  survives  {mutant.file}:{mutant.line}  {mutant.what}")
        print(f"{file}: {sum(results)} of {len(results)} noticed", flush=True)
        total, killed = total + len(results), killed + sum(results)
    print(f"all: {killed} of {total} noticed, {100 * killed / total:.0f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

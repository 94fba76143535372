"""The rooms of the house and the doors between them, read from the source.

The rules are those of the design: dependencies point one way, the outside is touched in few places,
modules and functions stay small.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_MODULE, LONGEST_FUNCTION = 350, 60
AKS = "6dae42f8-4368-4678-94ff-3960e28e3630"
ARC = "6256c85f-0aad-4d50-b960-e6e9b21efe35"

# The rooms from the ground up: a module imports from its own room and from those before it.
# docs/architecture.md lists the same.
ROOMS = (
    *("leaves", "options", "adapters", "ports", "cache", "pop", "kubeconfig"),
    *("providers.base", "providers._entra", "providers._identity", "providers._bases", "providers"),
    *(
        "resource_manager",
        "testing.wire",
        "testing.entra",
        "testing.identity",
        "testing.apiserver",
        "testing.arm",
        "testing",
    ),
    *(
        "library",
        "plugin.windows",
        "plugin.kubeconfig",
        "plugin.trust",
        "plugin.shell",
        "plugin",
        "plugin.convert",
        "plugin.aks",
        "plugin.token_file",
        "plugin.whoami",
        "plugin.doctor",
        "plugin.demo",
        "plugin.commands",
    ),
)
# Rooms without a folder of their own: modules of kubeauth that import next to nothing; those of
# kubeauth.providers that the others stand on; and those that stand on the providers.
LEAVES = frozenset(
    {"_env", "clouds", "errors", "files", "jwt", "log", "record", "sanitize", "secret", "token"}
)
GROUND = frozenset({"_http_session", "_program", "base", "from_azure_identity", "options"})
LIBRARY = frozenset({"chain", "factory", "integrations"})
LARGEST_ROOM = 14

# Who may touch the outside of the library, and through which names.
OUTSIDE = {
    "a child process": (
        {"subprocess", "os.system", "os.popen", "os.fork", "os.posix_spawn"},
        {"adapters.browsers", "adapters.programs", "adapters.windows_programs"},
    ),
    "the wall clock": (
        {"time.time", "datetime.now", "datetime.utcnow", "date.today"},
        {"system", "adapters.direct"},
    ),
    "waiting": (
        {"time.sleep", "threading.Timer"},
        {"system", "adapters.direct", "adapters.programs", "cache.storage.file_lock", "files"},
    ),
    "a network session": (
        {"requests.Session", "requests.get", "requests.post", "requests.request"},
        {"adapters.requests_session"},
    ),
    "sockets": (
        {"socket", "http.client", "urllib.request", "http.server"},
        {"adapters.answer", "adapters.direct", "adapters.proxies", "providers._entra.loopback"},
    ),
    "the environment": (
        {"os.environ", "os.getenv", "os.putenv"},
        {
            *("system", "adapters.windows_programs", "cache.keyring_key"),
            # azure-identity reads this process's environment, and hands it to its programs.
            "providers._bases.azure_identity",
        },
    ),
    "stdout and stderr": ({"print", "sys.stdout", "sys.stderr", "input"}, {"system"}),
    "the end of the process": ({"sys.exit", "os._exit", "exit", "quit"}, set()),
    "a browser": ({"webbrowser"}, {"system"}),
}


@dataclass(frozen=True)
class Module:
    """One source file of the two packages."""

    name: str
    path: Path

    @cached_property
    def source(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @property
    def room(self) -> str:
        first, *inner = self.name.split(".")
        is_folder = self.path.name == "__init__.py"
        folder = inner if is_folder else inner[:-1]
        if first == "kubeauth_plugin" or self.name == "kubeauth.__main__":
            return ".".join(["plugin", *folder[:1]])
        if not inner:
            return "library"
        if inner[0] in ("testing", "providers"):
            if inner[0] == "providers" and folder == ["providers"] and inner[-1] in GROUND:
                return "providers.base"
            return ".".join(folder[:2])
        if inner[0] in ROOMS:
            return inner[0]
        if inner[0] in LIBRARY:
            return "library"
        return "leaves" if inner[0] in LEAVES else "ports"

    @property
    def private(self) -> bool:
        return self.name.rpartition(".")[2].startswith("_")

    @property
    def tops(self) -> set[str]:
        """The top-level packages that are imported."""
        return {name.partition(".")[0] for name in self.imported}

    @property
    def public(self) -> list[str]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        defined = [node.name for node in self.tree.body if isinstance(node, kinds)]
        return [name for name in defined if not name.startswith("_")]

    @property
    def listed(self) -> list[str] | None:
        """What ``__all__`` says, None if there is none."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and _dotted(node.targets[0]) == "__all__":
                names: list[str] = ast.literal_eval(node.value)
                return names
        return None

    def absolute(self, node: ast.ImportFrom) -> str:
        """The module that a ``from`` names, relative ones resolved."""
        if not node.level:
            return node.module or ""
        parts = self.package.split(".")
        return ".".join(
            parts[: len(parts) - node.level + 1] + ([node.module] if node.module else [])
        )

    @cached_property
    def imported(self) -> set[str]:
        """Every module imported anywhere in the file, those for types and in functions included."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = self.absolute(node)
                for alias in node.names:
                    inner = f"{base}.{alias.name}"
                    found.add(inner if inner in NAMES else base)
        return found

    @cached_property
    def ours(self) -> set[str]:
        return {name for name in self.imported if name in NAMES} - {self.name}

    @cached_property
    def touched(self) -> set[str]:
        """Dotted names that are used or imported, as they were called where they came from.

        Annotations do not count: they never run.
        """
        known: dict[str, str] = {}
        found = set(self.imported)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                    found.add(f"{node.module}.{alias.name}")
        for node in _running(self.tree):
            dotted = _dotted(node)
            if dotted:
                head, _, rest = dotted.partition(".")
                found.add(".".join(filter(None, [known.get(head, head), rest])))
        return {name.removeprefix("datetime.") for name in found}


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Walk through everything but annotations."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _running(child)


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _files() -> Iterator[tuple[str, Path]]:
    for base, package in ((ROOT, "kubeauth"), (ROOT / "plugin", "kubeauth_plugin")):
        for path in sorted((base / package).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


NAMES = dict(_files())
MODULES = [Module(name, path) for name, path in NAMES.items()]
BY_NAME = {module.name: module for module in MODULES}


def test_both_packages_were_found():
    assert {"kubeauth", "kubeauth.providers.base", "kubeauth_plugin.cli"} <= set(NAMES)


class TestDependencies:
    def test_point_one_way(self):
        for module in MODULES:
            rank = ROOMS.index(module.room)
            above = {n for n in module.ours if ROOMS.index(BY_NAME[n].room) > rank}
            assert not above, f"{module.name} is in the room {module.room!r}"

    def test_have_no_cycle(self):
        """Imports inside functions and for types count; no module imports the lazy package root."""
        finished: set[str] = set()

        def visit(name: str, way: tuple[str, ...]) -> None:
            assert name not in way, " -> ".join((*way[way.index(name) :], name))
            if name not in finished:
                for following in sorted(BY_NAME[name].ours):
                    visit(following, (*way, name))
                finished.add(name)

        for name in NAMES:
            visit(name, ())

    def test_few_modules_import_by_a_name_in_a_string(self):
        """The rules above see no such import. These choose a login, a command or a lazy name."""
        by_name = {m.name for m in MODULES if m.touched & {"importlib.import_module", "__import__"}}
        assert by_name == {
            *("kubeauth", "kubeauth.integrations", "kubeauth_plugin.cli"),
            *("kubeauth.providers.base", "kubeauth.providers._entra.lean_msal", "kubeauth.testing"),
        }

    def test_a_room_has_about_a_dozen_files(self):
        """A login is a file of its own: their room grows. One with rooms inside may be larger."""
        sizes: dict[Path, int] = {}
        for module in MODULES:
            if module.path.name != "__init__.py":
                sizes[module.path.parent] = sizes.get(module.path.parent, 0) + 1
        del sizes[ROOT / "kubeauth" / "providers"]
        with_rooms = {folder.parent for folder in sizes}
        large = {r: n for r, n in sizes.items() if n > LARGEST_ROOM + 2 * (r in with_rooms)}
        assert large == {}

    def test_nobody_imports_a_package_root(self):
        roots = {"kubeauth", "kubeauth_plugin", "kubeauth.providers", "kubeauth.cache"}
        assert {m.name: m.ours & roots for m in MODULES if m.ours & roots} == {}

    def test_the_library_knows_nothing_of_the_plugin_and_its_tools(self):
        """Reading a kubeconfig needs YAML, which is imported when it is read.

        `python -m kubeauth` is the plugin's command, and no import of the library leads there.
        """
        for module in MODULES:
            if not module.room.startswith("plugin"):
                assert not module.tops & {"kubeauth_plugin", "click"}, module.name
        parser = BY_NAME["kubeauth.kubeconfig.parse"]
        library = [m for m in MODULES if not m.room.startswith("plugin")]
        assert [m.name for m in library if "yaml" in m.tops] == [parser.name]
        for module in library:
            at_once = [n for n in module.tree.body if isinstance(n, ast.ImportFrom)]
            assert parser.name not in {module.absolute(node) for node in at_once}, module.name

    def test_the_editor_of_kubeconfigs_knows_nothing_of_sign_ins(self):
        for module in MODULES:
            if module.name.startswith("kubeauth_plugin.kubeconfig"):
                known = ("kubeauth_plugin.kubeconfig", "kubeauth.kubeconfig", "kubeauth.errors")
                known += ("kubeauth.files",)
                assert all(name.startswith(known) for name in module.ours), module.name
                assert "kubeauth.kubeconfig.sign_in" not in module.ours

    def test_the_simulator_stands_alone(self):
        """Its users get a judge that shares no opinion with the code it judges."""
        for module in MODULES:
            if module.room.startswith("testing"):
                assert all(name.startswith("kubeauth.testing") for name in module.ours), module.name
                assert "msal" not in module.tops

    def test_only_the_demo_plays_with_the_simulator(self):
        players = {
            module.name
            for module in MODULES
            if not module.room.startswith("testing")
            and any(name.startswith("kubeauth.testing") for name in module.ours)
        }
        assert players == {"kubeauth_plugin.demo.run", "kubeauth_plugin.demo.cast"}

    def test_msal_is_known_to_providers_only(self):
        assert {m.room.partition(".")[0] for m in MODULES if "msal" in m.tops} == {"providers"}


@pytest.mark.parametrize("id_of", [AKS, ARC], ids=["AKS", "Azure Arc"])
def test_an_id_is_written_once(id_of: str):
    """The simulator, which stands alone, has its own."""
    spelled = {m.name for m in MODULES if id_of in m.source and not m.room.startswith("testing")}
    assert spelled == {"kubeauth.clouds"}


@pytest.mark.parametrize("what", OUTSIDE)
def test_the_library_touches_the_outside_in_few_places(what):
    names, allowed = OUTSIDE[what]
    touching = {
        module.name.removeprefix("kubeauth.")
        for module in MODULES
        if not module.room.startswith(("testing", "plugin")) and module.touched & names
    }
    assert touching <= allowed


def test_what_is_touched_is_seen():
    assert {"time.time", "os.environ", "print"} <= BY_NAME["kubeauth.system"].touched
    assert "os.posix_spawn" in BY_NAME["kubeauth.adapters.programs"].touched
    assert "requests.Session" in BY_NAME["kubeauth.adapters.requests_session"].touched


class TestForm:
    def test_a_docstring_says_what_a_module_is(self):
        for module in MODULES:
            first = (ast.get_docstring(module.tree) or "").split("\n\n")[0]
            assert first.rstrip().endswith((".", ":")), module.name

    def test_annotations_are_not_evaluated(self):
        """On the fast path `__future__` would be one module more, on every call of kubectl."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.AnnAssign)
        for module in MODULES:
            if module.name in (
                "kubeauth_plugin.__main__",
                "kubeauth_plugin._hot",
                "kubeauth_plugin._leader",
            ):
                light = {"kubeauth_plugin", "os", "_blake2", "fcntl", *sys.builtin_module_names}
                in_fips_mode = {"hashlib"}
                assert not module.tops - light - in_fips_mode
            elif any(isinstance(node, kinds) for node in ast.walk(module.tree)):
                assert "__future__.annotations" in module.touched, module.name

    def test_modules_are_small(self):
        lengths = {module.name: len(module.source.splitlines()) for module in MODULES}
        assert {name: n for name, n in lengths.items() if n > LONGEST_MODULE} == {}

    def test_functions_are_small(self):
        lengths = {
            f"{module.name}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
            for module in MODULES
            for node in ast.walk(module.tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }
        assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}

    def test_what_is_public_is_listed(self):
        """The simulator's rooms are private, all but its door."""
        for module in MODULES:
            if not module.room.startswith("testing") and not module.private and module.public:
                assert module.listed is not None, module.name

    def test_the_lists_are_sorted_and_true(self):
        for module in MODULES:
            names = module.listed or []
            assert len(names) == len(set(names)), module.name
            assert names == sorted(names, key=_constants_then_classes), module.name
            loaded = importlib.import_module(module.name)
            assert [name for name in names if not hasattr(loaded, name)] == [], module.name


def _constants_then_classes(name: str) -> tuple[int, str]:
    """The order that ruff gives such lists (RUF022): constants, classes, everything else."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name

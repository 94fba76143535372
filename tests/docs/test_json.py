"""The outputs for programs are as their schemas say, and docs/json.md is as new as those."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
from harness import approving, not_on_windows
from reader import Block, Reader

from kubeauth.testing import Simulator

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMAS = {p.stem: json.loads(p.read_text("utf-8")) for p in (DOCS / "schemas").glob("*.json")}
AS_DANA = "-l azurecli --server-id SERVER-ID"
# In this order, as one person types them; the schema of each output.
COMMANDS = (
    ("kubeauth convert-kubeconfig -o json", "convert-kubeconfig"),
    ("kubeauth convert-kubeconfig --undo -o json", "undo"),
    ("kubeauth cache list -o json", "cache-list"),
    ("kubeauth doctor -o json", "doctor"),
    ("kubeauth convert-kubeconfig -l azurecli -o json", "convert-kubeconfig"),
    ("kubeauth convert-kubeconfig -l azurecli -o json --dry-run", "convert-kubeconfig"),
    ("kubectl config set-credentials other --token x >/dev/null", ""),
    ("kubeauth convert-kubeconfig -o json", "convert-kubeconfig"),
    ("kubeauth whoami -o json", "whoami"),
    (f"kubeauth whoami -o json {AS_DANA}", "whoami"),
    ("kubectl config set clusters.prod.server https://localhost:1 >/dev/null", ""),
    ("kubeauth whoami -o json", "whoami"),
    ("kubeauth doctor -o json", "doctor"),
    ("kubeauth doctor --from-kubelogin -o json", "doctor"),
    ("kubeauth token --decode", "token"),
    ("kubeauth cache list -o json", "cache-list"),
    (f"kubeauth get-token {AS_DANA}", "get-token"),
    ("kubeauth clusters -o json", "clusters"),
    ("kubeauth get-credentials -g shop -n prod --context x -o json", "get-credentials"),
    ("kubeauth version -o json", "version"),
)


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_json", DOCS / "build_json.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_as_new_as_the_schemas(builder: ModuleType) -> None:
    assert (DOCS / "json.md").read_text("utf-8") == builder.render(), "run `python3 dev.py docs`"
    assert set(builder.NAMES) == set(SCHEMAS) == {name for _, name in COMMANDS if name}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def descriptions(schema: dict[str, Any]) -> list[str]:
    """Return the description of each key, also of inner ones."""
    inner = schema.get("items", schema).get("properties", {}).values()
    return [text for one in inner for text in (one.get("description", ""), *descriptions(one))]


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_key_is_explained(name: str) -> None:
    assert all(descriptions(SCHEMAS[name]))


@pytest.mark.slow
@not_on_windows("the commands are for a POSIX shell")
@pytest.mark.process
def test_each_output_is_as_its_schema_says(sim: Simulator, tmp_path: Path) -> None:
    reader = Reader(sim, tmp_path, sim.tenant.add_application("pipeline"))
    checked = jsonschema.Draft202012Validator.FORMAT_CHECKER
    with approving(sim, reader.dana):
        for command, name in COMMANDS:
            quiet = f"{command} 2>/dev/null" if name else command
            _, seen = reader.paste(Block("", 0, ()), quiet)
            if name:
                validator = jsonschema.Draft202012Validator(SCHEMAS[name], format_checker=checked)
                assert seen.startswith(("{", "[")), (command, seen)
                found = [error.message for error in validator.iter_errors(json.loads(seen))]
                assert not found, (command, found, seen)

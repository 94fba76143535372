"""The library reads kubeconfigs as kubectl does; the real kubectl is the judge."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeauth import KubeauthError, KubeconfigError
from kubeauth.kubeconfig.entry import find_entry, find_sign_in, read_kubeconfigs
from kubeauth.kubeconfig.files import Kubeconfig, find_files
from kubeauth.kubeconfig.merge import Merged, merged_fields
from kubeauth.kubeconfig.node import Node

BIN = Path(sys.executable).parent
KUBECTL = shutil.which("kubectl", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl on PATH")

NAMES = ('"a"', '"b"', "c", '"7"', '"null"', '"y"', "~")
# A number and a truth to kubectl, which refuses them as names; and a name that may stand twice.
ODD_NAMES = ("7", "y", '"a"')
TEXTS = st.sampled_from(['"a"', "b", '"c"', '"08"', "~", '""', "null", '"~"', '"<<"'])
SHARED = 2


def mapping(fields: dict[str, st.SearchStrategy[str]], sources: int) -> st.SearchStrategy[str]:
    """A mapping in flow style: some of the fields in any order, merge keys among them."""
    pairs = [
        st.tuples(st.just(name), values).map(lambda pair: f"{pair[0]}: {pair[1]}")
        for name, values in fields.items()
    ]
    if sources:
        alias = st.integers(0, sources - 1).map(lambda n: f"*x{n}")
        many = st.lists(alias, max_size=3).map(lambda names: f"[{', '.join(names)}]")
        pairs.append((alias | many).map(lambda source: f"<<: {source}"))
    chosen = st.lists(st.one_of(pairs), max_size=5, unique_by=lambda pair: pair.split(":")[0])
    return chosen.map(lambda parts: "{" + ", ".join(parts) + "}")


CONTENT = {
    "contexts": dict.fromkeys(("cluster", "user", "namespace"), TEXTS),
    "clusters": {
        **dict.fromkeys(("server", "proxy-url", "tls-server-name"), TEXTS),
        "insecure-skip-tls-verify": st.sampled_from(["true", "false", "~"]),
    },
    "users": {
        **dict.fromkeys(("token", "username"), TEXTS),
        "exec": st.sampled_from(
            [
                "~",
                "{apiVersion: client.authentication.k8s.io/v1, command: kubelogin, args: [a, ~]}",
                "{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, "
                'command: x, env: [{name: "A", value: ~}]}',
            ]
        ),
    },
}
KINDS = {"contexts": "context", "clusters": "cluster", "users": "user"}


@st.composite
def kubeconfigs(draw: st.DrawFn) -> str:
    """The text of a kubeconfig that kubectl takes, mostly."""
    every = {name: values for fields in CONTENT.values() for name, values in fields.items()}
    shared = [draw(mapping(every, sources=n)) for n in range(SHARED)]
    lines = ["x-shared:", *(f"- &x{n} {text}" for n, text in enumerate(shared))]
    for section, kind in KINDS.items():
        names = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
        if draw(st.integers(0, 9)) == 9:
            names.append(draw(st.sampled_from(ODD_NAMES)))
        listed = [
            f"- {{name: {name}, {kind}: {draw(mapping(CONTENT[section], SHARED))}}}"
            for name in names
        ]
        odd = draw(st.sampled_from(["", "", '- {name: "z"}', "- ~" if "~" not in names else ""]))
        empty = draw(st.sampled_from([f"{section}: ~", f"{section}: []", ""]))
        lines += [f"{section}:", *listed, odd] if listed or odd else [empty]
    if draw(st.booleans()):
        lines.append(f"current-context: {draw(TEXTS)}")
    return "\n".join(lines) + "\n"


def plain(node: Node, file: Kubeconfig) -> Any:
    """What the reader makes of a node, as JSON would have it."""
    value = node.value()
    if value.kind == "map":
        return {k: plain(n, file) for k, n in merged_fields(value, file, "it").items()}
    if value.kind == "list":
        return [plain(item, file) for item in value.items]
    return value.string


def pruned(value: Any) -> Any:
    """Return the fields without empty ones and kubectl's defaults, and booleans as text."""
    if isinstance(value, dict):
        fields = {key: pruned(each) for key, each in value.items()}
        return {key: each for key, each in fields.items() if each not in ({}, [], "", "false")}
    if isinstance(value, list):
        return [pruned(each) for each in value]
    return {None: "", True: "true", False: "false"}.get(value, value)


def known(content: Any, section: str) -> Any:
    """Only the fields that a kubeconfig has there: merged sources bring others along."""
    return {k: v for k, v in pruned(content).items() if k in CONTENT[section]}


def as_read(merged: Merged) -> dict[str, Any]:
    contexts = {
        name: pruned({"cluster": c.cluster, "user": c.user, "namespace": c.namespace})
        for name, c in merged.contexts.items()
    }
    others = {
        section: {
            name: known(plain(item.node, item.file) or {}, section) for name, item in items.items()
        }
        for section, items in (("clusters", merged.clusters), ("users", merged.users))
    }
    return {"contexts": contexts, **others, "current-context": merged.current_context}


def as_kubectl_reads(environ: dict[str, str]) -> dict[str, Any] | str:
    """Return what kubectl reads, or its error."""
    done = subprocess.run(
        [str(KUBECTL), "config", "view", "--merge", "--raw", "-o", "json"],
        env=environ,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    if done.returncode:
        return done.stderr
    root = json.loads(done.stdout)
    read: dict[str, Any] = {
        section: {item["name"]: known(item[kind], section) for item in root[section] or ()}
        for section, kind in KINDS.items()
    }
    return {**read, "current-context": root["current-context"]}


def compare(texts: list[str], encoding: str = "utf-8") -> bool:
    """Compare the two readers; says whether kubectl took the files."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"config-{n}") for n in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding)
        listed = ["", str(paths[0]), str(Path(folder, "missing")), *map(str, paths), ""]
        environ = {"KUBECONFIG": os.pathsep.join(listed), "HOME": folder}
        expected = as_kubectl_reads(environ)
        try:
            found: Any = as_read(read_kubeconfigs(None, environ))
        except KubeauthError as error:
            found = error
        if isinstance(expected, dict):
            assert found == expected
        elif "duplicate name" in expected:
            assert "two entries called" in str(found)
        else:
            # The reader takes a plain 7 or y as text, which Python's writers of YAML mean by it.
            assert "cannot unmarshal" in expected
        return isinstance(expected, dict)


@needs_kubectl
@pytest.mark.process
@settings(max_examples=15)
@given(st.lists(kubeconfigs(), min_size=1, max_size=3))
def test_agrees_with_kubectl(texts: list[str]) -> None:
    compare(texts)


@needs_kubectl
@pytest.mark.process
@pytest.mark.slow
@settings(max_examples=500)
@given(st.lists(kubeconfigs(), min_size=1, max_size=3))
def test_agrees_with_kubectl_on_many(texts: list[str]) -> None:
    compare(texts)


# One text for each rule, so that a rule that breaks has a name.
RULES = {
    "the first file owns a name": [
        "users: [{name: a, user: {token: one}}]",
        "users: [{name: a, user: {token: two, username: u}}]",
    ],
    "the first current context counts": [
        "current-context: ~",
        "current-context: b",
        "current-context: c",
    ],
    "a merge wins over fields above it": [
        "x: &x0 {server: s, proxy-url: p}\nclusters: [{name: a, cluster: {server: own, <<: *x0}}]",
    ],
    "fields below a merge win over it": [
        "x: &x0 {server: s, proxy-url: p}\nclusters: [{name: a, cluster: {<<: *x0, server: own}}]",
    ],
    "of several sources the first wins": [
        "x: [&x0 {server: s}, &x1 {server: t, proxy-url: p}]\n"
        "clusters: [{name: a, cluster: {<<: [*x0, *x1]}}]",
    ],
    "a source may merge another": [
        "x: [&x0 {server: s}, &x1 {<<: *x0, proxy-url: p}]\n"
        "clusters: [{name: a, cluster: {<<: *x1}}]",
    ],
    "a quoted << is a field": ['clusters: [{name: a, cluster: {"<<": {server: s}}}]'],
    "a quoted null is a name": ['contexts: [{name: "null", context: {user: "~"}}]'],
    "null is nothing": ["contexts: [{name: ~, context: ~}, {name: a, context: {user: null}}]"],
    "a tag says null": ['users: !!null "null"\ncontexts: [{name: a, context: !!null ""}]'],
    "a name stands twice in one list": [
        "users: [{name: a, user: {token: one}}, {name: a, user: {token: two}}]"
    ],
    "a field stands twice": ["users: [{name: a, name: b, user: {token: one}}]"],
}


@needs_kubectl
@pytest.mark.process
@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str) -> None:
    assert compare(RULES[rule]) == (rule != "a name stands twice in one list")


@needs_kubectl
@pytest.mark.process
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encoding(encoding: str) -> None:
    """UTF-16 is what PowerShell's ``>`` writes."""
    assert compare(["users: [{name: ä, user: {token: one}}]"], encoding)


class TestFindFiles:
    def test_a_named_file_stands_alone(self) -> None:
        assert find_files("x", {"KUBECONFIG": "y"}) == [Path("x")]

    def test_parts_that_mean_nothing_are_skipped(self) -> None:
        listed = os.pathsep.join(["", "b", os.devnull, "a", "b", ""])
        assert find_files(None, {"KUBECONFIG": listed}) == [Path("b"), Path("a")]

    def test_the_home_folder_is_that_of_the_environment(self) -> None:
        assert find_files(None, {"HOME": "/h", "KUBECONFIG": ""}) == [Path("/h/.kube/config")]

    def test_the_null_device_means_no_kubeconfig(self) -> None:
        with pytest.raises(KubeconfigError, match="there is no kubeconfig"):
            read_kubeconfigs(None, {"KUBECONFIG": os.devnull})


class TestReading:
    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
    def test_every_encoding_of_yaml(self, tmp_path: Path, encoding: str) -> None:
        text = "current-context: ä\ncontexts: [{name: ä, context: {cluster: c}}]\n"
        text += "clusters: [{name: c, cluster: {server: 'https://s'}}]\n"
        mark = "\ufeff" if encoding == "utf-16-be" else ""
        (tmp_path / "config").write_bytes((mark + text).encode(encoding))
        entry = find_entry("", tmp_path / "config", {}, signs_in=False)
        assert (entry.context, entry.cluster.server) == ("ä", "https://s")

    def test_errors_name_the_line_and_no_content(self, tmp_path: Path) -> None:
        path = tmp_path / "config"
        path.write_text("users:\n- name: a\n  user:\n    token: [t0ken]\n    exec: hush\n")
        with pytest.raises(KubeconfigError, match=r"line 5: the user 'a': exec is not a") as caught:
            find_sign_in("", "a", path, {})
        assert "hush" not in str(caught.value)

    @pytest.mark.parametrize(
        "text", ["users: &a {<<: *a}", "x: &a [{y: *a}]", "users: [{<<: [1]}]", "users: [{<<: 1}]"]
    )
    def test_a_merge_that_means_nothing_is_refused(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "config"
        path.write_text(text)
        with pytest.raises(KubeconfigError, match="line 1"):
            read_kubeconfigs(path, {})

    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "a mark"])
    @pytest.mark.parametrize(("before", "line"), [(b"", 1), (b"\n", 2), (b"\nx: 1\n", 3)])
    def test_what_is_no_text_is_named_by_its_line(
        self, tmp_path: Path, mark: bytes, before: bytes, line: int
    ) -> None:
        path = tmp_path / "config"
        path.write_bytes(mark + before + b"\xff")
        with pytest.raises(KubeconfigError, match=f"line {line} is not UTF-8 text"):
            read_kubeconfigs(path, {})

    def test_sources_that_multiply_cost_no_time(self, tmp_path: Path) -> None:
        """Sixty mappings that each merge the one before twice would be 2**60 without a memory."""
        lines = ["x:", "- &a0 {server: s}"]
        lines += [f"- &a{n + 1} {{<<: [*a{n}, *a{n}]}}" for n in range(60)]
        path = tmp_path / "config"
        path.write_text("\n".join([*lines, "clusters: [{name: c, cluster: *a60}]"]))
        (cluster,) = read_kubeconfigs(path, {}).clusters.values()
        assert cluster.fields("cluster")["server"].string == "s"

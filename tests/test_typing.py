"""Strict type checking of a user's program, against the installed package."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import BIN

import kubeauth

SAMPLE = Path(__file__).parent / "samples" / "every_public_name.py"


def test_the_sample_uses_every_public_name():
    words = set(re.findall(r"\w+", SAMPLE.read_text()))
    assert set(kubeauth.__all__) <= words
    assert set(kubeauth.integrations.__all__) <= words


@pytest.mark.slow  # a strict check of all clients' own types takes a quarter of a minute
@pytest.mark.process
@pytest.mark.parametrize(
    ("added", "complaint"),
    [
        ("", None),
        ('AzureCli(server_id="s", tenant="t")\n', 'Unexpected keyword argument "tenant"'),
        ("int(from_environ().get_token().token_)\n", 'has no attribute "token_"'),
    ],
    ids=["clean", "keyword", "attribute"],
)
def test_a_strict_check_is_clean_and_finds_mistakes(tmp_path_factory, added, complaint):
    folder = tmp_path_factory.getbasetemp() / "typing"  # one cache for all of them
    folder.mkdir(exist_ok=True)
    program = folder / "program.py"
    shutil.copy(SAMPLE, program)
    program.write_text(program.read_text() + added)
    done = subprocess.run(
        [str(BIN / "mypy"), "--strict", "--python-executable", sys.executable, program.name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
    )
    if complaint is None:
        assert done.stdout.startswith("Success"), done.stdout
    else:
        assert complaint in done.stdout and "Found 1 error" in done.stdout

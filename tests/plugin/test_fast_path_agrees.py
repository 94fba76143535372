"""The fast path repeats a few facts of the library to save imports: here both are compared."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeauth.cache import state
from kubeauth.cache.storage import names
from kubeauth.cache.storage.folder import PrivateFolder
from kubeauth.cache.storage.location import cache_path
from kubeauth_plugin import _hot, _leader


def test_names_and_times_are_the_same() -> None:
    assert (_hot.RECORD, _hot.LAST_CALLER) == (names.RECORD, names.LAST_CALLER)
    assert _leader.LOCK == names.LEADER
    assert _hot.YOUNG_FOR == state.YOUNG_FOR


@pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
@settings(max_examples=60)
@given(
    flag=st.sampled_from(["", "--cache-dir={}", "--cache-dir {}", "--token-cache-dir={}"]),
    ours=st.booleans(),
    kubectls=st.booleans(),
    mode=st.sampled_from([0o700, 0o755, 0o777]),
)
def test_both_name_the_same_folder(flag: str, ours: bool, kubectls: bool, mode: int) -> None:
    with tempfile.TemporaryDirectory() as root:
        named = Path(root, "named")
        argv = ["get-token", *flag.format(named).split()]
        environ = {"HOME": root}
        if ours:
            environ["KUBEAUTH_CACHE_DIR"] = str(Path(root, "ours"))
        if kubectls:
            environ["KUBECACHEDIR"] = str(Path(root, "kubectl"))
        place = Path(cache_path(str(named) if flag else "", environ) or "")
        place.mkdir(parents=True)
        place.chmod(mode)
        expected = PrivateFolder(str(place)).ready()
        home, os.environ["HOME"] = os.environ.get("HOME", ""), root
        try:
            assert _hot.cache_folder(argv, environ) == str(expected)
        finally:
            os.environ["HOME"] = home

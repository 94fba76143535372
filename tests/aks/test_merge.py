"""The rules of the merge, for kubeconfigs of every shape."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from kubeauth_plugin.aks.merge import SECTIONS, as_text, differing, merge, read_kubeconfig

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(["prod", "dev", "other", "größe", "08", "y", ""])


def sections(**sizes: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    entry = st.fixed_dictionaries({"name": NAMES, "content": VALUES})
    return st.lists(entry, unique_by=lambda each: each["name"], **sizes)


FETCHED = st.fixed_dictionaries(
    {**{name: sections(min_size=1, max_size=1) for name in SECTIONS}, "current-context": NAMES}
)
EXISTING = st.dictionaries(st.text(max_size=5), VALUES, max_size=3).flatmap(
    lambda others: st.fixed_dictionaries(
        {}, optional={name: st.none() | sections(max_size=4) for name in SECTIONS}
    ).map(lambda known: {**others, **known})
)


@given(EXISTING, FETCHED)
def test_what_is_not_fetched_stays_and_what_is_comes_last(
    existing: dict[str, Any], fetched: dict[str, Any]
) -> None:
    result = merge(existing, fetched)
    assert result["current-context"] == fetched["current-context"]
    for section in SECTIONS:
        (new,) = fetched[section]
        others = [each for each in existing.get(section) or [] if each["name"] != new["name"]]
        assert result[section] == [*others, new]
    ours = {*SECTIONS, "current-context"}
    if existing:
        assert {n: v for n, v in result.items() if n not in ours} == {
            n: v for n, v in existing.items() if n not in ours
        }


@given(EXISTING, FETCHED)
def test_a_second_merge_changes_nothing(existing: dict[str, Any], fetched: dict[str, Any]) -> None:
    once = as_text(merge(existing, fetched))
    again = read_kubeconfig(once, "it")
    assert differing(again, fetched, fetched) == []
    assert as_text(merge(again, fetched)) == once
    assert once == yaml.safe_dump(yaml.safe_load(once), default_flow_style=False)

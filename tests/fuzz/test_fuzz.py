"""A short lot of fuzzing for each target, and the inputs that once broke one.

tests/fuzz/run.py is the long lot.
"""

from __future__ import annotations

import random

import pytest
from fuzz.targets import Target, broke_once, mutated, targets

NAMES = (
    *("exec info", "kubeconfig", "record", "answer", "JWT", "certificate", "command line"),
    *("environment", "shown text"),
)


@pytest.fixture(scope="module")
def known() -> dict[str, Target]:
    return targets()


@pytest.mark.parametrize("name", NAMES)
def test_wrong_inputs_end_in_declared_errors(known: dict[str, Target], name: str) -> None:
    target, chance = known[name], random.Random(name)
    for seed in target.seeds:
        target.run(seed)
    for _ in range(1000):
        target.run(mutated(chance, target.seeds))


@pytest.mark.parametrize("number", range(2))
def test_what_broke_it_once_does_not(known: dict[str, Target], number: int) -> None:
    name, data = broke_once()[number]
    known[name].run(data)


def test_every_target_is_here(known: dict[str, Target]) -> None:
    assert set(known) == set(NAMES)

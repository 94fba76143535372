"""Durations as Go and as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeauth.options.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("1.5", 1.5),
        ("60s", 60),
        ("1m30s", 90),
        ("1h", 3600),
        ("1h1m1s", 3661),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("500ms", 0.5),
        ("100us", 1e-4),
        ("100µs", 1e-4),
        ("5ns", 5e-9),
        (" 30s ", 30),
    ],
)
def test_gives_seconds(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "soon",
        "1d",
        "30 s",
        "1m 30s",
        "-5s",
        "0",
        "0s",
        "1e3",
        "nan",
        "inf",
        ".",
        "9" * 400,
        "9" * 400 + "h",
    ],
)
def test_refuses_everything_else_and_repeats_it(text):
    with pytest.raises(ValueError) as caught:
        parse_duration(text)
    assert repr(text) in str(caught.value)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(1, 59))
def test_reads_what_go_writes(hours, minutes, seconds):
    total = hours * 3600 + minutes * 60 + seconds
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == total


@given(st.text(max_size=12) | st.from_regex(r"[0-9.hmsuµn]{1,12}", fullmatch=True))
def test_any_text_is_a_positive_length_or_a_value_error(text):
    try:
        assert parse_duration(text) > 0
    except ValueError as error:
        assert repr(text) in str(error)

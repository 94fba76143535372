"""The drawing on the architecture page: an arrow for each way that imports take, and no other."""

from __future__ import annotations

import re

from test_architecture import BY_NAME, MODULES, ROOMS, ROOT

PAGE = ROOT / "docs" / "architecture.md"
# The box of the drawing for rooms that have no box of their own name.
BOXES = {
    "resource_manager": "arm",
    **dict.fromkeys(("plugin.windows", "plugin.trust", "plugin.shell"), "plugin"),
    "plugin.token_file": "plugin",
    "plugin.kubeconfig": "convert",
}


def box(room: str) -> str:
    first, _, inner = room.partition(".")
    return BOXES.get(room) or (inner if first == "plugin" and inner else first)


def drawing() -> tuple[set[str], set[tuple[str, str]]]:
    """Return the boxes of the first drawing and its arrows."""
    text = PAGE.read_text("utf-8").partition("flowchart TB\n")[2]
    lines = [line.strip() for line in text.partition("```")[0].splitlines()]
    boxes = {m[1] for line in lines if (m := re.fullmatch(r'(\w+)\[".*"\]', line))}
    arrows = [m.groups() for line in lines if (m := re.fullmatch(r"(\w+) --> (.*)", line))]
    assert len(boxes) + len(arrows) == len(lines)
    return boxes, {(start, end) for start, ends in arrows for end in ends.split(" & ")}


def reached(arrows: set[tuple[str, str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        new = {end for begin, end in arrows if begin == here} - found
        found |= new
        waiting += new
    return found


def imports() -> set[tuple[str, str]]:
    """Return which box imports from which other one; the lazy package root does not count."""
    pairs = {
        (box(module.room), box(BY_NAME[name].room))
        for module in MODULES
        if module.name != "kubeauth"
        for name in module.ours
    }
    return {(start, end) for start, end in pairs if start != end}


def test_the_drawing_has_every_room_and_no_other():
    assert drawing()[0] == {box(room) for room in ROOMS}


def test_imports_follow_the_arrows():
    arrows = drawing()[1]
    lost = {(start, end) for start, end in imports() if end not in reached(arrows, start)}
    assert lost == set(), "docs/architecture.md draws no way for these imports"


def test_each_arrow_leads_down_and_is_needed():
    """Without it, some import would have no way; so the drawing claims nothing that is not so."""
    arrows = drawing()[1]
    order = [box(room) for room in ROOMS]
    for arrow in arrows:
        start, end = arrow
        assert start not in reached(arrows, start), f"a circle through {start}"
        assert order.index(end) < len(order) - 1 - order[::-1].index(start), arrow
        rest = arrows - {arrow}
        assert any(e not in reached(rest, s) for s, e in imports()), f"{arrow} is not needed"

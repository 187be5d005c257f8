"""The picture of the house is that of the sources."""

from __future__ import annotations

import re

import house


def test_the_picture_is_up_to_date() -> None:
    page = house.PAGE.read_text(encoding="utf-8")
    assert house.drawn(page) == page, "run `make architecture`"


def test_every_room_is_told_in_a_sentence() -> None:
    told = re.findall(r"^\| \d \| `(\w+)` \| (.+) \|$", house.picture(), re.MULTILINE)
    assert {room for room, _ in told} == house.rooms().keys()
    assert [room for room, text in told if text[-1] not in ".?"] == []


def test_what_follows_from_other_imports_is_not_drawn() -> None:
    edges = {"top": {"middle", "bottom"}, "middle": {"bottom"}, "bottom": set()}
    assert house.reduced(edges) == {("top", "middle"), ("middle", "bottom")}
    circle = {"one": {"other", "bottom"}, "other": {"one", "bottom"}}
    assert {("one", "bottom"), ("other", "bottom")} <= house.reduced(circle)

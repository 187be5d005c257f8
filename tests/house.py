"""The picture of the house in docs/architecture.md, made from what the sources import and say of themselves.

`python tests/house.py` (`make architecture`) writes it anew; a test sees to it that it is up to date.
"""

from __future__ import annotations

import ast
import re

from test_architecture import LEVELS, PACKAGE, ROOT, inner_imports

PAGE = ROOT / "docs" / "architecture.md"
TITLES = {
    0: "records and names", 1: "what there is to compare", 2: "what makes numbers", 3: "numbers to verdicts",
    4: "figures and report", 5: "disk, processes, command line",
}  # fmt: skip
_MARKED = re.compile(r"(<!-- house: .*? -->\n).*?(<!-- end of house -->)", re.DOTALL)


def rooms() -> dict[str, int]:
    """Each module of the layering that there is, with its level."""
    return {room: level for level, some in LEVELS.items() for room in sorted(some) if source(room)}


def source(room: str) -> str:
    """The source that says what a room is: of a folder its `__init__`; "" where there is none."""
    for path in (PACKAGE / f"{room}.py", PACKAGE / room / "__init__.py"):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return ""


def sentence(room: str) -> str:
    """The first line of the room's docstring."""
    return (ast.get_docstring(ast.parse(source(room))) or "").splitlines()[0]


def reduced(edges: dict[str, set[str]]) -> set[tuple[str, str]]:
    """The imports without those that follow from others: what is imported by something imported goes without saying."""

    def beyond(room: str) -> set[str]:
        found: set[str] = set()
        waiting = set(edges.get(room, ()))
        while waiting:
            found |= waiting
            waiting = set().union(*(edges.get(one, set()) for one in waiting)) - found
        return found

    return {
        (room, other)
        for room, others in edges.items()
        for other in others
        if not any(other in beyond(between) for between in others - {other} if room not in beyond(between))
    }


def picture() -> str:
    """The rooms by level and their imports, as Mermaid draws them, and a table of what each is."""
    known = rooms()
    edges = {room: {other for other in others if other in known} for room, others in inner_imports().items()
             if room in known}  # fmt: skip
    lines = ["```mermaid", "flowchart TB"]
    for level in sorted(TITLES, reverse=True):
        lines += [f'  subgraph L{level}["{level}: {TITLES[level]}"]', "    direction LR"]
        lines += [f'    {room}["{room.strip("_")}"]' for room in known if known[room] == level]
        lines.append("  end")
    lines += [f"  {room} --> {other}" for room, other in sorted(reduced(edges)) if known[room] > known[other]]
    lines += ["```", "", "| level | room | what it is |", "| --- | --- | --- |"]
    lines += [f"| {level} | `{room}` | {sentence(room)} |" for room, level in known.items()]
    return "\n".join(lines)


def drawn(page: str) -> str:
    """The page with the picture between its marks."""
    return _MARKED.sub(lambda found: f"{found[1]}{picture()}\n{found[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""Pages of people with parts that a program writes, between `<!-- NAME: ... -->` and `<!-- end of NAME -->`."""

from __future__ import annotations

import re

from experiments.records import require


def fill(page: str, name: str, content: str, where: str) -> str:
    """`page` with `content` between its marks of that name. Raises `UserError` where `where`, the page, has none."""
    marks = re.compile(rf"(<!-- {name}: .*? -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    require(bool(marks.search(page)), f"No `<!-- {name}: ... -->` and `<!-- end of {name} -->` in {where}.")
    return marks.sub(lambda match: f"{match[1]}{content}{match[2]}", page)

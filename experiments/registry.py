"""One registry a kind of thing: a name, a record, and an error that says what is known."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from experiments.messages import register_texts
from experiments.records import UserError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to records, in the order of registration.

    `what` is the singular that errors and `headtohead list` use: "task", "network", ... `texts`: by kind of text, what
    a record says of itself by language: `Messages` finds it where no catalogue has it.
    """

    def __init__(
        self,
        what: str,
        load: Callable[[], Any] | None = None,
        texts: Mapping[str, Callable[[T], Mapping[str, str]]] = {},
    ) -> None:
        self.what = what
        self._load = load  # imports the modules that register; run at the first look-up
        self._records: dict[str, T] = {}
        for kind, text in texts.items():
            register_texts(kind, lambda name, text=text: text(self[name]) if name in self else {})  # type: ignore[misc]

    def add(self, record: T) -> T:
        """Register `record` under its `name`; raises `ValueError` if the name is taken."""
        name = record.name  # type: ignore[attr-defined]
        if name in self._records:
            raise ValueError(f"The {self.what} {name!r} is registered twice")
        self._records[name] = record
        return record

    def remove(self, name: str) -> None:
        """Forget `name` (tests register throwaway records)."""
        del self._records[name]

    def _loaded(self) -> dict[str, T]:
        if self._load is not None:
            load, self._load = self._load, None
            load()
        return self._records

    def __getitem__(self, name: str) -> T:
        records = self._loaded()
        if name not in records:
            close = difflib.get_close_matches(name, records, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise UserError(
                f"Unknown {self.what} {name!r}.{hint} Known: {', '.join(sorted(records))} "
                f"(`headtohead list {self.what}s`)."
            )
        return records[name]

    def __contains__(self, name: object) -> bool:
        return name in self._loaded()

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def values(self) -> list[T]:
        """Every record, in the order of registration."""
        return list(self._loaded().values())

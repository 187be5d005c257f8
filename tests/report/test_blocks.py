"""Blocks of a report: how a number and its interval are written, what a table sorts by, and what is code."""

from __future__ import annotations

import math

import pytest

from experiments.report.blocks import Span, marked, number, ranged


@pytest.mark.parametrize(
    ("mean", "low", "high", "text"),
    [
        (0.0123, 0.004, 0.02, "+0.0123 [0.0040, 0.0200]"),  # three digits of the largest, as many decimals in all
        (-1.5, -20.0, 3.0, "−1.5 [−20.0, 3.0]"),
        (123.4, 99.6, 250.0, "+123 [100, 250]"),
        (0.0, -0.5, 0.5, "0.000 [−0.500, 0.500]"),
        (0.99, 0.98, 1.0, "+0.99 [0.98, 1.00]"),
        (1e-4, 1e-5, 1e-4, "+0.000100 [0.000010, 0.000100]"),
        (2e-5, -1e-6, 9e-5, "+2e−05 [−1e−06, 9e−05]"),
        (0.0123, -math.inf, 1.0, "+0.0123"),  # no interval
        (0.0123, 0.01, math.nan, "+0.0123"),
        (math.nan, 0.0, 1.0, "–"),
    ],
)
def test_a_mean_with_its_interval(mean: float, low: float, high: float, text: str) -> None:
    span = ranged({"mean": mean, "low": low, "high": high})
    assert span.text == text
    assert span.sort == (-math.inf if math.isnan(mean) else mean)


def test_an_interval_in_another_unit_sorts_in_it() -> None:
    span = ranged({"middle": 0.5, "low": 0.25, "high": 0.75}, mean="middle", scale=100, unit=" %")
    assert (span.text, span.sort) == ("+50.0 [25.0, 75.0] %", 50.0)


@pytest.mark.parametrize(
    ("value", "text", "sort"),
    [
        (0.25, "+0.25 s", 0.25),
        (-0.25, "−0.25 s", -0.25),
        (0.0, "0 s", 0.0),  # neither above nor below
        (math.inf, "∞", math.inf),
        (-math.inf, "−∞", -math.inf),
        (math.nan, "–", -math.inf),
    ],
)
def test_a_number_sorts_by_itself(value: float, text: str, sort: float) -> None:
    span = number(value, sign=True, unit=" s")
    assert (span.text, span.sort) == (text, sort)
    if value > 0:
        assert number(value, unit=" s").text == text.removeprefix("+")


def test_what_stands_between_backticks_is_code() -> None:
    assert marked("use `a` or `b`") == [Span(text="use "), Span(text="a", code=True), Span(text=" or "),
                                        Span(text="b", code=True)]  # fmt: skip
    assert marked("`a` alone") == [Span(text="a", code=True), Span(text=" alone")]

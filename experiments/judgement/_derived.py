"""Everything that follows from the raw tables of a whole run, made at once: families span all of its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pandas as pd

from experiments.frameworks import FRAMEWORKS
from experiments.judgement._attribution import attribution, loss_scale
from experiments.judgement._differences import differences
from experiments.judgement._overall import overall
from experiments.judgement._pairs import pair_up
from experiments.judgement._rate_map import rate_map, side_pairs
from experiments.judgement._rates import at_best, gaps, shifts
from experiments.tables import MAIN

# the arm that each other arm is compared with: in binary tasks, and in those of several classes or labels
BASELINES = ("sigmoid", "k_sigmoid")
SWEEPS = ("learning_rates", "learning_rates_runs")
RAW = ("curves", "finals", "runs", "finals_float64", "runs_float64", *SWEEPS)


MANY = 100_000  # rows from which a second process gains more than the two seconds that it takes to start
Parts = dict[str, list[pd.DataFrame]]  # of each table


def derived(tables: Mapping[str, pd.DataFrame], *, processes: int = 1) -> dict[str, pd.DataFrame]:
    """The tables `differences`, `overall`, `attribution`, `attribution_float64`, `loss_scale`, and those of a sweep of
    rates: `rate_gaps`, `shifts`, `rate_map` and `rate_law`.

    `tables`: `finals` and `runs` (and `curves`, for means over steps that `finals` lacks), `finals_float64` and
    `runs_float64`, `learning_rates` and `learning_rates_runs`. What lacks its source is left out. With more than one of
    `processes`, what does not follow from the sweeps is made in one of its own, where there are `MANY` rows; the tables
    are the same.
    """
    given = {name: table for name, table in tables.items() if name in RAW}
    frameworks = _frameworks(given)
    enough = sum(map(len, given.values())) >= MANY
    if processes > 1 and enough and _filled(given, *SWEEPS) and len(given) > len(SWEEPS):
        others = {name: table for name, table in given.items() if name not in SWEEPS}
        # spawned, not forked: a kernel and pyarrow have threads, which do not survive a fork
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            elsewhere = pool.submit(_of_defaults, others, frameworks)
            of_sweeps = _of_sweeps(given, frameworks)
            of_defaults = elsewhere.result()
    else:
        of_defaults, of_sweeps = _of_defaults(given, frameworks), _of_sweeps(given, frameworks)
    results: Parts = {}
    for both in zip(of_defaults, of_sweeps, strict=True):
        for made in both:
            for name, parts in made.items():
                results.setdefault(name, []).extend(part for part in parts if len(part))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in results.items() if parts}


def _of_defaults(tables: Mapping[str, pd.DataFrame], frameworks: Sequence[str]) -> list[Parts]:
    """What follows from the tables of networks that were trained at their optimizer's own rate, of each framework."""
    return [_at_default(_trained_by(framework, tables)) for framework in frameworks]


def _of_sweeps(tables: Mapping[str, pd.DataFrame], frameworks: Sequence[str]) -> list[Parts]:
    """What follows from the sweeps of rates, of each framework."""
    swept = {name: table for name, table in tables.items() if name in SWEEPS}
    return [_along_rates(_trained_by(framework, swept)) for framework in frameworks]


def _trained_by(framework: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The rows of one framework: no family of tests spans two."""
    return {name: table[table["framework"] == framework] for name, table in tables.items()}


def _at_default(tables: Mapping[str, pd.DataFrame]) -> Parts:
    results: Parts = {}
    if _filled(tables, "finals", "runs"):
        for baseline in _baselines(tables["finals"]):
            pairs = pair_up(tables["finals"], tables.get("curves"), tables["runs"], baseline)
            results.setdefault("differences", []).append(differences(pairs))
            results.setdefault("overall", []).append(overall(pairs))
            if baseline == BASELINES[0]:
                results["attribution"] = [attribution(pairs)]
            else:
                results["loss_scale"] = [loss_scale(pairs)]
        for arm, head in _programs(tables["finals"]).items():
            pairs = pair_up(tables["finals"], tables.get("curves"), tables["runs"], head, heads=[arm])
            results["differences"].append(differences(pairs))
    if _filled(tables, "finals_float64", "runs_float64"):
        exact = pair_up(tables["finals_float64"], None, tables["runs_float64"])
        results["attribution_float64"] = [attribution(exact)]
    return results


def _along_rates(tables: Mapping[str, pd.DataFrame]) -> Parts:
    results: Parts = {}
    if _filled(tables, *SWEEPS):
        sweep, runs = (tables[name] for name in SWEEPS)
        for baseline in _baselines(sweep):
            best = at_best(sweep, runs, baseline)
            results.setdefault("rate_gaps", []).append(gaps(sweep, runs, baseline, best_pairs=best))
            results.setdefault("overall", []).append(overall(best, at="best"))
            results.setdefault("shifts", []).append(shifts(sweep, baseline))
            if baseline == BASELINES[0]:
                by_side = side_pairs(sweep, runs)
                results["rate_map"], results["rate_law"] = ([table] for table in rate_map(sweep, runs, by_side))
                results["overall"] += [overall(pairs, at=side) for side, pairs in by_side.items()]
        for arm, head in _programs(sweep).items():
            results["rate_gaps"].append(gaps(sweep, runs, head, heads=[arm]))
    return results


def _programs(values: pd.DataFrame) -> dict[str, str]:
    """The arms that are a head in another program, each with that head: those whose head is no baseline.

    The others are compared with their head anyway. `values`: of one framework.
    """
    (framework,) = values["framework"].unique()
    present = set(values["head"].unique())
    programs = FRAMEWORKS[framework].programs.items()
    return {arm: head for arm, head in programs if arm in present and head not in BASELINES}


def _frameworks(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """The frameworks that trained something, the default one first."""
    trained = {str(name) for raw in RAW if raw in tables for name in tables[raw]["framework"].unique()}
    return sorted(trained, key=lambda name: (name != MAIN, name))


def _filled(tables: Mapping[str, pd.DataFrame], *names: str) -> bool:
    return all(name in tables and len(tables[name]) for name in names)


def _baselines(values: pd.DataFrame) -> list[str]:
    present = set(values["head"].unique())
    return [baseline for baseline in BASELINES if baseline in present]

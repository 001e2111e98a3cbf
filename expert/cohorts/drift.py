"""What changed between two runs over the same cases: verdicts and leading causes, counted, each change with witnesses."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from expert.cohorts.layout import DECIDED, LEADING, URGENCY
from expert.cohorts.run import CONCLUSIONS, CohortError
from facts.intake.tables.opening import CASE

COMPARED = (URGENCY, DECIDED, LEADING)
_BEFORE = " before"
_MOST_CHANGES, _WITNESSES = 20, 5


def require_run(folder: Path) -> None:
    """Raise CohortError, before the work rather than after, where a folder holds no run to compare with."""
    try:
        columns = pl.scan_parquet(folder / CONCLUSIONS / "*.parquet").collect_schema()
        summary_of(folder)
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        raise CohortError(f"{folder} is not a folder that `charley evaluate` wrote; name one for --against") from None
    missing = [name for name in COMPARED if name not in columns]
    if missing:
        raise CohortError(f"{folder} was written without {', '.join(missing)}; evaluate it again with them")


def summary_of(folder: Path) -> Mapping[str, Any]:
    """Return what an earlier run said of its knowledge base."""
    summary: Mapping[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["knowledge_base"]
    return summary


def changed_cases(before: Path, now: Path) -> pl.DataFrame:
    """Return the cases that two runs have and of which they say different things, with what each says, by name.

    Raises CohortError where names do not tell cases apart.
    """
    both = _joined(before, now)
    differ = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name + _BEFORE)) for name in COMPARED)
    columns = [column for name in COMPARED for column in (name + _BEFORE, name)]
    return both.filter(differ).select(CASE, *columns).sort(CASE).collect()


def summarize_drift(before: Path, now: Path, changed: pl.DataFrame) -> dict[str, Any]:
    """Count what changed: cases that only one run has, urgencies in both, and the most frequent changes with witnesses."""
    old, new = (pl.scan_parquet(folder / CONCLUSIONS / "*.parquet").select(CASE) for folder in (before, now))
    common = int(old.join(new, on=CASE, how="semi").select(pl.len()).collect().item())
    pairs = _joined(before, now).group_by(URGENCY + _BEFORE, URGENCY).len().sort(URGENCY + _BEFORE, URGENCY).collect()
    urgency: dict[str, dict[str, int]] = {}
    for earlier, later, count in pairs.rows():
        urgency.setdefault(earlier, {})[later] = count
    return {
        "folder": str(before),
        "knowledge_base": summary_of(before),
        "cases": common,
        "changed": changed.height,
        "only_before": int(old.select(pl.len()).collect().item()) - common,
        "only_now": int(new.select(pl.len()).collect().item()) - common,
        "urgency": urgency,
        "changes": {name: _changes(changed, name) for name in COMPARED},
    }


def _joined(before: Path, now: Path) -> pl.LazyFrame:
    old, new = (_told(folder) for folder in (before, now))
    for folder, told in ((before, old), (now, new)):
        if told.select(pl.col(CASE).is_duplicated().any()).collect().item():
            raise CohortError(f"in {folder} several cases have one name, so that nobody can tell which is which in another run")
    return new.join(old, on=CASE, how="inner", suffix=_BEFORE)


def _told(folder: Path) -> pl.LazyFrame:
    texts = [pl.col(name).cast(pl.String) for name in (URGENCY, LEADING)]
    return pl.scan_parquet(folder / CONCLUSIONS / "*.parquet").select(CASE, DECIDED, *texts)


def _changes(changed: pl.DataFrame, name: str) -> Sequence[Mapping[str, Any]]:
    """Return the most frequent changes of one column."""
    earlier, later = name + _BEFORE, name
    differing = changed.filter(pl.col(later).ne_missing(pl.col(earlier)))
    grouped = differing.group_by(earlier, later, maintain_order=True).agg(
        pl.len().alias("cases"), pl.col(CASE).head(_WITNESSES).alias("witnesses")
    )
    ordered = grouped.sort(["cases", earlier, later], descending=[True, False, False], nulls_last=True).head(_MOST_CHANGES)
    return ordered.rename({earlier: "before", later: "now"}).to_dicts()

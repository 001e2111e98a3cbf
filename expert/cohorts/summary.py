"""What a cohort comes to: counts that add up over parts, and the measures of triage where cases carry labels.

The measures are those of Semigran 2015 (BMJ 351:h3480), Hill 2020 (MJA 212:514-519) and Gilbert 2020 (BMJ Open 10:e040269):
how often urgency and causes are right, with under-triage and over-triage apart. Intervals are Wilson's, 95 %.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import polars as pl

from expert.cohorts.layout import CEILING, DECIDED, LEADING, TOP, URGENCY
from expert.cohorts.planes.cohort_judge import Judged
from expert.proportions import proportion
from facts.vocabulary import ChoiceFinding, QuantityFinding
from knowledge_base.model import KnowledgeBase

_MOST_LISTED = 1_000
_TEXTS_LISTED = 20


def count_part(
    judged: Judged, concluded: pl.DataFrame, cases: pl.DataFrame, refused: int, read: int, knowledge: KnowledgeBase
) -> dict[str, Any]:
    """Count one part: everything in it adds up with other parts. `concluded` and `cases` have the rows that were judged."""
    rules = {name: judged.count(name) for name in knowledge.rules}
    known = cases.select(pl.col(name).count() for name in knowledge.vocabulary.findings if name in cases.columns)
    return {
        "read": read,
        "concluded": concluded.height,
        "refused": refused,
        "urgency": _values(concluded[URGENCY]),
        "ceiling": _values(concluded[CEILING]),
        "decided": _values(concluded.filter(pl.col(DECIDED))[URGENCY]),
        "leading_cause": _values(concluded[LEADING]),
        "standings": {cause: judged.count_standings(cause) for cause in knowledge.causes},
        "warning_signs": {name: judged.count(name)[0] for name in knowledge.warning_signs},
        "rules_fired": {name: fired for name, (fired, _) in rules.items()},
        "rules_ruled_out": {name: ruled_out for name, (_, ruled_out) in rules.items()},
        "findings_known": dict(zip(known.columns, known.row(0), strict=True)) if known.width else {},
        "strata": _strata(concluded[URGENCY], cases, knowledge),
        **_score(concluded, knowledge),
    }


def _strata(urgency: pl.Series, cases: pl.DataFrame, knowledge: KnowledgeBase) -> dict[str, dict[str, dict[str, int]]]:
    """Count the urgency within each group of the findings by which the knowledge base splits a cohort."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for name, cuts in knowledge.strata.items():
        counts[name] = {}
        if name not in cases.columns:
            continue
        # Rows are grouped by what they hold: to write a text for each takes longer than all the rest.
        group, named = pl.col(name), pl.col("group").cast(pl.String)
        if isinstance(knowledge.vocabulary.findings[name], QuantityFinding):
            group = pl.sum_horizontal((pl.col(name) >= cut).cast(pl.UInt32) for cut in cuts)
            named = pl.col("group").replace_strict(dict(enumerate(_labels(name, knowledge))), return_dtype=pl.String)
        rows = cases.select(pl.when(pl.col(name).is_not_null()).then(group).alias("group")).with_columns(urgency.alias(URGENCY))
        sizes = rows.drop_nulls("group").group_by("group", URGENCY).len()
        told = sizes.with_columns(named, pl.col(URGENCY).cast(pl.String)).sort("group", URGENCY)
        for label, level, count in told.rows():
            counts[name].setdefault(label, {})[level] = count
    return counts


def _values(series: pl.Series) -> dict[str, int]:
    counts = series.value_counts(sort=False)
    # Which value comes first hangs on threads.
    return dict(sorted((str(value), count) for value, count in counts.rows() if value is not None))


def _score(concluded: pl.DataFrame, knowledge: KnowledgeBase) -> dict[str, Any]:
    """Compare with the labels, where there are any."""
    scored: dict[str, Any] = {
        "confusion": {},
        "under_triaged": [],
        "labels_not_known": {},
        "first_cause": [0, 0],
        "top_3_causes": [0, 0],
        "covered": [0, 0],
    }
    if "expected_urgency" in concluded.columns:
        labelled = concluded.filter(pl.col("expected_urgency").is_not_null())
        levels = list(knowledge.levels)
        scored["labels_not_known"] = _values(labelled.filter(~pl.col("expected_urgency").is_in(levels))["expected_urgency"])
        labelled = labelled.filter(pl.col("expected_urgency").is_in(levels))
        pairs = labelled.group_by("expected_urgency", pl.col(URGENCY).cast(pl.String)).len().sort("expected_urgency", URGENCY)
        scored["confusion"] = {f"{expected}>{found}": count for expected, found, count in pairs.rows()}
        rank = {level: place for place, level in enumerate(levels)}
        under = labelled.filter(
            pl.col(URGENCY).cast(pl.String).replace_strict(rank) < pl.col("expected_urgency").replace_strict(rank)
        )
        scored["under_triaged"] = under["case"].head(_MOST_LISTED).to_list()
    if "expected_causes" in concluded.columns:
        labelled = concluded.filter(pl.col("expected_causes").is_not_null())
        first = labelled["expected_causes"].str.split(";").list.first().str.strip_chars()
        right = [(first == labelled[f"{TOP}{rank}"].cast(pl.String)).fill_null(False) for rank in (1, 2, 3)]
        scored["first_cause"] = [int(right[0].sum()), labelled.height]
        scored["top_3_causes"] = [int((right[0] | right[1] | right[2]).sum()), labelled.height]
        scored["covered"] = [int(first.is_in(list(knowledge.causes)).sum()), labelled.height]
    return scored


def merge(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add the counts of parts up."""
    total: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            total[key] = _sum(total[key], value) if key in total else value
    return total


def _sum(first: Any, second: Any) -> Any:
    if isinstance(first, dict):
        return {
            key: _sum(first[key], second[key]) if key in first and key in second else first.get(key, second.get(key))
            for key in dict.fromkeys([*first, *second])
        }
    if isinstance(first, list) and first and isinstance(first[0], int):
        return [a + b for a, b in zip(first, second, strict=True)]
    return first + second


def summarize(
    counts: Mapping[str, Any], unrecognized: pl.DataFrame, mapping: Mapping[str, Any], knowledge: KnowledgeBase
) -> dict[str, Any]:
    """Return the summary that is written: counts in the order of the knowledge base, and the measures.

    `unrecognized` is the list of what was not recognized, `mapping` how tables were read, as plain data.
    """
    total = counts["concluded"]
    grading = knowledge.grading
    return {
        "knowledge_base": {"title": knowledge.title, "version": knowledge.version, "hash": knowledge.hash},
        "rows": {key: counts[key] for key in ("read", "concluded", "refused")},
        "unrecognized": {"cases": counts["unrecognized"], "most": _most_texts(unrecognized)},
        "tables": {key: value for key, value in mapping.items() if value},
        "urgency": {level: counts["urgency"].get(level, 0) for level in knowledge.levels},
        "ceiling": {level: counts["ceiling"].get(level, 0) for level in knowledge.levels},
        "decided": {level: counts["decided"].get(level, 0) for level in knowledge.levels},
        "leading_cause": dict(_most(counts["leading_cause"])),
        "warning_signs": dict(_most(counts["warning_signs"])),
        "strata": {
            name: {
                label: counts["strata"][name][label] for label in _labels(name, knowledge) if label in counts["strata"][name]
            }
            for name in knowledge.strata
        },
        "standings": {
            cause: {standing: counts["standings"][cause].get(standing, 0) for standing in grading.standings}
            for cause in knowledge.causes
        },
        "known": dict(_most({name: counts["findings_known"].get(name, 0) for name in knowledge.vocabulary.findings})),
        "rules": {
            name: {
                "fired": counts["rules_fired"][name],
                "ruled_out": counts["rules_ruled_out"][name],
                "open": total - counts["rules_fired"][name] - counts["rules_ruled_out"][name],
            }
            for name in knowledge.rules
        },
        "rules_that_never_fired": [name for name in knowledge.rules if not counts["rules_fired"][name]],
        "against_labels": _against_labels(counts, knowledge),
    }


def _most_texts(unrecognized: pl.DataFrame) -> list[dict[str, Any]]:
    """Return what was most often not recognized, with why and in how many cases."""
    found = (
        unrecognized.group_by("text", "reason").len("cases").sort(["cases", "text", "reason"], descending=[True, False, False])
    )
    return found.head(_TEXTS_LISTED).to_dicts()


def _labels(name: str, knowledge: KnowledgeBase) -> list[str]:
    """Return the groups of a stratum in their order."""
    finding, cuts = knowledge.vocabulary.findings[name], knowledge.strata[name]
    if not isinstance(finding, QuantityFinding):
        return list(finding.choices) if isinstance(finding, ChoiceFinding) else ["true", "false"]
    between = [f"{low:g} to below {high:g}" for low, high in pairwise(cuts)]
    return [f"below {cuts[0]:g}", *between, f"{cuts[-1]:g} and more"]


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, count) for name, count in counts.items() if count), key=lambda entry: (-entry[1], entry[0]))


def _against_labels(counts: Mapping[str, Any], knowledge: KnowledgeBase) -> dict[str, Any] | None:
    pairs = Counter({tuple(pair.split(">")): count for pair, count in counts["confusion"].items()})
    causes = counts["first_cause"][1]
    if not pairs and not causes and not counts["labels_not_known"]:
        return None
    rank, total = knowledge.level_rank, sum(pairs.values())

    def where(test: Any) -> int:
        return sum(count for (expected, found), count in pairs.items() if test(rank[found], rank[expected]))

    return {
        "urgency": {
            "cases": total,
            "confusion": {
                expected: {found: pairs[(expected, found)] for found in knowledge.levels} for expected in knowledge.levels
            },
            "right": proportion(where(lambda found, expected: found == expected), total),
            "under_triage": proportion(where(lambda found, expected: found < expected), total),
            "over_triage": proportion(where(lambda found, expected: found > expected), total),
            "safe": proportion(where(lambda found, expected: found >= expected), total),
        },
        "causes": {
            "cases": causes,
            "first": proportion(counts["first_cause"][0], causes),
            "top_3": proportion(counts["top_3_causes"][0], causes),
            "covered": proportion(counts["covered"][0], causes),
        },
        "under_triaged": counts["under_triaged"][:_MOST_LISTED],
        "labels_not_known": counts["labels_not_known"],
    }

"""The cohort report: what a run over many cases came to, as one page of HTML that needs nothing from elsewhere and prints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from knowledge_base.model import KnowledgeBase
from reports.arranged.page import STATEMENT
from reports.rendering import environment
from reports.words.wording import sentence

_MOST = 15


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart: its label, its count, and its share of the longest bar (0 to 1) and of all cases.

    `solid` is the share of the bar that is drawn solid, the rest being light.
    """

    label: str
    count: int
    length: float
    share: str
    solid: float = 1.0


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure against labels: what it is, its value and its interval, as they are read."""

    label: str
    value: str
    interval: str
    counts: str


def render_cohort(summary: Mapping[str, Any], knowledge: KnowledgeBase) -> str:
    """Render the summary of a run; the same summary always gives the same page."""
    rows = summary["rows"]
    total = rows["concluded"]
    levels = {name: level.label for name, level in reversed([*knowledge.levels.items()])}
    causes = {name: cause.label for name, cause in knowledge.causes.items()}
    signs = {name: sign.label for name, sign in knowledge.warning_signs.items()}
    none = total - sum(summary["leading_cause"].values())
    missing = {name: total - known for name, known in summary["known"].items() if total > known}
    findings = {name: sentence(finding.label).removesuffix(".") for name, finding in knowledge.vocabulary.findings.items()}
    fired = {name: counts["fired"] for name, counts in summary["rules"].items()}
    return (
        environment("html")
        .get_template("cohort.html.j2")
        .render(
            title=knowledge.title,
            rows=rows,
            unrecognized=summary["unrecognized"],
            ignored=summary["tables"].get("ignored", []),
            urgency=[
                replace(bar, solid=round(summary["decided"][name] / bar.count, 4) if bar.count else 1.0)
                for name, bar in zip(
                    levels, bars({name: summary["urgency"][name] for name in levels}, levels, total), strict=True
                )
            ],
            decided=share(sum(summary["decided"].values()), total),
            drift=drift(summary.get("against_run"), knowledge),
            ceiling=bars({name: summary["ceiling"][name] for name in levels}, levels, total),
            leading=bars(most(summary["leading_cause"]), causes, total),
            without_leading=share(none, total),
            signs=bars(most(summary["warning_signs"]), signs, total),
            missing=bars(most(missing), findings, total),
            never=list(summary["rules_that_never_fired"]),
            rules=len(knowledge.rules),
            fired=bars(most(fired), {name: name for name in fired}, total),
            strata=[
                (
                    findings[name],
                    [
                        (label, bars({level: counts.get(level, 0) for level in levels}, levels, sum(counts.values())))
                        for label, counts in groups.items()
                    ],
                )
                for name, groups in summary["strata"].items()
            ],
            measures=measures(summary["against_labels"]),
            confusion=summary["against_labels"]["urgency"]["confusion"] if summary["against_labels"] else {},
            levels={name: level.label for name, level in knowledge.levels.items()},
            under_triaged=summary["against_labels"]["under_triaged"] if summary["against_labels"] else [],
            knowledge=f"{knowledge.title}, knowledge {knowledge.version} ({knowledge.hash[:12]})",
            statement=STATEMENT,
        )
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """A square of a chart of changes: where it stands, how many cases it counts, and how dark it is (0 to 1)."""

    column: int
    row: int
    count: int
    darkness: float
    kind: str


def drift(against: Mapping[str, Any] | None, knowledge: KnowledgeBase) -> Mapping[str, Any] | None:
    """Arrange what changed since an earlier run: urgencies as squares, and the most frequent changes by their labels."""
    if not against:
        return None
    levels = [*knowledge.levels]
    # Levels that only an earlier knowledge base had come first.
    earlier = [*(name for name in against["urgency"] if name not in levels), *levels]
    largest = max((count for found in against["urgency"].values() for count in found.values()), default=0) or 1
    cells = [
        Cell(
            levels.index(now),
            earlier.index(before),
            count,
            round(0.12 + 0.88 * count / largest, 3),
            "same"
            if before == now
            else "higher"
            if before not in levels or levels.index(now) > levels.index(before)
            else "lower",
        )
        for before, found in against["urgency"].items()
        for now, count in found.items()
    ]
    labels: Mapping[str, Mapping[Any, str]] = {
        "urgency": {name: level.label for name, level in knowledge.levels.items()},
        "decided": {True: "decided", False: "not decided"},
        "leading_cause": {name: cause.label for name, cause in knowledge.causes.items()},
    }
    named = {"urgency": "Urgency", "decided": "Decided", "leading_cause": "Leading cause"}
    return {
        **against,
        "rows": [labels["urgency"].get(name, name) for name in earlier],
        "columns": [labels["urgency"][name] for name in levels],
        "cells": cells,
        "tables": [
            (
                named[name],
                [
                    {
                        **change,
                        "before": labels[name].get(change["before"], change["before"] or "none"),
                        "now": labels[name].get(change["now"], change["now"] or "none"),
                    }
                    for change in changes
                ],
            )
            for name, changes in against["changes"].items()
        ],
    }


def most(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the largest counts, the largest first."""
    return dict(
        sorted(((name, count) for name, count in counts.items() if count), key=lambda pair: (-pair[1], pair[0]))[:_MOST]
    )


def bars(counts: Mapping[str, int], labels: Mapping[str, str], total: int) -> list[Bar]:
    """Arrange counts as bars."""
    longest = max(counts.values(), default=0) or 1
    return [Bar(labels[name], count, round(count / longest, 4), share(count, total)) for name, count in counts.items()]


def share(count: int, total: int) -> str:
    """Write a share of all cases."""
    return f"{count / total:.1%}" if total else "–"


def measures(against: Mapping[str, Any] | None) -> list[Measure]:
    """Arrange the measures against labels."""
    if not against:
        return []
    named: Iterable[tuple[str, Mapping[str, Any]]] = (
        ("Urgency as labelled", against["urgency"]["right"]),
        ("Under-triage (less urgent than labelled)", against["urgency"]["under_triage"]),
        ("Over-triage (more urgent than labelled)", against["urgency"]["over_triage"]),
        ("Safe (at least as urgent as labelled)", against["urgency"]["safe"]),
        ("First cause as labelled", against["causes"]["first"]),
        ("Labelled cause among the first three", against["causes"]["top_3"]),
        ("Labelled cause known to the knowledge base", against["causes"]["covered"]),
    )
    return [
        Measure(
            label,
            f"{entry['share']:.1%}",
            f"{entry['interval'][0]:.1%} to {entry['interval'][1]:.1%}",
            f"{entry['count']:,} of {entry['of']:,}",
        )
        for label, entry in named
        if entry["of"]
    ]

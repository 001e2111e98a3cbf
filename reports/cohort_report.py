"""The cohort report: what a run over many cases came to, as one page of HTML that needs nothing from elsewhere and prints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from knowledge_base.model import KnowledgeBase
from reports.page import STATEMENT
from reports.rendering import environment
from reports.wording import sentence

_MOST = 15


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart: its label, its count, and its share of the longest bar (0 to 1) and of all cases."""

    label: str
    count: int
    length: float
    share: str


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
            urgency=bars({name: summary["urgency"][name] for name in levels}, levels, total),
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

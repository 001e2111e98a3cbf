"""What a run's files hold of each case, and what their columns are called."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from expert.cohorts.planes.cohort_judge import Judged

RULE, STANDING, SIGN, TOP = "rule:", "standing:", "sign:", "top:"
URGENCY, CEILING, DECIDED, LEADING, FIRED = "urgency", "ceiling", "decided", "leading_cause", "rules_fired"
RULES = "rules"
GROUPS = ("urgency", "leading_cause", "warning_signs", "standings", "fired", RULES)
"""What can be written of each case: columns of the conclusions, and last the file of every rule's state."""


def verdicts(judged: Judged) -> dict[str, pl.Series]:
    """Return the columns that the summary counts too: verdicts and the leading cause."""
    return {
        URGENCY: judged.urgency(),
        CEILING: judged.ceiling(),
        DECIDED: judged.decided(),
        LEADING: judged.leading_cause(),
    }


def conclusions(judged: Judged, kept: Sequence[str], known: Mapping[str, pl.Series]) -> Iterator[pl.Series]:
    """Return the columns of the groups that are `kept`; `known` are the `verdicts`."""
    if "urgency" in kept:
        yield from (known[name].alias(name) for name in (URGENCY, CEILING, DECIDED))
    if "leading_cause" in kept:
        yield known[LEADING].alias(LEADING)
    if "warning_signs" in kept:
        yield from (judged.truth(name, SIGN) for name in judged.knowledge.warning_signs)
    if "standings" in kept:
        yield from (standing.alias(STANDING + name) for name, standing in judged.standings().items())
    if "fired" in kept:
        yield judged.fired(tuple(judged.knowledge.rules)).alias(FIRED)


def rule_states(judged: Judged) -> Iterator[pl.Series]:
    """Return what every rule is worth: true where it fired, false where it is ruled out, null where it is open."""
    return (judged.truth(name, RULE) for name in judged.knowledge.rules)

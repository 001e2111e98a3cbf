"""What a run's files hold of each case, and what their columns are called."""

from collections.abc import Sequence

import polars as pl

from expert.cohorts.planes.cohort_judge import Judged
from knowledge_base.model import KnowledgeBase

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


def conclusions(judged: Judged, knowledge: KnowledgeBase, kept: Sequence[str], known: dict[str, pl.Series]) -> pl.DataFrame:
    """Return the columns of the groups that are `kept`; `known` are the `verdicts`."""
    columns: dict[str, pl.Series] = {}
    if "urgency" in kept:
        columns |= {name: known[name] for name in (URGENCY, CEILING, DECIDED)}
    if "leading_cause" in kept:
        columns[LEADING] = known[LEADING]
    if "warning_signs" in kept:
        columns |= {SIGN + name: judged.truth(name) for name in knowledge.warning_signs}
    if "standings" in kept:
        columns |= {STANDING + name: standing for name, standing in judged.standings().items()}
    if "fired" in kept:
        columns[FIRED] = judged.fired(tuple(knowledge.rules))
    return pl.DataFrame(columns)


def rule_states(judged: Judged, knowledge: KnowledgeBase) -> pl.DataFrame:
    """Return what every rule is worth: true where it fired, false where it is ruled out, null where it is open."""
    return pl.DataFrame({RULE + name: judged.truth(name) for name in knowledge.rules})

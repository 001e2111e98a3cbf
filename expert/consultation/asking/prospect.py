"""What is known of a patient at one point of a consultation, and what could still change."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from facts.vocabulary import Value


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a patient at one point of a consultation, and what will not become known."""

    values: Mapping[str, Value]
    unknown: frozenset[str] = frozenset()
    lists_asked: bool = False
    results_asked: bool = False
    """Whether it was asked which results are available."""
    no_more_results: bool = False
    """Whether it was said that no other result is available, so that none is asked for."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What can still change: the findings that could raise the urgency (with the highest level) or decide a cause.

    `beside` are findings that could keep down a cause for which something speaks already: no page is opened for them, but on
    a page that is shown anyway they are asked, so that it need not be shown again.
    """

    urgency: str
    raising: Mapping[str, int]
    deciding: Mapping[str, int]
    open_causes: tuple[str, ...]
    leading: str | None
    answerable: frozenset[str]
    beside: frozenset[str]
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The warning signs and causes that each of those findings bears on, the most urgent first."""
    later: frozenset[str] = frozenset()
    """What is asked only where something else is so that is not known yet: it comes after everything else."""
    weight: Mapping[str, int] = field(default_factory=dict)
    """How many dangers each of those findings could still show."""
    nearest: Mapping[str, int] = field(default_factory=dict)
    """How many dangers each of them could show alone."""

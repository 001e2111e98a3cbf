"""What of the knowledge's YAML is used as it was written: closed lists of words, levels, sources, what was proved."""

from dataclasses import field
from typing import Annotated, Literal, TypeAlias

from facts.declaring.declared import Limits, Name, declared

RuleId = Annotated[str, Limits(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
Sentence = Annotated[str, Limits(min_length=1)]
Strength: TypeAlias = Literal["weak", "strong"]
AskedBy: TypeAlias = Literal["history", "examination", "test"]
"""What an answer takes, the cheapest first."""
StepKind: TypeAlias = Literal["test", "examination", "referral", "advice", "avoid"]
EvidenceKind: TypeAlias = Literal[
    "guideline",
    "review",
    "trial",
    "observational_study",
    "case_report",
    "label",
    "classification",
    "reference_work",
    "general_knowledge",
    "inference",
    "machine_written",
]


@declared
class Complaint:
    """What the patient comes with: its name, and the definition that tells whether what is told fits it."""

    label: str
    definition: Name


@declared
class Level:
    """A level of urgency."""

    label: str
    says: Sentence


@declared
class Source:
    """A work that rules rest on."""

    by: str
    title: str
    year: int | None = None
    kind: EvidenceKind
    read: Literal["in_full", "in_part", "in_a_copy", "in_a_summary", "not_read"] | None = None
    section: str | None = None
    doi: str | None = None
    pmid: str | None = None
    url: str | None = None
    note: str | None = None


HookName: TypeAlias = Literal["patient-view", "encounter-start", "order-select", "order-sign"]
Indicator: TypeAlias = Literal["info", "warning", "critical"]
"""How pressing a card looks, as CDS Hooks 2.0 names it, the least first."""
Priority: TypeAlias = Literal["routine", "urgent", "asap", "stat"]
"""The priority of a FHIR R4 ServiceRequest."""


@declared
class ServiceEntry:
    """A CDS Hooks service: the hooks that call it, and how clinical systems list it."""

    hooks: Annotated[list[HookName], Limits(min_length=1)]
    title: Sentence
    description: Sentence


@declared
class CertificateCount:
    """How many statements of one property there were, and what came of them."""

    statements: int
    proved: int
    failed: int
    undecided: int
    accepted: int


@declared
class CertificateFile:
    """certificate.json: what was proved of the knowledge base with this hash."""

    knowledge_base: str
    version: str
    hash: str
    z3: str
    steps: int
    seconds: float
    properties: dict[str, CertificateCount]
    accepted: list[dict[str, str]] = field(default_factory=list)


@declared
class LeafletVerdict:
    """What a level of urgency is called for patients, when it is decided and while it is open."""

    decided: Sentence
    open: Sentence

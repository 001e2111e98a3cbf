"""Loading a knowledge base from a folder: every file read, every name, condition and source checked, every mistake told."""

from pathlib import Path

from knowledge_base.entries import Problems
from knowledge_base.loading.building import build_knowledge_base
from knowledge_base.loading.knowledge_files import read_knowledge_files
from knowledge_base.model import KnowledgeBase


def load_knowledge_base(folder: Path | None = None, shown: str = "", *, to_assess: bool = False) -> KnowledgeBase:
    """Load the shipped knowledge base, or the one in `folder`, which places call `shown`.

    `to_assess` leaves out the invariants, which say nothing of a single case. Raises CharleyError with every problem found.
    """
    problems = Problems()
    knowledge = build_knowledge_base(read_knowledge_files(folder, shown, problems, to_assess=to_assess), problems)
    if problems:
        raise problems.error()
    return knowledge

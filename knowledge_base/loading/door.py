"""Loading a knowledge base from a folder: every file read, every name, condition and source checked, every mistake told."""

import os
from pathlib import Path

from knowledge_base.loading.kept_knowledge import NO_CACHE, KeptKnowledge
from knowledge_base.model import KnowledgeBase


def load_knowledge_base(folder: Path | None = None, shown: str = "", *, to_assess: bool = False) -> KnowledgeBase:
    """Load the shipped knowledge base, or the one in `folder`, which places call `shown`.

    `to_assess` leaves out the invariants, which say nothing of a single case, and takes what was built before where the same
    content was. Raises CharleyError with every problem found.
    """
    if not to_assess or os.environ.get(NO_CACHE, "") not in ("", "0"):
        return _build(folder, shown, to_assess=to_assess)
    kept = KeptKnowledge(folder, shown)
    knowledge = kept.find()
    if knowledge is None:
        knowledge = _build(folder, shown, to_assess=True)
        kept.keep(knowledge)
    return knowledge


def _build(folder: Path | None, shown: str, *, to_assess: bool) -> KnowledgeBase:
    # What reads YAML and checks it is large, and idle while nothing has changed.
    from knowledge_base.entries import Problems
    from knowledge_base.loading.building import build_knowledge_base
    from knowledge_base.loading.knowledge_files import read_knowledge_files

    problems = Problems()
    knowledge = build_knowledge_base(read_knowledge_files(folder, shown, problems, to_assess=to_assess), problems)
    if problems:
        raise problems.error()
    return knowledge

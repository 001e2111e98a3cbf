"""Assessing in another language: the same knowledge, with its sentences from a catalog."""

from pathlib import Path

from expert.inference.assessing import Assessor
from facts.language.catalogs import ENGLISH
from facts.language.speaking import Language, language_of, speaking
from knowledge_base.translating import knowledge_catalog, translate


def in_language(assessor: Assessor, folder: Path | None, tag: str) -> tuple[Assessor, Language | None]:
    """Return what assesses in a language, and the language to speak meanwhile; `folder` is where the knowledge stands."""
    if tag == ENGLISH:
        return assessor, None
    catalog = knowledge_catalog(folder, tag)
    language = language_of(tag, catalog)
    with speaking(language):
        return Assessor(translate(assessor.knowledge, catalog)), language

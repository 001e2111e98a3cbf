"""Loading a knowledge base from a folder: files read, entries built and checked, every mistake told."""

from knowledge_base.loading.door import load_knowledge_base

__all__ = ["load_knowledge_base"]

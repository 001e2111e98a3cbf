"""Tests of how a whole knowledge base is judged."""

"""Quantities as people measure and write them: units, reference intervals, computed values."""

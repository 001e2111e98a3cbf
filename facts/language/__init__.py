"""The language that people are spoken to in: its catalogs, and how the program's own words are said in it."""

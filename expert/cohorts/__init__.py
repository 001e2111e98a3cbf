"""Many cases: a file of them in, tables of conclusions out."""

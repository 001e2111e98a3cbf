"""Tables of cases (CSV, Parquet, NDJSON), read by the column and checked by the row."""

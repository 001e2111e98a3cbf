"""FHIR records read into cases."""

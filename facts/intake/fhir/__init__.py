"""Patient records in FHIR, read as cases."""

"""Assessments as FHIR R4 documents, for systems that keep records."""

"""Data in the OMOP Common Data Model (5.4) as records of patients."""

"""The shapes of FHIR: values, moments, containers and pages, whatever a resource is about."""

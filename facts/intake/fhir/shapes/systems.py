"""What terminology the system of a code means: the URIs of the HL7 registry, and how they are misspelled in the field."""

import re
from functools import lru_cache

ICD_10_CM = "ICD-10-CM"
ICD_10 = "ICD-10"
"""ICD-10 of the WHO and the national editions other than the American one, which differ below the category."""
LOINC, SNOMED_CT, INTERPRETATION = "LOINC", "SNOMED CT", "HL7 interpretation"
ABSENT_OR_UNKNOWN = "IPS absent or unknown"

# Written as `_plain` leaves them: no scheme, no "www.", lower case. Sources: terminology.hl7.org (external code systems and
# their OIDs), HL7 v2 table 0396 (LN, SCT, I10, I10C …), FHIR R4 "Using codes in resources".
_NAMED = {
    "loinc.org": LOINC,
    "loinc": LOINC,
    "ln": LOINC,
    "lnc": LOINC,
    "2.16.840.1.113883.6.1": LOINC,
    "snomed.info/sct": SNOMED_CT,
    "snomed.info": SNOMED_CT,
    "snomed.org": SNOMED_CT,
    "snomed.org/sct": SNOMED_CT,
    "snomed ct": SNOMED_CT,
    "snomed-ct": SNOMED_CT,
    "snomed": SNOMED_CT,
    "sct": SNOMED_CT,
    "snomedct": SNOMED_CT,
    "snomedct_us": SNOMED_CT,
    "2.16.840.1.113883.6.96": SNOMED_CT,
    "hl7.org/fhir/sid/icd-10-cm": ICD_10_CM,
    "icd-10-cm": ICD_10_CM,
    "icd10cm": ICD_10_CM,
    "i10c": ICD_10_CM,
    "2.16.840.1.113883.6.90": ICD_10_CM,
    "hl7.org/fhir/sid/icd-10": ICD_10,
    "icd-10": ICD_10,
    "icd10": ICD_10,
    "i10": ICD_10,
    "2.16.840.1.113883.6.3": ICD_10,
    "2.16.840.1.113883.6.135": ICD_10,
    "terminology.hl7.org/codesystem/icd-10-am": ICD_10,
    "terminology.hl7.org/codesystem/icd-10-ca": ICD_10,
    "human-phenotype-ontology.org": "HPO",
    "purl.obolibrary.org/obo/hp.owl": "HPO",
    "nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "rxnorm": "RxNorm",
    "2.16.840.1.113883.6.88": "RxNorm",
    "whocc.no/atc": "ATC",
    "atc": "ATC",
    "fhir.de/codesystem/bfarm/atc": "ATC",
    "fhir.de/codesystem/dimdi/atc": "ATC",
    "2.16.840.1.113883.6.73": "ATC",
    "terminology.hl7.org/codesystem/v3-observationinterpretation": INTERPRETATION,
    "hl7.org/fhir/v2/0078": INTERPRETATION,
    "hl7.org/fhir/v3/observationinterpretation": INTERPRETATION,
    "terminology.hl7.org/codesystem/v2-0078": INTERPRETATION,
    "2.16.840.1.113883.5.83": INTERPRETATION,
    "2.16.840.1.113883.12.78": INTERPRETATION,
    "terminology.hl7.org/codesystem/v2-0136": "HL7 yes/no",
    "hl7.org/fhir/v2/0136": "HL7 yes/no",
    "2.16.840.1.113883.12.136": "HL7 yes/no",
    "hl7.org/fhir/administrative-gender": "FHIR gender",
    "terminology.hl7.org/codesystem/v3-actcode": "HL7 act",
    "hl7.org/fhir/v3/actcode": "HL7 act",
    "2.16.840.1.113883.5.4": "HL7 act",
    "hl7.org/fhir/uv/ips/codesystem/absent-unknown-uv-ips": ABSENT_OR_UNKNOWN,
    "unitsofmeasure.org": "UCUM",
    "ucum": "UCUM",
    "2.16.840.1.113883.6.8": "UCUM",
}
# A national edition of ICD-10 (GM, AM, CA, SE, NL …) or an edition or module of SNOMED CT says so at the end of its URI.
_PATTERNS = (
    (re.compile(r"hl7\.org/fhir/sid/icd-10-(?!cm|pcs)[a-z]+"), ICD_10),
    (re.compile(r"fhir\.de/codesystem/(?:bfarm|dimdi)/icd-10-gm"), ICD_10),
    (re.compile(r"icd-?10-?(?:gm|am|ca|who|se|nl|fr|uk)(?:[-:](?:19|20)\d\d)?"), ICD_10),
    (
        re.compile(
            r"(?:id\.who\.int/icd/release/10|apps\.who\.int/classifications/icd10|hl7\.org/fhir/sid/icd-10/\d+)(?:/.*)?"
        ),
        ICD_10,
    ),
    (re.compile(r"hl7\.org/fhir/sid/icd-10-cm/\d+"), ICD_10_CM),
    (re.compile(r"(?:snomed\.info/sct|2\.16\.840\.1\.113883\.6\.96)[/:].*"), SNOMED_CT),
    (re.compile(r"loinc\.org/.*"), LOINC),
)
_PREFIX = re.compile(r"^(?:https?://|urn:oid:|oid:)?(?:www\.)?")


@lru_cache(maxsize=4096)
def system_of(written: str) -> str:
    """Return the vocabulary's name of a terminology, however its system is spelled; "" for one that is not known."""
    plain = _plain(written)
    if plain in _NAMED:
        return _NAMED[plain]
    return next((name for pattern, name in _PATTERNS if pattern.fullmatch(plain)), "")


def _plain(written: str) -> str:
    # A canonical may carry its version after a bar.
    return _PREFIX.sub("", written.strip().partition("|")[0].rstrip("/").lower())

"""The judge's program over planes of bits, 64 patients in a machine word."""

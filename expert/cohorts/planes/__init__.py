"""The judge's program over planes of bits, 64 patients in a machine word."""

import os

# numpy's threads for linear algebra, of which there is none here, would wait in a loop and take time from ours.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

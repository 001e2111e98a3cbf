"""Planes turned on their side: for each row the list of the planes in which its bit is set."""

from collections.abc import Mapping, Sequence

import nanoarrow
import numpy as np
import polars as pl

from expert.cohorts.planes.assembly import Words
from expert.cohorts.planes.bits import rows_set


def list_set(planes: Mapping[int, Words], height: int, names: Sequence[str]) -> pl.Series:
    """Return for each row the names of the planes in which it is set, in the order of the planes.

    `planes` are by the position of their names; one that is left out is set in no row.
    """
    rows = {code: rows_set(plane, height) for code, plane in planes.items()}
    counts = np.zeros(height, np.int64)
    for each in rows.values():
        counts[each] += 1
    ends = np.cumsum(counts)
    # In each plane a row stands at most once, so that the next free place of its list can be kept for all rows together.
    free = ends - counts
    codes = np.empty(int(ends[-1]) if height else 0, np.uint16)
    for code, each in rows.items():
        places = free[each]
        codes[places] = code
        places += 1
        free[each] = places
    inner = nanoarrow.c_array_from_buffers(nanoarrow.uint16(), len(codes), [None, codes], null_count=0)
    offsets = np.concatenate([np.zeros(1, np.int64), ends])
    array = nanoarrow.c_array_from_buffers(
        nanoarrow.large_list(nanoarrow.uint16()), height, [None, offsets], null_count=0, children=[inner]
    )
    return pl.Series(array, dtype=pl.List(pl.UInt16)).list.eval(pl.element().cat.to(pl.Enum(names)))

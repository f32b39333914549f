"""Damage files of every format that variogeo reads, and see what becomes of it.

``python tests/fuzzing.py FORMAT CASES SEED`` prints what happened as one line of JSON. A damaged file may be refused by
one of our errors, or give the very numbers that were written. A format without a checksum may give other numbers,
which its door says in its documentation; nothing may crash, hang or raise the error of another library.
"""

import json
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import variogeo
from variogeo import DataError, Exponential, LagBins, LagSpread, Nested, ResidualWeighting, empirical_variogram
from variogeo.io import open_embeddings, open_points, read_points

ROWS, WIDTH = 12, 3
RANDOM = np.random.default_rng(0)
LONLAT = RANDOM.uniform((-170, -80), (170, 80), (ROWS, 2))
VECTORS = RANDOM.normal(size=(ROWS, WIDTH)).astype(np.float32)


@dataclass(frozen=True)
class Format:
    """How a file is written and read, and whether a checksum covers it all.

    ``write`` takes the path; ``read`` returns bytes that tell two contents apart.
    """

    suffix: str
    write: Callable[[Path], None]
    read: Callable[[Path], bytes]
    sealed: bool


def _frame() -> gpd.GeoDataFrame:
    """Return the points as a GeoDataFrame."""
    geometry = gpd.points_from_xy(*LONLAT.T)
    return gpd.GeoDataFrame({"clip": list(VECTORS)}, geometry=geometry, crs="EPSG:4326")


def _table() -> pa.Table:
    """Return the points as a plain table."""
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.ravel()), WIDTH)
    return pa.table({"lon": LONLAT[:, 0], "lat": LONLAT[:, 1], "clip": vectors})


def _points(path: Path, **options: object) -> bytes:
    """Return what a door makes of a file of points."""
    lonlat, embeddings = read_points(path, check_land=False, **options)
    return lonlat.tobytes() + np.asarray(embeddings).tobytes()


def _streamed(path: Path) -> bytes:
    """Return what streaming makes of a file of points."""
    lonlat, embeddings = open_points(path, embedding="clip", check_land=False)
    return lonlat.tobytes() + np.asarray(embeddings[:]).tobytes()


def _mapped(path: Path, **options: object) -> bytes:
    """Return what a memory map holds."""
    return np.asarray(open_embeddings(path, **options)).tobytes()


def _variogram(path: Path) -> None:
    """Write a variogram with an empty bin."""
    empirical_variogram(LONLAT, VECTORS, LagBins([100, 3000, 3001, 15_000])).save(path)


def _weighting(path: Path) -> None:
    """Write a sum of schemes with values of every kind in it."""
    curve = Nested(Exponential(0.1, 0.2, 30.0), Exponential(0.0, 0.3, 900.0))
    scheme = ResidualWeighting(curve, spread=LagSpread((2.0, 9.0), (0.1, 0.2))) + variogeo.MaskWeighting(5.0)
    scheme.save(path)


def _loaded(path: Path) -> bytes:
    """Return a loaded value as its text."""
    value = variogeo.load(path)
    return value.to_frame().to_csv().encode() if hasattr(value, "to_frame") else repr(value).encode()


def _run(folder: Path) -> variogeo.EmpiricalVariogram:
    """Return the variogram of a run that keeps its only task in a folder."""
    return empirical_variogram(LONLAT, VECTORS, LagBins([100, 9000]), resume=folder)


def _task(path: Path) -> None:
    """Write the file that a run keeps of a task, and its folder beside it."""
    folder = path.with_suffix("")
    _run(folder)
    path.write_bytes((folder / "pairs-0-0.npz").read_bytes())


def _resumed(path: Path) -> bytes:
    """Return what a run makes that goes on from a task file: what is damaged is done again."""
    folder = path.with_suffix("")
    (folder / "pairs-0-0.npz").write_bytes(path.read_bytes())
    return _run(folder).to_frame().to_csv().encode()


def _csv(path: Path) -> None:
    """Write the table of a pair of files, and the array beside it."""
    lines = ["lon,lat", *(f"{lon!r},{lat!r}" for lon, lat in LONLAT.tolist())]
    path.write_text("\n".join(lines) + "\n")
    np.save(path.with_suffix(".npy"), VECTORS)


PARQUET = {"write_page_checksum": True, "row_group_size": 5}
FORMATS = {
    "model": Format(".json", Exponential(0.1, 0.2, 300.0).save, _loaded, sealed=True),
    "weighting": Format(".json", _weighting, _loaded, sealed=True),
    "variogram": Format(".json", _variogram, _loaded, sealed=True),
    "task": Format(".npz", _task, _resumed, sealed=True),
    "npz": Format(
        ".npz", lambda path: np.savez(path, lonlat=LONLAT, clip=VECTORS), partial(_points, embedding="clip"), True
    ),
    "npz, compressed": Format(
        ".npz",
        lambda path: np.savez_compressed(path, lonlat=LONLAT, clip=VECTORS),
        partial(_points, embedding="clip"),
        True,
    ),
    "geoparquet": Format(
        ".parquet", lambda path: _frame().to_parquet(path, **PARQUET), partial(_points, embedding="clip"), False
    ),
    "parquet": Format(
        ".parquet", lambda path: pq.write_table(_table(), path, **PARQUET), partial(_points, embedding="clip"), False
    ),
    "parquet, streamed": Format(
        ".parquet", lambda path: pq.write_table(_table(), path, **PARQUET), _streamed, sealed=False
    ),
    "npy": Format(".npy", lambda path: np.save(path, VECTORS), _mapped, sealed=False),
    "raw": Format(".f32", VECTORS.tofile, partial(_mapped, shape=VECTORS.shape, dtype="float32"), sealed=False),
    "csv": Format(
        ".csv", _csv, lambda path: _points(path.with_suffix(".npy"), table=path), sealed=False
    ),
}  # fmt: skip


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """Return a damaged copy: bits, bytes and runs changed, cut, doubled, moved or put in."""
    damaged = bytearray(raw)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(damaged) + 1)
        length = chance.choice((1, 2, 4, 8, 64))
        kind = chance.randrange(8)
        if kind == 0 and damaged:
            damaged[at % len(damaged)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            damaged[at : at + length] = chance.randbytes(len(damaged[at : at + length]))
        elif kind == 2:
            damaged[at : at + length] = bytes([chance.choice((0, 255, 32, 48))]) * len(damaged[at : at + length])
        elif kind == 3:
            del damaged[at:]
        elif kind == 4:
            del damaged[at : at + length]
        elif kind == 5:
            damaged[at:at] = chance.randbytes(length)
        elif kind == 6:
            other = chance.randrange(len(damaged) + 1)
            damaged[at : at + length] = damaged[other : other + length]
        else:
            damaged[at:at] = damaged[at : at + length]
    return bytes(damaged)


def outcome_of(kind: Format, path: Path, expected: bytes) -> str:
    """Return what became of a damaged file: "refused", "equal", "other numbers", or a foreign error."""
    try:
        got = kind.read(path)
    except DataError:
        return "refused"
    except Exception as error:
        return f"{type(error).__module__}.{type(error).__qualname__}: {error}"[:300]
    return "equal" if got == expected else "other numbers"


def fuzz(name: str, cases: int, seed: int) -> dict[str, object]:
    """Return how often each outcome came, and the cases that must not be."""
    kind, counts, wrong = FORMATS[name], Counter(), []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        path = Path(folder) / f"damaged{kind.suffix}"
        kind.write(path)
        raw, expected = path.read_bytes(), kind.read(path)
        for case in range(cases):
            chance = random.Random(f"{seed} {case}")
            path.write_bytes(mutated(raw, chance))
            outcome = outcome_of(kind, path, expected)
            counts[outcome if outcome in ("refused", "equal", "other numbers") else "foreign"] += 1
            if outcome not in ("refused", "equal") and (kind.sealed or outcome != "other numbers"):
                wrong.append((case, outcome))
    return {"format": name, "cases": cases, "counts": dict(counts), "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(fuzz(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))

"""Hostile values, well packed: documents with a right checksum, and arrays of every kind into the public verbs.

``python tests/fuzzing_values.py KIND CASES SEED`` prints what happened as one line of JSON. A value is refused by a
ValueError or TypeError of ours, or it gives what a double loop over the same numbers gives; arguments stay as they are.
"""

import json
import math
import random
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from reference import counts_and_means, lags_of_all_pairs, terms_of_all_pairs

import variogeo
from variogeo import Exponential, LagBins, LagSpread, Nested, ResidualWeighting, Stable, empirical_variogram
from variogeo._storage import dump_document, encode

LONLAT = np.random.default_rng(0).uniform((-170, -80), (170, 80), (9, 2))
VECTORS = np.random.default_rng(1).normal(size=(9, 3))

DOCUMENTS = {
    "model": (Exponential(0.1, 0.2, 300.0), Stable(0.1, 0.2, 300.0, 0.7)),
    "weighting": (
        ResidualWeighting(Nested(Exponential(0.1, 0.2, 30.0), Exponential(0.0, 0.3, 900.0)), spread=0.1),
        ResidualWeighting(Exponential(0.1, 0.2, 300.0), spread=LagSpread((2.0, 9.0), (0.1, 0.2)))
        + variogeo.MaskWeighting(5.0),
    ),
    "empirical_variogram": (empirical_variogram(LONLAT, VECTORS, LagBins([100, 3000, 3001, 15_000])),),
}
HOSTILE = (
    None, True, False, 0, 1, -1, 2**53 + 1, 2**63, 10**400, 0.0, -0.0, -0.3, 5e-324, 1e308, "", "0.1", "inf", "-inf",
    "nan", "Exponential", "__class__", [], [[]], {}, {"class": "Exponential"}, {"class": "object"}, [0.1, "0.1"],
    [1, 2, 3], "\u0000", "<script>alert(1)</script>",
)  # fmt: skip


def changed(tree: Any, chance: random.Random) -> Any:
    """Return a copy of a tree of JSON with one place changed, taken out, doubled or renamed."""
    if isinstance(tree, dict) and tree and chance.random() < 0.85:
        key = chance.choice(sorted(tree))
        kind = chance.randrange(8)
        rest = {name: value for name, value in tree.items() if name != key}
        if kind == 0:
            return rest
        if kind == 1:
            return {**tree, chance.choice(("more", "class", "nugget", "__init__", "sha256")): chance.choice(HOSTILE)}
        if kind == 2:
            return {**rest, chance.choice((key + "s", key.upper(), chance.choice(sorted(tree)))): tree[key]}
        return {**tree, key: changed(tree[key], chance)}
    if isinstance(tree, list) and tree and chance.random() < 0.85:
        at = chance.randrange(len(tree))
        kind = chance.randrange(6)
        if kind == 0:
            return tree[:at] + tree[at + 1 :]
        if kind == 1:
            return [*tree[:at], tree[at], *tree[at:]]
        if kind == 2:
            return [*tree[:at], *reversed(tree[at:])]
        return [*tree[:at], changed(tree[at], chance), *tree[at + 1 :]]
    if isinstance(tree, float) and chance.random() < 0.3:
        whole = int(tree) if math.isfinite(tree) else 0
        return chance.choice((-tree, tree * 1e300, tree * 1e-300, whole, str(tree), math.nextafter(tree, 9)))
    return chance.choice(HOSTILE)


def document(chance: random.Random, folder: Path) -> str:
    """Load a document with a right checksum and a hostile content; it must be refused or load what it says."""
    kind = chance.choice(sorted(DOCUMENTS))
    content = {"value": encode(chance.choice(DOCUMENTS[kind]))}
    for _ in range(chance.choice((1, 1, 2, 3))):
        content = changed(content, chance)
    if not isinstance(content, dict):
        content = {"value": content}
    try:
        text = dump_document(kind if chance.random() < 0.95 else chance.choice(("run", "", "modell")), content)
    except ValueError:
        return "not written"
    path = folder / "hostile.json"
    path.write_text(text)
    loaded = variogeo.load(path)
    written = folder / "again.json"
    loaded.save(written, overwrite=True)
    # Keys of a document are sorted, so what loads and is written again must be the document, bar fields of older ones.
    return "equal" if written.read_text() == text else f"other: {text[:200]}"


def _numbers(array: np.ndarray, chance: random.Random) -> Any:
    """Return an array in another form: dtype, layout, container, or with a few numbers changed."""
    found = array.copy()
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        found[tuple(chance.randrange(size) for size in found.shape)] = chance.choice(
            (math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-320, 1e300, 91.0, 181.0, 361.0, -540.0, 1e7, 180.0, -180.0)
        )
    if chance.random() < 0.1:
        found[chance.randrange(len(found))] = 0.0
    if chance.random() < 0.1:
        found = found[: chance.randrange(len(found))]
    forms = (
        lambda a: a, lambda a: a, lambda a: np.asfortranarray(a), lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1][::-1], lambda a: a.astype(">f8"), lambda a: a.astype(np.float32), lambda a: a.tolist(),
        lambda a: a.astype(np.float16), lambda a: torch.tensor(a), lambda a: torch.tensor(a).bfloat16(),
        lambda a: torch.tensor(a).T.contiguous().T, lambda a: a.T, lambda a: a[:, :1], lambda a: a[None],
        lambda a: a[:, 0], lambda a: a.astype(object), lambda a: a.astype(str), lambda a: a.astype(complex),
        lambda a: a > 0,
        lambda a: np.ma.masked_greater(a, 40.0), lambda a: a.astype(np.longdouble), lambda _: None,
        lambda _: "points", lambda a: {"a": a}, lambda a: iter(a),
        lambda a: [row.tolist()[: 1 + i % 2] for i, row in enumerate(a)],
        lambda a: np.nan_to_num(a, posinf=0, neginf=0).clip(-99, 99).astype(np.int8),
    )  # fmt: skip
    with np.errstate(all="ignore"):
        return chance.choice(forms)(found)


def _state(value: Any) -> Any:
    """Return what tells whether an argument was changed."""
    if isinstance(value, torch.Tensor):
        return value.clone()
    return value.tobytes() if isinstance(value, np.ndarray) and value.dtype != object else repr(value)


def arrays(chance: random.Random, folder: Path) -> str:  # noqa: ARG001 - as document
    """Give arrays of any kind to `empirical_variogram`; what it takes must be what a double loop gives."""
    lonlat, values = _numbers(LONLAT, chance), _numbers(VECTORS, chance)
    edges = chance.choice(([100, 4000, 15_000], [1e-3, 20_100], [0, 1, 2, 9000.5], [9000, 20_004]))
    options = {"dissimilarity": chance.choice(("cosine", "half_squared")), "spread": chance.random() < 0.7}
    options["metric"] = chance.choice(("geodesic", "great_circle", "chord"))
    before = _state(lonlat), _state(values)
    try:
        found = empirical_variogram(lonlat, values, LagBins(edges), **options)
    finally:
        after = _state(lonlat), _state(values)
        same = [torch.equal(*pair) if isinstance(pair[0], torch.Tensor) else pair[0] == pair[1] for pair in
                zip(before, after, strict=True)]  # fmt: skip
        if not all(same) and not any(torch.is_tensor(v) and v.isnan().any() for v in (lonlat, values)):
            raise AssertionError("an argument was changed")
    plain = [np.asarray(v.double() if torch.is_tensor(v) else v, dtype=np.float64) for v in (lonlat, values)]
    if options["dissimilarity"] == "cosine":
        plain[1] /= np.abs(plain[1]).max(axis=1, keepdims=True)  # the norm of 1e300 would overflow in the double loop
    counts, lag, term = counts_and_means(
        lags_of_all_pairs(plain[0], options["metric"]), terms_of_all_pairs(plain[1], options["dissimilarity"]), edges
    )
    filled = counts[1:] > 0
    scale = max(1.0, float(np.abs(plain[1]).max()) ** 2 if options["dissimilarity"] == "half_squared" else 1.0)
    right = (
        found.npairs.tolist() == counts[1:].tolist()
        and np.allclose(found.lag[filled], lag[1:][filled], rtol=3e-6)
        and np.allclose(found.semivariance[filled], term[1:][filled], rtol=1e-5, atol=1e-6 * scale)
    )
    return "equal" if right else f"other: {found.npairs} {counts} {found.semivariance} {term}"


def _ours(error: Exception) -> bool:
    """Whether a statement of the package raised the error, rather than a function of another library in it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return "variogeo" in Path(last.filename).parts and (last.line or "").startswith("raise ")


KINDS = {"documents": document, "arrays": arrays}


def fuzz(name: str, cases: int, seed: int) -> dict[str, object]:
    """Return how often each outcome came, and the cases that must not be."""
    counts, wrong = Counter(), []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for case in range(cases):
            try:
                outcome = KINDS[name](random.Random(f"{seed} {case}"), Path(folder))
            except (ValueError, TypeError) as error:
                outcome = "refused" if _ours(error) else f"{type(error).__module__}.{type(error).__qualname__}: {error}"
            except Exception as error:
                outcome = f"{type(error).__module__}.{type(error).__qualname__}: {error}"
            known = outcome in ("refused", "equal", "not written")
            counts[outcome if known else "wrong"] += 1
            if not known:
                wrong.append((case, outcome[:400]))
    return {"kind": name, "cases": cases, "counts": dict(counts), "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(fuzz(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))

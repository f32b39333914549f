"""Photos split by spatial blocks: training, and queries in known and in new regions, for validation and test."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from variogeo._cards import settings_html
from variogeo._checks import DataError, check_number, check_same_length, check_whole
from variogeo._points import PointEmbeddings
from variogeo.experiments._blocks import effective_blocks, some_per_block
from variogeo.inference import cell_patches

QuerySet = Literal["validation known", "validation new", "test known", "test new"]
"""Known: small blocks held out within the training regions. New: whole regions held out."""

QUERY_SETS: tuple[QuerySet, ...] = get_args(QuerySet)

_SHARES = {"validation known": 0.03, "validation new": 0.06, "test known": 0.06, "test new": 0.10}
"""Share of the blocks of its size that each set gets."""

FEWEST_BLOCKS = 100
"""Effective blocks below which an interval over blocks is not to be trusted."""


@dataclass(frozen=True)
class BlockSizes:
    """How large the blocks are that are held out.

    Parameters
    ----------
    known : float, km
        Width of the blocks of known regions: training photos may lie just outside.
    new : float, km
        Width of the blocks of new regions; 111 km is a degree. They are the units of the bootstrap as well.
    queries_per_block : int
        At most so many queries of a set lie in one block of a new region's size, because they err together.

    Examples
    --------
    >>> BlockSizes(known=5.0, new=111.2).queries_per_block
    10
    """

    known: float = 5.0
    new: float = 111.2
    queries_per_block: int = 10

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", check_number(self.known, name="known", above=0.0, unit="km"))
        object.__setattr__(self, "new", check_number(self.new, name="new", above=self.known, unit="km"))
        check_whole(self.queries_per_block, name="queries_per_block", at_least=1)

    _repr_html_ = settings_html


@dataclass(frozen=True, eq=False)
class Queries:
    """Photos whose places are to be predicted.

    Parameters
    ----------
    lonlat : (n, 2) float64 array, degrees
    features : (n, d) float32 array
        Frozen image features.
    blocks : (n,) int array
        The block of every photo, the unit of the bootstrap.
    """

    lonlat: npt.NDArray[np.float64]
    features: npt.NDArray[np.float32]
    blocks: npt.NDArray[np.intp]

    @property
    def effective_blocks(self) -> float:
        """How many blocks of equal size would tell as much."""
        return effective_blocks(self.blocks)


@dataclass(frozen=True, eq=False)
class SplitPhotos:
    """Photos of an experiment: what is trained on, what is asked, and the places that may be answered.

    Parameters
    ----------
    train : PointEmbeddings
        Positions (degrees, longitude first) and frozen features, float32.
    gallery : (m, 2) float64 array, degrees
        Training positions that may be predicted.
    queries : dict of str to Queries
        By `QuerySet`.
    source : str
        Where the photos come from, in words.
    is_simulated : bool
        Whether the features are simulated.
    """

    train: PointEmbeddings
    gallery: npt.NDArray[np.float64]
    queries: dict[QuerySet, Queries]
    source: str
    is_simulated: bool

    @classmethod
    def split(
        cls,
        photos: PointEmbeddings,
        *,
        source: str,
        is_simulated: bool,
        blocks: BlockSizes,
        gallery: int = 20_000,
        seed: int = 0,
    ) -> Self:
        """Split photos by blocks of equal area.

        Parameters
        ----------
        photos : PointEmbeddings
            Positions and frozen features.
        source : str
            Where they come from, in words.
        is_simulated : bool
            Whether their features are simulated.
        blocks : BlockSizes
        gallery : int
            Training positions that may be predicted, at most; drawn at random.
        seed : int
            Seed of the split and the gallery.

        Raises
        ------
        DataError
            When the photos fill too few blocks to hold any out.

        Notes
        -----
        First 16 % of the large blocks are held out (10 % test, 6 % validation), then 9 % of the small blocks in the
        rest (6 % and 3 %). Queries beyond the cap per block are left out altogether.
        """
        check_same_length(photos.lonlat, photos.embeddings, names=("lonlat", "embeddings"), item="photo")
        generator = np.random.default_rng(seed)
        large = cell_patches(photos.lonlat, blocks.new)
        role = np.full(len(large), "train", dtype="<U16")
        _hold_out(role, large, "new", blocks.new, generator)
        _hold_out(role, cell_patches(photos.lonlat, blocks.known), "known", blocks.known, generator)
        order = generator.permutation(len(role))
        queries: dict[QuerySet, Queries] = {}
        for name in QUERY_SETS:
            rows = some_per_block(order[role[order] == name], large, most=blocks.queries_per_block)
            queries[name] = Queries(photos.lonlat[rows], _as_float32(photos.embeddings[rows]), large[rows])
        train = np.sort(order[role[order] == "train"])
        places = np.unique(photos.lonlat[train], axis=0)
        drawn = np.sort(generator.permutation(len(places))[:gallery])
        points = PointEmbeddings(photos.lonlat[train], _as_float32(photos.embeddings[train]))
        return cls(points, places[drawn], queries, source, is_simulated)

    @cached_property
    def fingerprint(self) -> str:
        """Checksum of all positions and features: runs are only compared on the same photos."""
        digest = hashlib.sha256()
        for lonlat, features in (self.train, *((q.lonlat, q.features) for q in self.queries.values())):
            digest.update(np.ascontiguousarray(lonlat).tobytes())
            digest.update(np.ascontiguousarray(features).tobytes())
        digest.update(self.gallery.tobytes())
        return digest.hexdigest()


def _hold_out(
    role: npt.NDArray[np.str_],
    blocks: npt.NDArray[np.int64],
    kind: str,
    km: float,
    generator: np.random.Generator,
) -> None:
    """Give whole blocks of the training rows to the query sets of a kind."""
    free = role == "train"
    numbers = generator.permutation(np.unique(blocks[free]))
    start = 0
    for name in (name for name in QUERY_SETS if name.endswith(kind)):
        count = round(_SHARES[name] * len(numbers))
        if not count:
            msg = (
                f"The photos fill {len(numbers)} blocks of {km:g} km: too few to hold any out for {name}. "
                "Use smaller blocks (BlockSizes, on the command line --blocks), or more photos."
            )
            raise DataError(msg)
        role[free & np.isin(blocks, numbers[start : start + count])] = name
        start += count


def _as_float32(features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return features as the models take them."""
    return np.ascontiguousarray(features, dtype=np.float32)

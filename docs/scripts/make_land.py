"""Make ``variogeo/data/coastline.npz`` and ``land_mask.npz`` from Natural Earth's 1:110m countries (public domain).

The shapefile lies among the test files of pyogrio's wheel, so no download follows the installation::

    python docs/scripts/make_land.py variogeo/data

``--swaps`` counts instead in how many cases the mask tells swapped columns: 200 random points in each country whose
longitudes would pass as latitudes, and each bundled photo with its nearest nineteen.

A cell of one degree is land if any land lies in it. With the cells whose centre is land, points on coasts and small
islands look as if they were at sea: a fifth of the bundled photos, and three countries raise a false alarm.
Islands where people live but that the map of 1:110m leaves out are listed here, or photos of the Seychelles would look
like photos of Scotland with their columns swapped.
"""

import argparse
import pathlib

import geopandas
import numpy as np
import numpy.typing as npt
import pyogrio
import shapely
from scipy.spatial import KDTree

from variogeo._land import land_shares
from variogeo.datasets import geoclip_photos

# Longitude and latitude of a point in each cell.
ISLANDS = {
    "Andaman and Nicobar": ((92.7, 11.7), (92.8, 12.6), (92.8, 9.2), (93.8, 7.0)),
    "Aland": ((19.9, 60.1), (20.3, 60.2)),
    "American Samoa, Samoa": ((-170.7, -14.3), (-171.8, -13.8), (-172.4, -13.6)),
    "Aruba, Curacao, Bonaire": ((-69.9, 12.5), (-68.9, 12.2), (-68.3, 12.2)),
    "Ascension, St Helena, Tristan da Cunha": ((-14.4, -7.9), (-5.7, -15.9), (-12.3, -37.1)),
    "Azores": ((-25.5, 37.8), (-25.1, 37.0), (-27.2, 38.7), (-28.6, 38.5), (-28.2, 38.6), (-31.2, 39.4)),
    "Bahamas": ((-77.4, 25.0), (-78.6, 26.6), (-76.2, 24.7), (-73.0, 22.4)),
    "Balearic Islands": ((2.7, 39.6), (3.3, 39.6), (4.1, 39.9), (1.4, 38.9)),
    "Bermuda": ((-64.8, 32.3),),
    "Canary Islands": ((-16.5, 28.3), (-15.6, 28.0), (-14.0, 28.4), (-13.6, 29.0), (-17.8, 28.7), (-17.2, 28.1)),
    "Cape Verde": (
        (-23.5, 15.0), (-23.6, 15.2), (-24.4, 14.9), (-25.0, 16.9), (-24.2, 16.6), (-22.9, 16.7),
        (-22.8, 16.1),
    ),
    "Cayman Islands": ((-81.3, 19.3), (-79.9, 19.7)),
    "Channel Islands": ((-2.1, 49.2), (-2.6, 49.5)),
    "Christmas and Cocos Islands": ((105.6, -10.5), (96.8, -12.2)),
    "Comoros, Mayotte": ((43.3, -11.7), (44.4, -12.2), (43.8, -12.3), (45.2, -12.8)),
    "Cook Islands": ((-159.8, -21.2), (-159.8, -18.9)),
    "Dodecanese, Cyclades, Aegean": (
        (28.2, 36.4), (25.4, 36.4), (25.4, 37.5), (25.2, 37.1), (26.3, 39.2), (26.1, 38.4), (26.9, 37.7),
    ),
    "Easter Island": ((-109.4, -27.1),),
    "Faroe Islands": ((-6.8, 62.0), (-6.9, 61.5), (-7.1, 62.1)),
    "Galapagos": ((-90.3, -0.6), (-91.1, -0.8), (-89.5, -0.9), (-90.9, 0.2)),
    "Gotland, Oland, Bornholm": ((18.5, 57.5), (16.6, 56.8), (14.9, 55.1)),
    "Guam, Northern Marianas": ((144.8, 13.5), (145.7, 15.2), (145.2, 14.2)),
    "Hebrides, Orkney, Shetland": ((-6.8, 58.0), (-7.3, 57.3), (-3.0, 59.0), (-1.2, 60.4)),
    "Isle of Man": ((-4.5, 54.2),),
    "Kiribati": ((173.0, 1.4), (-157.4, 1.9)),
    "Lesser Antilles": (
        (-64.9, 18.3), (-64.7, 17.7), (-63.1, 18.1), (-62.7, 17.3), (-61.8, 17.1), (-61.8, 17.7), (-62.2, 16.7),
        (-61.5, 16.2), (-61.3, 15.4), (-61.0, 14.6), (-61.0, 13.9), (-61.2, 13.2), (-61.7, 12.1), (-59.6, 13.2),
        (-60.7, 11.2),
    ),
    "Madeira": ((-16.9, 32.7), (-17.2, 32.8)),
    "Maldives, Lakshadweep": (
        (73.5, 4.2), (73.1, 0.6), (73.1, -0.6), (73.4, 1.9), (73.0, 5.1), (73.1, 6.6), (72.6, 10.6),
    ),
    "Malta": ((14.4, 35.9), (14.3, 36.0)),
    "Marshall Islands": ((171.2, 7.1), (167.7, 8.7)),
    "Mauritius, Reunion, Rodrigues": ((57.5, -20.2), (55.5, -21.1), (63.4, -19.7)),
    "Micronesia": ((158.2, 6.9), (151.8, 7.4), (138.1, 9.5), (163.0, 5.3)),
    "Nauru, Tuvalu, Tokelau": ((166.9, -0.5), (179.2, -8.5), (-171.8, -9.2)),
    "Niue, Tonga, Wallis and Futuna": ((-169.9, -19.1), (-175.2, -21.1), (-174.0, -18.7), (-176.2, -13.3)),
    "Norfolk, Lord Howe": ((168.0, -29.0), (159.1, -31.5)),
    "Okinawa and the Ryukyu Islands": ((127.8, 26.4), (128.3, 26.8), (125.3, 24.8), (124.2, 24.4), (129.5, 28.4)),
    "Palau": ((134.5, 7.4),),
    "Pitcairn": ((-130.1, -25.1),),
    "Saint Pierre and Miquelon": ((-56.3, 46.9),),
    "San Andres": ((-81.7, 12.6),),
    "Sao Tome and Principe, Annobon": ((6.6, 0.2), (7.4, 1.6), (5.6, -1.4)),
    "Seychelles": ((55.5, -4.7), (55.7, -4.3)),
    "Society Islands, Tuamotu, Marquesas": (
        (-149.4, -17.6), (-151.0, -16.8), (-151.7, -16.5), (-147.6, -15.1), (-139.1, -9.8), (-140.1, -8.9),
    ),
    "Socotra": ((53.9, 12.5),),
    "Turks and Caicos": ((-72.2, 21.8), (-71.1, 21.5)),
    "Zanzibar, Pemba": ((39.3, -6.1), (39.8, -5.2)),
}  # fmt: skip


def countries() -> npt.NDArray[np.object_]:
    """Return the polygons of all countries, in degrees."""
    folder = pathlib.Path(pyogrio.__file__).parent / "tests/fixtures/naturalearth_lowres"
    return np.asarray(geopandas.read_file(folder / "naturalearth_lowres.shp").geometry.values)


def land_mask(land: shapely.Geometry) -> npt.NDArray[np.bool_]:
    """Return which cells of one degree hold land, (180, 360): from the south pole, from the antimeridian."""
    longitude, latitude = np.meshgrid(np.arange(-180, 180), np.arange(-90, 90))
    mask = shapely.intersects(land, shapely.box(longitude, latitude, longitude + 1, latitude + 1))
    for places in ISLANDS.values():
        columns, rows = np.floor(np.array(places).T + np.array([[180], [90]])).astype(int)
        mask[rows, columns] = True
    return mask


def coast_lines(land: shapely.Geometry) -> list[npt.NDArray[np.int16]]:
    """Return the coast in hundredths of a degree, without the cuts along the antimeridian and at the south pole."""
    lines = []
    for ring in shapely.get_parts(land.boundary):
        points = np.round(100 * shapely.get_coordinates(ring)).astype(np.int16)
        at_edge = (np.abs(points[:, 0]) >= 17_999) | (points[:, 1] <= -8_999)
        cut = at_edge[1:] & at_edge[:-1]
        lines += [line for line in _kept(points, cut) if len(line) > 1]
    return lines


def _kept(points: npt.NDArray[np.int16], cut: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int16]]:
    """Return the parts of a line between the segments to leave out."""
    return np.split(points, np.flatnonzero(cut) + 1)


def points_in(country: shapely.Geometry, count: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return random points (count, 2) in a country."""
    west, south, east, north = country.bounds
    points = np.empty((0, 2))
    while len(points) < count:
        drawn = random.uniform((west, south), (east, north), (20 * count, 2))
        points = np.vstack((points, drawn[shapely.contains_xy(country, drawn[:, 0], drawn[:, 1])]))
    return points[:count]


def photo_neighbourhoods(count: int) -> list[npt.NDArray[np.float64]]:
    """Return each bundled photo with its nearest ones, ``count`` in all."""
    lonlat = geoclip_photos().lonlat
    longitude, latitude = np.radians(lonlat).T
    across = np.cos(latitude)
    units = np.column_stack((across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)))
    return [lonlat[rows] for rows in KDTree(units).query(units, k=count)[1]]


def swap_counts(sets: list[npt.NDArray[np.float64]]) -> tuple[int, int, int]:
    """Return how many sets of points stay within range if swapped, how many are suspected then, and how many as is."""
    right = [shares for points in sets if (shares := land_shares(points)) is not None]
    wrong = [shares for points in sets if (shares := land_shares(points[:, ::-1])) is not None]
    return len(right), sum(shares.suspicious for shares in wrong), sum(shares.suspicious for shares in right)


def print_swaps() -> None:
    """Print in how many cases swapped columns are suspected, and in how many where they are not swapped."""
    random = np.random.default_rng(0)
    cases = {
        "countries, 200 random points each": [points_in(country, 200, random) for country in countries()],
        "bundled photos, 20 neighbours each": photo_neighbourhoods(20),
    }
    for name, sets in cases.items():
        within, told, false = swap_counts(sets)
        print(f"{name}: {within} of {len(sets)} stay within range; {told} are suspected if swapped, {false} if not")


def main() -> None:
    """Write both files and print their sizes, or print what the mask can tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default=pathlib.Path("variogeo/data"))
    parser.add_argument("--swaps", action="store_true", help="count in how many cases swapped columns are told")
    arguments = parser.parse_args()
    if arguments.swaps:
        print_swaps()
    else:
        write_files(arguments.folder)


def write_files(folder: pathlib.Path) -> None:
    """Write both files and print their sizes."""
    land = shapely.union_all(countries())
    shapely.prepare(land)
    mask, lines = land_mask(land), coast_lines(land)
    np.savez_compressed(folder / "land_mask.npz", bits=np.packbits(mask, axis=1))
    starts = np.cumsum([0, *map(len, lines)]).astype(np.int32)
    np.savez_compressed(folder / "coastline.npz", hundredths=np.concatenate(lines), starts=starts)
    for name in ("land_mask", "coastline"):
        print(f"{name}.npz: {(folder / f'{name}.npz').stat().st_size / 1e3:.1f} kB")
    print(f"{mask.mean():.1%} of the cells are land; {len(lines)} lines of {starts[-1]} points")


if __name__ == "__main__":
    main()

"""A checkup as text, HTML and JSON; its lags, maps and costs; and rows that lie in files."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from variogeo import DataError, LagBins, check
from variogeo._distances import EARTH_RADIUS, HALF_GREAT_CIRCLE, prepare_points
from variogeo._engine._cost import cost_of
from variogeo._usable_lags import extent_of, suggested_bins, usable_lags
from variogeo.checkup import Extent, Way
from variogeo.checkup._maps import WORLD, close_up_of, svg_map, text_map, thinned, window_of
from variogeo.checkup._ways import cost_findings, next_lines, ways_of


@pytest.fixture(scope="module")
def lonlat():
    """Return points around the Baltic Sea, some in twos."""
    random = np.random.default_rng(1)
    places = np.column_stack((random.uniform(10, 30, 200), random.uniform(54, 64, 200)))
    return np.concatenate((places, places[:40] + random.normal(0, 0.001, (40, 2))))


@pytest.fixture(scope="module")
def embeddings(lonlat):
    return np.random.default_rng(2).normal(size=(len(lonlat), 6)).astype(np.float32)


@pytest.fixture(scope="module")
def checkup(lonlat, embeddings):
    return check(lonlat, embeddings, groups=np.arange(len(lonlat)) // 30)


def all_lags(lonlat):
    """Return the great-circle lags of all pairs, km, sorted."""
    unit = prepare_points(lonlat, "great_circle").unit
    return np.sort(2 * EARTH_RADIUS * np.arcsin(pdist(unit) / 2))


def test_extent_and_usable_lags_are_those_of_all_pairs(lonlat, checkup):
    lags = all_lags(lonlat)
    assert checkup.extent.largest_lag == pytest.approx(lags[-1], rel=1e-9)
    assert checkup.lags.shortest == pytest.approx(lags[59], rel=1e-9)
    assert checkup.lags.longest == pytest.approx(lags[-1] / 2, rel=1e-9)
    assert (checkup.extent.west, checkup.extent.east) == (lonlat[:, 0].min(), lonlat[:, 0].max())
    assert (checkup.extent.south, checkup.extent.north) == (lonlat[:, 1].min(), lonlat[:, 1].max())


def test_the_bins_are_the_limits_and_hold_pairs(checkup, lonlat):
    bins = checkup.lags.bins
    assert (bins.edges[0], bins.edges[-1]) == checkup.lags.limits
    assert len(bins) == checkup.lags.count
    counts = np.histogram(all_lags(lonlat), bins.edges)[0]
    assert (counts >= 20).all()


def test_the_largest_lag_is_found_on_the_whole_sphere():
    random = np.random.default_rng(3)
    for n in (2, 5, 50, 300):
        unit = random.normal(size=(n, 3))
        places = np.degrees(
            np.column_stack((np.arctan2(unit[:, 1], unit[:, 0]), np.arcsin(unit[:, 2] / np.linalg.norm(unit, axis=1))))
        )
        assert extent_of(places).largest_lag >= 0.97 * all_lags(places)[-1]


def test_a_box_may_cross_the_antimeridian_but_not_go_all_round():
    across = extent_of(np.array([[179.0, 10.0], [-178.0, 12.0], [178.5, 8.0]]))
    assert (across.west, across.east, across.width) == (178.5, -178.0, 3.5)
    around = extent_of(np.array([[-170.0, 10.0], [-60.0, 12.0], [40.0, 8.0], [175.0, 0.0]]))
    assert (around.west, around.east, around.width) == (-170.0, 175.0, 345.0)


def test_a_ring_has_bins_that_reach_all_of_it():
    places = np.column_stack((np.arange(0, 360, 30.0) - 180, np.zeros(12)))
    lags = usable_lags(places)
    assert lags is not None
    # The shortest 60 of these pairs reach further than a quarter of the circumference.
    assert lags.longest > HALF_GREAT_CIRCLE
    assert lags.shortest <= lags.longest / 2
    assert lags.count >= 3


def test_usable_lags_end_at_a_metre():
    places = np.concatenate((np.full((20, 2), 8.0) + np.arange(20)[:, None] * 1e-9, [[9.0, 50.0]]))
    lags = usable_lags(places)
    assert lags is not None
    assert lags.shortest == 0.001
    near = usable_lags(places[:20])
    assert near is not None
    assert near.shortest < 0.001


def test_text_says_all_and_its_lines_are_not_too_long(checkup):
    text = str(checkup)
    for part in ("rows", "240", "embeddings", "6 x float32", "groups", "8; the largest", "usable lags", "Next:"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100
    for finding in checkup.findings:
        assert finding.text in re.sub(r"\s+", " ", text)


def test_the_text_map_shows_land_points_and_the_crowd():
    extent = Extent(-10.0, 40.0, 35.0, 60.0, 5000.0)
    drawn = text_map(np.array([[-10.0, 60.0], [40.0, 35.0]]), window_of(extent)).splitlines()
    assert {len(line) for line in drawn} == {74}
    assert len(drawn) <= 22
    rows, columns = np.nonzero(np.array([list(line) for line in drawn]) == "o")
    assert (rows[0] < rows[1], columns[0] < columns[1]) == (True, True)
    assert any("..." in line for line in drawn)
    crowd = text_map(np.repeat([[10.0, 50.0], [20.0, 50.0]], [99, 1], axis=0), window_of(extent)).splitlines()
    shown, legend = "".join(crowd[:-1]), crowd[-1]
    assert (shown.count("O"), shown.count("o")) == (1, 1)
    assert "- o points   O more than 10 points   . land -" in legend


def test_a_drawn_map_says_what_its_marks_are(checkup):
    page = checkup.to_html()
    (colour,) = re.findall(r'<g fill="(#\w+)"', page)
    assert f'<b style="color:{colour}">●</b> points' in page
    assert "coast</div>" in page


def test_points_on_both_sides_of_the_antimeridian_are_in_the_middle_of_the_world():
    window = window_of(Extent(172.0, -172.0, -25.0, -10.0, 2200.0))
    assert window.is_world
    assert window.across(np.array([172.0, 180.0, -180.0, -172.0])).tolist() == pytest.approx(
        [0.5 - 8 / 360, 0.5, 0.5, 0.5 + 8 / 360]
    )
    column = {
        line.index("O")
        for line in text_map(np.full((20, 2), [-179.9, -18.0]), window).splitlines()[1:-1]
        if "O" in line
    }
    assert column == {37}  # of 74: an edge, and half of the 72 of the map
    far_apart = window_of(Extent(95.0, -90.0, -10.0, 60.0, 18_000.0))
    assert (far_apart.west, far_apart.width) == (2.5, 360.0)


def test_the_bins_of_points_are_those_of_their_checkup(lonlat, checkup):
    assert suggested_bins(lonlat) == checkup.lags.bins
    assert f"in {len(checkup.lags.bins)} bins of equal ratio" in str(checkup)
    few = lonlat[:5]
    assert check(few, np.eye(5)).lags is None
    assert suggested_bins(few) == LagBins.covering(few)
    with pytest.raises(ValueError, match="2 points at one place"):
        suggested_bins(lonlat[[0, 0]])


def test_the_eastern_edge_of_a_map_of_the_world_is_not_its_western_one():
    assert WORLD.across(np.array([-180.0, 0.0, 180.0])).tolist() == [0.0, 0.5, 1.0]


def test_points_in_the_open_sea_and_all_over_are_shown_on_a_map_of_the_world():
    assert window_of(Extent(-140.0, -139.0, -40.0, -39.0, 100.0)) is WORLD
    assert window_of(Extent(-170.0, 170.0, -10.0, 60.0, 20_000.0)) is WORLD
    assert window_of(Extent(10.0, 30.0, 50.0, 60.0, 2000.0)) is not WORLD


def test_every_window_holds_its_points():
    for extent in (
        Extent(8.0, 8.1, 50.0, 50.2, 20.0),
        Extent(179.0, -179.0, 64.0, 70.0, 500.0),
        Extent(0.0, 1.0, -90.0, -80.0, 1000.0),
    ):
        lonlat = np.array([[extent.west, extent.south], [extent.east, extent.north]])
        for window in (window_of(extent), close_up_of(extent)):
            if window is not None:
                places = np.column_stack((window.across(lonlat[:, 0]), window.up(lonlat[:, 1])))
                assert ((places >= 0) & (places <= 1)).all()


def test_points_in_a_corner_of_the_map_get_a_close_up():
    assert close_up_of(Extent(8.0, 8.1, 50.0, 50.0, 7.0)) is not None
    assert close_up_of(Extent(8.0, 8.0, 50.0, 50.0, 0.0)) is None
    assert close_up_of(Extent(8.0, 30.0, 50.0, 55.0, 2000.0)) is None
    lonlat = np.column_stack((np.linspace(8, 8.1, 50), np.linspace(50, 50.05, 50)))
    page = check(lonlat, np.random.default_rng(0).normal(size=(50, 3))).to_html()
    assert page.count("<svg") == 2
    assert len(re.findall(r"km wide", page)) == 2


def test_a_drawn_map_holds_coast_and_points_within_its_frame():
    extent = Extent(170.0, -150.0, 55.0, 70.0, 2000.0)
    picture = svg_map(np.array([[170.0, 55.0], [-150.0, 70.0]]), window_of(extent))
    wide, tall = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture).groups())
    circles = [(float(x), float(y)) for x, y in re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', picture)]
    assert len(circles) == 2
    assert all(0 <= x <= wide and 0 <= y <= tall for x, y in circles)
    assert circles[0][0] < circles[1][0]
    assert circles[0][1] > circles[1][1]
    coast = re.search(r'<path d="([^"]+)"', picture).group(1)
    assert coast.startswith("M")
    # The world has no scale: it differs from line to line.
    assert "km wide" not in svg_map(np.zeros((30, 2)), WORLD)
    near = svg_map(np.zeros((1, 2)), close_up_of(Extent(8.0, 8.054, 0.0, 0.0, 6.0)))
    assert "6.9 km wide" in near
    # There the coast would be wrong.
    assert '<path d=""' in near


def test_a_map_shows_some_points_of_many():
    random = np.random.default_rng(4)
    lonlat = random.uniform((-170, -80), (170, 80), (20_000, 2))
    shown = thinned(lonlat, extent_of(lonlat))
    assert 1000 < len(shown) <= 1500
    assert {tuple(place) for place in shown} <= {tuple(place) for place in lonlat}


class _Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br", "path", "circle", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("path", "circle", "rect"):
            assert self.open.pop() == tag


@pytest.mark.parametrize(
    "label", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "$x$`${1}`\n", "x" * 10**4]
)
def test_html_shows_labels_literally_and_loads_nothing(lonlat, embeddings, label):
    checkup = check(lonlat, embeddings, groups=[label] * len(lonlat))
    page = checkup.to_html()
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    assert not {"script", "img", "link", "iframe"} & set(parser.tags)
    assert not [name for name, value in parser.attributes if name.startswith("on") or name in ("src", "href")]
    assert "default-src 'none'" in page
    assert len(page) < 60_000
    assert checkup._repr_html_() in page
    assert max(map(len, str(checkup).splitlines())) <= 130
    assert "\n" not in dict(checkup.facts)["groups"]


def test_json_has_the_keys_that_stay(checkup):
    content = json.loads(json.dumps(checkup.to_json(), allow_nan=False))
    assert list(content) == [
        "format", "schema", "ok", "rows", "usable_rows", "width", "dtype", "extent", "places", "same_place_rows",
        "identical_rows", "norms", "groups", "lags", "ways", "next", "findings",
    ]  # fmt: skip
    assert (content["format"], content["schema"], content["ok"], content["rows"]) == ("variogeo.checkup", 1, True, 240)
    assert list(content["extent"]) == ["west", "east", "south", "north", "largest_lag"]
    assert list(content["norms"]) == ["smallest", "median", "largest", "normalised"]
    assert list(content["groups"]) == ["count", "largest", "share"]
    assert list(content["lags"]) == ["shortest", "longest", "spacing", "edges"]
    assert [list(way) for way in content["ways"]] == [["name", "arguments", "seconds", "bytes"]] * 3
    assert content["next"] == list(checkup.next_lines)
    assert list(content["findings"][0]) == ["level", "name", "text", "count", "rows"]


def test_findings_come_in_the_order_of_their_levels(lonlat, embeddings):
    embeddings = embeddings.copy()
    embeddings[0] = 0
    lonlat = lonlat.copy()
    lonlat[3] = 0
    levels = [finding.level for finding in check(lonlat, embeddings).findings]
    assert levels == ["error", "warning", "note"]


def test_a_checkup_cannot_be_written_to(checkup):
    with pytest.raises(AttributeError, match="cannot assign"):
        checkup.rows = 1
    with pytest.raises(ValueError, match="read-only"):
        checkup.mapped[0] = 1


def test_ways_cost_what_the_engine_says():
    ways = ways_of(200_000, 512)
    cost = cost_of(200_000, 512, spread=False, cores=1)
    assert [way.arguments for way in ways][:2] == ["", "spread=False"]
    assert ways[1].bytes == cost.bytes
    assert 0 < ways[1].seconds <= cost.seconds
    assert ways[1].seconds < ways[0].seconds
    assert Way("all", "", 0.2, 2**30).cost == "less than a second and 1.0 GB of memory"
    assert str(Way("all", "", 7.0, 2**30)) == "all: about 7 seconds and 1.0 GB of memory"


def test_too_many_pairs_are_a_warning_with_the_way_that_is_affordable(checkup):
    slow = (Way("all", "", 1e5, 0), Way("means", "spread=False", 1e4, 0), Way("sample", "pairs=...", 60.0, 0))
    [finding] = cost_findings(slow)
    assert (finding.level, finding.name) == ("warning", "many pairs")
    assert "Pass pairs=..., or" in finding.text
    assert next_lines(checkup.lags, slow, [])[-1].endswith("bins, pairs=...)")
    # Where nothing takes less than an hour, the sample is the least.
    assert "pairs=..." in next_lines(checkup.lags, (*slow[:2], Way("sample", "pairs=...", 4e3, 0)), [])[-1]
    assert next_lines(checkup.lags, (), []) == ()
    assert cost_findings(checkup.ways) == cost_findings(()) == []


class _Rows:
    """A row source of two groups."""

    def __init__(self, rows):
        self.rows, self.shape, self.dtype, self.ndim = rows, rows.shape, rows.dtype, 2
        self.group_starts = np.array([0, 100, len(rows)])

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, rows):
        return self.rows[rows].copy()


def test_memory_maps_and_row_sources_give_the_same_as_arrays(tmp_path, lonlat, embeddings):
    entries = embeddings.copy()
    entries[[7, 150]] = 0
    entries[180, 3] = np.nan
    np.save(tmp_path / "rows.npy", entries)
    expected = check(lonlat, entries).to_json()
    assert check(lonlat, np.load(tmp_path / "rows.npy", mmap_mode="r")).to_json() == expected
    assert check(lonlat, _Rows(entries)).to_json() == expected
    strided = np.repeat(entries, 2, axis=1)[:, ::2]
    assert check(lonlat[::-1][::-1], strided).to_json() == expected
    assert check(lonlat, np.asfortranarray(entries)).to_json() == expected


def test_blocks_do_not_show(monkeypatch, lonlat, embeddings):
    expected = check(lonlat, embeddings).to_json()
    monkeypatch.setattr("variogeo.checkup._embedding_rows._BLOCK_BYTES", 100)
    assert check(lonlat, embeddings).to_json() == expected


def test_a_memory_map_that_was_cut_short_is_refused(tmp_path, lonlat, embeddings):
    file = tmp_path / "rows.npy"
    np.save(file, embeddings)
    mapped = np.load(file, mmap_mode="r")
    with file.open("r+b") as stream:
        stream.truncate(1000)
    with pytest.raises(DataError, match="cut short"):
        check(lonlat, mapped)


def test_longitudes_a_turn_further_are_the_same(lonlat, embeddings):
    # Around Greenwich, where longitudes of 0 to 360 jump.
    west = lonlat - np.array([20.0, 0.0])
    east = np.column_stack((west[:, 0] % 360.0, west[:, 1]))
    assert east[:, 0].max() > 340
    expected, turned = check(west, embeddings), check(east, embeddings)
    assert turned.extent.west == pytest.approx(expected.extent.west)
    assert turned.extent.largest_lag == pytest.approx(expected.extent.largest_lag)
    assert turned.next_lines == expected.next_lines

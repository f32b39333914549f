"""The report as a file: what it holds, what it hides, what it refuses."""

import base64
import dataclasses
import gzip
import hashlib
import importlib.util
import json
import re

import numpy as np
import pytest

import variogeo
from variogeo import Exponential, LagBins, cli, empirical_variogram, fit_variogram
from variogeo._distances import exact_geodesic
from variogeo._engine import Terms
from variogeo._prepared import prepared
from variogeo.checkup._source_rows import SourceRows
from variogeo.reporting import _measured, _page
from variogeo.reporting._findings import where_to_fit
from variogeo.reporting._pair_classes import PairClasses
from variogeo.reporting._shown import KM_PER_DEGREE, rounded_places
from variogeo.reporting._view import _extent
from variogeo.synthetic import gaussian_field

CURVE = Exponential(nugget=0.05, partial_sill=0.4, effective_range=120.0)
BINS = LagBins.logarithmic(2.0, 300.0, 8)


@pytest.fixture(scope="module")
def photos():
    """60 photos within 300 km, in pairs of one sequence, with features of a known curve."""
    lonlat = np.array([8.0, 47.0]) + np.random.default_rng(0).uniform(0, 2.5, (60, 2))
    return lonlat, gaussian_field(lonlat, CURVE, dimensions=16, seed=0), np.arange(60) // 2


@pytest.fixture(scope="module")
def page(photos, tmp_path_factory):
    """Return the report of these photos as text."""
    lonlat, embeddings, groups = photos
    path = tmp_path_factory.mktemp("report") / "report.html"
    written = variogeo.report(lonlat, embeddings, path, bins=BINS, groups=groups, model_id="made up")
    assert written == path
    return path.read_text(encoding="utf-8")


@pytest.fixture
def without_picture(monkeypatch):
    """Leave the picture out, which takes half of the time and is not looked at."""
    monkeypatch.setattr(_page, "_picture", lambda _: "")


def content_of(page):
    """Return what the script of a page reads."""
    return json.loads(re.search(r'id="view-content">(.*?)</script>', page, flags=re.DOTALL)[1])


def columns_of(page, name):
    """Return the columns of a named table of the view."""
    found = []

    def look(value):
        if isinstance(value, dict):
            if value.get("attributes", {}).get("name") == name:
                found.append(value["attributes"]["data"]["entries"])
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(content_of(page)["document"])
    (entries,) = found
    return {key: column(value) for key, value in entries}


def column(value):
    """Return a column as an array."""
    if isinstance(value, list):
        return np.array(value)
    return np.frombuffer(gzip.decompress(base64.b64decode(value["array"]["data"])), dtype=value["dtype"])


def by_loops(photos):
    """Return class, lag, dissimilarity and excess of every pair of two groups, from the definition."""
    lonlat, embeddings, groups = photos
    empirical = empirical_variogram(lonlat, embeddings, BINS, exclude=groups)
    best = variogeo.compare_models(empirical, list(variogeo._models.MODELS.values()), weights="equal").best
    assert best.converged
    pairs = {}
    for i in range(len(lonlat)):
        for j in range(i + 1, len(lonlat)):
            if groups[i] == groups[j]:
                continue
            lag = float(exact_geodesic(lonlat[i], lonlat[j])[0])
            u, v = embeddings[i], embeddings[j]
            dissimilarity = 1 - u @ v / np.sqrt((u @ u) * (v @ v))
            excess = dissimilarity - float(best.model(lag))
            # The bin of the pair, or the nearest one with many pairs.
            bin_of_pair = np.searchsorted(BINS.edges, lag) - 1
            at = min(np.flatnonzero(empirical.npairs >= 30), key=lambda k: abs(k - bin_of_pair))
            spread, far = empirical.spread[at], lag > best.model.effective_range
            kind = (0 if far else 1) if excess < -spread else 3 if excess > spread else 2
            pairs[i, j] = kind, lag, dissimilarity, excess
    return pairs


def test_pairs_are_counted_and_drawn_as_a_double_loop_finds_them(photos, page):
    pairs = by_loops(photos)
    counts = np.bincount([pair[0] for pair in pairs.values()], minlength=4)
    shown = re.findall(r"</i>([a-z ]+)<b>([\d,]+)</b>", page)
    assert [int(count.replace(",", "")) for _, count in shown] == counts.tolist()
    assert [name for name, _ in shown] == ["hard negatives", "likely false negatives", "as expected", "more unlike"]
    drawn = columns_of(page, "pairs")
    ends = [tuple(pair) for pair in np.column_stack([drawn["first"], drawn["second"]]).tolist()]
    assert len(set(ends)) == len(ends) > 1000
    # All of the first two classes, which have fewer pairs than are drawn of the strongest.
    assert {pair for pair in pairs if pairs[pair][0] < 2} <= set(ends) <= set(pairs)
    for i, j, kind, *numbers in zip(
        drawn["first"],
        drawn["second"],
        drawn["kind"],
        drawn["lag"],
        drawn["dissimilarity"],
        drawn["excess"],
        strict=True,
    ):
        expected = pairs[int(i), int(j)]
        assert kind == expected[0]
        # Seven digits of float32; the excess is a difference of numbers below one.
        assert numbers == pytest.approx(expected[1:], rel=2e-7, abs=1e-7)


def test_the_strongest_pairs_of_a_class_stand_in_its_table(photos, page):
    pairs = by_loops(photos)
    table = re.search(r"<h3>Strongest likely false negatives</h3>.*?<tbody>(.*?)</tbody>", page, flags=re.DOTALL)[1]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("</tr>") if "<td" in row]
    order = sorted((ends for ends in pairs if pairs[ends][0] == 1), key=lambda ends: pairs[ends][3])
    assert [(int(row[0]), int(row[1])) for row in rows] == order[:8]
    assert rows[0][6:] == [str(order[0][0] // 2), str(order[0][1] // 2)]
    names = re.search(r"<h3>Strongest likely false negatives</h3>.*?<thead>(.*?)</thead>", page, flags=re.DOTALL)[1]
    assert re.findall(r">([^<]+)</th>", names) == [
        "row a", "row b", "lag (km)", "dissimilarity", "expected", "excess", "group a", "group b"
    ]  # fmt: skip
    _, lag, dissimilarity, excess = pairs[order[0]]
    shown = f"{lag:.4g}", f"{dissimilarity:.3f}", f"{dissimilarity - excess:.3f}", f"{excess:.3f}"
    assert tuple(rows[0][2:6]) == shown


def test_the_page_says_how_many_pairs_are_drawn_and_how_many_of_them_at_random(page):
    drawn = len(columns_of(page, "pairs")["first"])
    (setting,) = re.findall(r"pairs drawn</th><td class=\"value\">([^<]*)<", page)
    total, sampled = (int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", setting)[:2])
    assert total == drawn
    # What is not drawn at random is among the strongest: at most 300 of two classes.
    assert drawn - 600 <= sampled <= min(drawn, 3000)
    assert f"{total:,} are drawn" in page
    assert f"and {sampled:,} chosen at random" in page


@pytest.mark.usefixtures("without_picture")
def test_the_weights_and_the_models_are_those_asked_for_and_named(photos, tmp_path):
    lonlat, embeddings, _ = photos
    models = [variogeo.Spherical, (Exponential, Exponential)]
    file = variogeo.report(lonlat, embeddings, tmp_path / "r.html", bins=BINS, weights="npairs", models=models)
    page = file.read_text(encoding="utf-8")
    comparison = variogeo.compare_models(empirical_variogram(lonlat, embeddings, BINS), models, weights="npairs")
    for fit in comparison:
        assert f"{fit.aic:.1f}</td>" in page
    assert 'weights of the bins</th><td class="value">npairs<' in page
    assert 'models compared</th><td class="value">Exponential + Exponential, Spherical<' in page
    with pytest.raises(ValueError, match="Invalid models"):
        variogeo.report(lonlat, embeddings, tmp_path / "s.html", models=[])
    with pytest.raises(ValueError, match="Invalid weights 'none'"):
        variogeo.report(lonlat, embeddings, tmp_path / "s.html", weights="none")
    assert [one.name for one in tmp_path.iterdir()] == ["r.html"]


def edges_of(page):
    """Return the lower edges of the table of lags, as text."""
    table = page[page.index("<h2>Table of lags") :]
    return re.findall(r'<tr><td class="number">([\d.,]+)</td>', table)


@pytest.mark.usefixtures("without_picture")
def test_the_bins_are_those_of_the_checkup_unless_they_are_given(photos, page, tmp_path):
    lonlat, embeddings, _ = photos
    by_default = variogeo.report(lonlat, embeddings, tmp_path / "r.html").read_text(encoding="utf-8")
    usable = variogeo.check(lonlat, embeddings).lags.bins
    assert edges_of(by_default) == [f"{edge:.4g}" for edge in usable.low]
    assert edges_of(page) == [f"{edge:.4g}" for edge in BINS.low]


def test_a_random_part_of_the_points_has_the_bins_that_it_can_fill(monkeypatch):
    random = np.random.default_rng(5)
    lonlat, embeddings = random.uniform(0, 3, (400, 2)), random.normal(size=(400, 3))
    settings = _measured.Settings([Exponential])
    whole = _measured.measured(lonlat, embeddings, groups=None, settings=settings).empirical.edges
    monkeypatch.setattr(_measured, "MOST_POINTS", 60)
    part = _measured.measured(lonlat, embeddings, groups=None, settings=settings).empirical
    left_out = len(whole) - len(part.edges)
    assert left_out > 0
    np.testing.assert_array_equal(part.edges, whole[left_out:])
    # 60 pairs of what is looked at are no farther apart than the first edge that is left.
    assert (part.npairs > 0).all()
    monkeypatch.setattr(_measured, "MOST_POINTS", 3)
    few = _measured.measured(lonlat, embeddings, groups=None, settings=settings).empirical
    assert len(few.bins) >= 5


@pytest.mark.usefixtures("without_picture")
def test_points_at_sea_may_be_left_unsuspected(tmp_path):
    lonlat = np.random.default_rng(0).uniform((-60, -20), (-48, -6), (40, 2))[:, ::-1]  # Brazil, swapped
    embeddings = np.random.default_rng(1).normal(size=(40, 4))
    for check_land in (True, False):
        file = variogeo.report(lonlat, embeddings, tmp_path / "r.html", check_land=check_land, overwrite=True)
        assert ("swapped columns" in file.read_text(encoding="utf-8")) is check_land


@pytest.mark.usefixtures("without_picture")
def test_places_on_both_sides_of_the_antimeridian_are_neighbours_on_the_map(tmp_path):
    random = np.random.default_rng(6)
    lonlat = np.column_stack([random.uniform(175, 185, 40), random.uniform(-20, -12, 40)])
    wrapped = np.where(lonlat > 180, lonlat - 360, lonlat)
    file = variogeo.report(wrapped, random.normal(size=(40, 3)), tmp_path / "r.html", bins=LagBins([0, 500, 2000]))
    page = file.read_text(encoding="utf-8")
    np.testing.assert_allclose(columns_of(page, "points")["longitude"], lonlat[:, 0], rtol=1e-6)
    pairs = columns_of(page, "pairs")
    np.testing.assert_allclose(pairs["b_longitude"], lonlat[pairs["second"], 0], rtol=1e-6)
    # Opposite the middle of the points.
    assert content_of(page)["west"] == pytest.approx((lonlat[:, 0].min() + lonlat[:, 0].max()) / 2 - 180)


def test_what_a_report_cannot_do_is_said_where_a_message_names_it():
    empirical = empirical_variogram(
        *(lambda r: (r.uniform(0, 1, (40, 2)), r.normal(size=(40, 4))))(np.random.default_rng(0)), LagBins([0, 50, 200])
    )
    fit = fit_variogram(empirical, Exponential)
    assert fit.outcome == "too few bins"
    assert where_to_fit(fit) == (
        " A report takes no such arguments: variogeo.fit_variogram does, with the variogram of these bins."
    )
    assert where_to_fit(dataclasses.replace(fit, message="Fitted.")) == ""


def test_the_ends_of_pairs_are_the_places_of_their_rows(photos, page):
    lonlat, drawn = photos[0].astype(np.float32), columns_of(page, "pairs")
    for side, row in (("a", "first"), ("b", "second")):
        np.testing.assert_array_equal(drawn[f"{side}_longitude"], lonlat[drawn[row], 0])
        np.testing.assert_array_equal(drawn[f"{side}_latitude"], lonlat[drawn[row], 1])
    points = columns_of(page, "points")
    np.testing.assert_array_equal(points["longitude"], lonlat[:, 0])
    np.testing.assert_array_equal(points["row"], np.arange(60))


def test_equal_data_give_equal_bytes_whatever_was_drawn_before(photos, page, tmp_path):
    from bokeh.plotting import figure

    figure()
    again = variogeo.report(
        *photos[:2], tmp_path / "again.html", bins=BINS, groups=photos[2], model_id="made up"
    ).read_text(encoding="utf-8")
    assert again == page


def test_the_hash_is_that_of_the_bytes_of_coordinates_and_embeddings(photos, page):
    lonlat, embeddings, _ = photos
    assert hashlib.sha256(lonlat.tobytes() + embeddings.tobytes()).hexdigest() in page


def test_the_policy_names_the_scripts_of_the_page_and_no_source(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(scripts) == 2
    assert re.search(r"script-src ([^;]*);", policy)[1] == " ".join(f"'sha256-{one}'" for one in hashes)
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert not re.search(r"https?:|unsafe-eval|\*", policy)
    assert not re.search(r"<(?:link|iframe|object|embed|form)\b", page[: page.index("<script")])


@pytest.mark.usefixtures("without_picture")
def test_texts_are_escaped_wherever_they_stand(photos, tmp_path):
    lonlat, embeddings, _ = photos
    text = "<script>alert(1)</script>${x}`'\"&$y$\n" + "z" * 10_000
    file = variogeo.report(
        lonlat,
        embeddings,
        tmp_path / "r.html",
        title=text,
        model_id=text,
        groups=[text] * 2 + [""] * 58,
        bins=LagBins([0, 50, 400]),
    )
    page = file.read_text(encoding="utf-8")
    assert "<script>alert" not in page
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;${x}`&#39;&#34;&amp;$y$\n"
    assert page.count(escaped + "z" * 10_000) == 1
    # 200 characters of the title, in <title> and in the heading.
    assert page.count(escaped + "z" * (200 - text.index("z")) + "…<") == 2
    assert content_of(page)["labels"] == [text[:200] + "…"]
    assert "few pairs" not in page


@pytest.mark.usefixtures("without_picture")
def test_with_a_precision_all_of_a_pair_follows_from_rounded_places(photos, tmp_path):
    lonlat, embeddings, groups = photos
    file = variogeo.report(lonlat, embeddings, tmp_path / "r.html", bins=BINS, groups=groups, precision_km=25.0)
    page = file.read_text(encoding="utf-8")
    rounded = rounded_places(lonlat, 25.0)
    points, pairs = columns_of(page, "points"), columns_of(page, "pairs")
    np.testing.assert_array_equal(points["longitude"], rounded[:, 0].astype(np.float32))
    np.testing.assert_array_equal(points["latitude"], rounded[:, 1].astype(np.float32))
    np.testing.assert_array_equal(pairs["a_latitude"], rounded[pairs["first"], 1].astype(np.float32))
    lag = np.maximum(exact_geodesic(rounded[pairs["first"]], rounded[pairs["second"]]), 12.5)
    assert (lag == 12.5).any()
    np.testing.assert_allclose(pairs["lag"], lag, rtol=1e-6)
    assert "rounded to 25 km" in page
    tables = page[page.index("<h3>Strongest hard") : page.index("<h2>Table of lags")]
    listed = re.findall(r"<tr>" + r'<td class="number">([\d,.]+)</td>' * 3, tables)
    assert listed
    assert {lag for *_, lag in listed} <= {f"{one:.4g}" for one in lag}


@pytest.mark.parametrize("precision", [0.01, 5.0, 400.0])
def test_rounded_places_are_near_and_few(precision):
    random = np.random.default_rng(1)
    lonlat = np.column_stack([random.uniform(-180, 180, 2000), np.degrees(np.arcsin(random.uniform(-1, 1, 2000)))])
    lonlat[:4] = (180, 0), (-180, 0), (17, 90), (-3, -90)
    rounded = rounded_places(lonlat, precision)
    # Half a cell north and half a cell east, on a sphere that is within 0.6 % of the ellipsoid; a cell is up to half
    # as wide again where few go around a parallel.
    assert exact_geodesic(lonlat, rounded).max() <= precision * np.hypot(0.5, 0.75) * 1.006 + 1e-9
    assert ((rounded[:, 0] >= -180) & (rounded[:, 0] < 180)).all()
    assert (rounded[0] == rounded[1]).all()
    steps = rounded[:, 1] * KM_PER_DEGREE / precision
    inside = np.abs(rounded[:, 1]) < 90
    np.testing.assert_allclose(steps[inside], np.round(steps[inside]), atol=1e-6)
    np.testing.assert_array_equal(rounded_places(lonlat, None), lonlat)


@pytest.mark.usefixtures("without_picture")
def test_a_random_part_of_very_many_points_is_looked_at_and_said_so(photos, tmp_path, monkeypatch):
    lonlat, embeddings, groups = photos
    monkeypatch.setattr(_measured, "MOST_POINTS", 40)
    for label in (None, groups):
        file = variogeo.report(lonlat, embeddings, tmp_path / "r.html", bins=BINS, groups=label, overwrite=True)
        page = file.read_text(encoding="utf-8")
        assert "40 of 60 points were looked at" in page
        rows = columns_of(page, "points")["row"]
        assert len(rows) == 40
        assert (np.diff(rows) > 0).all()
        drawn = columns_of(page, "pairs")
        assert set(drawn["first"]) | set(drawn["second"]) <= set(rows)
        np.testing.assert_array_equal(drawn["a_longitude"], lonlat.astype(np.float32)[drawn["first"], 0])
        if label is not None:
            names, first = content_of(page)["labels"], content_of(page)["first_label"]
            assert [names[code] for code in first] == [str(row // 2) for row in drawn["first"]]
    assert hashlib.sha256(lonlat.tobytes() + embeddings.tobytes()).hexdigest() in page


@pytest.mark.parametrize(
    ("embeddings", "said"),
    [
        (np.ones((12, 3)), "no variation"),
        (np.eye(12), "no variation|pure nugget|too few bins"),
        (np.random.default_rng(0).normal(size=(3, 4)), "too few bins"),
    ],
    ids=["constant", "all unlike", "three points"],
)
def test_data_without_a_curve_give_a_report_that_says_so(embeddings, said, tmp_path):
    lonlat = np.random.default_rng(2).uniform(0, 5, (len(embeddings), 2))
    lonlat[-1] = lonlat[0]
    page = variogeo.report(lonlat, embeddings, tmp_path / "r.html").read_text(encoding="utf-8")
    assert re.search(said, page)
    assert "not found" in page
    assert "half of the last bin" in page


def test_pairs_without_a_spread_are_all_as_expected():
    lonlat = np.random.default_rng(3).uniform(0, 2, (10, 2))
    empirical = empirical_variogram(lonlat, np.ones((10, 2)), LagBins([0, 500]))
    classes = PairClasses.of(empirical, fit_variogram(empirical, Exponential))
    points, terms = prepared(lonlat, np.ones((10, 2)), "cosine", "geodesic")
    assert isinstance(terms, Terms)
    assert classes.walk(points, terms, None, most=5).counts.tolist() == [0, 0, 45, 0]
    assert classes.of_pairs(np.array([1e-9, 1.0, 3e4]), np.zeros(3)).tolist() == [2, 2, 2]


def test_the_map_shows_all_points_and_keeps_to_the_globe():
    for places in ([(8, 47), (8, 47)], [(-180, -90), (180, 90)], [(0, 0), (0.001, 80)], [(-179, 60), (179, 61)]):
        array = np.array(places, dtype=float)
        (west, east), (south, north) = _extent(array, -180.0)
        assert ((array >= (west, south)) & (array <= (east, north))).all()
        assert -186 <= west < east <= 186.0001
        assert -93 <= south < north <= 93.0001
    (west, east), _ = _extent(np.array([(170.0, 0.0), (190.0, 5.0)]), 0.0)
    assert 168 < west < 170 < 190 < east < 192


@pytest.mark.usefixtures("without_picture")
def test_inputs_stay_as_they_are(photos, tmp_path):
    lonlat, embeddings, groups = (array.copy() for array in photos)
    variogeo.report(lonlat, embeddings, tmp_path / "r.html", groups=groups, precision_km=1.0)
    for given, kept in zip((lonlat, embeddings, groups), photos, strict=True):
        np.testing.assert_array_equal(given, kept)


def test_what_cannot_be_written_is_refused_before_anything_is_measured(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(_measured, "measured", lambda *_, **__: pytest.fail("measured"))
    file = tmp_path / "r.html"
    file.write_text("kept")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        variogeo.report(*photos[:2], file)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        variogeo.report(*photos[:2], tmp_path / "none" / "r.html")
    with pytest.raises(TypeError, match="Invalid title of type int"):
        variogeo.report(*photos[:2], tmp_path / "s.html", title=3)
    with pytest.raises(TypeError, match="Invalid model_id of type bytes"):
        variogeo.report(*photos[:2], tmp_path / "s.html", model_id=b"clip")
    with pytest.raises(ValueError, match="Invalid title: its character 1 is half"):
        variogeo.report(*photos[:2], tmp_path / "s.html", title="a\ud800")
    with pytest.raises(ValueError, match=r"Invalid precision_km '0\.0'"):
        variogeo.report(*photos[:2], tmp_path / "s.html", precision_km=0)
    assert file.read_text() == "kept"
    assert [one.name for one in tmp_path.iterdir()] == ["r.html"]


def test_bad_data_leave_no_file(photos, tmp_path):
    lonlat, embeddings, groups = photos
    broken = embeddings.copy()
    broken[7, 2] = np.nan
    with pytest.raises(ValueError, match="embeddings has NaN or infinite entries in 1 rows: 7"):
        variogeo.report(lonlat, broken, tmp_path / "r.html")
    with pytest.raises(ValueError, match="embeddings has 59 rows but lonlat has 60"):
        variogeo.report(lonlat, embeddings[:59], tmp_path / "r.html")
    with pytest.raises(ValueError, match="groups has 59 rows"):
        variogeo.report(lonlat, embeddings, tmp_path / "r.html", groups=groups[:59])
    assert not list(tmp_path.iterdir())


def test_without_its_packages_the_extra_is_named(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("bokeh", "jinja2") else name)
    with pytest.raises(ImportError, match=re.escape("bokeh and jinja2. Its extra: pip install 'variogeo[report]'")):
        variogeo.report(*photos[:2], tmp_path / "r.html")


@pytest.fixture(scope="module")
def with_dropped(photos, tmp_path_factory):
    """Return the report of these photos without rows 2, 3 and 40 of a table of 63, a row at (0, 0) and two copies."""
    lonlat, embeddings = photos[0].copy(), photos[1].copy()
    lonlat[1] = 0.0
    lonlat[[50, 51]], embeddings[51] = lonlat[49], embeddings[49]
    path = tmp_path_factory.mktemp("dropped") / "report.html"
    variogeo.report(lonlat, embeddings, path, bins=BINS, dropped=(2, 3, 40))
    kept = np.delete(np.arange(63), [2, 3, 40])
    return path.read_text(encoding="utf-8"), kept, lonlat


def test_rows_are_those_of_the_table_where_some_were_left_out(with_dropped):
    page, kept, lonlat = with_dropped
    points, pairs = columns_of(page, "points"), columns_of(page, "pairs")
    np.testing.assert_array_equal(points["row"], kept)
    number = {int(row): k for k, row in enumerate(kept)}
    for side, row in (("a", "first"), ("b", "second")):
        own = [number[int(one)] for one in pairs[row]]
        np.testing.assert_array_equal(pairs[f"{side}_longitude"], lonlat.astype(np.float32)[own, 0])
    listed = re.findall(r'<tr><td class="number">(\d+)</td><td class="number">(\d+)</td>', page)
    ends = set(zip(pairs["first"].tolist(), pairs["second"].tolist(), strict=True))
    assert listed
    assert {(int(a), int(b)) for a, b in listed} <= ends


def test_findings_name_the_rows_of_the_table_where_some_were_left_out(with_dropped):
    page, kept, _ = with_dropped
    assert "exactly, in row 1. That is in the sea" in page
    shared = kept[[49, 50, 51]].tolist()
    assert shared == [52, 53, 54]
    assert "share their place with another, e.g. in rows 52, 53, 54." in page
    assert "the embedding of another, in row 54." in page


def test_rows_that_were_left_out_are_counted_and_named(with_dropped, page):
    without, (page, *_) = page, with_dropped
    assert 'points looked at</th><td class="value">60 of 63, 3 left out (rows 2, 3, 40)<' in page
    text = "3 of 63 rows were left out before: 2, 3, 40. Row numbers here are those of the table with them."
    assert f"<b>Note: rows left out.</b>{text}" in page
    assert "counted from 0 with the rows that were left out." in page
    assert 'points looked at</th><td class="value">60 of 60<' in without
    assert "counted from 0. The excess" in without
    assert "embedding entries at 60 points" in page
    assert SourceRows.of(2, [1]).finding()[0].text.startswith("1 of 3 rows was left out before: 1.")


@pytest.mark.parametrize(
    ("dropped", "error", "words"),
    [
        ([63], ValueError, "Invalid dropped '63'. Must be below 61, the 60 points and the 1 rows that were left out"),
        ([-1], ValueError, "Invalid dropped '-1'. Must be a whole number"),
        (["a"], TypeError, "Invalid dropped 'a'"),
        (3, TypeError, "Invalid dropped of type int. Must be row numbers"),
    ],
)
def test_rows_that_no_table_has_are_refused(dropped, error, words, photos, tmp_path):
    with pytest.raises(error, match=re.escape(words)):
        variogeo.report(*photos[:2], tmp_path / "r.html", dropped=dropped)
    assert not list(tmp_path.iterdir())


def test_a_table_with_missing_rows_is_reported_with_its_own_row_numbers(photos, tmp_path, capsys):
    lonlat, embeddings = photos[0].copy(), photos[1].copy()
    lonlat[[4, 9]] = np.nan
    np.savez(tmp_path / "photos.npz", lonlat=lonlat, embedding=embeddings)
    options = ["report", str(tmp_path / "photos.npz"), "--missing", "drop", "--out", str(tmp_path / "r.html")]
    assert cli.main(options) == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "58 of 60, 2 left out (rows 4, 9)" in page
    np.testing.assert_array_equal(columns_of(page, "points")["row"], np.delete(np.arange(60), [4, 9]))
    said = capsys.readouterr().out
    assert said.startswith("58 points. Written to")
    assert said.endswith("MB. Its row numbers are those of the table with what was left out.\n")


def test_scalars_are_sent_to_the_functions_that_take_them(photos, tmp_path):
    words = 'For scalars call variogeo.empirical_variogram with dissimilarity="half_squared"'
    with pytest.raises(
        ValueError,
        match=re.escape(f"Invalid embeddings of shape (60,). Must be (n, d): a report is of embeddings. {words}"),
    ):
        variogeo.report(photos[0], photos[1][:, 0], tmp_path / "r.html")

"""The snippets of the README run as printed, one after the other."""

import re
from pathlib import Path

import geopandas as gpd
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import variogeo
from variogeo import LagBins, empirical_variogram

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def snippets():
    return re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


@pytest.fixture
def few_photos(tmp_path, monkeypatch):
    """Return the names that the snippets on large data start from, in a folder that holds their files."""
    monkeypatch.chdir(tmp_path)
    photos = variogeo.datasets.geoclip_photos()
    lonlat, embeddings = photos.lonlat[:400], photos.embeddings[:400].astype(np.float32)
    np.save("clip.npy", embeddings)
    Path("photos").mkdir()
    geometry = gpd.points_from_xy(*lonlat.T, crs="EPSG:4326")
    gpd.GeoDataFrame({"clip": list(embeddings)}, geometry=geometry).to_parquet("photos/all.parquet")
    bins = LagBins.linear(0, 5000, 15)
    return {"variogeo": variogeo, "LagBins": LagBins, "lonlat": lonlat, "embeddings": embeddings, "bins": bins}


def test_three_lines_plot_a_fitted_curve(snippets):
    assert len([line for line in snippets[0].splitlines() if line]) == 3
    with mpl.rc_context({"backend": "Agg"}):
        plt.close("all")
        exec(compile(snippets[0], "README", "exec"), {})
        assert len(plt.gcf().axes[0].lines) > 0
        plt.close("all")


def test_the_snippet_for_ones_own_points_checks_and_reports_them(snippets, few_photos, capsys):
    pytest.importorskip("bokeh")
    frame = gpd.read_parquet("photos/all.parquet").assign(sequence=np.arange(400) // 10)
    frame.to_parquet("photos.parquet")
    exec(compile(snippets[2], "README", "exec"), {**few_photos, "gdf": frame})
    assert "rows         400" in capsys.readouterr().out
    assert "default-src 'none'" in Path("report.html").read_text("utf-8")


def test_the_snippet_for_geographers_writes_a_plot(snippets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with mpl.rc_context({"backend": "Agg"}):
        exec(compile(snippets[1], "README", "exec"), {})
    assert (tmp_path / "variogram.png").read_bytes()[1:4] == b"PNG"


def test_the_snippet_on_large_data_gives_means_of_all_pairs_and_of_a_sample(snippets, few_photos):
    exec(compile(snippets[3], "README", "exec"), few_photos)
    means, sample = few_photos["means"], few_photos["sample"]
    assert np.isnan(means.spread).all()
    assert sample.npairs.tolist() == means.npairs.tolist()  # 100 000 are more than there are
    np.testing.assert_allclose(sample.semivariance, means.semivariance, rtol=1e-7)


def test_the_snippet_on_files_gives_what_arrays_give(snippets, few_photos, tmp_path):
    expected = empirical_variogram(few_photos["lonlat"], few_photos["embeddings"], few_photos["bins"], spread=False)
    first, second = snippets[4].strip().rsplit("\n\n", 1)
    for part, folder in ((first, "run-npy"), (second, "run-parquet")):
        exec(compile(part, "README", "exec"), few_photos)
        assert few_photos["empirical"] == expected
        assert (tmp_path / folder / "run.json").exists()


def test_the_snippet_for_dask_gives_the_same_bits(snippets, few_photos):
    """With a cluster inside this process in the place of the one that the snippet names."""
    distributed = pytest.importorskip("distributed")
    expected = empirical_variogram(few_photos["lonlat"], few_photos["embeddings"], few_photos["bins"])
    assert snippets[5].count("tcp://scheduler:8786") == 1
    options = {"n_workers": 1, "processes": False, "dashboard_address": ":0"}
    # By TCP: the other way looks for the machine's address on the network, and there may be none.
    with distributed.LocalCluster(**options, protocol="tcp://", host="127.0.0.1") as cluster:
        code = snippets[5].replace("tcp://scheduler:8786", cluster.scheduler_address)
        exec(compile(code, "README", "exec"), few_photos)
    assert few_photos["empirical"] == expected


def test_the_snippets_on_errors_and_places_print_their_results(snippets, capsys):
    photos = variogeo.datasets.geoclip_photos()
    names = {"variogeo": variogeo, "LagBins": LagBins, "Exponential": variogeo.Exponential}
    names |= {"lonlat": photos.lonlat, "embeddings": photos.embeddings}
    with mpl.rc_context({"backend": "Agg"}):
        for snippet in snippets[6:8]:
            exec(compile(snippet, "README", "exec"), names)
    printed = capsys.readouterr().out
    for words in ("<CurveUncertainty: jackknife of 50 patches", "<FitIntervals", "<PermutationEnvelope: p = 0.001"):
        assert words in printed
    assert names["uncertainty"].usable.all()
    assert (names["hot"].lag > 1000).all()
    assert len(names["hot"]) == 100


def test_the_snippet_for_engineers_gives_a_loss(snippets):
    """A batch of 8 with a queue of 8 in front, so that the positives stand behind it."""
    photos = variogeo.datasets.geoclip_photos()
    lonlat, features = photos.lonlat[:400], photos.embeddings[:400]
    gps_all = torch.tensor(lonlat[:16][:, ::-1].copy(), dtype=torch.float64)
    all_features = torch.tensor(features[:16])
    names = {
        "lonlat": lonlat,
        "features": features,
        "gps": gps_all[8:],
        "gps_all": gps_all,
        "batch_features": all_features[8:],
        "all_features": all_features,
        "target": torch.arange(8, 16),
        "logits": torch.zeros(8, 16),
    }
    exec(compile(snippets[8], "README", "exec"), names)
    assert (names["log_weights"][torch.arange(8), names["target"]] == 0).all()
    weights = np.exp(names["log_weights"].double().numpy())
    assert names["loss"].item() == pytest.approx(np.log(weights.sum(axis=1)).mean(), rel=1e-6)


def test_the_ranges_over_three_kinds_of_bins_are_those_of_the_text():
    text = " ".join(README.read_text().split())
    photos = variogeo.datasets.geoclip_photos()
    kinds = (LagBins.covering(photos.lonlat), LagBins.logarithmic(1, 20_000, 20), variogeo.check(*photos).lags.bins)
    short, long = [], []
    for bins, shown in zip(kinds, ("1 059 km with the three lines", "493 km with", "206 km with"), strict=True):
        empirical = empirical_variogram(*photos, bins)
        found = variogeo.fit_variogram(empirical, variogeo.Stable, weights="equal").model.effective_range
        assert shown.startswith(f"{found:,.0f} km with".replace(",", " "))
        assert shown in text
        two = variogeo.fit_variogram(empirical, (variogeo.Exponential, variogeo.Exponential), weights="equal")
        assert two.outcome == "fitted"
        short.append(two.model.first.effective_range)
        long.append(two.model.second.effective_range)
    assert "18 to 27 km and 950 to 1 060 km" in text
    assert (round(min(short)), round(max(short))) == (18, 27)
    assert (round(min(long), -1), round(max(long), -1)) == (950, 1060)

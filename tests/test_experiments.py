"""The simulated photos, the two-tower model, its training and the figures of the comparison."""

import dataclasses
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import variogeo  # noqa: E402
from variogeo import Exponential, PointEmbeddings, ResidualWeighting, demo  # noqa: E402
from variogeo.datasets import geoclip_photos  # noqa: E402
from variogeo.evaluation import geolocation_error, geoscore, nearest_places  # noqa: E402
from variogeo.experiments import (  # noqa: E402
    PhotoWorld,
    TwoTower,
    accuracy_table,
    block_interval,
    geoscore_difference,
    held_out,
    predict,
    spatial_blocks,
    train,
)
from variogeo.nn import NegativeWeights  # noqa: E402

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def points():
    """Return 400 of the bundled photos."""
    lonlat, embeddings = geoclip_photos()
    return PointEmbeddings(lonlat[:400], embeddings[:400])


@pytest.fixture(scope="module")
def world(points):
    """Return eight simulated photos of each of them."""
    return PhotoWorld.simulate(points, photos_per_position=8, seed=1)


@pytest.fixture(scope="module")
def scheme():
    """Return a scheme with a curve like that of the simulated features."""
    model = Exponential(nugget=0.2, partial_sill=0.06, effective_range=300.0)
    return ResidualWeighting(model, spread=0.05)


def _small_model(**settings):
    return TwoTower.small(256, width=32, embedding_width=16, **settings)


def _equal_parameters(first, second):
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_same_seed_simulates_the_same_photos(points, world):
    again = PhotoWorld.simulate(points, photos_per_position=8, seed=1)
    other = PhotoWorld.simulate(points, photos_per_position=8, seed=2)
    np.testing.assert_array_equal(again.train.embeddings, world.train.embeddings)
    np.testing.assert_array_equal(again.test.lonlat, world.test.lonlat)
    assert not np.array_equal(other.train.embeddings[:5], world.train.embeddings[:5])


def test_simulated_features_have_unit_length(world):
    np.testing.assert_allclose(np.linalg.norm(world.train.embeddings, axis=1), 1, rtol=1e-6)
    assert world.train.embeddings.dtype == np.float32


def test_simulated_photos_lie_within_300_metres_of_a_place(points, world):
    lonlat = np.vstack((world.train.lonlat, world.test.lonlat))
    # 0.5 %: the jitter is made with 111.2 km per degree, which varies by that much on WGS84.
    assert geolocation_error(nearest_places(lonlat, points.lonlat), lonlat).max() < 0.3 * 1.006


def test_close_photos_look_more_alike_than_distant_ones(world):
    lonlat, features = world.train
    error = geolocation_error(np.broadcast_to(lonlat[0], lonlat.shape), lonlat)
    similarity = features @ features[0]
    assert similarity[error < 1][1:].mean() > similarity[error > 5000].mean()


def test_no_block_holds_training_and_test_places(points, world):
    blocks = spatial_blocks(points.lonlat, degrees=0.5)
    is_train = (points.lonlat[:, None] == world.gallery).all(axis=2).any(axis=1)
    assert 0 < is_train.sum() < len(is_train)
    assert not set(blocks[is_train]) & set(blocks[~is_train])
    assert set(world.test_blocks) <= set(blocks[~is_train])


def test_a_block_has_at_most_ten_test_photos(world):
    assert np.bincount(world.test_blocks).max() == 10


def test_the_drawn_share_of_blocks_is_held_out():
    blocks = np.repeat(np.arange(10), 3)
    drawn = held_out(blocks, share=0.3, seed=4)
    assert drawn.reshape(10, 3).all(axis=1).sum() == 3
    assert drawn.sum() == 9


def test_blocks_meet_at_their_edges():
    # Longitudes 0.5 and 0.99 share the block [0.5, 1), 1.0 begins the next one.
    assert spatial_blocks([[0.5, 0], [0.99, 0], [1.0, 0]], degrees=0.5).tolist() == [0, 0, 1]


def test_the_block_interval_is_wider_than_that_of_independent_photos():
    scores = np.repeat(np.random.default_rng(0).normal(size=20), 50)
    low, high = block_interval(scores, np.repeat(np.arange(20), 50))
    alone_low, alone_high = block_interval(scores, np.arange(1000))
    # Twenty blocks against a thousand photos: wider by sqrt(50) = 7.
    assert 5 < (high - low) / (alone_high - alone_low) < 9
    assert low < scores.mean() < high


def test_the_location_encoder_has_no_seam_at_the_antimeridian():
    encoded = _small_model().embed_locations(torch.tensor([[180.0, 10.0], [-180.0, 10.0]]))
    torch.testing.assert_close(encoded[0], encoded[1], rtol=0, atol=1e-3)


def test_models_with_the_same_seed_start_alike_and_leave_the_global_seed_alone():
    state = torch.get_rng_state()
    assert _equal_parameters(_small_model(seed=3), _small_model(seed=3))
    assert not _equal_parameters(_small_model(seed=3), _small_model(seed=4))
    assert torch.equal(torch.get_rng_state(), state)


def test_training_leaves_the_given_model_and_the_global_seed_alone(world):
    model, state = _small_model(), torch.get_rng_state()
    trained = train(model, world.train, epochs=1, batch_size=256)
    assert _equal_parameters(model, _small_model())
    assert not _equal_parameters(trained, model)
    assert not trained.training
    assert torch.equal(torch.get_rng_state(), state)


def test_training_with_the_same_seed_gives_the_same_model(world):
    first, second = (train(_small_model(), world.train, epochs=1, batch_size=256) for _ in range(2))
    assert _equal_parameters(first, second)


def test_weights_of_strength_zero_train_the_plain_model(world, scheme):
    # The arms see the same batches and dropout: without strength nothing else may differ.
    without = NegativeWeights(ResidualWeighting(scheme.model, 0.0), order="lonlat", units="deg")
    plain = train(_small_model(), world.train, epochs=1, batch_size=256)
    weighted = train(_small_model(), world.train, weighting=without, epochs=1, batch_size=256)
    for a, b in zip(plain.parameters(), weighted.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_weights_change_what_is_trained(world, scheme):
    weighting = NegativeWeights(scheme, order="lonlat", units="deg")
    plain = train(_small_model(), world.train, epochs=1, batch_size=256)
    weighted = train(_small_model(), world.train, weighting=weighting, epochs=1, batch_size=256)
    assert not _equal_parameters(plain, weighted)


@pytest.mark.parametrize("weighted", [False, True])
def test_training_learns_places(world, scheme, weighted):
    start = TwoTower.small(256, width=64, embedding_width=32, dropout=0.1).eval()
    weighting = NegativeWeights(scheme, order="lonlat", units="deg") if weighted else None
    trained = train(start, world.train, weighting=weighting, epochs=4, batch_size=64)
    lonlat, features = world.train
    before, after = (predict(model, features, world.gallery) for model in (start, trained))
    assert geoscore(after, lonlat) > geoscore(before, lonlat) + 1000


def test_predictions_are_places_of_the_gallery(world):
    predicted = predict(_small_model().eval(), world.test.embeddings, world.gallery)
    assert predicted.shape == world.test.lonlat.shape
    assert (predicted[:, None] == world.gallery).all(axis=2).any(axis=1).all()


def test_a_batch_of_one_photo_is_refused(world):
    with pytest.raises(ValueError, match="at least two photos"):
        train(_small_model(), world.train, batch_size=1)


def test_a_batch_is_no_larger_than_the_photos(world):
    few = PointEmbeddings(world.train.lonlat[:20], world.train.embeddings[:20])
    trained = train(_small_model(), few, epochs=1)
    assert not _equal_parameters(trained, _small_model())


def test_the_accuracy_table_has_a_column_per_prediction():
    true = [[0.0, 0.0], [10.0, 10.0]]
    table = accuracy_table({"right": true, "wrong": [[0.0, 0.0], [-170.0, -10.0]]}, true)
    heads, *rows = table.splitlines()
    assert heads.split() == ["right", "wrong"]
    assert rows[0].split()[-2:] == ["100.0", "50.0"]
    assert rows[-1].split() == ["GeoScore", "5000.0", "2500.0"]


def test_the_difference_in_geoscore_is_that_of_the_two_geoscores(world):
    true, blocks = world.test.lonlat, world.test_blocks
    best = nearest_places(true, world.gallery)
    worst = np.broadcast_to(world.gallery[0], true.shape)
    difference, low, high = geoscore_difference(best, worst, true, blocks)
    assert difference == pytest.approx(geoscore(best, true) - geoscore(worst, true))
    assert 0 < low < difference < high


def test_the_comparison_of_arms_stands_beside_the_oracle_and_its_interval(world, scheme):
    predictions = demo.train_arms(world, scheme, epochs=1, seed=0)
    assert "plain  weighted    oracle" in demo.pooled_table([(world, predictions), (world, predictions)])
    assert "95 % over blocks: " in demo.difference_text(0, world, predictions)


def test_the_scheme_of_the_demonstration_uses_the_spread_of_the_simulated_features(world):
    fit, scheme = demo.fit_scheme(world, curve_photos=600)
    assert scheme.model == fit.model
    assert 0.03 < scheme.spread < 0.08


@pytest.fixture
def tiny(monkeypatch):
    """Let the short form of the demonstration take seconds."""
    size = dataclasses.replace(demo._SHORT, photos_per_position=2, curve_photos=300, epochs=1, seeds=2)
    monkeypatch.setattr(demo, "_SHORT", size)


@pytest.mark.usefixtures("tiny")
def test_the_demonstration_writes_its_files_and_prints_both_tables(tmp_path, capsys):
    demo.run(tmp_path / "new" / "out", short=True, seed=5)
    printed, said = capsys.readouterr()
    first, *after = said.splitlines()
    assert "trains 4 small models" in first
    assert "half a minute" in first
    arms = [line.partition(": trained in ")[0] for line in after]
    assert arms == [f"variogeo demo: seed {seed}, {arm}" for seed in (5, 6) for arm in ("plain", "weighted")]
    rest = [re.sub(r"\d+ s", "N s", line.rpartition("trained in ")[2]) for line in after]
    assert rest == [*(f"N s; {left} more, about N s" for left in (3, 2, 1)), "N s"]
    assert "trained in" not in printed
    assert "seed 5: " in printed
    assert "seed 6: " in printed
    assert "plain  weighted    oracle" in printed
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == {*demo.OUTPUTS, demo.SIGNED}
    assert isinstance(variogeo.load(tmp_path / "new" / "out" / "weighting.json"), ResidualWeighting)


@pytest.mark.usefixtures("tiny")
def test_the_demonstration_replaces_its_own_files_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "train_arms", lambda *_, **__: {})
    monkeypatch.setattr(demo, "difference_text", lambda *_: "")
    monkeypatch.setattr(demo, "pooled_table", lambda _: "")
    demo.run(tmp_path, short=True)
    demo.run(tmp_path, short=True)
    mine = variogeo.Exponential(0.1, 0.2, 300.0)
    mine.save(tmp_path / "model.json", overwrite=True)
    with pytest.raises(FileExistsError, match=r"holds model.json, which the demonstration has not written so"):
        demo.run(tmp_path, short=True)
    assert variogeo.load(tmp_path / "model.json") == mine
    (tmp_path / demo.SIGNED).unlink()
    with pytest.raises(FileExistsError, match=r"holds variogram.json, model.json, variogram.png, weighting.json"):
        demo.run(tmp_path, short=True)


@pytest.mark.usefixtures("tiny")
def test_a_demonstration_that_was_interrupted_goes_on_in_its_folder(tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "train_arms", interrupt)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            demo.run(tmp_path, short=True)
    assert {path.name for path in tmp_path.iterdir()} == {*demo.OUTPUTS, demo.SIGNED}


def test_a_folder_in_the_place_of_a_file_of_the_demonstration_is_refused_and_the_other_way_round(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="file is not a folder"):
        demo.run(tmp_path / "file", short=True)
    (tmp_path / "weights.png").mkdir()
    with pytest.raises(FileExistsError, match=r"holds weights.png"):
        demo.run(tmp_path, short=True)


def test_a_single_block_cannot_be_split():
    with pytest.raises(ValueError, match=r"share 0.2 of 1 blocks.*use smaller blocks"):
        held_out(np.zeros(5, dtype=int), share=0.2)


def test_the_example_for_your_own_photos_runs(world, monkeypatch, tmp_path, capsys):
    file = tmp_path / "photos.npz"
    np.savez(file, lonlat=world.train.lonlat[:600], clip=world.train.embeddings[:600])
    monkeypatch.setattr(sys, "argv", ["train_geoclip.py", str(file), "--embedding", "clip", "--epochs", "1"])
    runpy.run_path(str(EXAMPLES / "train_geoclip.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "plain  weighted    oracle" in printed
    assert "Weighted minus plain: " in printed

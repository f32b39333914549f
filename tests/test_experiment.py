"""The A/B harness: splits, arms, controls, runs that are kept, statistics, report and command."""

import dataclasses
import json
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from scipy import stats  # noqa: E402

from variogeo import DataError, Exponential, PointEmbeddings, ResidualWeighting, UniformWeighting, cli  # noqa: E402
from variogeo.datasets import geoclip_photos  # noqa: E402
from variogeo.evaluation import geolocation_error  # noqa: E402
from variogeo.experiments import (  # noqa: E402  # noqa: E402
    ARMS,
    GROUPS,
    TINY,
    BlockSizes,
    TwoTower,
    _curves,
    _experiment,
    _places,
    _pool,
    _report,
    _runs,
    _statistics,
    chosen_arms,
    run_experiment,
)
from variogeo.experiments._arms import hard, similarity, weighted  # noqa: E402
from variogeo.experiments._blocks import DRAWS, effective_blocks, some_per_block  # noqa: E402
from variogeo.experiments._objectives import (  # noqa: E402
    Batch,
    HardContrastive,
    InfoNCE,
    SchemeWeights,
    ShuffledInRow,
)
from variogeo.experiments._report import report_text  # noqa: E402
from variogeo.experiments._splits import QUERY_SETS, SplitPhotos  # noqa: E402
from variogeo.experiments._statistics import OUTCOMES, PRIMARY, difference, student_interval  # noqa: E402
from variogeo.experiments._training import TrainingSettings, optimised  # noqa: E402
from variogeo.nn import NegativeWeights  # noqa: E402

SMALL = dataclasses.replace(TINY, photos=1500, feature_width=32, width=16, batch_size=64, curve_photos=600, seeds=2)
WIDE = BlockSizes(known=20.0, new=300.0)


@pytest.fixture(scope="module", autouse=True)
def _few_patches():
    """Take fewer patches for the interval of the range: each asks for a nested fit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_curves, "_PATCHES", 5)
        patch.setattr(_curves, "_FEWEST_PHOTOS", 300)
        yield


@pytest.fixture(scope="module")
def split():
    """Return simulated photos of the bundled places, split."""
    places = _places.PhotoPlaces.bundled(1500)
    features = _experiment.photo_features(places.points, places.position, np.random.default_rng(0), width=32)
    photos = PointEmbeddings(places.lonlat, features)
    return SplitPhotos.split(photos, source="made up", is_simulated=True, blocks=WIDE, gallery=400)


@pytest.fixture(scope="module")
def curves(split):
    return _curves.Curves.measure(split.train, _experiment._WORLD_BINS, photos=600, regions=3)


@pytest.fixture(scope="module")
def task(split, curves, tmp_path_factory):
    return _runs.Task(
        split=split,
        curves=curves,
        model=_runs.ModelSettings(width=16),
        training=TrainingSettings(epochs=1, batch_size=64),
        coherence=_experiment._WORLD_BINS,
        device="cpu",
        folder=tmp_path_factory.mktemp("runs"),
    )


@pytest.fixture
def batch(split):
    generator = np.random.default_rng(3)
    rows = generator.permutation(len(split.train.lonlat))[:24]
    lonlat = torch.tensor(split.train.lonlat[rows])
    features = torch.tensor(split.train.embeddings[rows])
    return Batch(lonlat, features, lonlat, features, torch.tensor(0.1))


def logits(batch, seed=0):
    shape = len(batch.lonlat), len(batch.candidate_lonlat)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) / batch.temperature / 5


# Splits


def test_no_held_out_block_holds_a_training_photo(split):
    places = {tuple(place) for place in split.train.lonlat}
    photos = np.vstack([split.train.lonlat, *(q.lonlat for q in split.queries.values())])
    large, small = (_runs_of_cells(photos, km) for km in (WIDE.new, WIDE.known))
    count = len(split.train.lonlat)
    for name, queries in split.queries.items():
        rows = [k for k in range(count, len(photos)) if tuple(photos[k]) in {tuple(p) for p in queries.lonlat}]
        cells = large if name.endswith("new") else small
        assert not set(cells[:count]) & set(cells[rows])
        assert not {tuple(place) for place in queries.lonlat} & places


def _runs_of_cells(lonlat, km):
    from variogeo.inference import cell_patches

    return cell_patches(lonlat, km)


def test_queries_of_known_regions_lie_beside_training_photos_and_those_of_new_regions_do_not(split):
    from variogeo.evaluation import nearest_places

    far = {}
    for name, queries in split.queries.items():
        nearest = nearest_places(queries.lonlat, split.train.lonlat)
        far[name] = np.median(geolocation_error(nearest, queries.lonlat))
    assert far["test known"] < far["test new"]
    assert far["validation known"] < far["validation new"]


def test_no_block_has_more_queries_than_the_cap(split):
    assert max(np.bincount(queries.blocks).max() for queries in split.queries.values()) <= WIDE.queries_per_block


def test_the_gallery_holds_training_places_only(split):
    training = {tuple(place) for place in split.train.lonlat}
    assert len(split.gallery) == 400
    assert all(tuple(place) in training for place in split.gallery)


def test_photos_of_too_few_blocks_are_refused_with_the_cure():
    lonlat = np.random.default_rng(0).uniform(0, 0.5, (50, 2))
    photos = PointEmbeddings(lonlat, np.ones((50, 4), dtype=np.float32))
    with pytest.raises(DataError, match=r"too few to hold any out for validation new.*--blocks"):
        SplitPhotos.split(photos, source="a town", is_simulated=False, blocks=BlockSizes())


def test_blocks_of_new_regions_are_larger_than_those_of_known_ones():
    with pytest.raises(ValueError, match="Invalid new '5"):
        BlockSizes(known=5.0, new=5.0)


def test_the_effective_number_of_blocks_is_that_of_equal_ones():
    assert effective_blocks(np.repeat(np.arange(7), 4)) == pytest.approx(7.0)
    # (90 + 10 * 1)^2 / (90^2 + 10 * 1): one block rules.
    assert effective_blocks(np.repeat(np.arange(11), [90] + [1] * 10)) == pytest.approx(100**2 / (90**2 + 10))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(1, 5))
def test_a_cap_keeps_every_block_and_no_more_than_the_cap(blocks, most):
    blocks = np.array(blocks)
    kept = some_per_block(np.arange(len(blocks)), blocks, most=most)
    assert set(blocks[kept]) == set(blocks)
    assert np.bincount(blocks[kept]).max() <= most


def test_photos_all_of_whose_blocks_hold_training_photos_leave_no_queries_and_are_refused():
    # A hundred places, each in a large block of its own: those held out as new leave small blocks, too few for a share.
    lonlat = np.column_stack([np.linspace(-170, 170, 10), np.zeros(10)])
    photos = PointEmbeddings(lonlat, np.ones((10, 4), dtype=np.float32))
    with pytest.raises(
        DataError, match="The photos fill 8 blocks of 5 km: too few to hold any out for validation known"
    ):
        SplitPhotos.split(photos, source="ten towns", is_simulated=False, blocks=BlockSizes())


# Places


def test_bundled_places_are_drawn_evenly():
    places = _places.PhotoPlaces.bundled(5000, seed=1)
    assert np.bincount(places.position).tolist() == [2] * 2500
    assert "geoclip is not installed" in places.source
    moved = geolocation_error(places.points.lonlat[places.position], places.lonlat)
    assert 0.1 < np.median(moved) < moved.max() < 0.51


def test_gallery_places_are_those_of_geoclip_and_a_tenth_is_shot_again():
    pytest.importorskip("geoclip", reason="the package geoclip is not installed")
    if not _places._has_geoclip():
        pytest.skip("geoclip does not load here")
    places = _places.PhotoPlaces.of_gallery(400, seed=2)
    first, again = places.lonlat[:360], places.lonlat[360:]
    from variogeo.evaluation import nearest_places

    assert geolocation_error(nearest_places(again, first), again).max() < 0.51
    assert len(np.unique(first, axis=0)) == 360
    # The bundled embeddings are what the same encoder returns, as float16.
    bundled = geoclip_photos()
    made = _places._location_embeddings(bundled.lonlat[:20])
    np.testing.assert_allclose(made, bundled.embeddings[:20], atol=2e-4)
    with pytest.raises(ValueError, match="Must be at most 104581"):
        _places.PhotoPlaces.of_gallery(120_000)


def test_without_geoclip_the_bundled_places_are_used(monkeypatch):
    monkeypatch.setattr(_places.importlib.util, "find_spec", lambda _: None)
    assert "bundled" in _places.photo_places(10).source


# Arms


def test_arms_come_with_their_baselines_in_a_fixed_order():
    names = [arm.name for arm in chosen_arms(["hard-queue", "hcl", "hard"])]
    assert names == ["plain", "hard", "hcl", "plain-queue", "hard-queue"]
    assert {arm.name for arm in chosen_arms(["all"])} == set(ARMS) == set(GROUPS["all"])


def test_an_unknown_arm_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"Invalid arm 'magic'\. Must be of short, tuning, all, plain"):
        chosen_arms(["magic"])


@pytest.mark.parametrize("name", sorted(ARMS))
def test_every_arm_has_a_finite_loss_with_a_gradient(name, curves, batch):
    objective = ARMS[name].objective(curves)
    given = logits(batch).requires_grad_()
    loss = objective.loss(given, batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(given.grad).all()
    assert given.grad.abs().sum() > 0
    assert all(np.isfinite(value) for value in objective.figures(given.detach(), batch).values())


def test_uniform_weights_are_the_plain_loss(batch):
    given = logits(batch)
    torch.testing.assert_close(weighted(UniformWeighting()).loss(given, batch), InfoNCE().loss(given, batch))


def test_hard_negatives_are_the_residual_beyond_the_range_by_a_double_loop(curves, batch):
    log_weights = weighted(hard(curves)).log_weights(batch)
    lonlat, features = batch.lonlat.numpy(), batch.features.numpy().astype(np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    beyond = curves.model.effective_range
    for i in range(len(lonlat)):
        for j in range(len(lonlat)):
            lag = float(geolocation_error(lonlat[[i]], lonlat[[j]])[0])
            residual = max(0.0, float(curves.model(lag)) - (1 - features[i] @ features[j])) / curves.mean_spread
            if abs(lag - beyond) > 0.01 * beyond:  # great circle and geodesic differ by half a per cent
                expected = 2.0 * residual if i != j and lag > beyond else 0.0
                assert float(log_weights[i, j]) == pytest.approx(expected, abs=1e-3)


def test_similarity_without_geography_weighs_all_lags_alike(curves):
    scheme = similarity(curves)
    dissimilarity = np.array([0.05, 0.1, 0.2])
    near, far = scheme(np.full(3, 0.5), dissimilarity), scheme(np.full(3, 15_000.0), dissimilarity)
    np.testing.assert_array_equal(near, far)
    np.testing.assert_allclose(far, 2 * np.maximum(0, curves.model.sill - dissimilarity) / curves.mean_spread)


def test_shuffled_weights_are_the_same_in_every_row_but_dealt_to_others(curves, batch):
    rule = weighted(hard(curves)).log_weights
    given, shuffled = rule(batch), ShuffledInRow(rule)(batch)
    torch.testing.assert_close(shuffled.sort(dim=1).values, given.sort(dim=1).values)
    assert not torch.equal(shuffled, given)
    assert (shuffled.diagonal() == 0).all()


def test_one_region_has_the_weights_of_the_common_curve(curves, batch):
    alone = dataclasses.replace(curves, regional=_curves.RegionalCurves(curves.regional.centres[:1], (curves.model,)))
    torch.testing.assert_close(
        ARMS["hard-regional"].objective(alone).log_weights(batch), weighted(hard(curves)).log_weights(batch)
    )


def test_a_photo_is_weighed_with_the_curve_of_its_own_region(curves, batch):
    other = Exponential(nugget=0.2, partial_sill=0.06, effective_range=300.0)
    # The third centre is the first again: no photo is nearest to it.
    centres = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    two = dataclasses.replace(curves, regional=_curves.RegionalCurves(centres, (curves.model, other, other)))
    log_weights = ARMS["hard-regional"].objective(two).log_weights(batch)
    scheme = ResidualWeighting(other, 2.0, beyond=300.0, within=0.0, spread=curves.mean_spread)
    expected = [weighted(hard(curves)).log_weights(batch), weighted(scheme).log_weights(batch)]
    longitude, latitude = np.radians(batch.lonlat.numpy()).T
    is_second = np.cos(longitude) * np.cos(latitude) < 0
    assert 0 < is_second.sum() < len(is_second)
    for row, second in enumerate(is_second):
        torch.testing.assert_close(log_weights[row], expected[int(second)][row])


def test_the_mean_weight_of_hcl_is_what_its_denominator_has_more(batch):
    given = logits(batch).double()
    objective = HardContrastive(0.5)
    expected = []
    for i in range(len(given)):
        negatives = np.array([float(given[i, j]) for j in range(len(given)) if j != i])
        weights = np.exp(0.5 * negatives) / np.exp(0.5 * negatives).mean()
        expected.append((weights * np.exp(negatives)).sum() / np.exp(negatives).sum())
    assert objective.figures(given, batch)["mean_weight"] == pytest.approx(np.mean(expected))


# Training


def test_all_arms_of_a_seed_start_alike(task):
    start, other = (_runs.start_model(task, ARMS[name], seed=4) for name in ("plain", "hard"))
    assert all(torch.equal(a, b) for a, b in zip(start.parameters(), other.parameters(), strict=True))


def test_the_uniform_arm_trains_the_plain_model(task):
    plain, uniform = (_runs.run_arm(task, name, 0) for name in ("plain", "uniform"))
    for kind in QUERY_SETS:
        # Rounding may turn a near tie over: nearly all predictions are the same.
        assert np.mean(plain.errors[kind] == uniform.errors[kind]) > 0.95


def test_a_queue_holds_the_photos_of_the_last_steps(split):
    seen = []
    settings = TrainingSettings(epochs=1, batch_size=64, queue=128)
    start = TwoTower.like_geoclip(32, width=8)
    optimised(start, split.train, InfoNCE(), settings, seed=0, watch=lambda _s, _l, batch, _t: seen.append(batch))
    assert [len(batch.candidate_lonlat) for batch in seen[:4]] == [64, 64, 192, 192]
    torch.testing.assert_close(seen[3].candidate_lonlat[:64], seen[3].lonlat)
    torch.testing.assert_close(seen[3].candidate_lonlat[64:128], seen[2].lonlat)
    torch.testing.assert_close(seen[3].candidate_features[128:], seen[1].features)


def test_photos_that_do_not_fill_a_batch_are_refused(split):
    few = PointEmbeddings(split.train.lonlat[:10], split.train.embeddings[:10])
    with pytest.raises(ValueError, match="10 photos do not fill a batch of 64"):
        optimised(TwoTower.like_geoclip(32), few, InfoNCE(), TrainingSettings(1, 64), seed=0, watch=lambda *_: None)


def test_lower_precision_is_close_to_the_full_one():
    model = TwoTower.like_geoclip(32, width=16, seed=1).eval()
    features, lonlat = torch.randn(8, 32), torch.tensor([[8.0, 50.0]] * 8)
    exact = model(features, lonlat)
    model.precision = torch.bfloat16
    rough = model(features, lonlat)
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, exact)
    torch.testing.assert_close(rough, exact, rtol=0.1, atol=0.3)


def test_the_location_encoder_is_geoclips_with_narrower_layers():
    pytest.importorskip("geoclip", reason="the package geoclip is not installed")
    if not _places._has_geoclip():
        pytest.skip("geoclip does not load here")
    from geoclip.model.location_encoder import LocationEncoder

    from variogeo.experiments._location_encoders import EqualEarthEncoder

    theirs, ours = LocationEncoder(from_pretrained=False), EqualEarthEncoder(1024, 512)
    with torch.no_grad():
        for number, capsule in enumerate(ours.capsules):
            their_capsule = getattr(theirs, f"LocEnc{number}")
            ours.frequencies[number] = their_capsule.capsule[0].b.T
            layers = [*their_capsule.capsule[1:], *their_capsule.head]
            for mine, yours in zip(capsule, layers, strict=True):
                mine.load_state_dict(yours.state_dict())
        lonlat = torch.tensor([[8.0, 50.0], [-170.0, -30.0], [0.0, 0.0], [179.9, 80.0]])
        expected = theirs(lonlat.flip(1))
        torch.testing.assert_close(ours(ours.waves(lonlat)), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("words", "settings"),
    [("Invalid precision 'float16'", {"precision": "float16"}), ("Invalid width '0'", {"width": 0})],
)
def test_bad_settings_of_the_model_are_refused(words, settings):
    with pytest.raises(ValueError, match=words):
        _runs.ModelSettings(**settings)


def test_a_refusal_in_training_names_its_arm(task, monkeypatch):
    def refuse(*_, **__):
        msg = "no"
        raise ValueError(msg)

    monkeypatch.setattr(_runs, "optimised", refuse)
    with pytest.raises(ValueError, match="no") as caught:
        _runs.run_arm(task, "hard", 0)
    assert caught.value.__notes__[0].startswith("That was arm hard.")


# Runs that are kept


def test_kept_runs_are_not_done_again_and_damaged_or_other_ones_are(task, monkeypatch):
    done = []
    original = _pool.run_arm
    monkeypatch.setattr(_pool, "run_arm", lambda *given: done.append(given[1:]) or original(*given))
    arms = chosen_arms(["plain"])
    first = _pool.run_all(task, arms, [0, 1], processes=1)
    assert done == [("plain", 0), ("plain", 1)]
    task.file(arms[0], 0).write_text("{}")
    again = _pool.run_all(task, arms, [0, 1], processes=1)
    assert done[2:] == [("plain", 0)]
    np.testing.assert_allclose(again[1].errors["test new"], first[1].errors["test new"], atol=1e-3)
    np.testing.assert_array_equal(again[0].semivariance, first[0].semivariance)
    other = dataclasses.replace(task, training=TrainingSettings(epochs=2, batch_size=64))
    _pool.run_all(other, arms, [1], processes=1)
    assert done[3:] == [("plain", 1)]


def test_a_document_of_another_kind_is_no_kept_run(tmp_path):
    from variogeo._storage import write_document

    write_document(tmp_path / "other.json", "model", {"key": "k"}, overwrite=False)
    assert _runs.Run.kept(tmp_path / "other.json", "k") is None


def test_two_processes_give_the_runs_of_one(task, tmp_path):
    here = dataclasses.replace(task, folder=tmp_path / "two")
    arms = chosen_arms(["plain"])
    runs = _pool.run_all(here, arms, [0, 1], processes=2)
    _pool.share(task)
    alone = _pool.run_shared("plain", 1)
    assert [run.seed for run in runs] == [0, 1]
    assert np.mean(runs[1].errors["test known"] == alone.errors["test known"]) > 0.9


# Statistics


def _run(name, seed, errors):
    return _runs.Run(name, seed, errors, {}, np.ones(3))


def _shifted(split, shift, noise=0.0):
    generator = np.random.default_rng(7)
    runs = []
    for seed in range(4):
        base = {k: generator.uniform(10, 3000, len(q.lonlat)) for k, q in split.queries.items()}
        moved = {k: np.maximum(0, e - shift - noise * generator.normal(size=len(e))) for k, e in base.items()}
        runs.append((_run("plain", seed, base), _run("arm", seed, moved)))
    plain, arm = zip(*runs, strict=True)
    return arm, plain


def test_the_interval_over_seeds_is_students(split):
    arm, plain = _shifted(split, 30.0, noise=200.0)
    found = difference(arm, plain, split, PRIMARY, "test")
    per_seed = []
    for a, b in zip(arm, plain, strict=True):
        scores = [
            np.concatenate([5000 * np.exp(-run.errors[f"test {kind}"] / 1492.7) for kind in ("known", "new")])
            for run in (a, b)
        ]
        per_seed.append(np.mean(scores[0] - scores[1]))
    expected = stats.ttest_1samp(per_seed, 0.0)
    low, high = expected.confidence_interval()
    assert found.estimate == pytest.approx(np.mean(per_seed))
    assert found.seeds == pytest.approx((low, high))
    assert _statistics.student_p_value(np.array(per_seed)) == pytest.approx(expected.pvalue)


def test_a_clear_gain_is_told_and_its_p_value_is_the_larger_one(split):
    arm, plain = _shifted(split, 300.0)
    found = difference(arm, plain, split, PRIMARY, "validation")
    assert 0 < found.blocks[0] < found.estimate < found.blocks[1]
    assert found.p_value >= 1 / DRAWS


def test_equal_arms_differ_by_nothing(split):
    _, plain = _shifted(split, 0.0)
    found = difference(plain, plain, split, OUTCOMES[-1], "test")
    assert (found.estimate, found.blocks, found.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_one_seed_has_no_interval_and_proves_nothing():
    assert np.isnan(student_interval(np.array([3.0]))).all()
    assert _statistics.student_p_value(np.array([3.0])) == 1.0
    assert _statistics.student_p_value(np.array([3.0, 3.0])) == 0.0


def test_p_values_are_adjusted_for_the_number_of_arms():
    made = [_statistics.Difference(0.0, (0.0, 0.0), (0.0, 0.0), p) for p in (0.01, 0.04)]
    assert _statistics.adjusted(made) == pytest.approx([0.02, 0.04])


@pytest.mark.parametrize(
    ("estimate", "p_value", "seeds", "words"),
    [
        (20.4, 0.01, 5, "better by 20 GeoScore"),
        (-20.4, 0.01, 5, "worse by 20 GeoScore"),
        (20.4, 0.06, 5, r"no difference shown \(\+20 GeoScore\)"),
        (20.4, 0.01, 1, "one seed, which shows nothing"),
    ],
)
def test_a_difference_is_said_in_words(estimate, p_value, seeds, words):
    found = _statistics.Difference(estimate, (0.0, 0.0), (0.0, 0.0), p_value)
    assert re.search(words, _report._words(found, p_value, seeds))


# The whole


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Return a tiny experiment on bundled places with a family of two arms and a queue."""
    out = tmp_path_factory.mktemp("experiment")
    places = _places.PhotoPlaces.bundled(1500)
    features = _experiment.photo_features(places.points, places.position, np.random.default_rng(0), width=32)
    photos = PointEmbeddings(places.lonlat, features)
    arms = ["hard", "hard-1", "soft-75km", "hard-queue", "dropout-0", "thesis"]
    return out, run_experiment(out, photos=photos, arms=arms, size=SMALL, blocks=WIDE, processes=1)


def test_the_report_names_everything_that_a_reader_must_know(result):
    out, found = result
    text = (out / "report.txt").read_text()
    for words in (
        "effectively", "FEWER THAN 100", "95 % over patches", "oracle: the nearest place", "p (Holm)", "mean weight",
        "self-mass", "pairs of a batch", "Validation: GeoScore minus baseline", "best of its family",
        "against plain-queue", "What this shows", "own photos",
    ):  # fmt: skip
        assert words in text, words
    assert "simulated around real places" not in text
    assert text == report_text(found) + "\n"
    assert max(map(len, text.splitlines())) <= 160


def test_only_the_best_of_a_family_on_validation_is_tested(result):
    _, found = result
    family = [arm for arm in found.compared if arm.family == "hard"]
    best = max(family, key=lambda arm: found.difference(arm, "validation").estimate)
    tested = [arm.name for arm in found.tested if arm.family == "hard"]
    assert tested == [best.name]
    entries = {entry["name"]: entry for entry in found.to_json()["arms"]}
    assert ["test" in entries[arm.name] for arm in family] == [arm.name == best.name for arm in family]


def test_the_json_is_json_and_holds_the_differences(result):
    out, found = result
    written = json.loads((out / "result.json").read_text())
    assert written == json.loads(json.dumps(found.to_json()))
    entry = next(e for e in written["arms"] if e["name"] == "soft-75km")
    expected = found.difference(ARMS["soft-75km"], "test")
    assert entry["test"]["GeoScore"]["estimate"] == expected.estimate
    assert 0 < entry["figures"]["self_mass"] < 1
    assert entry["variogram_misfit"]["baseline"] > 0
    assert entry["step_ratio"] > 0


def test_the_plot_is_written(result):
    out, _ = result
    assert (out / "differences.png").read_bytes()[1:4] == b"PNG"


def test_the_baselines_misfit_to_itself_is_zero(result):
    _, found = result
    assert found.misfits(ARMS["plain"])["baseline"] == 0.0


def test_an_arm_that_the_curve_does_not_allow_is_left_out_with_the_reason(curves):
    flat = dataclasses.replace(curves.stable, model=Exponential(nugget=0.1, partial_sill=50.0, effective_range=1e6))
    other = dataclasses.replace(curves, stable=flat, regional=None)
    refused = _experiment._not_makeable(chosen_arms(["thesis", "hard", "hard-regional"]), other)
    assert list(refused) == ["hard-regional", "thesis"]
    assert "Measure them with regions= above 0" in refused["hard-regional"]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_precision_follows_from_the_device(device):
    assert _experiment.fast_precision(device) in ("float32", "bfloat16")


# The command


def test_the_command_runs_on_own_photos(tmp_path, capsys):
    places = _places.PhotoPlaces.bundled(1200)
    features = _experiment.photo_features(places.points, places.position, np.random.default_rng(0), width=16)
    file = tmp_path / "photos.npz"
    np.savez(file, lonlat=places.lonlat, clip=features)
    code = cli.main([
        "experiment", str(file), "--embedding", "clip", "--tiny", "--arms", "hard", "--seeds", "1", "--batch", "64",
        "--blocks", "20", "300", "--processes", "1", "--out", str(tmp_path / "out"), "--json",
    ])  # fmt: skip
    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert printed["source"] == str(file)
    assert printed["seeds"] == [0]
    assert [arm["name"] for arm in printed["arms"]] == ["plain", "hard"]


def test_the_command_runs_on_simulated_photos(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(_places.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr("variogeo.experiments.TINY", dataclasses.replace(SMALL, seeds=1))
    code = cli.main([
        "experiment", "--tiny", "--arms", "plain", "--blocks", "20", "300", "--processes", "1",
        "--out", str(tmp_path / "out"),
    ])  # fmt: skip
    printed = capsys.readouterr().out
    assert code == 0
    assert "simulated around real places: this says nothing about photographs" in printed
    assert f"Written to {tmp_path / 'out'}." in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--embedding", "clip"], "no file is given"),
        (["photos.parquet"], "Which column of photos.parquet holds the frozen features? Pass --embedding."),
        (["photos.parquet", "--embedding", "clip", "--lon", "x", "--lat", "y"], "photos.parquet"),
        (["--arms", "magic"], "Invalid arm 'magic'"),
    ],
)
def test_wrong_calls_end_with_one_line(arguments, words, capsys, tmp_path):
    assert cli.main(["experiment", *arguments, "--out", str(tmp_path)]) == 1
    assert words in capsys.readouterr().err


def test_the_weights_of_an_arm_do_not_mask_photos_at_the_same_place():
    # The plain loss does not either: only the scheme may differ.
    arm = ARMS["uniform"].objective(None)
    assert isinstance(arm.log_weights, SchemeWeights)
    assert isinstance(arm.log_weights.weights, NegativeWeights)
    assert arm.log_weights.weights.coincident == "weight"

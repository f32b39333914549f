"""Trainings of the experiment, and the runs that are kept."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from small_experiment import (  # noqa: E402
    simulated_split,
    small_task,
)

from variogeo import PointEmbeddings  # noqa: E402
from variogeo.experiments import (  # noqa: E402
    ARMS,
    TwoTower,
    _places,
    _pool,
    _runs,
    chosen_arms,
)
from variogeo.experiments._objectives import (  # noqa: E402
    InfoNCE,
)
from variogeo.experiments._splits import QUERY_SETS  # noqa: E402
from variogeo.experiments._training import TrainingSettings, optimised  # noqa: E402


@pytest.fixture(scope="module")
def split():
    return simulated_split()


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return small_task(tmp_path_factory.mktemp("runs"))


def test_all_arms_of_a_seed_start_alike(task):
    start, other = (_runs.start_model(task, ARMS[name], seed=4) for name in ("plain", "hard"))
    assert all(torch.equal(a, b) for a, b in zip(start.parameters(), other.parameters(), strict=True))


def test_the_uniform_arm_trains_the_plain_model(task):
    plain, uniform = (_runs.run_arm(task, name, 0) for name in ("plain", "uniform"))
    for kind in QUERY_SETS:
        # Rounding may turn a near tie over: nearly all predictions are the same.
        assert np.mean(plain.errors[kind] == uniform.errors[kind]) > 0.95


def test_all_arms_of_a_seed_see_the_same_batches_and_dropout_masks(task):
    few = PointEmbeddings(task.split.train.lonlat[:192], task.split.train.embeddings[:192])
    alike = [arm for arm in ARMS.values() if arm.batch == 1 and not arm.queue and arm.dropout is None]
    assert len(alike) > 30

    def seen(arm, seed):
        start = _runs.start_model(task, arm, seed)
        places, masks = [], []
        start.image_head[0].register_forward_hook(lambda _, _given, dropped: masks.append(dropped == 0))
        settings = _runs.settings_of(task.training, arm)
        optimised(
            start, few, arm.objective(task.curves), settings, seed=seed,
            watch=lambda _s, _l, batch: places.append(batch.lonlat),
        )  # fmt: skip
        assert len(places) == len(masks) == 3
        return torch.cat(places), torch.cat(masks)

    places, masks = seen(ARMS["plain"], 4)
    assert 0.2 < masks.double().mean() < 0.4
    for arm in alike:
        own_places, own_masks = seen(arm, 4)
        assert torch.equal(own_places, places), arm.name
        assert torch.equal(own_masks, masks), arm.name
    other_places, other_masks = seen(ARMS["plain"], 5)
    assert not torch.equal(other_places, places)
    assert not torch.equal(other_masks, masks)


def test_a_queue_holds_the_photos_of_the_last_steps(split):
    seen = []
    settings = TrainingSettings(epochs=1, batch_size=64, queue=128)
    start = TwoTower.like_geoclip(32, width=8)
    optimised(start, split.train, InfoNCE(), settings, seed=0, watch=lambda _s, _l, batch: seen.append(batch))
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
    [
        ("Invalid precision 'float16'", {"precision": "float16"}),
        ("Invalid width '0'", {"width": 0}),
        ("Invalid dropout '-0.1'", {"dropout": -0.1}),
        ("Invalid dropout '1'. Must be at least 0 and below 1", {"dropout": 1}),
    ],
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


@pytest.mark.parametrize("name", sorted(ARMS))
def test_the_key_of_a_kept_run_is_the_same_whenever_it_is_asked_for(name, task):
    first = task.key(ARMS[name], 0, "photos")
    objective = ARMS[name].objective(task.curves)  # kept alive: the next one has another address
    assert task.key(ARMS[name], 0, "photos") == first
    assert "0x" not in repr(objective)


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

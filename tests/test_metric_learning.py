"""The distance for pytorch-metric-learning, inside its real losses, wrappers and miners."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import trainer_ranks
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import distances, losses, miners

from variogeo import (
    DecorrelationWeighting,
    Exponential,
    MaskWeighting,
    NearWeighting,
    ResidualWeighting,
    UniformWeighting,
)
from variogeo.nn import NegativeWeights
from variogeo.trainers import metric_learning as adapter
from variogeo.trainers.metric_learning import GeoWeightedDistance

EXAMPLE = Path(__file__).parents[1] / "examples" / "train_metric_learning.py"
CURVE = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
UNIFORM = NegativeWeights(UniformWeighting(), order="lonlat", units="deg", coincident="weight")
DECORRELATION = NegativeWeights(DecorrelationWeighting(CURVE), order="lonlat", units="deg")
RESIDUAL = NegativeWeights(ResidualWeighting(CURVE, 2.0), order="lonlat", units="deg", feature_width=3)
NEAR = NegativeWeights(NearWeighting(5.0, 1000.0), order="lonlat", units="deg")
UNIFORM_MASKED = NegativeWeights(UniformWeighting(), order="lonlat", units="deg")
LABELS = torch.tensor([0, 0, 1, 1, 1, 2, 2, 3])
T = 0.2
DISTANCES = pytest.mark.parametrize(
    "inner",
    [distances.CosineSimilarity(), distances.DotProductSimilarity(), distances.LpDistance(power=2)],
    ids=["cosine", "dot", "squared"],
)


def _batch(seed=0, rows=8):
    """Embeddings, and places: rows 0 to 4 in one town, 7 at the place of 6."""
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(rows, 4, generator=generator).requires_grad_()
    places = torch.rand(rows, 2, generator=generator) * torch.tensor([300.0, 140.0]) - 70
    places[:5] = places[0] + torch.rand(5, 2, generator=generator) / 10
    places[-1] = places[-2]
    return embeddings, places, torch.randn(rows, 3, generator=generator) + 1


def _gradient(loss, embeddings):
    (gradient,) = torch.autograd.grad(loss, embeddings)
    return loss.detach(), gradient


def _weight(weights, places, features, i, j):
    """Return the weight of row j as a negative of row i, asked for alone beside a positive elsewhere."""
    elsewhere, own = torch.tensor([[-170.0, 80.0], [170.0, -80.0]]), features[i : i + 1]
    columns = torch.cat([places[j : j + 1], elsewhere])
    sides = (own, torch.cat([features[j : j + 1], own, own]))
    log_weights = weights.log_weights(places[i : i + 1], columns, *sides, positives=torch.tensor([1]))
    return log_weights[0, 0].double().exp()


def _exponentials(inner, weights, embeddings, places, features, labels):
    """``w e^(s/T)`` of each pair, with weight 1 for pairs of one label, as a list of lists."""
    matrix = inner(embeddings.double())
    similarity = matrix if inner.is_inverted else -matrix
    return [
        [
            torch.exp(similarity[i, j] / T)
            * (1.0 if labels[i] == labels[j] else _weight(weights, places, features, i, j))
            for j in range(len(labels))
        ]
        for i in range(len(labels))
    ]


def _ntxent_by_hand(e, labels):
    """Return the mean over positive pairs of the log of positive over positive and negatives."""
    terms = []
    for i, label in enumerate(labels):
        negatives = sum(e[i][j] for j, other in enumerate(labels) if other != label)
        pairs = [j for j, other in enumerate(labels) if other == label and j != i]
        terms += [torch.log((e[i][j] + negatives) / e[i][j]) for j in pairs]
    return torch.stack(terms).mean()


def _supcon_by_hand(e, labels):
    """Return the mean over rows with positives of the mean log of positive over all others."""
    rows = []
    for i, label in enumerate(labels):
        everyone = sum(e[i][j] for j in range(len(labels)) if j != i)
        pairs = [j for j, other in enumerate(labels) if other == label and j != i]
        if pairs:
            rows.append(torch.stack([torch.log(everyone / e[i][j]) for j in pairs]).mean())
    return torch.stack(rows).mean()


CRITERIA = pytest.mark.parametrize(
    ("criterion", "by_hand"),
    [(losses.NTXentLoss, _ntxent_by_hand), (losses.SupConLoss, _supcon_by_hand)],
    ids=["NTXent", "SupCon"],
)


@DISTANCES
@pytest.mark.parametrize(
    "make",
    [
        lambda distance: losses.NTXentLoss(temperature=T, distance=distance),
        lambda distance: losses.SupConLoss(temperature=T, distance=distance),
        lambda distance: losses.NCALoss(softmax_scale=1 / T, distance=distance),
        lambda distance: losses.MultiSimilarityLoss(distance=distance),
        lambda distance: losses.TripletMarginLoss(distance=distance),
    ],
    ids=["NTXent", "SupCon", "NCA", "MultiSimilarity", "TripletMargin"],
)
def test_uniform_weights_give_the_plain_loss_and_its_gradient(inner, make):
    embeddings, places, _ = _batch()
    distance = GeoWeightedDistance(inner, UNIFORM, T)
    ours = _gradient(make(distance)(distance.ride_along(embeddings, places, LABELS), LABELS), embeddings)
    theirs = _gradient(make(inner)(embeddings, LABELS), embeddings)
    assert theirs[1].abs().max() > 1e-4
    torch.testing.assert_close(ours, theirs)


@DISTANCES
@CRITERIA
@pytest.mark.parametrize("weights", [DECORRELATION, RESIDUAL], ids=["decorrelation", "residual"])
def test_weights_give_the_loss_made_by_hand_and_its_gradient(inner, criterion, by_hand, weights):
    embeddings, places, features = _batch()
    distance = GeoWeightedDistance(inner, weights, T)
    riding = distance.ride_along(embeddings, places, LABELS, features=features)
    assert riding.shape == (8, 4 + distance.extra_columns)
    ours = _gradient(criterion(temperature=T, distance=distance)(riding, LABELS), embeddings)
    exponentials = _exponentials(inner, weights, embeddings, places, features, LABELS)
    loss, gradient = _gradient(by_hand(exponentials, LABELS), embeddings)
    torch.testing.assert_close(ours, (loss.float(), gradient), rtol=1e-4, atol=1e-5)
    plain = criterion(temperature=T, distance=inner)(embeddings, LABELS)
    assert abs(plain - ours[0]) > 0.02


@CRITERIA
def test_mean_weights_of_a_row_are_held_at_one_over_its_negatives(criterion, by_hand):
    weights = NegativeWeights(NearWeighting(5.0, 1000.0), order="lonlat", units="deg", row_mean_one=True)
    embeddings, places, features = _batch()
    inner = distances.CosineSimilarity()
    raw = [[_weight(NEAR, places, features, i, j) for j in range(8)] for i in range(8)]
    similarity = inner(embeddings.double())
    exponentials = []
    for i in range(8):
        left = [raw[i][j] for j in range(8) if LABELS[i] != LABELS[j] and raw[i][j] > 0]
        mean = torch.stack(left).mean()
        row = [1.0 if LABELS[i] == LABELS[j] else raw[i][j] / mean for j in range(8)]
        exponentials.append([torch.exp(similarity[i, j] / T) * row[j] for j in range(8)])
    distance = GeoWeightedDistance(inner, weights, T)
    loss = criterion(temperature=T, distance=distance)(distance.ride_along(embeddings, places, LABELS), LABELS)
    torch.testing.assert_close(loss, by_hand(exponentials, LABELS).float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("symmetric", [True, False])
def test_self_supervised_views_are_each_others_positives_by_index(symmetric):
    """Two views of 8 photos at one and the same place each, which coincidence must not mask."""
    first, places, features = _batch()
    second = _batch(1)[0]
    distance = GeoWeightedDistance(distances.CosineSimilarity(), DECORRELATION, T)
    numbers = torch.arange(8)
    views = [distance.ride_along(view, places, numbers) for view in (first, second)]
    loss = losses.SelfSupervisedLoss(losses.NTXentLoss(temperature=T, distance=distance), symmetric=symmetric)(*views)
    twice = [torch.cat([values, values]) for values in (places, features, numbers)]
    inner, both = distances.CosineSimilarity(), torch.cat([first, second])
    e = _exponentials(inner, DECORRELATION, both, twice[0], twice[1], twice[2])
    if symmetric:
        expected = _ntxent_by_hand(e, twice[2])
    else:
        rows = [[e[i][8 + j] for j in range(8)] for i in range(8)]
        expected = torch.stack([torch.log(sum(rows[i]) / rows[i][i]) for i in range(8)]).mean()
    torch.testing.assert_close(loss, expected.float(), rtol=1e-4, atol=1e-5)


@CRITERIA
def test_places_come_along_through_the_memory_of_cross_batch_memory(criterion, by_hand):
    """Three batches of 8 through a memory of 16: the third is contrasted with the second and itself."""
    distance = GeoWeightedDistance(distances.CosineSimilarity(), RESIDUAL, T)
    memory = losses.CrossBatchMemory(
        criterion(temperature=T, distance=distance), embedding_size=4 + distance.extra_columns, memory_size=16
    )
    batches = [_batch(seed) for seed in range(3)]
    for embeddings, places, features in batches:
        loss = memory(distance.ride_along(embeddings, places, LABELS, features=features), LABELS)
    ours = _gradient(loss, batches[2][0])

    remembered = [torch.cat([batches[2][k], batches[1][k].detach()]) for k in range(3)]
    labels = torch.cat([LABELS, LABELS])
    # Of the memory nothing has a gradient, so the columns are detached, and only the batch has rows.
    inner = distances.CosineSimilarity()
    columns = remembered[0].detach().double()
    similarity = inner(batches[2][0].double(), columns)
    weight = [
        [1.0 if labels[i] == labels[j] else _weight(RESIDUAL, *remembered[1:], i, j) for j in range(16)]
        for i in range(8)
    ]
    e = [[torch.exp(similarity[i, j] / T) * weight[i][j] for j in range(16)] for i in range(8)]
    terms, means = [], []
    for i in range(8):
        negatives = sum(e[i][j] for j in range(16) if labels[j] != labels[i])
        pairs = [j for j in range(16) if labels[j] == labels[i] and j != i]
        terms += [torch.log((e[i][j] + negatives) / e[i][j]) for j in pairs]
        everyone = negatives + sum(e[i][j] for j in pairs)
        means.append(torch.stack([torch.log(everyone / e[i][j]) for j in pairs]).mean())
    expected, gradient = _gradient(torch.stack(terms if by_hand is _ntxent_by_hand else means).mean(), batches[2][0])
    torch.testing.assert_close(ours, (expected.float(), gradient), rtol=1e-4, atol=1e-5)


def test_two_ranks_of_the_distributed_wrapper_equal_one_process(tmp_path):
    """The wrapper gives each rank the loss of all rows times the ranks, which the mean of DDP takes away again."""
    command = [sys.executable, trainer_ranks.__file__, "metric_learning", str(tmp_path)]
    subprocess.run(command, check=True, timeout=300)
    ranks = [np.load(tmp_path / f"{rank}.npz") for rank in range(2)]
    for case in ("all", "memory"):
        expected = trainer_ranks.metric_step(slice(None), case, wrapped=False)
        gradient = np.concatenate([found[f"{case}/gradient"] for found in ranks])
        np.testing.assert_allclose([found[f"{case}/loss"] for found in ranks], 2 * expected["loss"], rtol=1e-5)
        if case == "all":
            np.testing.assert_allclose(gradient, 2 * expected["gradient"], rtol=1e-4, atol=1e-6)
    # The efficient form takes the mean over the positive pairs of each rank's own rows.
    expected = trainer_ranks.metric_step(slice(None), "efficient", wrapped=False)["loss"]
    anchors = [7, 11]
    shares = [found["efficient/loss"] / 2 * count for found, count in zip(ranks, anchors, strict=True)]
    assert sum(shares) / sum(anchors) == pytest.approx(expected, rel=1e-5)


def test_a_miner_sees_the_same_distances():
    """A hard negative in the anchor's own town has so little weight that the miner leaves it out."""
    embeddings, places, _ = _batch()
    near = NegativeWeights(DecorrelationWeighting(Exponential(0.0, 1.0, 500.0)), order="lonlat", units="deg")
    distance = GeoWeightedDistance(distances.CosineSimilarity(), near, 1.0)
    miner = miners.BatchHardMiner(distance=distance)
    anchors, _, negatives = miner(distance.ride_along(embeddings, places, LABELS), LABELS)
    assert len(anchors) > 4
    matrix = torch.where(LABELS[:, None] == LABELS, -torch.inf, distances.CosineSimilarity()(embeddings))
    town = torch.arange(8) < 5
    for anchor, negative in zip(anchors, negatives, strict=True):
        if town[anchor]:
            assert not town[negative]
            assert negative == matrix[anchor].masked_fill(town, -torch.inf).argmax()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    temperature=st.floats(0.01, 5.0),
    labels=st.lists(st.integers(0, 3), min_size=8, max_size=8),
)
def test_pairs_of_one_label_keep_their_distance_and_masked_ones_stay_finite(seed, temperature, labels):
    embeddings, places, _ = _batch(seed)
    labels = torch.tensor(labels)
    for row, twin in ((6, 7), (7, 6)):  # each at the place of the other, which must not be all that it has
        assume(labels[row] == labels[twin] or (labels[:6] != labels[row]).any())
    for inner in (distances.CosineSimilarity(), distances.LpDistance()):
        distance = GeoWeightedDistance(inner, DECORRELATION, temperature)
        riding = distance.ride_along(embeddings, places, labels)
        matrix, plain = distance(riding), inner(embeddings)
        one = labels[:, None] == labels
        torch.testing.assert_close(matrix[one], plain[one])
        assert matrix.isfinite().all()
        shift = (plain - matrix if inner.is_inverted else matrix - plain)[~one]
        assert (shift > -1e-4 * temperature).all()  # these weights are at most 1
        if labels[6] != labels[7]:
            masked = distance.smallest_dist(torch.stack([matrix[6, 7], torch.zeros(())])) == 0
            assert masked


def test_gradients_stay_finite_with_masked_negatives():
    embeddings, _, _ = _batch()
    places = torch.zeros(8, 2)
    places[7, 0] = 90.0
    distance = GeoWeightedDistance(distances.CosineSimilarity(), UNIFORM_MASKED, T)
    for criterion in (losses.NTXentLoss, losses.SupConLoss):
        loss = criterion(temperature=T, distance=distance)(distance.ride_along(embeddings, places, LABELS), LABELS)
        assert all(part.isfinite().all() for part in _gradient(loss, embeddings))


def test_a_scheme_that_is_fitted_anew_is_used_at_once():
    embeddings, places, _ = _batch()
    weights = NegativeWeights(UniformWeighting(), order="lonlat", units="deg")
    distance = GeoWeightedDistance(distances.CosineSimilarity(), weights, T)
    riding = distance.ride_along(embeddings, places, LABELS)
    before = distance(riding)
    weights.scheme = DECORRELATION.scheme
    expected = GeoWeightedDistance(distances.CosineSimilarity(), DECORRELATION, T)(riding)
    torch.testing.assert_close(distance(riding), expected)
    assert not torch.equal(before, expected)


@pytest.mark.parametrize("row_mean", [False, True])
def test_rows_of_one_label_have_no_negatives_and_a_loss_of_zero(row_mean):
    embeddings, places, _ = _batch()
    weights = NegativeWeights(MaskWeighting(within=1.0), order="lonlat", units="deg", row_mean_one=row_mean)
    distance = GeoWeightedDistance(distances.CosineSimilarity(), weights, T)
    labels = torch.zeros(8, dtype=torch.int64)
    for where in (places, torch.zeros(8, 2)):
        riding = distance.ride_along(embeddings, where, labels)
        for criterion in (losses.NTXentLoss, losses.NCALoss):
            theirs = criterion()(embeddings, labels)
            assert criterion(distance=distance)(riding, labels).item() == pytest.approx(theirs.item(), abs=1e-6)


def test_a_row_is_refused_whose_negatives_are_all_masked_though_a_positive_lies_far_away():
    """Row 1 shares its place with both negatives; its positive, row 0, is elsewhere. Row 0 has negatives."""
    places = torch.tensor([[90.0, 0.0], [8.0, 50.0], [8.0, 50.0], [8.0, 50.0]])
    labels = torch.tensor([0, 0, 1, 1])
    distance = GeoWeightedDistance(distances.CosineSimilarity(), UNIFORM_MASKED, T)
    riding = distance.ride_along(torch.eye(4), places, labels)
    with pytest.raises(ValueError, match=r"All negatives of 1 rows are masked: 1\."):
        losses.NTXentLoss(distance=distance)(riding, labels)


def test_features_are_held_against_the_curve_until_they_fit_and_again_for_another_scheme(monkeypatch):
    checked = []

    def check(sides, curve):
        checked.append((curve, len(sides.positives)))
        return len(checked) > 1

    monkeypatch.setattr("variogeo.trainers._riding_weights.check_feature_space", check)
    embeddings, places, features = _batch()
    weights = NegativeWeights(ResidualWeighting(CURVE, 2.0), order="lonlat", units="deg", feature_width=3)
    distance = GeoWeightedDistance(distances.CosineSimilarity(), weights, T)
    riding = distance.ride_along(embeddings, places, LABELS, features=features)
    for _ in range(4):
        distance(riding)
    assert checked == [(CURVE, 8), (CURVE, 8)]
    weights.scheme = ResidualWeighting(CURVE, 3.0)
    for _ in range(2):
        distance(riding)
    assert len(checked) == 3


def test_features_of_another_space_are_refused():
    generator = torch.Generator().manual_seed(0)
    embeddings, labels = torch.randn(12, 4, generator=generator), torch.arange(12)
    places = torch.rand(12, 2, generator=generator) * torch.tensor([300.0, 140.0]) - 70
    features = 1 + torch.rand(12, 3, generator=generator) / 100
    distance = GeoWeightedDistance(distances.CosineSimilarity(), RESIDUAL, T)
    with pytest.raises(ValueError, match="another space than the curve's"):
        distance(distance.ride_along(embeddings, places, labels, features=features))


@DISTANCES
def test_in_evaluation_the_loss_is_the_plain_one(inner):
    embeddings, places, _ = _batch()
    loss = losses.NTXentLoss(temperature=T, distance=GeoWeightedDistance(inner, DECORRELATION, T))
    riding = loss.distance.ride_along(embeddings, places, LABELS)
    theirs = losses.NTXentLoss(temperature=T, distance=inner)(embeddings, LABELS)
    torch.testing.assert_close(loss.eval()(riding, LABELS), theirs)
    assert abs(loss.train()(riding, LABELS) - theirs) > 0.02


def test_half_precision_and_autocast_keep_the_places():
    embeddings, places, _ = _batch()
    distance = GeoWeightedDistance(distances.CosineSimilarity(), DECORRELATION, T)
    expected = distance(distance.ride_along(embeddings, places, LABELS))
    riding = distance.ride_along(embeddings.to(torch.bfloat16), places, LABELS)
    assert riding.dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        matrix = distance(riding)
    assert matrix.dtype == torch.float32
    torch.testing.assert_close(matrix, expected, rtol=0, atol=0.02)
    double = distance.ride_along(embeddings.double(), places.double(), LABELS)
    assert double.dtype == torch.float64


@pytest.mark.parametrize("units", ["rad", "e7"])
def test_places_may_be_written_in_any_unit(units):
    embeddings, places, _ = _batch()
    written = {"rad": torch.deg2rad(places.double()), "e7": (places.double() * 1e7).round().to(torch.int32)}[units]
    weights = NegativeWeights(DECORRELATION.scheme, order="lonlat", units=units)
    distance = GeoWeightedDistance(distances.CosineSimilarity(), weights, T)
    reference = GeoWeightedDistance(distances.CosineSimilarity(), DECORRELATION, T)
    expected = reference(reference.ride_along(embeddings, places, LABELS))
    torch.testing.assert_close(distance(distance.ride_along(embeddings, written, LABELS)), expected, rtol=0, atol=1e-3)


def test_embeddings_that_carry_no_places_are_refused():
    distance = GeoWeightedDistance(distances.CosineSimilarity(), DECORRELATION, T)
    embeddings = torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    loss = losses.NTXentLoss(distance=distance)
    with pytest.raises(ValueError, match=r"carry no places. Pass distance.ride_along"):
        loss(embeddings, LABELS)
    with pytest.raises(ValueError, match=r"shape \(8, 4\) carry no places"):
        loss(embeddings[:, :4], LABELS)


@pytest.mark.parametrize(
    ("weights", "labels", "features", "error", "message"),
    [
        (DECORRELATION, LABELS[:3], None, ValueError, r"Invalid labels of shape \(3,\) for 8 embeddings"),
        (DECORRELATION, LABELS + 2**24, None, ValueError, "labels has values up to 16777219. Must be below 16777216"),
        (RESIDUAL, LABELS, None, TypeError, "ResidualWeighting needs features"),
        (
            DECORRELATION,
            LABELS.tolist(),
            None,
            TypeError,
            r"Invalid labels of type list. Must be a tensor: torch.as_tensor",
        ),
        (RESIDUAL, LABELS, [[0.0] * 3] * 8, TypeError, "Invalid features of type list. Must be a tensor"),
        (RESIDUAL, LABELS, torch.zeros(8, 2), ValueError, r"Invalid features of shape \(8, 2\). Must be \(8, 3\)"),
    ],
)
def test_what_cannot_ride_along_is_refused(weights, labels, features, error, message):
    embeddings, places, _ = _batch()
    distance = GeoWeightedDistance(distances.CosineSimilarity(), weights, T)
    with pytest.raises(error, match=message):
        distance.ride_along(embeddings, places, labels, features=features)


@pytest.mark.parametrize(
    ("distance", "weights", "temperature", "error", "message"),
    [
        (torch.cdist, DECORRELATION, T, TypeError, r"Must be a distance, e.g. CosineSimilarity\(\)"),
        (distances.CosineSimilarity(), UniformWeighting(), T, TypeError, "Must be NegativeWeights"),
        (distances.CosineSimilarity(), DECORRELATION, 0.0, ValueError, "temperature '0.0'. Must be greater than 0"),
        (
            distances.CosineSimilarity(),
            NegativeWeights(ResidualWeighting(CURVE), order="lonlat", units="deg"),
            T,
            TypeError,
            r"NegativeWeights\(..., feature_width=768\)",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(distance, weights, temperature, error, message):
    with pytest.raises(error, match=message):
        GeoWeightedDistance(distance, weights, temperature)


def test_distances_of_rows_side_by_side_are_refused():
    distance = GeoWeightedDistance(distances.CosineSimilarity(), DECORRELATION, T)
    with pytest.raises(NotImplementedError, match=r"Use the inner one: distance.distance"):
        distance.pairwise_distance(torch.zeros(2, 8), torch.zeros(2, 8))


def test_without_pytorch_metric_learning_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning.distances", None)
    with pytest.raises(ImportError, match=r"pip install 'variogeo\[metric-learning\]'"):
        runpy.run_path(adapter.__file__)


def test_the_example_trains_and_says_how_it_went(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "median error" in capsys.readouterr().out


def test_nothing_is_looked_at_off_the_host(monkeypatch):
    """Rows whose negatives are all at one place: refused on the host, left to the loss elsewhere."""
    from variogeo.trainers import metric_learning

    weights = NegativeWeights(UniformWeighting(), order="lonlat", units="deg")
    distance = metric_learning.GeoWeightedDistance(distances.CosineSimilarity(), weights, temperature=0.1)
    rows = distance.ride_along(torch.eye(2), torch.zeros(2, 2), torch.arange(2))
    with pytest.raises(ValueError, match="masked"):
        distance(rows, rows)
    monkeypatch.setattr(metric_learning, "on_host", lambda _: False)
    assert distance(rows, rows).isfinite().all()

"""MultipleNegativesRankingLoss, plain and cached, with weighted negatives, against the real losses."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import trainer_ranks
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
)
from sentence_transformers.sentence_transformer.modules import BoW, Dense
from sentence_transformers.util import cos_sim, dot_score

from variogeo import DecorrelationWeighting, Exponential, NearWeighting, ResidualWeighting, UniformWeighting
from variogeo.nn import NegativeWeights
from variogeo.trainers import sentence_transformers as adapter
from variogeo.trainers.sentence_transformers import (
    WeightedCachedMultipleNegativesRankingLoss,
    WeightedMultipleNegativesRankingLoss,
)

EXAMPLE = Path(__file__).parents[1] / "examples" / "train_sentence_transformers.py"
CURVE = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
UNIFORM = NegativeWeights(UniformWeighting(), order="lonlat", units="deg", coincident="weight")
DECORRELATION = NegativeWeights(DecorrelationWeighting(CURVE), order="lonlat", units="deg")
RESIDUAL = NegativeWeights(ResidualWeighting(CURVE, 2.0), order="lonlat", units="deg")
WORDS = ["sea", "rain", "harbour", "hill", "tower", "snow", "palm", "road"]
ROWS = 7
OF_ONE_KIND = ("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")
ALL_WAYS = [
    {"directions": ("query_to_doc",)},
    {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"},
    {"directions": OF_ONE_KIND},
]
WAYS = pytest.mark.parametrize("way", ALL_WAYS, ids=["one direction", "both directions", "all four"])
CACHED = pytest.mark.parametrize("cached", [False, True], ids=["plain", "cached"])


def _model():
    torch.manual_seed(0)
    layers = [BoW(WORDS), Dense(len(WORDS), 12), Dense(12, 6)]
    return SentenceTransformer(modules=layers, device="cpu")


def _texts(seed):
    """Seven sentences of three words."""
    generator = torch.Generator().manual_seed(seed)
    return [" ".join(WORDS[k] for k in torch.randint(8, (3,), generator=generator)) for _ in range(ROWS)]


def _columns(model, documents):
    return [model.preprocess(_texts(seed)) for seed in range(1 + documents)]


def _places(documents):
    """(7, documents, 2) places: the pairs 0 to 3 in one town, 4 at the place of 3, the negatives near their pair."""
    generator = torch.Generator().manual_seed(5)
    places = torch.rand(ROWS, documents, 2, generator=generator) * torch.tensor([300.0, 140.0]) - 70
    places[1:4, 0] = places[0, 0] + torch.rand(3, 2, generator=generator) / 10
    places[4, 0] = places[3, 0]
    places[:, 1:] = places[:, :1] + torch.rand(ROWS, documents - 1, 2, generator=generator)
    return places


def _ours(model, weights, *, cached, **settings):
    if cached:
        return WeightedCachedMultipleNegativesRankingLoss(model, weights, mini_batch_size=3, **settings)
    return WeightedMultipleNegativesRankingLoss(model, weights, **settings)


def _gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return [loss.detach(), *(parameter.grad.clone() for parameter in model.parameters())]


def _assert_same(ours, theirs):
    assert len(ours) == len(theirs) == 5
    for one, other in zip(ours, theirs, strict=True):
        assert other.abs().max() > 1e-3
        torch.testing.assert_close(one, other, rtol=2e-5, atol=2e-6)


@CACHED
@WAYS
@pytest.mark.parametrize("documents", [1, 3])
def test_uniform_weights_give_the_plain_loss_and_its_gradients(cached, way, documents):
    model = _model()
    theirs = CachedMultipleNegativesRankingLoss if cached else MultipleNegativesRankingLoss
    sliced = {"mini_batch_size": 3} if cached else {}
    plain = theirs(model, **sliced, **way)(_columns(model, documents), None)
    expected = _gradients(model, plain)
    ours = _ours(model, UNIFORM, cached=cached, **way)(_columns(model, documents), _places(documents))
    _assert_same(_gradients(model, ours), expected)


def _weight_between(weights, first, second, features=(None, None)):
    """Return the weight of one negative: two places asked for alone, beside a positive elsewhere."""
    columns = torch.stack([second, torch.tensor([-170.0, 80.0]), torch.tensor([170.0, -80.0])])
    one, other = features
    sides = (None, None) if one is None else (one[None], torch.stack([other, one, one]))
    log_weights = weights.log_weights(first[None], columns, *sides, positives=torch.tensor([1]))
    return log_weights[0, 0].double().exp()


def _by_hand(model, weights, places, way, scale=20.0, features=None):
    """Return the loss from its definition, term by term: each negative's exponential times its weight."""
    documents = places.shape[1]
    columns = [model(column)["sentence_embedding"].double() for column in _columns(model, documents)]
    unit = [column / column.norm(dim=1, keepdim=True) for column in columns]

    def term(first, second):
        (column_a, i), (column_b, j) = first, second
        similarity = torch.exp(scale * unit[column_a][i] @ unit[column_b][j])
        is_pair = i == j and {column_a, column_b} == {0, 1}
        where = [places[row, max(column - 1, 0)] for column, row in (first, second)]
        seen = (
            (None, None) if features is None else (features[i, max(column_a - 1, 0)], features[j, max(column_b - 1, 0)])
        )
        return similarity if is_pair else similarity * _weight_between(weights, *where, seen)

    total = 0.0
    for i in range(ROWS):
        others = [j for j in range(ROWS) if j != i]
        every = [(column, j) for column in range(1, documents + 1) for j in range(ROWS)]
        pools = {
            "query_to_doc": [term((0, i), document) for document in every],
            "query_to_query": [term((0, i), (0, j)) for j in others],
            "doc_to_query": [term((0, j), (1, i)) for j in range(ROWS)],
            "doc_to_doc": [term(document, (1, i)) for document in every if document[1] != i],
        }
        sums = [torch.stack(pools[name]).sum() for name in way["directions"]]
        positive = torch.log(term((0, i), (1, i)))
        if way.get("partition_mode") == "per_direction":
            total = total + torch.stack(sums).log().mean() - positive
        else:
            total = total + torch.stack(sums).sum().log() - positive
    return total / ROWS


@CACHED
@WAYS
@pytest.mark.parametrize("documents", [1, 3])
def test_weights_give_the_loss_made_by_hand_and_its_gradients(cached, way, documents):
    model, places = _model(), _places(documents)
    labels = places[:, 0] if documents == 1 else places
    ours = _ours(model, DECORRELATION, cached=cached, **way)(_columns(model, documents), labels)
    gradients = _gradients(model, ours)
    expected = _gradients(model, _by_hand(model, DECORRELATION, places, way))
    expected[0] = expected[0].float()
    _assert_same(gradients, expected)
    plain = MultipleNegativesRankingLoss(model, **way)(_columns(model, documents), None)
    assert abs(plain - ours) > 0.05


@CACHED
def test_frozen_features_behind_the_coordinates_reach_the_scheme(cached):
    model, places = _model(), _places(1)
    features = torch.randn(ROWS, 1, 5, generator=torch.Generator().manual_seed(2)) + 1
    way = ALL_WAYS[0]
    ours = _ours(model, RESIDUAL, cached=cached, **way)(_columns(model, 1), torch.cat([places, features], dim=2)[:, 0])
    expected = _by_hand(model, RESIDUAL, places, way, features=features)
    torch.testing.assert_close(ours.double(), expected, rtol=1e-5, atol=0)


def test_two_ranks_that_gather_equal_one_process(tmp_path):
    """Loss and gradient, averaged over the ranks as DDP does; with explicit negatives and all directions."""
    command = [sys.executable, trainer_ranks.__file__, "sentence_transformers", str(tmp_path)]
    subprocess.run(command, check=True, timeout=300)
    ranks = [np.load(tmp_path / f"{rank}.npz") for rank in range(2)]
    for case in ("plain", "cached"):
        expected = trainer_ranks.sentence_step(slice(None), cached=case == "cached", gather=False)
        for name, value in expected.items():
            mean = (ranks[0][f"{case}/{name}"] + ranks[1][f"{case}/{name}"]) / 2
            np.testing.assert_allclose(mean, value, rtol=1e-4, atol=1e-6)


@CACHED
def test_the_positive_counts_in_full_where_all_are_at_one_place_but_one(cached):
    """Rows 3 and 4 share a place: each masks the other, and keeps its own positive."""
    model, places = _model(), _places(1)[:, 0]
    similarity = cos_sim(*(model(column)["sentence_embedding"] for column in _columns(model, 1))).double()
    loss = _ours(model, NegativeWeights(UniformWeighting(), order="lonlat", units="deg"), cached=cached)
    others = torch.ones(ROWS, ROWS, dtype=torch.bool)
    others[3, 4] = others[4, 3] = False
    terms = torch.exp(20.0 * similarity) * others
    expected = (terms.sum(dim=1).log() - 20.0 * similarity.diagonal()).mean()
    torch.testing.assert_close(loss(_columns(model, 1), places).double(), expected, rtol=1e-5, atol=0)


@CACHED
def test_the_scale_and_the_similarity_of_the_loss_are_used(cached):
    model, places = _model(), _places(1)[:, 0]
    loss = _ours(model, DECORRELATION, cached=cached, scale=3.0, similarity_fct=dot_score)
    queries, documents = (model(column)["sentence_embedding"].double() for column in _columns(model, 1))
    for scale in (3.0, 0.5):
        loss.scale = scale
        logits = scale * queries @ documents.T + DECORRELATION.log_weights(places, places)
        expected = (logits.logsumexp(dim=1) - logits.diagonal()).mean()
        torch.testing.assert_close(loss(_columns(model, 1), places).double(), expected, rtol=1e-5, atol=0)


@CACHED
def test_row_mean_one_serves_the_direction_that_has_its_rows(cached):
    weights = NegativeWeights(NearWeighting(5.0, 1000.0), order="lonlat", units="deg", row_mean_one=True)
    model, places = _model(), _places(1)[:, 0]
    similarity = cos_sim(*(model(column)["sentence_embedding"] for column in _columns(model, 1))).double()
    logits = 20.0 * similarity + weights.log_weights(places, places)
    expected = (logits.logsumexp(dim=1) - logits.diagonal()).mean()
    loss = _ours(model, weights, cached=cached)(_columns(model, 1), places)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=0)
    with pytest.raises(ValueError, match=r"Must be \('query_to_doc',\)"):
        _ours(model, weights, cached=cached, directions=("query_to_doc", "doc_to_query"))


@CACHED
def test_without_gradients_the_loss_is_the_plain_one(cached):
    model, places = _model(), _places(1)[:, 0]
    loss = _ours(model, DECORRELATION, cached=cached)
    with torch.no_grad():
        plain = MultipleNegativesRankingLoss(model)(_columns(model, 1), None)
        torch.testing.assert_close(loss(_columns(model, 1), places), plain)
    assert abs(loss(_columns(model, 1), places) - plain) > 0.05


@CACHED
def test_a_matryoshka_loss_may_wrap_it(cached):
    """Its loss at 6 and at 4 columns, added: the embeddings are cut before places ride along."""
    model, places = _model(), _places(1)[:, 0]
    nested = MatryoshkaLoss(model, _ours(model, DECORRELATION, cached=cached), [6, 4])
    queries, documents = (model(column)["sentence_embedding"].double() for column in _columns(model, 1))
    expected = 0.0
    for width in (6, 4):
        logits = 20.0 * cos_sim(queries[:, :width], documents[:, :width]) + DECORRELATION.log_weights(places, places)
        expected = expected + (logits.logsumexp(dim=1) - logits.diagonal()).mean()
    torch.testing.assert_close(nested(_columns(model, 1), places).double(), expected, rtol=1e-5, atol=0)


def test_embeddings_in_half_precision_find_their_places():
    """bfloat16 has no row number above 256: row 300 would find the place of another."""
    generator = torch.Generator().manual_seed(3)
    embeddings = torch.randn(2, 400, 8, generator=generator).to(torch.bfloat16)
    places = torch.rand(400, 2, generator=generator) * 100 - 50
    loss = WeightedMultipleNegativesRankingLoss(_model(), DECORRELATION)
    logits = 20.0 * cos_sim(*embeddings.float()) + DECORRELATION.log_weights(places, places)
    expected = (logits.logsumexp(dim=1) - logits.diagonal()).mean()
    torch.testing.assert_close(loss.compute_loss_from_embeddings(list(embeddings), places), expected)


@pytest.mark.parametrize("units", ["deg", "e7"])
def test_the_label_column_comes_through_the_collator_of_the_trainer(units):
    model, places = _model(), _places(1)[:, 0].double()
    written = {"deg": places.tolist(), "e7": (places * 1e7).round().to(torch.int64).tolist()}[units]
    rows = [
        {"anchor": anchor, "positive": positive, "label": label}
        for anchor, positive, label in zip(_texts(0), _texts(1), written, strict=True)
    ]
    batch = SentenceTransformerDataCollator(preprocess_fn=model.preprocess)(rows)
    columns = [{"sentence_embedding": batch[f"{name}_sentence_embedding"]} for name in ("anchor", "positive")]
    weights = NegativeWeights(DecorrelationWeighting(CURVE), order="lonlat", units=units)
    expected = WeightedMultipleNegativesRankingLoss(model, DECORRELATION)(_columns(model, 1), places)
    torch.testing.assert_close(WeightedMultipleNegativesRankingLoss(model, weights)(columns, batch["label"]), expected)


def test_the_model_card_names_similarity_and_weights():
    loss = WeightedCachedMultipleNegativesRankingLoss(_model(), DECORRELATION)
    assert "cos_sim" in loss.get_config_dict()["similarity_fct"]
    assert "DecorrelationWeighting" in loss.get_config_dict()["similarity_fct"]


@CACHED
@pytest.mark.parametrize(
    ("documents", "labels", "message"),
    [
        (1, None, "no column of places. Add a column 'label'"),
        (1, torch.zeros(ROWS), r"Must be \(n, 2\): the place"),
        (1, torch.zeros(5, 2), r"shape \(5, 2\) for 7 anchors with 1 documents"),
        (3, torch.zeros(ROWS, 2), r"Must be \(n, 3, 2\): the place of anchor and positive, then of each"),
    ],
)
def test_labels_that_do_not_fit_are_refused(cached, documents, labels, message):
    model = _model()
    with pytest.raises(ValueError, match=message):
        _ours(model, DECORRELATION, cached=cached)(_columns(model, documents), labels)


def test_labels_without_the_features_of_the_scheme_are_refused():
    model = _model()
    with pytest.raises(TypeError, match="ResidualWeighting needs the frozen features"):
        WeightedMultipleNegativesRankingLoss(model, RESIDUAL)(_columns(model, 1), _places(1)[:, 0])


@CACHED
def test_a_scheme_alone_is_refused(cached):
    with pytest.raises(TypeError, match=r"Must be NegativeWeights"):
        _ours(_model(), UniformWeighting(), cached=cached)


def test_without_sentence_transformers_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ImportError, match=r"pip install 'variogeo\[sentence-transformers\]'"):
        runpy.run_path(adapter.__file__)


def test_the_example_trains_and_says_how_it_went(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "median error" in capsys.readouterr().out

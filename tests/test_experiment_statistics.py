"""Paired differences between arms: one error for other seeds and other places."""

import dataclasses
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scipy import stats  # noqa: E402
from small_experiment import (  # noqa: E402
    simulated_split,
    small_task,
)

from variogeo.experiments import (  # noqa: E402
    ExperimentResult,
    _runs,
    _statistics,
    chosen_arms,
)
from variogeo.experiments._blocks import bootstrap_means  # noqa: E402
from variogeo.experiments._statistics import OUTCOMES, PRIMARY, Difference, difference, paired_difference  # noqa: E402
from variogeo.experiments._verdict import in_words, verdict  # noqa: E402


@pytest.fixture(scope="module")
def split():
    return simulated_split()


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


def _per_seed(arm, plain):
    scores = [
        [
            np.concatenate([5000 * np.exp(-run.errors[f"test {kind}"] / 1492.7) for kind in ("known", "new")])
            for run in runs
        ]
        for runs in (arm, plain)
    ]
    return np.subtract(*scores).mean(axis=1)


def test_the_interval_over_seeds_is_students(split):
    arm, plain = _shifted(split, 30.0, noise=200.0)
    found = difference(arm, plain, split, PRIMARY, "test")
    per_seed = _per_seed(arm, plain)
    assert found.estimate == pytest.approx(per_seed.mean())
    assert found.seeds == pytest.approx(tuple(stats.ttest_1samp(per_seed, 0.0).confidence_interval()))


def test_the_error_is_that_of_seeds_and_blocks_together(split):
    arm, plain = _shifted(split, 2.0, noise=200.0)
    found = difference(arm, plain, split, PRIMARY, "test")
    per_seed = _per_seed(arm, plain)
    blocks = np.concatenate([split.queries[f"test {kind}"].blocks for kind in ("known", "new")])
    scores = np.mean(
        [
            np.concatenate([
                5000 * np.exp(-a.errors[f"test {kind}"] / 1492.7) - 5000 * np.exp(-b.errors[f"test {kind}"] / 1492.7)
                for kind in ("known", "new")
            ])
            for a, b in zip(arm, plain, strict=True)
        ],
        axis=0,
    )  # fmt: skip
    of_seeds, of_blocks = stats.sem(per_seed), bootstrap_means(scores, blocks).std()
    error = np.sqrt(of_seeds**2 + of_blocks**2)
    freedom = error**4 / (of_seeds**4 / 3)
    student = stats.t(freedom, loc=found.estimate, scale=error)
    assert found.interval == pytest.approx(student.interval(0.95), rel=1e-6)
    assert found.p_value == pytest.approx(2 * min(student.cdf(0.0), student.sf(0.0)), rel=1e-6)
    assert 0.001 < found.p_value < 0.999


def test_the_interval_excludes_no_difference_where_the_p_value_is_small():
    generator = np.random.default_rng(0)
    blocks = np.repeat(np.arange(30), 2)
    told = []
    for shift in np.linspace(0, 2, 40):
        found = paired_difference(shift + generator.normal(size=(3, 60)), blocks)
        told.append(found.p_value < 0.05)
        assert (found.interval[0] > 0 or found.interval[1] < 0) == told[-1]
    assert 5 < sum(told) < 40


@pytest.mark.parametrize(("of_seed", "of_block"), [(3.0, 10.0), (1.0, 10.0), (3.0, 1.0)])
def test_a_test_without_a_difference_is_wrong_in_one_of_twenty(of_seed, of_block):
    # Other seeds and other places at once: every experiment draws its own seeds and its own blocks.
    generator = np.random.default_rng(11)
    blocks = np.repeat(np.arange(100), 2)
    tries, wrong = 400, 0
    for _ in range(tries):
        seeds = generator.normal(0, of_seed, (3, 1))
        places = generator.normal(0, of_block, 100)[blocks]
        wrong += paired_difference(seeds + places + generator.normal(0, 5, (3, 200)), blocks).p_value < 0.05
    # Three standard errors of a share of 5 % above it; below, noise of single photos counts twice.
    assert 0.01 < wrong / tries < 0.05 + 3 * np.sqrt(0.05 * 0.95 / tries)


def test_a_clear_gain_is_told(split):
    arm, plain = _shifted(split, 300.0)
    found = difference(arm, plain, split, PRIMARY, "validation")
    assert 0 < found.blocks[0] < found.estimate < found.blocks[1]
    assert found.p_value < 1e-6


def test_neither_steady_seeds_nor_steady_places_alone_make_a_difference():
    blocks = np.arange(60)
    places = np.random.default_rng(2).normal(0, 30, 60)
    places += 4 - places.mean()
    steady_seeds = paired_difference(np.stack([places, places + 0.1, places - 0.1]), blocks)
    assert steady_seeds.seeds[0] > 0
    assert steady_seeds.p_value > 0.2
    steady_places = paired_difference(np.array([[1.0], [9.0], [2.0]]) + np.zeros(60), blocks)
    assert steady_places.blocks[0] > 0
    assert steady_places.p_value > 0.1


def test_equal_arms_differ_by_nothing(split):
    _, plain = _shifted(split, 0.0)
    found = difference(plain, plain, split, OUTCOMES[-1], "test")
    assert (found.estimate, found.blocks, found.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_one_seed_has_no_interval_and_no_p_value():
    found = paired_difference(np.array([[1.0, 2.0, 4.0]]), np.arange(3))
    assert np.isnan([*found.seeds, *found.interval, found.p_value]).all()
    assert found.blocks[0] < found.estimate < found.blocks[1]


def test_a_difference_without_any_spread_is_certain():
    found = paired_difference(np.full((3, 4), 2.0), np.arange(4))
    assert (found.interval, found.p_value) == ((2.0, 2.0), 0.0)


def test_seeds_that_agree_leave_the_error_of_the_blocks():
    # Without a spread over seeds the degrees of freedom are those of many blocks: the normal distribution.
    places = np.tile(np.array([1.0, 2.0, 4.0, 0.0]), (2, 1))
    found = paired_difference(places, np.arange(4))
    error = bootstrap_means(places[0], np.arange(4)).std()
    assert found.interval == pytest.approx(stats.norm(1.75, error).interval(0.95))


def made(estimate, p_value):
    return Difference(estimate, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), p_value)


def test_p_values_are_adjusted_for_the_number_of_arms():
    assert _statistics.adjusted([made(0.0, p) for p in (0.01, 0.04)]) == pytest.approx([0.02, 0.04])


@pytest.mark.parametrize(
    ("estimate", "p_value", "seeds", "words"),
    [
        (20.4, 0.01, 5, "better by 20 GeoScore"),
        (-20.4, 0.01, 5, "worse by 20 GeoScore"),
        (20.4, 0.06, 5, r"no difference shown \(\+20 GeoScore\)"),
        (20.4, float("nan"), 1, "one seed, which shows nothing"),
    ],
)
def test_a_difference_is_said_in_words(estimate, p_value, seeds, words):
    assert re.search(words, in_words(made(estimate, p_value), p_value, seeds))


# The verdict: arms whose errors are those of plain, less or more kilometres


def made_result(task, shifts, count=3):
    generator = np.random.default_rng(5)
    bases = [
        {name: generator.uniform(200, 3000, len(q.lonlat)) for name, q in task.split.queries.items()}
        for _ in range(count)
    ]
    figures = {"mean_weight": 2.0, "changed_share": 0.5, "pairs_in_range": 1.0, "steps": 1.0}
    arms = chosen_arms(shifts)

    def run(name, seed):
        shift = shifts.get(name, 0.0)
        noise = generator.normal(0, 5)
        errors = {kind: np.maximum(0.0, values - shift - noise) for kind, values in bases[seed].items()}
        return _runs.Run(name, seed, errors, figures, np.ones(len(task.coherence.edges) - 1))

    runs = {arm.name: tuple(run(arm.name, seed) for seed in range(count)) for arm in arms}
    ratio = dict.fromkeys(runs, 1.0)
    return ExperimentResult(
        task, arms, tuple(range(count)), runs, ratio, np.ones(len(task.coherence.edges) - 1), {}, {}
    )


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return small_task(tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize(
    ("shifts", "expected", "absent"),
    [
        (
            {"hard": 200.0, "shuffled": 0.0, "similarity": 50.0},
            ["hard negatives, beta 2: better by", "minus its control similarity, no geography: better by",
             "helps here because of geography, as far as its controls tell: it beats the baseline and the same, "
             "shuffled in the row; similarity, no geography."],
            "No weighting is shown",
        ),
        (
            {"hard": 200.0, "shuffled": 0.0, "similarity": 200.0},
            ["hard negatives, beta 2: better by", "minus its control similarity, no geography: no difference shown",
             "not shown to beat its control: similarity, no geography. That geography is the reason is not shown."],
            "because of geography",
        ),
        (
            {"hard": 200.0, "similarity": 400.0},
            ["minus its control similarity, no geography: worse by", "not shown to beat its control"],
            "because of geography",
        ),
        (
            {"hard": -200.0, "similarity": -400.0},
            ["minus its control similarity, no geography: better by", "No weighting is shown to help here."],
            "because of geography",
        ),
        (
            {"hard": 200.0},
            ["hard negatives, beta 2: has no control among the arms. That geography is the reason is not shown."],
            "minus its control",
        ),
    ],
)  # fmt: skip
def test_geography_is_the_reason_only_where_the_controls_are_beaten(task, shifts, expected, absent):
    text = " ".join(verdict(made_result(task, shifts)).split())
    for words in expected:
        assert words in text
    assert absent not in text


def test_a_known_loser_must_lose_where_the_documents_say(task):
    result = made_result(task, {"soft-75km": -300.0, "hcl": -300.0})
    # All are more than 25 km off: both lose GeoScore, which is what HCL must lose, but not soft labels.
    assert "known to lose: soft labels, 75 km (25 km, known). The" in " ".join(verdict(result).split())
    near = {
        name: tuple(
            dataclasses.replace(
                run, errors={k: np.full(len(e), 10.0 if name != "soft-75km" else 90.0) for k, e in run.errors.items()}
            )
            for run in runs
        )
        for name, runs in result.runs.items()
    }
    text = " ".join(verdict(dataclasses.replace(result, runs=near)).split())
    assert "known to lose: HCL, beta 0.5 (GeoScore). The" in text


def test_one_seed_tells_no_scheme_from_its_controls(task):
    text = verdict(made_result(task, {"hard": 200.0, "similarity": 0.0}, count=1))
    assert text.count("one seed, which shows nothing") == 3
    assert "No weighting is shown to help here." in text
    assert "are not resolved" not in text

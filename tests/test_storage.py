"""Saved values: equal when read back, refused when a byte differs, whole or not written at all."""

import dataclasses
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

import variogeo
from variogeo import (
    DataError,
    DecorrelationWeighting,
    EmpiricalVariogram,
    Exponential,
    Gaussian,
    LagBins,
    Matern,
    ResidualWeighting,
    Spherical,
    Stable,
    ThesisMultiplier,
    _storage,
    empirical_variogram,
    variogram_from_pairs,
)

MODEL = Exponential(nugget=0.1, partial_sill=1 / 3, effective_range=123.456)
MODELS = [
    Spherical(nugget=0.0, partial_sill=20.0, effective_range=10.0),
    MODEL,
    Gaussian(nugget=1e-300, partial_sill=1e300, effective_range=5e-324),
    Stable(nugget=0.1, partial_sill=0.2, effective_range=2000.0, shape=0.7),
    Matern(nugget=0, partial_sill=1, effective_range=np.float32(0.1), smoothness=1.5),
]
SCHEMES = [
    DecorrelationWeighting(MODEL),
    ResidualWeighting(MODEL, strength=2.5),
    ResidualWeighting(MODEL, beyond=np.inf, within=0.0, spread=0.07),
    ResidualWeighting(MODELS[3], beyond=5000.0, within=10.0),
    ThesisMultiplier(MODELS[3]),
]
FIELDS = {"class": "Exponential", "nugget": 0.1, "partial_sill": 0.2, "effective_range": 3.0}


def variogram() -> EmpiricalVariogram:
    """Return a variogram with an empty bin (300..301 km) and one pair at zero lag."""
    lonlat = np.array([[8.0, 50.0], [8.0, 50.0], [8.1, 50.0], [9.0, 51.0], [12.0, 47.0]])
    vectors = np.random.default_rng(1).normal(size=(5, 3))
    return empirical_variogram(lonlat, vectors, LagBins([1, 20, 300, 301, 900]))


def saved(value: object, folder: Path) -> bytes:
    path = folder / "saved.json"
    value.save(path, overwrite=True)  # type: ignore[attr-defined]
    return path.read_bytes()


def load_bytes(raw: bytes, folder: Path) -> object:
    path = folder / "given.json"
    path.write_bytes(raw)
    return variogeo.load(path)


def load_value(value: object, folder: Path, kind: str = "model") -> object:
    """Load a document whose checksum is right, so that only its content can be refused."""
    return load_bytes(_storage.dump_document(kind, {"value": value}).encode(), folder)


def test_a_variogram_with_an_empty_bin_and_zero_lag_pairs_is_equal_after_loading(tmp_path: Path) -> None:
    empirical = variogram()
    assert empirical.npairs[2] == 0
    assert empirical.colocated.npairs == 1
    loaded = load_bytes(saved(empirical, tmp_path), tmp_path)
    assert loaded == empirical
    assert np.array_equal(loaded.semivariance, empirical.semivariance, equal_nan=True)  # type: ignore[attr-defined]
    assert loaded.sill_apriori == empirical.sill_apriori  # type: ignore[attr-defined]


def test_a_variogram_of_given_pairs_is_equal_after_loading(tmp_path: Path) -> None:
    empirical = variogram_from_pairs([0.0, 0.1, 7.0], [0.0, 1 / 3, 2e100], LagBins([0.0, 0.1, 1 / 3, 10]))
    assert load_bytes(saved(empirical, tmp_path), tmp_path) == empirical


def test_a_loaded_variogram_adds_to_the_one_it_was_saved_from(tmp_path: Path) -> None:
    empirical = variogram()
    loaded = load_bytes(saved(empirical, tmp_path), tmp_path)
    assert (loaded + empirical).npairs.tolist() == (2 * empirical.npairs).tolist()  # type: ignore[operator]


def test_a_document_is_json_that_names_its_format_schema_and_checksum(tmp_path: Path) -> None:
    document = json.loads(saved(MODEL, tmp_path))
    assert document["format"] == "variogeo.model"
    assert document["schema"] == 5
    assert re.fullmatch("[0-9a-f]{64}", document["sha256"])
    assert document["value"]["effective_range"] == 123.456


def test_equal_values_are_equal_bytes(tmp_path: Path) -> None:
    twin = Exponential(effective_range=np.float64(123.456), partial_sill=1 / 3, nugget=0.1)  # another order and type
    assert saved(twin, tmp_path) == saved(MODEL, tmp_path)
    assert saved(variogram(), tmp_path) == saved(variogram(), tmp_path)


@pytest.mark.parametrize("value", [MODEL, variogram_from_pairs([1.0], [0.5], LagBins([0, 2]))], ids=repr)
def test_every_single_changed_byte_is_refused(value: object, tmp_path: Path) -> None:
    raw = saved(value, tmp_path)
    loaded = []
    for position, byte in enumerate(raw):
        # Another digit or letter, a flipped low and high bit, a character of JSON's grammar, and a space.
        for other in {byte ^ 1, byte ^ 128, ord("0"), ord("9"), ord('"'), ord(" "), 0} - {byte}:
            changed = raw[:position] + bytes([other]) + raw[position + 1 :]
            try:
                _storage.parse_document(changed, "changed")
            except DataError:
                continue
            loaded.append((position, other))
    assert loaded == []


def test_a_changed_digit_is_refused_by_the_checksum(tmp_path: Path) -> None:
    raw = saved(MODEL, tmp_path)
    assert raw.count(b"123.456") == 1
    with pytest.raises(DataError, match="does not match its checksum: it was changed after it was saved"):
        load_bytes(raw.replace(b"123.456", b"123.457"), tmp_path)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    raw = saved(MODEL, tmp_path)
    for length in range(len(raw)):
        with pytest.raises(DataError):
            _storage.parse_document(raw[:length], "truncated")


@pytest.mark.parametrize("tail", [b"\n", b" ", b"\0", b"}", b"{}", b"1"])
def test_appended_bytes_are_refused(tail: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        load_bytes(saved(MODEL, tmp_path) + tail, tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_another_encoding_of_the_same_text_is_refused(encoding: str, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        load_bytes(saved(MODEL, tmp_path).decode().encode(encoding), tmp_path)


def test_reordered_keys_are_refused(tmp_path: Path) -> None:
    document = json.loads(saved(MODEL, tmp_path))
    text = json.dumps(dict(reversed(document.items())), separators=(",", ":")) + "\n"
    with pytest.raises(DataError, match="does not match its checksum"):
        load_bytes(text.encode(), tmp_path)


def test_a_newer_schema_says_to_upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_storage, "SCHEMA", 6)
    raw = saved(MODEL, tmp_path)
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"written by schema 6; this version reads up to 5\. Upgrade variogeo"):
        load_bytes(raw, tmp_path)


def test_a_model_of_the_first_schema_is_read_and_a_variogram_of_it_says_to_make_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_storage, "SCHEMA", 1)
    model, empirical = saved(MODEL, tmp_path), saved(variogram(), tmp_path)
    monkeypatch.undo()
    assert load_bytes(model, tmp_path) == MODEL
    with pytest.raises(DataError, match=r"schema 1; this version reads empirical_variogram from 3 on\. Make it again"):
        load_bytes(empirical, tmp_path)


def test_a_variogram_of_schema_4_is_read_without_model_and_width(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = dataclasses.replace(variogram(), model_id="clip", width=8)
    value = _storage.encode(given)
    del value["model_id"], value["width"]
    monkeypatch.setattr(_storage, "SCHEMA", 4)
    raw = _storage.dump_document("empirical_variogram", {"value": value}).encode()
    monkeypatch.undo()
    loaded = load_bytes(raw, tmp_path)
    assert loaded == dataclasses.replace(given, model_id=None, width=None)
    assert load_bytes(saved(given, tmp_path), tmp_path) == given


@pytest.mark.parametrize("schema", ["0", "-1", "1.0", "true", '"1"', "null", "[]"])
def test_a_schema_that_is_no_version_is_refused(schema: str, tmp_path: Path) -> None:
    raw = saved(MODEL, tmp_path).replace(b'"schema":5', b'"schema":' + schema.encode())
    with pytest.raises(DataError, match="Must be a whole number of at least 1"):
        load_bytes(raw, tmp_path)


HOSTILE_TEXT = {
    "NaN": ('{"format":"variogeo.model","value":NaN}', "holds NaN, which is not a number"),
    "Infinity": ('{"format":"variogeo.model","value":-Infinity}', "holds -Infinity, which is not a number"),
    "a number beyond floats": ('{"format":"variogeo.model","value":1e400}', "holds 1e400, which is too large"),
    "a number of 5000 digits": ('{"format":"variogeo.model","value":' + "9" * 5000 + "}", "not a JSON document"),
    "the same key twice": ('{"format":"variogeo.model","format":"variogeo.model"}', "the same key twice"),
    "the same field twice": ('{"value":{"nugget":1,"nugget":2}}', "the same key twice"),
    "100 000 brackets": ("[" * 100_000 + "]" * 100_000, "more than 100 lists and objects"),
    "100 000 objects": ('{"a":' * 100_000 + "1" + "}" * 100_000, "more than 100 lists and objects"),
    "a list": ("[1, 2]", "no 'format'"),
    "a number": ("1", "no 'format'"),
    "an object without a format": ('{"schema":1}', "no 'format'"),
    "another format": ('{"format":"pickle","schema":1}', "no 'format'"),
    "a format that is a list": ('{"format":["variogeo.model"],"schema":1}', "no 'format'"),
    "no checksum": ('{"format":"variogeo.model","schema":1}', "does not match its checksum"),
    "a checksum that is a list": ('{"format":"variogeo.model","schema":1,"sha256":[]}', "does not match its checksum"),
    "a lone surrogate": ('{"format":"variogeo.model","schema":1,"a":"\\ud800"}', "does not match its checksum"),
    "nothing": ("", "not a JSON document"),
    "text": ("<html></html>", "not a JSON document"),
    "a pickle": ("\x80\x04\x95", "never unpickles"),
}


@pytest.mark.parametrize(("text", "words"), HOSTILE_TEXT.values(), ids=HOSTILE_TEXT.keys())
def test_hostile_text_is_refused_with_its_own_message(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words) as error:
        load_bytes(text.encode("latin-1"), tmp_path)
    assert "given.json" in str(error.value)


HOSTILE_VALUES = {
    "negative sill": ({**FIELDS, "partial_sill": -0.2}, r"Exponential that cannot be made.*at least 0"),
    "range of zero": ({**FIELDS, "effective_range": 0.0}, "Must be greater than 0"),
    "an integer beyond floats": ({**FIELDS, "nugget": 10**400}, "Must be finite"),
    "infinity spelled as in a threshold": ({**FIELDS, "nugget": "inf"}, "Must be finite"),
    "text for a number": ({**FIELDS, "nugget": "0.1"}, "Must be a number"),
    "true for a number": ({**FIELDS, "nugget": True}, "Must be a number"),
    "null for a number": ({**FIELDS, "nugget": None}, "Must be a number"),
    "a list for a number": ({**FIELDS, "nugget": [0.1]}, "Must be a number"),
    "a model for a number": ({**FIELDS, "nugget": FIELDS}, "Must be a number"),
    "a whole number for a float": ({**FIELDS, "partial_sill": 1}, "a number of another type"),
    "unknown field": ({**FIELDS, "colour": 1.0}, "unexpected keyword argument 'colour'"),
    "missing field": ({"class": "Exponential", "nugget": 0.1}, "missing 2 required"),
    "unknown class": ({**FIELDS, "class": "Popen"}, "holds a 'Popen'. This version knows Exponential"),
    "no class": ({"nugget": 0.1}, "holds a None"),
    "a class that is a list": ({**FIELDS, "class": ["Exponential"]}, "This version knows"),
    "a scheme": ({"class": "DecorrelationWeighting", "model": FIELDS}, "This version knows"),
    "no object": (3.0, "holds a float as 'model'"),
    "null": (None, "holds a NoneType as 'model'"),
}


@pytest.mark.parametrize(("value", "words"), HOSTILE_VALUES.values(), ids=HOSTILE_VALUES.keys())
def test_a_hostile_model_with_a_right_checksum_is_refused(value: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        load_value(value, tmp_path)


def test_the_fields_that_the_hostile_models_change_do_load(tmp_path: Path) -> None:
    assert load_value(FIELDS, tmp_path) == Exponential(0.1, 0.2, 3.0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (FIELDS, "holds a Exponential as 'weighting'"),
        ({"class": "DecorrelationWeighting", "model": 3.0}, "Invalid model of type int|Invalid model of type float"),
        ({"class": "DecorrelationWeighting", "model": {**FIELDS, "nugget": -1.0}}, "at least 0"),
        ({"class": "DecorrelationWeighting"}, "missing 1 required"),
        ({"class": "ResidualWeighting", "model": FIELDS, "beyond": 1.0, "within": 2.0}, "Must not overlap"),
        ({"class": "ResidualWeighting", "model": FIELDS, "beyond": "far"}, "cannot be made"),
    ],
)
def test_a_hostile_scheme_with_a_right_checksum_is_refused(value: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        load_value(value, tmp_path, "weighting")


def sums(**changed: object) -> dict[str, object]:
    """Return the document of a variogram's value with one bin, its sums changed."""
    encoded = _storage.encode(variogram_from_pairs([1.0], [0.5], LagBins([0, 2])))
    return {**encoded, "sums": {**encoded["sums"], **changed}}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (sums(npairs=[0, 1, 2]), "3 positions but bins needs 2"),
        (sums(lag=[1.0]), "1 positions but bins needs 2.*lag"),
        (sums(term_squared=[[0.0], [1.0]]), "positions but bins needs 2.*term_squared"),
        (sums(term=3.0), "positions but bins needs 2"),
        (sums(npairs=[0, -1]), "Must not be negative"),
        (sums(lag=["inf", 1.0]), "lag that is not finite"),
        (sums(term=[0.0, "nan"]), "term that is not finite"),
        (sums(npairs=[0.5, 1.5]), "a number of another type"),
        (sums(npairs=[0, 10**30]), "cannot be made"),
        (sums(lag=["0", "1"]), "a number of another type"),
        (sums(lag=["a", "b"]), "cannot be made"),
        (sums(lag=[[1.0], [1.0, 2.0]]), "cannot be made"),
        (sums(total_npairs="inf"), "cannot be made"),
        ({**sums(), "sums": "none"}, "Invalid sums of type str. Must be LagSums"),
        ({**sums(), "bins": sums()["sums"]}, "Invalid bins of type LagSums. Must be LagBins"),
        ({**sums(), "bins": {"class": "LagBins", "edges": [2.0, 1.0]}}, "Must increase strictly"),
        ({**sums(), "bins": {"class": "LagBins", "edges": "abc"}}, "cannot be made"),
        ({**sums(), "metric": 5}, "Invalid metric of type int. Must be str"),
        ({"class": "LagBins", "edges": [1.0, 2.0]}, "holds a LagBins as 'empirical_variogram'"),
    ],
)
def test_a_hostile_variogram_with_a_right_checksum_is_refused(value: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        load_value(value, tmp_path, "empirical_variogram")


def test_an_unknown_kind_of_document_is_refused_with_the_kinds_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'trainer'\. This version reads empirical_variogram, model, weighting"):
        load_value(FIELDS, tmp_path, "trainer")


def test_a_document_with_more_than_a_value_is_refused(tmp_path: Path) -> None:
    raw = _storage.dump_document("model", {"value": FIELDS, "code": "print()"}).encode()
    with pytest.raises(DataError, match="This version reads"):
        load_bytes(raw, tmp_path)


def test_a_file_beyond_the_limit_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _storage._LARGEST == 64 * 2**20
    raw = saved(MODEL, tmp_path)
    monkeypatch.setattr(_storage, "_LARGEST", len(raw))
    assert load_bytes(raw, tmp_path) == MODEL
    with pytest.raises(DataError, match="has more than 0 MB"):
        load_bytes(raw + b" ", tmp_path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs the device of endless zeros")
def test_an_endless_device_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match="/dev/zero is not a file"):
        variogeo.load("/dev/zero")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.json"):
        variogeo.load(tmp_path / "absent.json")


@pytest.mark.parametrize("value", [MODEL, SCHEMES[0], SCHEMES[-1], variogram()], ids=lambda value: type(value).__name__)
def test_saving_over_a_file_needs_overwrite(value: object, tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match=r"value\.json exists\. Pass overwrite=True"):
        value.save(path)  # type: ignore[attr-defined]
    assert path.read_text() == "precious"
    value.save(path, overwrite=True)  # type: ignore[attr-defined]
    assert variogeo.load(path) == value


def test_saving_into_a_missing_folder_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent is not a folder\. Make it first"):
        MODEL.save(tmp_path / "absent" / "model.json")


@pytest.mark.parametrize("failing", ["fsync", "fdopen"])
def test_a_write_that_fails_leaves_nothing_behind(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, *_: object) -> None:
        if failing == "fdopen":
            os.close(handle)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left on device"):
        MODEL.save(tmp_path / "model.json")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_keeps_the_file_it_was_to_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.json"
    MODEL.save(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        MODELS[0].save(path, overwrite=True)
    assert list(tmp_path.iterdir()) == [path]
    assert variogeo.load(path) == MODEL


def test_an_interrupted_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        MODEL.save(tmp_path / "model.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_mode_of_a_saved_file_honours_the_umask(umask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        MODEL.save(tmp_path / "model.json")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert (tmp_path / "model.json").stat().st_mode & 0o777 == mode


@pytest.mark.skipif(os.name != "posix", reason="symbolic links need rights elsewhere")
def test_saving_over_a_symbolic_link_leaves_its_target_alone(tmp_path: Path) -> None:
    target = tmp_path / "target.json"
    target.write_text("precious")
    (tmp_path / "link.json").symlink_to(target)
    MODEL.save(tmp_path / "link.json", overwrite=True)
    assert target.read_text() == "precious"
    assert variogeo.load(tmp_path / "link.json") == MODEL


def test_what_was_saved_can_be_loaded_also_with_many_bins(tmp_path: Path) -> None:
    """40 000 bins make a file of more than a megabyte."""
    lag = np.linspace(0.1, 20_000, 50_000)
    empirical = variogram_from_pairs(lag, np.sqrt(lag) / 150, LagBins.linear(0, 20_000, 40_000))
    empirical.save(tmp_path / "many.json")
    assert (tmp_path / "many.json").stat().st_size > 2**20
    assert variogeo.load(tmp_path / "many.json") == empirical

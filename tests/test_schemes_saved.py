"""Documents of schemes: older ones, hostile ones, and those with more parts than load takes."""

import json
import math

import pytest

import variogeo
from variogeo import DataError, Exponential, LagSpread, MaskWeighting, Nested, ResidualWeighting, SumWeighting, _storage
from variogeo.nn import NegativeWeights

CURVE = Exponential(0.1, 0.2, 300.0)
FIELDS = {"class": "Exponential", "nugget": 0.1, "partial_sill": 0.2, "effective_range": 300.0}
MASK = {"class": "MaskWeighting", "within": 25.0, "beyond": 0.0, "coincident": True}


def load_value(value, tmp_path, *, schema=None):
    """Write a value with a right checksum, as a stranger could, and load it."""
    content = {"format": "variogeo.weighting", "schema": schema or _storage.SCHEMA, "value": value}
    (tmp_path / "value.json").write_bytes(_storage._dump(_storage._sealed(content)))
    return variogeo.load(tmp_path / "value.json")


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_a_residual_of_an_older_schema_has_no_mask_and_still_loads(schema, tmp_path):
    thresholds = {"beyond": "inf", "within": 300.0}
    value = {"class": "ResidualWeighting", "model": FIELDS, "strength": 2.0, "spread": 0.05, **thresholds}
    loaded = load_value(value, tmp_path, schema=schema)
    assert loaded == ResidualWeighting(CURVE, 2.0, beyond=math.inf, spread=0.05)
    assert loaded.mask_above == math.inf


def test_a_number_of_another_type_is_refused_also_in_an_older_document(tmp_path):
    value = {"class": "ResidualWeighting", "model": FIELDS, "strength": 2, "beyond": "inf", "within": 300.0}
    with pytest.raises(DataError, match="a number of another type"):
        load_value(value, tmp_path, schema=3)


def spread(**changed):
    """Return the document of a residual with a spread per lag, the latter changed."""
    given = {"class": "LagSpread", "lag": [1.0, 2.0], "spread": [0.1, 0.2], **changed}
    sides = {"beyond": 300.0, "within": 300.0, "mask_above": "inf"}
    return {"class": "ResidualWeighting", "model": FIELDS, "strength": 1.0, "spread": given, **sides}


def test_a_field_that_is_missing_is_refused_where_this_version_wrote_it(tmp_path):
    whole = spread()
    for name in ("beyond", "within", "mask_above"):
        value = {key: entry for key, entry in whole.items() if key != name}
        with pytest.raises(DataError, match="a field is missing"):
            load_value(value, tmp_path)
        assert isinstance(load_value(value, tmp_path, schema=_storage.SCHEMA - 1), ResidualWeighting)


def sum_of(*parts):
    """Return the document of a sum."""
    return {"class": "SumWeighting", "parts": list(parts)}


def test_the_documents_that_the_hostile_ones_change_do_load(tmp_path):
    assert load_value(spread(), tmp_path).spread == LagSpread((1.0, 2.0), (0.1, 0.2))
    for schema in (_storage.SCHEMA, _storage.SCHEMA - 1):
        assert load_value(sum_of(MASK, MASK), tmp_path, schema=schema) == SumWeighting((MaskWeighting(25.0),) * 2)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (spread(lag=[2.0, 1.0]), "Must increase strictly"),
        (spread(lag=[1.0]), "spread has 2 numbers but lag has 1"),
        (spread(lag="1.0"), "LagSpread that cannot be made.*Must be a sequence"),
        (spread(lag=["1.0", "2.0"]), "cannot be made.*Must be a number"),
        (spread(lag=[1, 2]), "a number of another type"),
        (spread(spread=[0.1, -0.2]), r"spread\[1\] '-0.2'. Must be greater than 0"),
        (spread()["spread"], "holds a LagSpread as 'weighting'"),
        (sum_of(), "parts with 0 schemes"),
        (sum_of(MASK, 3.0), "part 1 of type float"),
        (sum_of(MASK, FIELDS), "part 1 of type Exponential"),
        (sum_of(MASK, {**MASK, "class": "Popen"}), "holds a 'Popen'"),
        (sum_of(MASK, {**MASK, "within": -1.0}), "MaskWeighting that cannot be made"),
        (sum_of(sum_of(MASK, MASK), MASK), "does not hold what SumWeighting.save writes"),
        ({"class": "SumWeighting", "parts": MASK}, "parts of type MaskWeighting"),
        ({**MASK, "coincident": 1}, "Must be True or False"),
        ({**MASK, "within": 25}, "a number of another type"),
    ],
)
def test_a_hostile_scheme_with_a_right_checksum_is_refused(value, words, tmp_path):
    with pytest.raises(DataError, match=words):
        load_value(value, tmp_path)


def test_more_parts_than_load_takes_are_refused_when_saved(tmp_path):
    curve = Nested(Exponential(0.1, 0.1, 20.0), Exponential(0.0, 0.1, 900.0))
    part = ResidualWeighting(curve, spread=LagSpread((1.0, 10.0), (0.1, 0.2)))
    most = SumWeighting((part,) * 13)
    most.save(tmp_path / "most.json")
    assert variogeo.load(tmp_path / "most.json") == most
    with pytest.raises(
        ValueError, match=r"has more than 100 lists and objects, which load refuses\. Add fewer schemes"
    ):
        (most + most).save(tmp_path / "more.json")
    assert [file.name for file in tmp_path.iterdir()] == ["most.json"]
    with pytest.raises(ValueError, match="more than 100 lists and objects"):
        NegativeWeights(most + most, order="lonlat", units="deg").state_dict()


def test_a_document_holds_each_part_and_each_number(tmp_path):
    scheme = ResidualWeighting(CURVE, spread=LagSpread((1.0, 10.0), (0.1, 1 / 3))) + MaskWeighting(5.0)
    scheme.save(tmp_path / "scheme.json")
    value = json.loads((tmp_path / "scheme.json").read_text())["value"]
    assert [part["class"] for part in value["parts"]] == ["ResidualWeighting", "MaskWeighting"]
    assert value["parts"][0]["spread"] == {"class": "LagSpread", "lag": [1.0, 10.0], "spread": [0.1, 1 / 3]}
    assert value["parts"][0]["mask_above"] == "inf"

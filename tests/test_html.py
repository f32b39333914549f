"""Pieces of HTML: escaped, well formed, and what is drawn equals the numbers."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from variogeo._html import (
    LONGEST,
    Html,
    card,
    escaped,
    folded,
    key_html,
    note_html,
    number,
    sparkline,
    table_html,
)

NASTY = "<script>alert(1)</script> & \"quotes\" 'too' `${x}`"
SVG = "{http://www.w3.org/2000/svg}"


def shapes(svg, tag):
    return list(ET.fromstring(svg).iter(f"{SVG}{tag}"))


def test_text_is_shown_literally():
    text = escaped(NASTY)
    assert "<" not in text
    assert ET.fromstring(f"<p>{text}</p>").text == NASTY


def test_what_is_html_already_is_taken_as_it_is_and_template_engines_know_it():
    bold = Html("<b>bold</b>")
    assert escaped(bold) is bold
    assert bold.__html__() == "<b>bold</b>"


def test_lines_control_characters_and_turned_writing_become_spaces():
    assert escaped("a\nb\tc\x00d\u202ee\ud800f") == "a b c d e f"


def test_a_long_text_is_cut_and_says_so():
    assert escaped("x" * LONGEST) == "x" * LONGEST
    assert escaped("x" * 10_000) == "x" * LONGEST + "…"
    # Cut before it is escaped: no half of an entity is left.
    assert escaped("&" * 10_000) == "&amp;" * LONGEST + "…"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"), (np.int64(12), "12"), (0.123456, "0.1235"), (1234.56, "1,235"), (123456.7, "123,457"),
        (1e20, "1e+20"), (float("nan"), "nan"), (-float("inf"), "-inf"), (np.float32(0.5), "0.5"),
    ],
)  # fmt: skip
def test_numbers_have_the_digits_that_are_read(value, text):
    assert number(value) == text


def test_a_table_holds_its_cells_in_order_and_numbers_stand_to_the_right():
    table = ET.fromstring(table_html(("name", "value", "sure"), [(NASTY, 0.5, True), ("b", np.int64(2000), False)]))
    assert [cell.text for cell in table.iter("th")] == ["name", "value", "sure"]
    assert [cell.text for cell in table.iter("td")] == [NASTY, "0.5", "True", "b", "2,000", "False"]
    sides = [
        re.search("text-align:(left|right)", cell.get("style"))[1] for cell in [*table.iter("th"), *table.iter("td")]
    ]
    assert sides == ["left", "right", "left"] * 3


def test_a_table_may_have_no_headers_or_no_rows():
    facts = ET.fromstring(table_html((), [("pairs", 3)]))
    assert facts.find("thead") is None
    assert [cell.text for cell in facts.iter("td")] == ["pairs", "3"]
    empty = ET.fromstring(table_html(("a", "b"), []))
    assert [cell.text for cell in empty.iter("th")] == ["a", "b"]


def test_a_card_escapes_its_texts_and_keeps_its_html():
    found = ET.fromstring(card(NASTY, NASTY, Html("<i>kept</i>"), "", note=NASTY))
    assert [part.text for part in found] == [NASTY, NASTY, None, NASTY]
    assert found[2][0].tag == "i"
    assert len(ET.fromstring(card("title"))) == 1


def test_a_note_keeps_its_lines():
    assert ET.fromstring(note_html(f"one\n{NASTY}")).text == f"one\n{NASTY}"


def test_what_is_folded_has_its_summary():
    found = ET.fromstring(folded(NASTY, table_html((), [(1,)])))
    assert (found.tag, found[0].text, found[1].tag) == ("details", NASTY, "table")


def test_a_key_has_the_colours_of_the_curves_and_no_endless_list():
    key, svg = key_html(["a", NASTY]), sparkline([1, 2], [[1, 2], [2, 3]], marks="line")
    colours = [shape.get("stroke") for shape in shapes(svg, "path")[1:]]
    assert [span.get("style") for span in ET.fromstring(key).iter("span")][1::2] == [f"color:{one}" for one in colours]
    assert "and 88 more" in key_html(range(100))


def test_a_small_curve_has_a_dot_for_each_value_as_high_as_it_is():
    dots = shapes(sparkline([0.0, 5.0, 10.0], [0.0, 1.0, 2.0]), "circle")
    x, y = (np.array([float(dot.get(name)) for dot in dots]) for name in ("cx", "cy"))
    assert np.allclose(np.diff(x), x[1] - x[0])
    assert np.allclose(np.diff(y), y[1] - y[0])
    assert y[0] > y[2]


def test_lags_over_a_decade_are_drawn_in_their_logarithm_and_other_numbers_are_not():
    wide = [float(dot.get("cx")) for dot in shapes(sparkline([1, 10, 100], [1, 1, 2]), "circle")]
    assert wide[1] - wide[0] == pytest.approx(wide[2] - wide[1], abs=0.11)
    plain = [float(dot.get("cx")) for dot in shapes(sparkline([1, 10, 100], [1, 1, 2], unit=""), "circle")]
    assert (plain[1] - plain[0]) * 10 == pytest.approx(plain[2] - plain[1], abs=1.1)


def test_the_axes_say_their_ends():
    texts = [text.text for text in shapes(sparkline([1, 100], [-2.0, 0.5]), "text")]
    assert texts == ["0.5", "-2", "1", "100 km"]
    # From 0 by default, from the least value when that is asked for.
    assert [text.text for text in shapes(sparkline([1, 2], [3.0, 4.0]), "text")][:2] == ["4", "0"]
    assert [text.text for text in shapes(sparkline([1, 2], [3.0, 4.0], zero=False), "text")][:2] == ["4", "3"]


def test_a_level_curve_and_a_single_point_lie_in_the_middle():
    svg = sparkline([1, 2], [0.0, 0.0])
    assert {dot.get("cy") for dot in shapes(svg, "circle")} == {"36.0"}
    assert [text.text for text in shapes(svg, "text")][:2] == ["0", None]
    (dot,) = shapes(sparkline([7.0], [1.0]), "circle")
    assert dot.get("cx") == "120.0"


def test_what_is_not_finite_is_left_out_and_breaks_the_line():
    svg = sparkline([1, 2, 3, 4, np.nan], [1.0, np.inf, 2.0, 3.0, 4.0])
    assert len(shapes(svg, "circle")) == 3
    assert shapes(svg, "path")[1].get("d").count("M") == 2
    assert shapes(svg, "text")[0].text == "3"


@pytest.mark.parametrize(("x", "y"), [([], []), ([1, 2], [np.nan, np.nan]), ([np.nan], [1.0])])
def test_where_there_is_nothing_to_draw_nothing_is_drawn(x, y):
    assert sparkline(x, y) == ""


def test_a_band_goes_along_its_upper_limit_and_back_along_the_lower_one():
    svg = sparkline([1, 2, 3], [1.0, 2.0, 3.0], band=([0.0, 1.0, np.nan], [2.0, 4.0, np.nan]))
    area = shapes(svg, "path")[1].get("d")
    assert area == "M5.0 36.0 L120.0 5.0 L120.0 51.5 L5.0 67.0Z"
    without = sparkline([1, 2], [1.0, 2.0], band=([np.nan] * 2, [np.nan] * 2))
    assert len(shapes(without, "path")) == 2


def test_curves_may_be_lines_dashes_or_points():
    drawn = {marks: sparkline([1, 2], [1, 2], marks=marks) for marks in ("dots", "line", "dashes", "points")}
    counts = {marks: (len(shapes(svg, "path")) - 1, len(shapes(svg, "circle"))) for marks, svg in drawn.items()}
    assert counts == {"dots": (1, 2), "line": (1, 0), "dashes": (1, 0), "points": (0, 2)}
    assert ["stroke-dasharray" in svg for svg in drawn.values()] == [False, False, True, False]


def test_a_small_curve_has_its_label_for_screen_readers():
    assert shapes(sparkline([1, 2], [1, 2], label=NASTY), "title")[0].text == NASTY
    assert not shapes(sparkline([1, 2], [1, 2]), "title")


def test_at_most_so_many_curves_are_drawn_as_are_told_apart():
    assert len(shapes(sparkline([1, 2], np.ones((100, 2)), marks="line"), "path")) == 1 + 24

"""The report in a real browser: what is selected, what is shown of hostile text, what leaves the page."""

import os
import shutil
import socket

import numpy as np
import pytest

import variogeo
from variogeo import LagBins
from variogeo.reporting._pair_classes import HARD_NEGATIVE

HOSTILE = (
    "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'></script>${window.hacked=1}`$x^2$ {{7*7}}"
)
READY = "document.documentElement.dataset.view === 'ready'"
MODEL = "Bokeh.documents[0].get_model_by_name"
DRAWN = 60_000
"""Milliseconds that a page may take on a busy machine."""


@pytest.fixture(scope="module")
def browser():
    """Start Debian's chromium; skip without it, but not where CI is set."""
    path = shutil.which("chromium")
    if path is None:
        message = "chromium is not installed: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def photos():
    """40 photos on both sides of the antimeridian; their embeddings vary with the place."""
    random = np.random.default_rng(0)
    lonlat = np.column_stack([random.uniform(172, 188, 40), random.uniform(-25, -10, 40)])
    waves = np.column_stack([np.sin(lonlat / 3), np.cos(lonlat / 3), np.ones((40, 1))])
    lonlat[:, 0] = np.where(lonlat[:, 0] > 180, lonlat[:, 0] - 360, lonlat[:, 0])
    return lonlat, waves + random.normal(0, 0.2, waves.shape)


@pytest.fixture(scope="module")
def file(photos, tmp_path_factory):
    """Write a report with hostile text in all that a user gives."""
    path = tmp_path_factory.mktemp("browser") / "report.html"
    labels = [f"{HOSTILE}\n{row // 2}" for row in range(40)]
    bins = LagBins.linear(0.0, 1500.0, 8)
    return variogeo.report(
        *photos, path, title=f"{HOSTILE}\n" + "n" * 10_000, model_id=HOSTILE, groups=labels, bins=bins
    )


@pytest.fixture(scope="module")
def opened(browser, file):
    """Open the report and write down all that the page says, asks for and refuses."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    said, requests = [], []
    page.on("console", lambda message: said.append((message.type, message.text)))
    page.on("pageerror", lambda error: said.append(("error", str(error))))
    page.on("request", lambda request: requests.append(request.url))
    page.add_init_script("document.addEventListener('securitypolicyviolation', e => console.error(e.blockedURI))")
    page.goto(file.as_uri())
    page.wait_for_function(READY, timeout=DRAWN)
    yield page, said, requests
    page.close()


@pytest.fixture
def page(opened):
    """Return the open report with nothing selected."""
    page = opened[0]
    page.click("#clear")
    assert selected(page) == []
    return page


def selected(page):
    """Return the numbers of the selected pairs."""
    return page.evaluate(f"[...{MODEL}('pairs').selected.indices]")


def column(page, name, table="pairs"):
    """Return a column of a table of the view."""
    return np.array(page.evaluate(f"[...{MODEL}('{table}').data.{name}]"))


def drag(page, figure, low, high):
    """Drag the mouse over a box of a figure, given in the data of its axes."""
    script = f"""(places) => {{
        const view = Bokeh.index.find_one({MODEL}('{figure}'));
        const frame = view.frame, box = view.canvas_view.el.getBoundingClientRect();
        return places.map(([x, y]) => [box.x + frame.x_scale.compute(x), box.y + frame.y_scale.compute(y)]);
    }}"""
    page.locator(f"#{figure}").scroll_into_view_if_needed()
    (x0, y0), (x1, y1) = page.evaluate(script, [list(low), list(high)])
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
    page.mouse.move(x1, y1)
    page.mouse.up()


def test_the_report_opens_without_an_error_and_without_a_request(opened, file):
    _, said, requests = opened
    assert [text for kind, text in said if kind not in ("info", "log", "debug")] == []
    assert requests == [file.as_uri()]


def test_a_box_in_the_cloud_selects_its_pairs_and_draws_them_on_the_map(page):
    lag, dissimilarity = column(page, "lag"), column(page, "dissimilarity")
    low, high = (100.0, 0.02), (600.0, 0.4)
    before = page.locator("#map").screenshot()
    drag(page, "cloud", low, high)
    page.wait_for_function(f"{MODEL}('pairs').selected.indices.length > 0")
    chosen = np.array(sorted(selected(page)))
    inside = (lag > low[0]) & (lag < high[0]) & (dissimilarity > low[1]) & (dissimilarity < high[1])
    # The mouse has whole pixels: pairs at the very edge of the box may be on either side.
    clear = np.abs(np.log(lag[:, None] / [low[0], high[0]])).min(axis=1) > 0.01
    clear &= np.abs(dissimilarity[:, None] - [low[1], high[1]]).min(axis=1) > 0.004
    assert 10 < inside.sum() < len(lag)
    np.testing.assert_array_equal(np.isin(np.flatnonzero(clear), chosen), inside[clear])
    ends = [column(page, f"{side}_{axis}") for side in "ab" for axis in ("longitude", "latitude")]
    lines = page.evaluate(f"{MODEL}('lines').data.longitude.map(line => [line[0], line[line.length - 1]])")
    order = selected(page)
    np.testing.assert_array_equal(lines, np.column_stack([ends[0][order], ends[2][order]]))
    assert f"{len(order)} of the pairs shown" in page.inner_text("#selection-text")
    assert page.locator("#selected-pairs tr").count() == 12
    page.wait_for_timeout(300)
    assert page.locator("#map").screenshot() != before


def test_a_box_on_the_map_selects_the_pairs_of_its_places(page):
    longitude, latitude = column(page, "longitude", "points"), column(page, "latitude", "points")
    low, high = (longitude.min() - 0.5, latitude.min() - 0.5), (180.0, latitude.max() + 0.5)
    drag(page, "map", low, high)
    page.wait_for_selector("#selection:not([hidden])")
    touched = (column(page, "a_longitude") < 180) | (column(page, "b_longitude") < 180)
    assert 0 < touched.sum() < len(touched)
    assert sorted(selected(page)) == np.flatnonzero(touched).tolist()


def drawn_lines(page):
    """Select a class, and return its pairs and the longitudes of their lines, None where one leaves the map."""
    page.click("button[data-kind='2']")
    lines = page.evaluate(f"{MODEL}('lines').data.longitude.map(line => line.map(x => isNaN(x) ? null : x))")
    return selected(page), lines


def test_lines_across_the_antimeridian_stay_on_a_map_of_its_two_sides(page):
    order, lines = drawn_lines(page)
    ends = np.column_stack([column(page, "a_longitude")[order], column(page, "b_longitude")[order]])
    assert ((ends.min(axis=1) < 180) & (ends.max(axis=1) > 180)).any()
    for line, own in zip(lines, ends, strict=True):
        assert (line[0], line[-1]) == tuple(own)
        assert own.min() - 0.1 <= min(line) <= max(line) <= own.max() + 0.1


def test_longitudes_beyond_180_degrees_are_written_as_they_are_known(page):
    script = f"{MODEL}('map').below[0].formatter.doFormat([178, 180, 182.5], {{loc: 0}})"
    assert page.evaluate(script) == ["178", "180", "\N{MINUS SIGN}177.5"]


def test_on_a_map_of_the_world_lines_leave_it_and_come_back(browser, tmp_path):
    random = np.random.default_rng(4)
    lonlat = np.column_stack([random.uniform(-180, 180, 60), random.uniform(-70, 70, 60)])
    path = variogeo.report(lonlat, random.normal(size=(60, 3)), tmp_path / "world.html")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function(READY, timeout=DRAWN)
    order, lines = drawn_lines(page)
    crosses = np.abs(column(page, "a_longitude")[order] - column(page, "b_longitude")[order]) > 180
    assert crosses.any()
    assert not crosses.all()
    for line, crossing in zip(lines, crosses, strict=True):
        assert (None in line) == crossing
        if crossing:
            cut = line.index(None)
            assert line[cut - 1] == -line[cut + 1]
            assert abs(line[cut - 1]) == 180
        known = np.array([np.nan if x is None else x for x in line])
        assert np.nanmax(np.abs(np.diff(known)), initial=0.0) < 180  # no stripe over the whole map
    page.close()


def test_the_button_of_a_class_selects_the_pairs_of_this_class(page):
    page.click(f"button[data-kind='{HARD_NEGATIVE}']")
    assert selected(page) == np.flatnonzero(column(page, "kind") == HARD_NEGATIVE).tolist()
    assert "hard negatives" in page.inner_text("#selection-text")
    excess = [float(text) for text in page.locator("#selected-pairs td:nth-child(6)").all_inner_texts()]
    assert excess == sorted(excess)
    page.click("#clear")
    assert page.inner_text("#selection-text") == "No pairs selected."
    assert page.is_hidden("#selection")
    assert page.evaluate(f"{MODEL}('lines').data.longitude.length") == 0


def test_hostile_text_is_shown_literally_and_never_runs(page):
    page.click("button[data-kind='2']")
    title = f"{HOSTILE}\n" + "n" * 10_000
    assert page.text_content("h1") == f"{title[:200]}…"
    assert page.title().startswith(HOSTILE)
    assert page.title().endswith("…")
    assert page.text_content(".value") == HOSTILE
    assert HOSTILE in page.text_content("#selected-pairs td:nth-child(7)")
    assert page.evaluate("window.hacked === undefined && document.querySelectorAll('main script, h1 *').length") == 0
    # A page that is wider than the window would be one that a name has pushed apart.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_policy_stops_what_a_script_would_try(browser, file):
    tries = """async (source) => {
        const outcome = {};
        outcome.fetch = await fetch(source, {mode: "no-cors"}).then(() => "sent", () => "refused");
        const image = new Image();
        outcome.image = await new Promise((done) => {
            image.onload = () => done("sent"); image.onerror = () => done("refused");
            image.src = source;
        });
        const script = document.createElement("script");
        script.textContent = "window.ran = 1";
        document.body.append(script);
        outcome.script = window.ran === undefined ? "refused" : "ran";
        window.ran = undefined;
        const holder = document.createElement("div");
        holder.innerHTML = "<b onclick='window.ran = 1'>x</b>";
        document.body.append(holder);
        holder.firstChild.click();
        outcome.handler = window.ran === undefined ? "refused" : "ran";
        return outcome;
    }"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = f"http://127.0.0.1:{listener.getsockname()[1]}/x.png"
        listener.setblocking(False)
        page = browser.new_page()
        page.goto(file.as_uri())
        page.wait_for_function(READY, timeout=DRAWN)
        tried = page.evaluate(tries, source)
        assert tried == dict.fromkeys(("fetch", "image", "script", "handler"), "refused")
        with pytest.raises(BlockingIOError):
            listener.accept()
        # Without a policy the same things happen, so the test would see them.
        page.goto("about:blank")
        page.evaluate(f"void (new Image().src = '{source}')")
        listener.settimeout(DRAWN / 1000)
        listener.accept()[0].close()
        ran = "(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1'; "
        assert page.evaluate(ran + "document.body.append(s); return window.ran })()") == 1
        page.close()


def test_the_report_is_readable_with_scripts_switched_off(browser, file):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 800, "height": 900})
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.is_visible("noscript p")
    assert "scripts, which are switched off" in page.inner_text("noscript")
    assert page.is_visible("figure img")
    assert page.locator("table:visible").count() >= 6
    assert page.is_hidden("#cloud")
    assert page.locator("button:visible").count() == 0
    assert page.locator(".kinds b").all_inner_texts()
    context.close()


@pytest.mark.parametrize("width", [1400, 800, 390])
def test_the_page_fits_the_width_of_the_window(opened, width):
    page = opened[0]
    page.set_viewport_size({"width": width, "height": 900})
    # Bokeh draws anew after the window has changed.
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")
    cloud, places = page.locator("#cloud").bounding_box(), page.locator("#map").bounding_box()
    assert cloud["width"] > 0.4 * width
    assert (places["y"] == cloud["y"]) == (width == 1400)
    page.set_viewport_size({"width": 1400, "height": 900})


@pytest.mark.parametrize("width", [1400, 1200, 1161, 1100, 1024, 700])
def test_the_table_of_models_is_shown_whole(opened, width):
    page = opened[0]
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("(box => box.scrollWidth <= box.clientWidth)(document.querySelector('.curve .scroll'))")
    rows = page.evaluate("[...document.querySelectorAll('.facts div')].map(fact => fact.getBoundingClientRect().y)")
    assert {rows.count(y) for y in rows} == {6 if width > 1160 else 3}
    page.set_viewport_size({"width": 1400, "height": 900})

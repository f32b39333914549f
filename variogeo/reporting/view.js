"use strict";
// Shows what is selected: Bokeh links the selection of cloud and map, this draws the lines and fills the table.
(() => {
  const content = JSON.parse(document.getElementById("view-content").textContent);
  const roots = {[content.cloud]: "cloud", [content.map]: "map"};
  const ROWS = 12;

  const rad = Math.PI / 180;

  function unit(longitude, latitude) {
    const across = Math.cos(latitude * rad);
    return [across * Math.cos(longitude * rad), across * Math.sin(longitude * rad), Math.sin(latitude * rad)];
  }

  // A longitude on the map, which is cut open at one of them; its ends are those of the map.
  function onMap(longitude) {
    return longitude < content.west ? longitude + 360 : longitude;
  }

  // A longitude as it is written: -180 to 180.
  function written(longitude) {
    return longitude > 180 ? longitude - 360 : longitude;
  }

  // The great circle, with a point at least every two degrees; a gap (NaN) where it leaves the map at its edge.
  function greatCircle(a, b) {
    const p = unit(a[0], a[1]), q = unit(b[0], b[1]);
    const chord = Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
    const arc = 2 * Math.asin(Math.min(1, chord / 2));
    const steps = Math.max(1, Math.ceil(arc / (2 * rad)));
    const longitudes = [], latitudes = [];
    for (let k = 0; k <= steps; k++) {
      let longitude, latitude;
      if (k === 0) [longitude, latitude] = a;
      else if (k === steps) [longitude, latitude] = b;
      else {
        const s = Math.sin((1 - k / steps) * arc), t = Math.sin(k / steps * arc);
        const [x, y, z] = [0, 1, 2].map((i) => s * p[i] + t * q[i]);
        longitude = onMap(Math.atan2(y, x) / rad);
        latitude = Math.atan2(z, Math.hypot(x, y)) / rad;
      }
      const last = longitudes.length - 1;
      if (last >= 0 && Math.abs(longitude - longitudes[last]) > 180) {
        const eastward = longitudes[last] > longitude;
        const side = content.west + (eastward ? 360 : 0), other = content.west + (eastward ? 0 : 360);
        const turned = longitude + side - other;
        const share = (side - longitudes[last]) / (turned - longitudes[last] || 1);
        const crossing = latitudes[last] + share * (latitude - latitudes[last]);
        longitudes.push(side, NaN, other);
        latitudes.push(crossing, NaN, crossing);
      }
      longitudes.push(longitude);
      latitudes.push(latitude);
    }
    return [longitudes, latitudes];
  }

  function cell(row, text, className) {
    const made = row.insertCell();
    made.textContent = text;
    if (className) made.className = className;
  }

  function label(code) {
    return code < 0 ? "" : content.labels[code];
  }

  function fillTable(pairs, indices) {
    const body = document.getElementById("selected-pairs");
    const data = pairs.data;
    const order = [...indices].sort((i, j) => data.excess[i] - data.excess[j]).slice(0, ROWS);
    body.replaceChildren();
    for (const i of order) {
      const row = body.insertRow();
      cell(row, content.kinds[data.kind[i]]);
      cell(row, data.first[i], "number");
      cell(row, data.second[i], "number");
      cell(row, data.lag[i].toLocaleString("en", {maximumSignificantDigits: 4}), "number");
      cell(row, data.dissimilarity[i].toFixed(3), "number");
      cell(row, data.excess[i].toFixed(3), "number");
      if (content.first_label) {
        cell(row, label(content.first_label[i]), "label");
        cell(row, label(content.second_label[i]), "label");
      }
    }
    document.getElementById("selection").hidden = indices.length === 0;
    const more = indices.length - order.length;
    document.getElementById("selection-rest").textContent =
      more > 0 ? `The ${order.length} most alike for their lag; ${more.toLocaleString("en")} more are selected.` : "";
  }

  function drawLines(pairs, lines, indices) {
    const longitude = [], latitude = [], colour = [];
    const d = pairs.data;
    for (const i of indices) {
      const line = greatCircle([d.a_longitude[i], d.a_latitude[i]], [d.b_longitude[i], d.b_latitude[i]]);
      longitude.push(line[0]);
      latitude.push(line[1]);
      colour.push(d.colour[i]);
    }
    lines.data = {longitude, latitude, colour};
  }

  function summary(pairs, indices) {
    if (!indices.length) return "No pairs selected.";
    const counts = content.kinds.map(() => 0);
    for (const i of indices) counts[pairs.data.kind[i]] += 1;
    const parts = content.kinds.map((kind, k) => [counts[k], kind]).filter(([n]) => n > 0);
    const listed = parts.map(([n, kind]) => `${n.toLocaleString("en")} ${kind}`).join(", ");
    return `Selected: ${indices.length.toLocaleString("en")} of the pairs shown (${listed}).`;
  }

  // Ticks beyond 180 degrees are written as they are known. Bokeh's own way is code in a string, which the policy stops.
  function writeLongitudes(formatter) {
    const format = formatter.doFormat.bind(formatter);
    formatter.doFormat = (ticks, options) => format(ticks.map(written), options);
    formatter.change.emit();
  }

  function connect(view) {
    const pairs = view.get_model_by_name("pairs"), lines = view.get_model_by_name("lines");
    const update = () => {
      const indices = [...pairs.selected.indices];
      drawLines(pairs, lines, indices);
      fillTable(pairs, indices);
      document.getElementById("selection-text").textContent = summary(pairs, indices);
    };
    writeLongitudes(view.get_model_by_name("map").below[0].formatter);
    pairs.selected.properties.indices.change.connect(update);
    for (const button of document.querySelectorAll("button[data-kind]")) {
      const kind = Number(button.dataset.kind);
      button.addEventListener("click", () => {
        const of_kind = [];
        for (let i = 0; i < pairs.data.kind.length; i++) if (pairs.data.kind[i] === kind) of_kind.push(i);
        pairs.selected.indices = of_kind;
      });
    }
    document.getElementById("clear").addEventListener("click", () => { pairs.selected.indices = []; });
    update();
    document.documentElement.dataset.view = "ready";
  }

  function fail(error) {
    document.getElementById("selection-text").textContent = "The view could not be drawn by this browser.";
    console.error(error);
  }

  document.documentElement.classList.add("scripted");
  Bokeh.embed
    .embed_items({view: content.document}, [{docid: "view", roots, root_ids: Object.keys(roots)}])
    .then(() => connect(Bokeh.documents[Bokeh.documents.length - 1]))
    .catch(fail);
})();

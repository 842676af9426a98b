// Draws the charts of a report from the figures in the page. Colours are tokens ("@gain") of the theme's style sheet.
(function () {
  "use strict";
  var charts = JSON.parse(document.getElementById("figures").textContent);
  var root = document.documentElement;
  var isTouch = window.matchMedia("(pointer: coarse)").matches;
  var prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  var isFollowing = false;

  function coloured(thing, style) {
    if (typeof thing === "string") {
      return thing.charAt(0) === "@" ? style.getPropertyValue("--" + thing.slice(1)).trim() : thing;
    }
    if (Array.isArray(thing)) {
      return thing.length && typeof thing[0] === "number" ? thing : thing.map(function (one) { return coloured(one, style); });
    }
    if (thing && typeof thing === "object") {
      var copy = {};
      Object.keys(thing).forEach(function (key) {
        copy[key] = key === "text" || key === "name" ? thing[key] : coloured(thing[key], style);
        if (key === "title") { copy[key] = thing[key]; }
      });
      return copy;
    }
    return thing;
  }

  function axis(given, style) {
    return Object.assign({
      gridcolor: style.getPropertyValue("--grid").trim(), zerolinecolor: style.getPropertyValue("--muted").trim(),
      zerolinewidth: 1, exponentformat: "none", separatethousands: true, linecolor: style.getPropertyValue("--line").trim(), automargin: true, fixedrange: false,
    }, given);
  }

  function layoutOf(chart, style) {
    var layout = coloured(chart.layout, style);
    var left = chart.followsTime ? (window.innerWidth < 820 ? 68 : 92) : 8;  // charts over time line up
    Object.keys(layout).forEach(function (key) {
      if (/^[xy]axis/.test(key)) { layout[key] = axis(layout[key], style); }
      if (/^yaxis/.test(key) && chart.followsTime) { layout[key].automargin = false; layout[key].title.standoff = 8; }
    });
    return Object.assign({
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: style.getPropertyValue("--ink").trim() },
      margin: { l: left, r: 14, t: chart.followsTime && isTouch ? 34 : 12, b: 8 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: style.getPropertyValue("--muted").trim(),
        activecolor: style.getPropertyValue("--accent").trim() }, hovermode: "x unified", dragmode: isTouch ? false : "zoom", bargap: 0.25,
      hoverlabel: { bgcolor: style.getPropertyValue("--card").trim(), bordercolor: style.getPropertyValue("--line").trim(),
        font: { color: style.getPropertyValue("--ink").trim() } },
    }, layout);
  }

  function draw(chart) {
    var style = getComputedStyle(root);
    var place = document.getElementById("chart-" + chart.name);
    return Plotly.react(place, coloured(chart.traces, style), layoutOf(chart, style), {
      responsive: true, displaylogo: false, displayModeBar: isTouch && chart.followsTime,
      modeBarButtons: [["zoomIn2d", "zoomOut2d", "pan2d", "resetScale2d"]],
    });
  }

  function follow(chart) {
    if (!chart.followsTime) { return; }
    document.getElementById("chart-" + chart.name).on("plotly_relayout", function (change) {
      if (isFollowing) { return; }
      var update = null;
      if (change["xaxis.range[0]"] !== undefined) {
        update = { "xaxis.range": [change["xaxis.range[0]"], change["xaxis.range[1]"]], "xaxis.autorange": false };
      } else if (change["xaxis.autorange"]) {
        update = { "xaxis.autorange": true };
      }
      if (!update) { return; }
      isFollowing = true;
      Promise.all(charts.filter(function (other) { return other.followsTime && other.name !== chart.name; })
        .map(function (other) { return Plotly.relayout("chart-" + other.name, update); }))
        .then(function () { isFollowing = false; });
    });
  }

  function theme(name) {
    root.dataset.theme = name;
    document.getElementById("theme").textContent = name === "dark" ? "Light" : "Dark";
    return Promise.all(charts.map(draw));
  }

  document.getElementById("theme").addEventListener("click", function () {
    theme(root.dataset.theme === "dark" ? "light" : "dark");
  });
  prefersDark.addEventListener("change", function (event) { theme(event.matches ? "dark" : "light"); });
  window.perpmakerReport = {
    names: charts.map(function (chart) { return chart.name; }),
    theme: theme,
    image: function (name, width, height) {
      var place = document.getElementById("chart-" + name), style = getComputedStyle(root);
      var title = charts.filter(function (chart) { return chart.name === name; })[0].title;
      var layout = Object.assign({}, place.layout, {
        paper_bgcolor: style.getPropertyValue("--card").trim(),
        title: { text: title, x: 0.02, xanchor: "left", font: { size: 16 } },
        margin: Object.assign({}, place.layout.margin, { t: 56, b: 16 }),
      });
      var size = { format: "png", width: width, height: (height || place.clientHeight) + 40, scale: 2 };
      return Plotly.toImage({ data: place.data, layout: layout }, size);
    },
    ready: theme(prefersDark.matches ? "dark" : "light").then(function () { charts.forEach(follow); return true; }),
  };
})();

// Lines over time or over the hours since a start, from any panel whose columns say what they are.
import { h } from "./dom.js";
import { axisOfTime, chartPlace, colour, countAxis, draw, tooltip } from "./charts.js";
import { day, clock, moment, number, percent, utc } from "./format.js";
import { shown } from "./rows.js";
import { table } from "./parts.js";

// Okabe and Ito's colours with a dash of their own each, so that colour is never the only sign.
const STYLES = [["--observed", "solid"], ["--expected", "dashed"], ["--kind-incident", "dotted"], ["--kind-policy", [8, 3, 2, 3]], ["--kind-promotion", "solid"], ["--kind-price", "dashed"], ["--kind-automation", "dotted"]];

const drawnOf = (panel, names) => names.map((name) => panel.columns.find((column) => column.name === name));

/** The place of the chart, with a legend and the same numbers as a table. */
export function linesPlace(panel, names, says, now) {
  const x = panel.columns[0], columns = drawnOf(panel, names);
  const rows = panel.rows.slice(-200);
  const asTable = h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": `${panel.title}, as a table` }, table([
    [x.label, (row) => (x.name === "t" ? `${day(row.t)}, ${clock(row.t)}` : number(row.hour))],
    ...columns.map((column) => [column.label, (row) => shown(column.kind, row[column.name], now), "number"]),
  ], rows, { key: (row) => `${panel.id}-${row[x.name]}-${row.owner ?? ""}`, caption: panel.title }));
  return [h("ul", { class: "legend", "aria-label": "Legend" }, columns.map((column, at) => h("li", {}, h("span", { class: `swatch swatch-line line-${at}` }), column.label.toLowerCase()))), chartPlace(panel.id, says, asTable)];
}

const valueOf = (column, value) => (column.kind === "share" ? percent(value) : column.kind === "minutes" ? `${number(value)} min` : column.kind === "seconds" ? `${number(value)} s` : number(value));

/** Draw what `linesPlace` made room for. */
export function drawLines(panel, names, { since, until, height = 210, mark = null }) {
  const x = panel.columns[0].name, columns = drawnOf(panel, names), shares = columns.every((column) => column.kind === "share");
  draw(panel.id, ({ narrow }) => ({
    height,
    option: {
      grid: [{ left: narrow ? 44 : 56, right: 20, top: 16, bottom: 30 }],
      xAxis: [x === "t" ? axisOfTime(0, since, until) : { type: "value", gridIndex: 0, min: -24, max: 72, interval: 24, axisLabel: { color: colour("--muted"), formatter: (hour) => (hour === 0 ? "start" : `${hour > 0 ? "+" : "−"}${Math.abs(hour)} h`) }, splitLine: { show: false }, axisLine: { lineStyle: { color: colour("--line-strong") } } }],
      yAxis: [shares ? { ...countAxis(0, ""), max: 1, minInterval: 0, interval: 0.25, axisLabel: { color: colour("--muted"), formatter: percent } } : countAxis(0, "")],
      tooltip: tooltip((found) => tip(found, columns, x), "axis"),
      series: columns.map((column, at) => ({
        type: "line", name: column.label, symbol: "none", connectNulls: false, data: panel.rows.map((row) => [row[x], row[column.name]]),
        lineStyle: { color: colour(STYLES[at][0]), width: at === 0 ? 2 : 1.5, type: STYLES[at][1] }, itemStyle: { color: colour(STYLES[at][0]) },
        markLine: at === 0 && mark !== null ? { symbol: "none", silent: true, label: { show: false }, lineStyle: { color: colour("--ink"), width: 1.5 }, data: [{ xAxis: mark }] } : undefined,
      })),
    },
  }));
}

function tip(found, columns, x) {
  const at = found[0].value[0];
  return h("div", { class: "tip" },
    h("strong", {}, x === "t" ? moment(at) : at < 0 ? `${-at} h before` : `${at} h after`), x === "t" ? h("span", { class: "tip-utc" }, utc(at)) : null,
    found.map((one) => { const column = columns[one.seriesIndex]; return one.value[1] === null || one.value[1] === undefined ? null : h("span", {}, `${column.label}: ${valueOf(column, one.value[1])}`); }));
}

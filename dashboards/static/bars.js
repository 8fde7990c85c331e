// Bars per week, stacked by owner, with the same numbers as a table.
import { h } from "./dom.js";
import { chartPlace, colour, countAxis, tooltip } from "./charts.js";
import { number, plural, weekOf } from "./format.js";
import { table } from "./parts.js";

const COLOURS = ["release", "promotion", "incident", "policy", "price", "automation", "capacity", "unknown"];
const PATTERNS = ["none", "rect", "triangle", "diamond", "circle", "none", "rect", "triangle"];

export function barsPlace(panel, now) {
  const asTable = h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": `${panel.title}, as a table` }, table([
    ["Week from", (row) => weekOf(row.t)], ["Owner", (row) => row.owner], ["Contacts", (row) => number(Math.round(row.contacts)), "number"],
  ], panel.rows, { key: (row) => `bar-${row.t}-${row.owner}`, caption: panel.title }));
  const sum = panel.rows.reduce((all, row) => all + row.contacts, 0);
  return [chartPlace(panel.id, `${plural(Math.round(sum), "contact")} by week and owner.`, asTable)];
}

export function bars(panel) {
  const owners = [...new Set(panel.rows.map((row) => row.owner))], weeks = [...new Set(panel.rows.map((row) => row.t))].sort((a, b) => a - b);
  const at = new Map(panel.rows.map((row) => [`${row.t} ${row.owner}`, row.contacts]));
  return ({ narrow }) => ({
    height: 260,
    option: {
      legend: { show: true, bottom: 0, textStyle: { color: colour("--muted") }, icon: "roundRect" },
      grid: [{ left: narrow ? 44 : 56, right: 16, top: 16, bottom: 60 }],
      xAxis: [{ type: "category", data: weeks.map((week) => weekOf(week)), axisLabel: { color: colour("--muted") }, axisLine: { lineStyle: { color: colour("--line-strong") } } }],
      yAxis: [countAxis(0, "")],
      tooltip: tooltip((found) => h("div", { class: "tip" }, h("strong", {}, `week from ${found[0].name}`), found.filter((one) => one.value).map((one) => h("span", {}, `${one.seriesName}: ${number(Math.round(one.value))}`))), "axis"),
      series: owners.map((owner, place) => ({
        type: "bar", name: owner, stack: "all", barMaxWidth: 48, data: weeks.map((week) => at.get(`${week} ${owner}`) ?? 0),
        itemStyle: { color: colour(`--kind-${COLOURS[place % COLOURS.length]}`), decal: { symbol: PATTERNS[place % PATTERNS.length], symbolSize: 0.7, color: colour("--surface"), dashArrayX: [1, 0], dashArrayY: [3, 4] } },
      })),
    },
  });
}

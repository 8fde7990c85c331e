// Rows of any panel, drawn by what its columns say of themselves: the same kinds that Grafana and the tests know.
import { h } from "./dom.js";
import { KINDS, glyph } from "./causes.js";
import { length, number, percent, plural, signed, sliceName, span, timeOf } from "./format.js";
import { STATES, coded, link, pill, probability, table } from "./parts.js";

const nothing = (text = "") => h("span", { class: "muted" }, text);
const missing = (value) => value === null || value === undefined || value === "";

/** One value as a person reads it. */
export function shown(kind, value, now) {
  if (missing(value)) return nothing("–");
  if (kind === "time") return timeOf(value, now);
  if (kind === "count") return number(Math.round(value));
  if (kind === "number" || kind === "hour" || kind === "money") return number(value);
  if (kind === "share") return percent(value);
  if (kind === "seconds") return length(value * 1000);
  if (kind === "minutes") return length(value * 60_000);
  if (kind === "hours") return value < 0 ? `${number(-value)} h after` : `${number(value)} h`;
  if (kind === "days") return length(value * 86_400_000);
  if (kind === "flag") return value ? "yes" : "no";
  if (kind === "list") return value.length ? value.join(", ") : nothing("–");
  return String(value).replaceAll("_", " ");
}

const NUMBERS = new Set(["count", "number", "share", "seconds", "minutes", "hours", "days", "money", "hour"]);
const GROUPS = { contacts: ["contacts_low", "contacts_high"], excess: ["excess_low", "excess_high"] };
const INSIDE = new Set(Object.values(GROUPS).flat());

/** A count with its interval, as one cell. */
function counted(row, name) {
  const [low, high] = GROUPS[name];
  if (missing(row[name])) return nothing("none");
  if (!(low in row)) return number(Math.round(row[name]));
  return h("span", { class: "excess" }, h("strong", {}, signed(Math.round(row[name]))), missing(row[low]) ? null : h("span", { class: "interval" }, ` ${span(Math.round(row[low]), Math.round(row[high]))}`));
}

function cell(column, row, now) {
  const { name, kind } = column;
  if (name in GROUPS && GROUPS[name][0] in row) return counted(row, name);
  if (name === "probability") return missing(row[name]) ? nothing("") : probability(row[name]);
  if (name === "kind" && KINDS[row.kind]) return h("span", { class: "cause" }, glyph(row.kind), KINDS[row.kind].name);
  if (name === "slice") return sliceName(row.slice);
  if (name === "state") return pill(row.state, STATES[row.state] ?? row.state);
  return shown(kind, row[name], now);
}

/** A panel's rows as a table. `cells` draws columns of its own ({name: row => …}), `hide` leaves some out. */
export function panelTable(panel, now, { cells = {}, hide = [], grow = null, key = null, quiet, labels = {} } = {}) {
  const columns = panel.columns.filter(({ name, kind }) => (kind !== "id" || name in cells) && !hide.includes(name) && !INSIDE.has(name));
  const widest = grow ?? columns.find(({ kind }) => kind === "text" || kind === "cause")?.name;
  return table(
    columns.map((column) => [labels[column.name] ?? column.label, (row) => (cells[column.name] ? cells[column.name](row) : cell(column, row, now)), column.name === widest ? "grow" : NUMBERS.has(column.kind) && !(column.name in cells) ? "number" : null]),
    panel.rows, { key: key ?? ((row) => `${panel.id}-${columns.map(({ name }) => row[name]).join("|")}`), caption: panel.title, quiet });
}

/** A panel of one row as a line of figures. */
export function figures(panel, names, now) {
  const row = panel.rows[0];
  if (panel.error || !row) return h("p", { class: panel.error ? "panel-error" : "panel-empty" }, coded(panel.error ?? panel.empty));
  const columns = names.map((name) => panel.columns.find((column) => column.name === name));
  return h("dl", { class: "facts", "data-key": `figures-${panel.id}` }, columns.map((column) => h("div", {}, h("dt", {}, column.label), h("dd", {}, h("strong", {}, cell(column, row, now))))));
}

/** Bars of two shares or counts per row: what is now, what is usual. */
export function pairBars(panel, name, first, second, { unit = percent } = {}) {
  const most = Math.max(1e-9, ...panel.rows.flatMap((row) => [row[first] ?? 0, row[second] ?? 0]));
  const label = (one) => panel.columns.find((column) => column.name === one).label;
  return h("table", { class: "terms" },
    h("caption", { class: "visually-hidden" }, panel.title),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, label(name)), h("th", { scope: "col", class: "grow" }, h("span", { class: "visually-hidden" }, "As bars")), h("th", { scope: "col", class: "number" }, label(first)), h("th", { scope: "col", class: "number" }, label(second)))),
    h("tbody", {}, panel.rows.map((row) => h("tr", { "data-key": `${panel.id}-${row.dimension ?? ""}-${row[name]}` },
      h("th", { scope: "row" }, row.dimension ? [h("span", { class: "muted" }, `${row.dimension} `), row[name]] : row[name]),
      h("td", { class: "grow" }, h("span", { class: "term-bars", "aria-hidden": "true", vars: { "--now": (row[first] ?? 0) / most, "--usual": (row[second] ?? 0) / most } }, h("span", { class: "term-now" }), h("span", { class: "term-usual" }))),
      h("td", { class: "number" }, missing(row[first]) ? "" : unit(row[first])), h("td", { class: "number muted" }, missing(row[second]) ? "" : unit(row[second]))))));
}

/** A list of changes to choose one from; the choice is part of the address. */
export function chooser(label, panel, chosen, named = (row) => row.title || row.key) {
  return h("label", { class: "pick chooser" }, h("span", {}, label), h("select", { "data-param": "change" }, panel.rows.map((row) => h("option", { value: row.key, selected: row.key === chosen }, named(row)))));
}

export const spikeLinks = (here) => (row) => row.spikes?.length ? row.spikes.slice(0, 4).map((id, at) => [at ? ", " : "", link(here({}, `/spikes/${encodeURIComponent(id)}`), {}, `spike ${at + 1}`)]) : nothing("–");
export { nothing, plural };

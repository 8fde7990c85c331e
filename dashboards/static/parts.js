// Pieces that several views are made of.
import { h } from "./dom.js";
import { clock, day, length, number, percent, signed, span, timeOf, when } from "./format.js";

export const STATES = { open: "open", closed: "over", merged: "merged" };

export const pill = (state, text = state) => h("span", { class: `pill pill-${state}` }, text);

export function probability(share) {
  if (share === null || share === undefined) return h("span", { class: "muted" }, "not yet");
  return h("span", { class: "sure" },
    h("span", { class: "sure-bar", "aria-hidden": "true" }, h("span", { class: "sure-fill", vars: { "--share": share } })),
    h("span", { class: "sure-text" }, percent(share)));
}

export const excess = (row) =>
  h("span", { class: "excess" }, h("strong", {}, signed(Math.round(row.excess))), h("span", { class: "interval" }, ` ${span(Math.round(row.excess_low), Math.round(row.excess_high))}`));

/** Since when, and for how long, in the story's time. */
export function age(spike, now) {
  const until = spike.end ?? now;
  return h("span", { class: "age" }, timeOf(spike.onset, now), h("span", { class: "muted" }, spike.state === "open" ? ` · for ${length(until - spike.onset)}` : ` · ${length(until - spike.onset)}`));
}

export function empty(title, ...rest) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), ...rest.map((one) => (typeof one === "string" ? h("p", {}, one) : one)));
}

/** Words between backticks as code. */
export const coded = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));

/** A titled section: what its query failed with, what an empty result means, or what `body` makes of the rows. */
export function section(panel, body, { id = panel.id, extra = null } = {}) {
  const content = panel.error ? h("p", { class: "panel-error", role: "alert" }, panel.error) : panel.rows.length ? body(panel.rows) : h("p", { class: "panel-empty" }, coded(panel.empty));
  return h("section", { class: "card", "data-key": `section-${id}`, "aria-labelledby": `title-${id}` },
    h("div", { class: "card-head" }, h("h2", { id: `title-${id}` }, panel.title), extra), content);
}

/** A table that turns into cards on a phone; `columns` are [heading, cell(row), class?]. */
export function table(columns, rows, { key, caption, quiet = () => false }) {
  return h("table", { class: "table" },
    h("caption", { class: "visually-hidden" }, caption),
    h("thead", {}, h("tr", {}, columns.map(([heading, , kind]) => h("th", { scope: "col", class: kind }, heading)))),
    h("tbody", {}, rows.map((row) => h("tr", { "data-key": key(row), class: quiet(row) ? "quiet" : null }, columns.map(([heading, cell, kind]) => h("td", { class: kind, "data-label": heading }, cell(row)))))));
}

/** A chart's data as a plain table, for readers of screens and of numbers. */
export function curveTable(rows, now) {
  const shown = rows.slice(-120);
  return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Chart data" }, table([
    ["From", (row) => timeOf(row.t, now, `${day(row.t)}, ${clock(row.t)}`)],
    ["Contacts", (row) => (row.gap ? "gap" : number(row.observed)), "number"],
    ["Expected", (row) => (row.expected === null ? "" : number(row.expected)), "number"],
    ["Range", (row) => (row.expected === null ? "" : span(row.low, row.high)), "number"],
  ], shown, { key: (row) => `t${row.t}`, caption: "Contacts and their expectation over time" }));
}

const DAY = 86_400_000;
const SPANS = [["6h", "6 hours", DAY / 4], ["1d", "1 day", DAY], ["1w", "1 week", 7 * DAY], ["4w", "4 weeks", 28 * DAY], ["1y", "1 year", 365 * DAY], ["all", "All", 0]];

/** The spans of time to choose from; the choice is part of the address. */
export const spans = (data, here) =>
  h("div", { class: "segments", role: "group", "aria-label": "Span of time" }, SPANS.filter(([one, , long]) => long < data.now - data.first || one === data.span).map(([one, name]) => link(here({ span: one }), { "aria-current": data.span === one ? "true" : null, title: name, "aria-label": name }, one)));

export const link = (href, props, ...children) => h("a", { href, ...props }, ...children);
export { when };

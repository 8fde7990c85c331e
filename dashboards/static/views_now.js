// Now: volume against expectation, spikes and changes on one time axis, and the list of spikes.
import { h } from "./dom.js";
import { CHANGE_KINDS, KINDS, cause, causeName, glyph } from "./causes.js";
import { chartPlace, draw, timeline } from "./charts.js";
import { length, moment, number, onSlice, percent, plural, signed, sliceName, timeOf, unitOf, whereOf } from "./format.js";
import { STATES, age, coded, curveTable, empty, excess, link, pill, probability, section, spans, table } from "./parts.js";
import { drawLines, linesPlace } from "./lines.js";
import { panelTable } from "./rows.js";

const LATEST = 8;
const WAITS = ["wait_min", "wait_long_min"];

export const title = () => "Now";

export function announce(data) {
  const open = data.panels.spikes.rows.filter((spike) => spike.state === "open");
  return open.length ? `${plural(open.length, "spike")} open` : "no spike open";
}

export function draws(data, go) {
  const { volume, spikes, changes } = data.panels;
  const shown = volume.rows;
  draw("now", timeline({ volume: shown, spikes: spikes.rows, changes: changes.rows, stream: data.stream, since: data.since, until: data.until, stepMs: data.step_s * 1000, now: data.now }), (event) => {
    const spike = event.data?.spike ?? spikes.rows.find((one) => `bar-${one.spike_id}` === event.seriesId);
    if (spike) go(`/spikes/${encodeURIComponent(spike.spike_id)}`);
  });
  if (data.panels.waits.rows.length) drawLines(data.panels.waits, WAITS, { since: data.since, until: data.until, height: 170 });
}

export function view(data, here) {
  const { volume, spikes, changes } = data.panels;
  const open = spikes.rows.filter((spike) => spike.state === "open");
  return [
    headline(data, open),
    h("section", { class: "card", "data-key": "section-volume", "aria-labelledby": "title-volume" },
      h("div", { class: "card-head" }, h("h2", { id: "title-volume" }, `${data.stream === "low_scores" ? "Low scores" : "Contacts"}${data.slice ? `: ${sliceName(data.slice)}` : " everywhere"}`), controls(data, here)),
      volume.error || spikes.error || changes.error ? h("p", { class: "panel-error", role: "alert" }, volume.error || spikes.error || changes.error) : null,
      volume.rows.length ? [legend(changes.rows, spikes.rows), chartPlace("now", chartSays(data, open), curveTable(volume.rows, data.now))] : h("p", { class: "panel-empty" }, coded(volume.empty))),
    h("section", { class: "card", "data-key": "section-spikes", "aria-labelledby": "title-spikes" },
      h("div", { class: "card-head" }, h("h2", { id: "title-spikes" }, "Spikes"), h("span", { class: "muted" }, plural(spikes.rows.length, "spike"), " in this span")),
      spikes.rows.length ? spikeTable(spikes.rows, data.now, here) : h("p", { class: "panel-empty" }, coded(spikes.empty))),
    h("div", { class: "columns", "data-key": "columns-now" },
      section({ ...changes, title: "What changed in this span" }, () => panelTable({ ...changes, rows: changes.rows.slice(0, LATEST) }, data.now, { hide: ["kind", "ends_at", "probability", "spikes", "owner"], grow: "title", key: (row) => `changed-${row.kind}-${row.key}`, cells: { title: (row) => link(here({}, addressOf(row)), { class: "row-link" }, cause(row)) } }), { extra: changes.rows.length > LATEST ? link(here({}, "/changes"), {}, `all ${number(changes.rows.length)}`) : null }),
      section(data.panels.waits, (rows) => [linesPlace(data.panels.waits, WAITS, waitsSay(rows), data.now), h("p", { class: "muted note" }, handed(rows))])),
  ];
}

/** Where a change's own view is. */
export const addressOf = (row) => (row.kind === "release" ? `/releases?change=${encodeURIComponent(row.key)}` : row.kind === "promotion" ? `/campaigns?change=${encodeURIComponent(row.key)}` : `/changes#${encodeURIComponent(row.key)}`);

const waitsSay = (rows) => `Half of the customers waited up to ${length((rows.at(-1).wait_min ?? 0) * 60_000)} at last.`;

function handed(rows) {
  const all = rows.reduce((sum, row) => sum + row.contacts, 0);
  const some = rows.reduce((sum, row) => sum + row.contacts * (row.handed_over ?? 0), 0);
  return `${percent(all ? some / all : 0)} of ${plural(all, "contact")} were handed over.`;
}

/** The one sentence that answers "is something wrong?". */
function headline(data, open) {
  const worst = [...open].sort((a, b) => b.excess - a.excess)[0];
  const over = data.panels.spikes.rows.filter((spike) => spike.state !== "open");
  const totals = data.panels.totals.rows[0];
  const usual = totals && totals.expected > 0 ? `${number(totals.observed)} contacts, ${number(Math.round(totals.expected))} expected` : null;
  const said = worst
    ? [h("strong", {}, plural(open.length, "spike"), open.length === 1 ? " is open" : " are open"), ". ", open.length > 1 ? "The largest: " : "", cause(worst), ` ${onSlice(worst.slice)}, `, h("strong", {}, `${signed(Math.round(worst.excess))} ${unitOf(worst)}`), worst.probability === null ? "" : `, ${percent(worst.probability)} sure`, "."]
    : [h("strong", {}, "No spike is open."), " ", over.length ? `${plural(over.length, "spike")} in this span ${over.length === 1 ? "is" : "are"} over.` : usual ? "Customers write in as often as they usually do." : ""];
  return h("div", { class: `headline ${worst ? "is-hot" : "is-calm"}`, "data-key": "headline" },
    h("h1", {}, said),
    h("p", { class: "muted" }, "As of ", timeOf(data.now, data.now, moment(data.now)), usual ? ` · in this span ${usual}` : ""));
}

function controls(data, here) {
  const slices = data.panels.slices.rows;
  return h("div", { class: "controls" },
    data.streams.length > 1 ? h("div", { class: "segments", role: "group", "aria-label": "What is counted" }, data.streams.map((one) => link(here({ stream: one }), { "aria-current": data.stream === one ? "true" : null }, one.replaceAll("_", " ")))) : null,
    slices.length > 1 ? h("label", { class: "pick" }, h("span", { class: "visually-hidden" }, "Slice"), h("select", { "data-param": "slice" }, slices.map((one) => h("option", { value: one.slice, selected: one.slice === data.slice }, sliceName(one.slice))))) : null,
    spans(data, here));
}

function legend(changes, spikes) {
  const kinds = CHANGE_KINDS.filter((kind) => changes.some((one) => one.kind === kind) || spikes.some((one) => one.kind === kind));
  return h("ul", { class: "legend", "aria-label": "Legend" },
    h("li", {}, h("span", { class: "swatch swatch-observed" }), "contacts"),
    h("li", {}, h("span", { class: "swatch swatch-expected" }), "expected"),
    h("li", {}, h("span", { class: "swatch swatch-band" }), "usual range (95%)"),
    h("li", {}, h("span", { class: "swatch swatch-spike" }), "spike"),
    kinds.map((kind) => h("li", { class: "legend-kind" }, glyph(kind), KINDS[kind].name.toLowerCase())));
}

function chartSays(data, open) {
  const totals = data.panels.totals.rows[0];
  const said = totals ? `${number(totals.observed)} contacts against ${number(Math.round(totals.expected))} expected. ` : "";
  return `Contacts over ${length(data.until - data.since)}. ${said}${plural(data.panels.spikes.rows.length, "spike")}, ${open.length} open: ${open.map((one) => `${causeName(one)} ${onSlice(one.slice)}`).join("; ") || "none"}.`;
}

function spikeTable(rows, now, here) {
  const address = (spike) => here({}, `/spikes/${encodeURIComponent(spike.spike_id)}`);
  return table([
    ["State", (spike) => pill(spike.state, STATES[spike.state]), "shrink"],
    ["Cause", (spike) => link(address(spike), { class: "row-link" }, cause(spike)), "grow"],
    ["Where", whereOf],
    ["Sure", (spike) => probability(spike.probability)],
    ["Excess", excess, "number"],
    ["Owner", (spike) => (spike.claimed_by ? h("span", {}, spike.owner || spike.claimed_by, spike.owner && h("span", { class: "muted" }, ` · taken by ${spike.claimed_by}`)) : spike.owner) || h("span", { class: "muted" }, !spike.kind || spike.kind === "unknown" ? "nobody yet" : spike.kind === "measurement" ? "" : "not named")],
    ["Began", (spike) => age(spike, now)],
  ], rows, { key: (spike) => `spike-${spike.spike_id}`, caption: "Spikes, open ones first" });
}

export function nothingYet() {
  return empty("No contacts yet.",
    h("p", {}, "Start ", h("code", {}, "whence demo"), " to watch a made-up company, ", h("code", {}, "whence replay FOLDER --mapping FILE"), " for your own exports, or point a help desk at the intake."),
    "The first bucket shows here once its time is over; this page looks again by itself.");
}

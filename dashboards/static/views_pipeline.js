// Pipeline: can the other pages be believed? Progress, refusals, late contacts, checks, parts.
import { h } from "./dom.js";
import { chartPlace, counts, draw } from "./charts.js";
import { behind } from "./clock.js";
import { length, moment, number, plural, timeOf } from "./format.js";
import { drawLines, linesPlace } from "./lines.js";
import { pill, section, spans, table } from "./parts.js";
import { figures, panelTable } from "./rows.js";

const DELAYS = ["heard_s", "landed_s", "landed_long_s"];

export const title = () => "Pipeline";

export function announce(data) {
  const bad = data.health.filter((part) => !part.ready).length + data.panels.checks.rows.filter((check) => !check.success).length;
  return bad ? `${plural(bad, "thing")} to look at` : "all well";
}

export function draws(data) {
  if (data.panels.delays.rows.length) drawLines(data.panels.delays, DELAYS, { since: data.since, until: data.until, height: 150 });
  draw("late", counts({ rows: data.panels.late.rows, since: data.since, until: data.until, stepMs: data.step_s * 1000, name: "late contacts" }));
}

export function view(data, here) {
  const { progress, stored, letters, recent_letters: recent, late, checks, budget, calibration, delays, undelivered } = data.panels;
  const failing = checks.rows.filter((check) => !check.success);
  const down = data.health.filter((part) => !part.ready);
  const refused = letters.rows.reduce((sum, row) => sum + row.letters, 0);
  const worries = [undelivered.rows.length && `${plural(undelivered.rows.length, "alert has", "alerts have")} not arrived`, down.length && `${plural(down.length, "part is", "parts are")} not ready`, failing.length && `${plural(failing.length, "check")} ${failing.length === 1 ? "fails" : "fail"}`, refused && `${plural(refused, "message was", "messages were")} refused`].filter(Boolean);
  return [
    h("div", { class: `headline ${down.length || failing.length ? "is-hot" : "is-calm"}`, "data-key": "headline" },
      h("h1", {}, worries.length ? h("strong", {}, `${sentence(worries)}.`) : h("strong", {}, "Everything flows.")),
      h("p", { class: "muted" }, "Judged up to ", timeOf(data.now, data.now, moment(data.now)), behind(data))),
    h("div", { class: "controls", "data-key": "controls" }, spans(data, here)),
    h("section", { class: "card", "data-key": "section-health", "aria-labelledby": "title-health" }, h("div", { class: "card-head" }, h("h2", { id: "title-health" }, "Parts")), data.health.length ? parts(data.health) : h("p", { class: "panel-empty" }, "This page runs by itself; other processes answer at their own /health.")),
    h("div", { class: "columns", "data-key": "columns-1" },
      section(progress, (rows) => progressTable(rows, data.now)),
      section(stored, (rows) => storedTable(rows, data.now))),
    section(checks, (rows) => checkTable(rows, data.now)),
    h("div", { class: "columns", "data-key": "columns-trust" },
      section(budget, () => [figures(budget, ["allowed_false", "found", "rejected", "unjudged"], data.now), h("p", { class: "muted note" }, "Of the spikes found, so many may be false by the budget; people's word says how many were.")]),
      section(calibration, () => panelTable(calibration, data.now, { key: (row) => `bin-${row.what}`, labels: { what: "As sure as" }, grow: "what" }))),
    h("div", { class: "columns", "data-key": "columns-way" },
      section(delays, () => linesPlace(delays, DELAYS, "How long contacts took until they were heard and stored.", data.now)),
      section(undelivered, () => panelTable(undelivered, data.now))),
    h("div", { class: "columns", "data-key": "columns-2" },
      section(letters, (rows) => [reasonBars(rows, data.now)]),
      section(late, (rows) => chartPlace("late", `${number(rows.reduce((sum, row) => sum + row.contacts, 0))} late contacts in this span.`, h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Late contacts, as a table" }, panelTable(late, data.now))))),
    section(recent, (rows) => letterTable(rows, data.now)),
  ];
}

const sentence = (parts_) => parts_.join(", ").replace(/^./, (first) => first.toUpperCase());

function parts(health) {
  return h("ul", { class: "parts" }, health.map((part) => h("li", { "data-key": `part-${part.part}` },
    h("span", { class: `dot ${part.ready ? "good" : part.alive ? "waiting" : "bad"}`, "aria-hidden": "true" }), h("strong", {}, part.part), h("span", { class: "visually-hidden" }, part.ready ? "ready" : part.alive ? "not ready" : "stopped"), h("span", { class: "muted part-detail" }, part.detail || (part.ready ? "ready" : "not ready")))));
}

const STAGES = { frames: "admitted and counted", timeline: "changes read", expectations: "judged" };

function progressTable(rows, now) {
  return table([
    ["Stage", (row) => [h("span", {}, STAGES[row.topic] ?? row.topic), row.stream ? h("span", { class: "muted" }, ` · ${row.stream.replaceAll("_", " ")}`) : null], "grow"],
    ["Up to", (row) => [timeOf(row.until, now), row.ended ? [" ", pill("final", "ended")] : null]],
    ["Slowest of", (row) => (row.inputs > 1 ? [h("span", {}, row.slowest), h("span", { class: "muted" }, ` · ${row.ahead > row.until ? `${length(row.ahead - row.until)} behind` : `${number(row.inputs)} inputs level`}`)] : h("span", { class: "muted" }, "one input"))],
  ], rows, { key: (row) => `progress-${row.topic}-${row.stream}`, caption: "Watermark of every stage, in event time" });
}

function storedTable(rows, now) {
  return table([
    ["What", (row) => row.what, "grow"],
    ["Rows", (row) => number(row.records), "number"],
    ["Latest", (row) => (row.latest === null ? h("span", { class: "muted" }, "none in this span") : timeOf(row.latest, now))],
  ], rows, { key: (row) => `stored-${row.what}`, caption: "Rows in the store and the time of the latest" });
}

function checkTable(rows, now) {
  return table([
    ["", (row) => (row.success ? pill("good", "passes") : pill("bad", "fails")), "shrink"],
    ["Check", (row) => [h("span", {}, row.expectation.replaceAll("_", " ")), h("span", { class: "muted" }, ` · ${row.table}${row.column ? `.${row.column}` : ""}`)], "grow"],
    ["Found", (row) => [row.was, row.success ? null : h("span", { class: "muted" }, ` (allowed: ${row.allowed})`)]],
    ["When", (row) => timeOf(row.at, now)],
  ], rows, { key: (row) => `check-${row.check_id}`, caption: "Data-quality checks, failing ones first" });
}

function reasonBars(rows, now) {
  const most = Math.max(...rows.map((row) => row.letters));
  return h("ul", { class: "reasons" }, rows.map((row) => h("li", { "data-key": `reason-${row.reason}-${row.topic}` },
    h("span", {}, row.reason.replaceAll("_", " "), h("span", { class: "muted" }, ` · ${row.topic}`)), h("span", { class: "reason-bar", "aria-hidden": "true" }, h("span", { vars: { "--share": row.letters / most } })), h("span", { class: "number" }, number(row.letters)), h("span", { class: "muted" }, timeOf(row.latest, now)))));
}

function letterTable(rows, now) {
  return table([
    ["When", (row) => timeOf(row.at, now)],
    ["Place", (row) => h("code", {}, row.letter_id)],
    ["Reason", (row) => row.reason.replaceAll("_", " ")],
    ["What was wrong", (row) => [row.field ? h("code", {}, row.field) : "the message", " was ", h("code", {}, row.value || "empty"), row.allowed ? h("span", { class: "muted" }, `; allowed is ${row.allowed}`) : null], "grow"],
  ], rows, { key: (row) => `letter-${row.letter_id}`, caption: "Messages refused lately" });
}

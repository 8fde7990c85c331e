// A spike: what caused it, how sure that is, and the evidence for a person to judge.
import { h } from "./dom.js";
import { cause, causeName, glyph, kindOf } from "./causes.js";
import { chartPlace, draw, spikeCurve } from "./charts.js";
import { length, number, onSlice, pairs, percent, signed, sliceName, span, timeOf, unitOf } from "./format.js";
import { STATES, curveTable, empty, link, pill, section } from "./parts.js";
import { pairBars } from "./rows.js";
import { addressOf } from "./views_now.js";
import { word } from "./word.js";

const LINES = {
  prior: "How common", time: "Time", scope: "Scope", exposure: "Exposure", words: "Words", dose: "Dose", quality: "Data quality", feedback: "People",
  joint: "Other spikes", hunch: "Hunches", parts: "Parts",
};

export const title = (data) => (data.panels.spike.rows[0] ? `Spike: ${sliceName(data.panels.spike.rows[0].slice)}` : "Spike");

export function announce(data) {
  const spike = data.panels.spike.rows[0];
  const best = candidates(data)[0];
  return spike && best ? `${STATES[spike.state]}; ${causeName(best)}, ${percent(best.probability)}` : "";
}

const attribution = (data) => data.panels.attribution.rows[0];
const candidates = (data) => data.panels.candidates.rows;
const evidenceOf = (data, candidate) => data.panels.evidence.rows.filter((line) => line.rank === candidate.rank);

/** The likeliest candidates that lie in the span on show; more than three would hide the curve. */
const marks = (data) =>
  data.panels.near.rows.filter((change) => change.starts_at >= data.since && change.starts_at <= data.until).slice(0, 3);

export function draws(data) {
  const spike = data.panels.spike.rows[0];
  if (!spike || !data.panels.curve.rows.length) return;
  draw("spike", spikeCurve({ curve: data.panels.curve.rows, spike, marks: marks(data), since: data.since, until: data.until, stepMs: data.step_s * 1000 }));
}

export function view(data, here) {
  const spike = data.panels.spike.rows[0];
  if (!spike) {
    if (data.panels.spike.error) return [h("p", { class: "panel-error", role: "alert" }, data.panels.spike.error)];
    return [empty("This spike is not here.", "It may belong to another workspace, or its records have passed their retention.", link(here({}, "/now"), {}, "Back to all spikes"))];
  }
  const said = attribution(data);
  const [first, rest] = sentences(said, spike);
  return [
    h("nav", { class: "crumbs", "aria-label": "Breadcrumb", "data-key": "crumbs" }, link(here({}, "/now"), {}, "Now"), h("span", { "aria-hidden": "true" }, " / "), h("span", {}, sliceName(spike.slice))),
    h("div", { class: "headline", "data-key": "headline" },
      h("p", { class: "eyebrow" }, pill(spike.state, STATES[spike.state]), said?.final ? pill("final", "final word") : null, spike.stream === "low_scores" ? pill("stream", "low scores") : null, said && !said.final && said.as_of < spike.as_of ? h("span", { class: "muted" }, "the answer is as of ", timeOf(said.as_of, data.now)) : null),
      h("h1", {}, said ? told(first, data.now) : `${signed(Math.round(spike.excess))} ${unitOf(spike)} more than usual ${onSlice(spike.slice)}; the cause is being worked out.`),
      rest ? h("p", { class: "lead" }, told(rest, data.now)) : null),
    spike.merged_into ? h("p", { "data-key": "merged" }, "It turned out to be part of another spike: ", link(here({}, `/spikes/${encodeURIComponent(spike.merged_into)}`), {}, "see that one"), ".") : null,
    facts(spike, candidates(data)[0], data, here),
    section({ ...data.panels.curve, title: `${spike.stream === "low_scores" ? "Low scores" : "Contacts"}: ${sliceName(spike.slice)}` }, (rows) => [curveNote(rows), chartPlace("spike", curveSays(spike), curveTable(rows, data.now))]),
    section(data.panels.candidates, (rows) => candidateList(rows, data), { extra: h("span", { class: "muted" }, "open a line for its evidence") }),
    h("div", { class: "columns", "data-key": "columns" },
      section(data.panels.quotes, (rows) => quotes(rows, data.now)),
      section(data.panels.terms, terms)),
    section({ ...data.panels.hit, title: "Who is hit, against the weeks before" }, () => pairBars(data.panels.hit, "value", "observed", "expected", { unit: (value) => number(Math.round(value)) })),
    h("section", { class: "card", "data-key": "section-people", "aria-labelledby": "title-people" }, h("div", { class: "card-head" }, h("h2", { id: "title-people" }, "Is it right, and whose is it?")), data.panels.people.error ? h("p", { class: "panel-error", role: "alert" }, data.panels.people.error) : word(data.panels.people, data, spike, candidates(data))),
    section(data.panels.revisions, (rows) => revisions(rows, data.now)),
  ];
}

/** The attribution's first sentence and the others, with names for people in the place of keys. */
function sentences(said, spike) {
  if (!said) return ["", ""];
  let text = said.sentence;
  if (said.key && said.title) text = text.replace(said.key, `\u201c${said.title}\u201d`);
  if (spike.slice) text = text.replaceAll(spike.slice, sliceName(spike.slice));
  const end = text.search(/[.;] (?=[A-Z0-9+\u201c])/);
  return end < 0 ? [text, ""] : [text.slice(0, end + 1), text.slice(end + 2)];
}

/** A sentence with its moments (UTC) as the viewer's own time. */
const told = (text, now) => text.replace(/(\d)–(\d)/g, "$1\u2060–\u2060$2").split(/(\d{4}-\d{2}-\d{2} \d{2}:\d{2})/).map((part, at) => (at % 2 ? timeOf(Date.parse(`${part.replace(" ", "T")}Z`), now) : part));

/** Whether the count lies in the interval's lowest fifth, as where a spike faded slowly (docs/localisation.md). */
const fades = (spike) => spike.state === "closed" && spike.excess - spike.excess_low < (spike.excess_high - spike.excess_low) / 5;

function facts(spike, best, data, here) {
  const now = data.now, bill = data.panels.cost.rows[0], taken = data.panels.people.rows.find((one) => one.verdict === "own");
  const until = spike.end ?? now;
  const fact = (name, ...value) => h("div", {}, h("dt", {}, name), h("dd", {}, ...value));
  return h("dl", { class: "facts", "data-key": "facts" },
    fact(`Excess ${unitOf(spike)}`, h("strong", {}, signed(Math.round(spike.excess))), h("span", { class: "interval" }, ` ${span(Math.round(spike.excess_low), Math.round(spike.excess_high))}`), fades(spike) ? h("small", { class: "muted" }, " Counted up to its stated end; the interval also holds what may have come after, as it faded.") : null),
    fact("Seen, expected", `${number(spike.observed)}, ${number(Math.round(spike.expected * 10) / 10)}`),
    fact("Began", timeOf(spike.onset, now), h("span", { class: "interval" }, ` ± ${length((spike.onset_high - spike.onset_low) / 2)}`)),
    fact(spike.state === "open" ? "Going on for" : "Lasted", length(until - spike.onset)),
    fact("Owner", best?.key && best.owner ? link(here({}, addressOf(best)), {}, best.owner) : best?.owner || (taken ? "" : h("span", { class: "muted" }, "nobody named")), taken ? h("span", { class: "interval" }, ` taken by ${taken.who}`) : null),
    best?.key ? fact("The change", link(here({}, addressOf(best)), {}, best.title || best.key)) : null,
    bill ? fact(bill.repeats > 1 ? `Cost so far, ${bill.repeats} spikes of this cause` : "Cost so far", bill.hours === null ? `${number(Math.round(bill.contacts))} contacts` : h("strong", {}, `${number(bill.hours)} h`), bill.cost === null ? null : h("span", { class: "interval" }, ` · ${number(Math.round(bill.cost))}`), bill.customers ? h("span", { class: "interval" }, ` · ${number(bill.customers)} customers`) : null) : null,
    fact("Where", spike.slice ? pairs(spike.slice).map(([name, value]) => h("span", { class: "chip" }, h("span", { class: "chip-name" }, name), value || "none")) : "everywhere"));
}

function curveNote(rows) {
  const known = rows.filter((row) => row.expected !== null).length;
  if (known === rows.length) return null;
  return h("p", { class: "muted note" }, known ? "The expectation of this slice is kept from when it was first suspected." : "The expectation of this slice is not kept, so the curve has no band.");
}

const curveSays = (spike) =>
  `${unitOf(spike)} ${onSlice(spike.slice)}: ${number(spike.observed)} since the onset against ${number(Math.round(spike.expected))} expected.`;

const SHOWN = 4;

/** The likeliest candidates; the many that are nearly ruled out wait behind one line. */
function candidateList(rows, data) {
  const rest = rows.slice(SHOWN);
  const list = (some, first) => h("ol", { class: "candidates" }, some.map((one, at) => candidate(one, data, first && at === 0)));
  if (rest.length < 2) return list(rows, true);
  return [list(rows.slice(0, SHOWN), true), h("details", { class: "more", "data-key": "more" }, h("summary", {}, `${rest.length} more, together ${percent(rest.reduce((sum, one) => sum + one.probability, 0))}`), list(rest, false))];
}

function candidate(one, data, open) {
  return h("li", { class: "candidate", "data-key": `candidate-${one.kind}-${one.key}` },
    h("details", { open },
      h("summary", {},
        h("span", { class: "candidate-name" }, cause(one), one.owner ? h("span", { class: "muted" }, ` · ${one.owner}`) : null),
        h("span", { class: "candidate-bar", "aria-hidden": "true" }, h("span", { class: `candidate-fill fill-${one.kind}`, vars: { "--share": one.probability } })),
        h("span", { class: "candidate-share" }, percent(one.probability)),
        h("span", { class: "candidate-excess" }, `${signed(Math.round(one.excess))} `, h("span", { class: "interval" }, span(Math.round(one.excess_low), Math.round(one.excess_high))))),
      evidence(one, evidenceOf(data, one), data.now)));
}

/** Each line multiplies the odds against "unknown"; shown as a factor, and drawn on one scale for all lines. */
function evidence(candidate, lines, now) {
  if (!lines.length) return h("p", { class: "muted note" }, candidate.kind === "unknown" ? "What is left when no known change explains the spike; every other candidate is weighed against it." : "No evidence lines were kept for this candidate.");
  const most = Math.max(3, ...lines.map((one) => Math.abs(one.weight)));
  return h("ul", { class: "evidence", "aria-label": `Evidence for ${causeName(candidate)}` }, lines.map((one) => h("li", { "data-key": `evidence-${one.line}` },
    h("span", { class: "evidence-line" }, LINES[one.line] ?? one.line),
    h("span", { class: `evidence-weight ${side(one.weight)}`, title: `${one.weight.toFixed(2)} nats of log-odds` }, factor(one.weight)),
    h("span", { class: "evidence-bar", "aria-hidden": "true" }, h("span", { class: `evidence-fill ${side(one.weight)}`, vars: { "--size": Math.min(1, Math.abs(one.weight) / most) } })),
    h("span", { class: "evidence-sentence" }, told(one.sentence, now)))));
}

const NOTHING = Math.log(1.15);
const side = (weight) => (Math.abs(weight) < NOTHING ? "neither" : weight > 0 ? "for" : "against");

/** 2.3 nats → "10 times likelier": a factor on the odds says more to a person than a logarithm. */
function factor(weight) {
  if (side(weight) === "neither") return "says nothing";
  const times = Math.exp(Math.abs(weight));
  const text = times >= 1000 ? "over 1,000" : number(times >= 10 ? Math.round(times) : Math.round(times * 10) / 10);
  return weight > 0 ? `${text} × likelier` : `${text} × less likely`;
}

function quotes(rows, now) {
  return h("ul", { class: "quotes" }, rows.map((one) => h("li", { "data-key": `quote-${one.event_id}` }, h("blockquote", {}, redacted(one.text)), h("p", { class: "muted" }, timeOf(one.at, now)))));
}

/** Redaction's placeholders (`<email>`) stand out, so that nobody takes them for what the customer wrote. */
const redacted = (text) => text.split(/(<[a-z_0-9]+>)/).map((part, at) => (at % 2 ? h("span", { class: "chip chip-redacted", title: "removed before it was stored" }, part.slice(1, -1)) : part));

function terms(rows) {
  const most = Math.max(...rows.map((one) => Math.max(one.share_now, one.share_usual)), 0.01);
  return h("table", { class: "terms" }, h("caption", { class: "visually-hidden" }, "Share of contacts that use a word, now and usually"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Word"), h("th", { scope: "col", class: "grow" }, h("span", { class: "visually-hidden" }, "Share")), h("th", { scope: "col", class: "number" }, "Now"), h("th", { scope: "col", class: "number" }, "Usually"))),
    h("tbody", {}, rows.slice(0, 12).map((one) => h("tr", { "data-key": `term-${one.word}` }, h("th", { scope: "row" }, one.word),
      h("td", { class: "grow", "aria-hidden": "true" }, h("span", { class: "term-bars", vars: { "--now": one.share_now / most, "--usual": one.share_usual / most } }, h("span", { class: "term-now" }), h("span", { class: "term-usual" }))),
      h("td", { class: "number" }, percent(one.share_now)), h("td", { class: "number muted" }, percent(one.share_usual))))));
}

/** Only the revisions at which the answer changed: another cause, or another whole tenth of sureness. */
function turns(rows) {
  const said = (row) => `${row.kind} ${row.key} ${Math.round(row.probability * 10)} ${row.final}`;
  return rows.filter((row, at) => at === 0 || said(row) !== said(rows[at - 1]));
}

function revisions(rows, now) {
  return h("ol", { class: "revisions" }, turns(rows).map((one) => h("li", { "data-key": `revision-${one.revision}` },
    timeOf(one.as_of, now), h("span", {}, glyph(one.kind), " ", one.kind === "unknown" || one.kind === "measurement" ? kindOf(one.kind).name : causeName(one)), h("span", { class: "muted" }, percent(one.probability)), one.final ? pill("final", "final") : null)));
}

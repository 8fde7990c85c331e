// Release impact: what each release brought, against the ones before it; the quiet ones too.
import { h } from "./dom.js";
import { number, percent, plural, signed, span, timeOf, moment } from "./format.js";
import { drawLines, linesPlace } from "./lines.js";
import { link, section } from "./parts.js";
import { chooser, figures, nothing, pairBars, panelTable, spikeLinks } from "./rows.js";

const CURVE = ["contacts", "usual", "previous"];
export const title = () => "Releases";
export const announce = () => "";

export function draws(data) {
  const { release_curve: curve, adoption } = data.panels;
  if (curve.rows.length) drawLines(curve, CURVE, { mark: 0, height: 240 });
  if (adoption.rows.length) drawLines(adoption, ["share", "planned_share"], { since: adoption.rows[0].t, until: adoption.rows.at(-1).t, height: 170 });
}

export function view(data, here) {
  const { releases, release_summary: summary, release_curve: curve, release_words: words, adoption, fixes } = data.panels;
  const one = releases.rows.find((row) => row.key === data.change);
  const all = summary.rows[0];
  return [
    h("div", { class: "headline", "data-key": "headline" },
      h("h1", {}, all ? [h("strong", {}, `${number(all.costly)} of ${plural(all.releases, "release")}`), all.costly === 1 ? " brought contacts; the others were quiet." : " brought contacts; the others were quiet."] : "No release is known."),
      h("p", { class: "muted" }, "As of ", timeOf(data.now, data.now, moment(data.now)), all?.hours ? ` · about ${number(all.hours)} hours of handling in all` : "")),
    one ? h("section", { class: "card", "data-key": "section-one", "aria-labelledby": "title-one" },
      h("div", { class: "card-head" }, h("h2", { id: "title-one" }, one.title || one.key), chooser("Release", releases, data.change, (row) => `${row.key}${row.title ? ` · ${row.title}` : ""}${row.contacts ? ` (${signed(Math.round(row.contacts))})` : ""}`)),
      h("p", { class: "lead" }, verdict(one)),
      curve.error ? h("p", { class: "panel-error", role: "alert" }, curve.error) : curve.rows.length ? [h("p", { class: "muted note" }, "Contacts in its scope, hour by hour since its roll-out began."), linesPlace(curve, CURVE, `Contacts in the scope of ${one.title || one.key} from a day before to three days after its roll-out.`, data.now)] : h("p", { class: "panel-empty" }, curve.empty)) : null,
    one ? h("div", { class: "columns", "data-key": "columns-one" },
      section(words, () => pairBars(words, "word", "share_now", "share_usual")),
      section(adoption, (rows) => linesPlace(adoption, ["share", "planned_share"], `Adoption reached ${percent(Math.max(...rows.map((row) => row.share ?? 0)))} of customers.`, data.now))) : null,
    section(fixes, () => panelTable(fixes, data.now)),
    section(releases, () => panelTable(releases, data.now, {
      hide: ["hours", "cost", "fixes"], quiet: (row) => !row.contacts, key: (row) => `release-${row.key}`,
      cells: { title: (row) => link(here({ change: row.key }), { class: "row-link", "aria-current": row.key === data.change ? "true" : null }, row.title || row.key, h("span", { class: "muted" }, ` · ${row.key}`)), spikes: spikeLinks(here) },
    })),
  ];
}

function verdict(one) {
  if (one.contacts === null) return [h("strong", {}, "Quiet: "), "no spike is attributed to it", one.previous ? `; the ones before it brought ${number(Math.round(one.previous))} on average.` : ", as to most releases."];
  return [h("strong", {}, `${signed(Math.round(one.contacts))} contacts`), ` (${span(Math.round(one.contacts_low), Math.round(one.contacts_high))}), ${percent(one.probability)} sure`, one.hours ? `, about ${number(one.hours)} hours` : "", one.cost ? `, ${number(Math.round(one.cost))} in cost` : "", one.previous === null ? "." : `; the ones before it brought ${number(Math.round(one.previous))} on average.`, one.owner ? ` Owner: ${one.owner}.` : " Nobody is named as its owner."];
}

export { figures, nothing };

// Changes upstream, and what each has cost; most cost nothing, and the list says so.
import { h } from "./dom.js";
import { cause } from "./causes.js";
import { moment, number, plural, signed, span, timeOf, whereOf } from "./format.js";
import { link, probability, section, table } from "./parts.js";
import { addressOf } from "./views_now.js";

export const title = () => "Changes";
export const announce = () => "";
export const draws = () => {};

export function view(data, here) {
  const { changes } = data.panels;
  const costly = changes.rows.filter((one) => one.contacts);
  return [
    h("div", { class: "headline", "data-key": "headline" }, h("h1", {}, changes.rows.length ? [h("strong", {}, number(costly.length)), ` of ${plural(changes.rows.length, "change")} cost contacts.`] : "No change upstream is known."),
      h("p", { class: "muted" }, "As of ", timeOf(data.now, data.now, moment(data.now)), ". Releases, promotions, policies, prices, incidents, automation and staffing, latest first.")),
    section({ ...changes, title: "What was changed, and what it cost" }, (rows) => changeTable(rows, data, here)),
  ];
}

function changeTable(rows, { now, panels }, here) {
  const places = new Map(panels.spikes.rows.map((spike) => [spike.spike_id, whereOf(spike)]));
  return table([
    ["Change", (row) => h("span", { id: row.key }, row.kind === "release" || row.kind === "promotion" ? link(here({}, addressOf(row)), { class: "row-link" }, cause(row)) : h("strong", {}, cause(row))), "grow"],
    ["From", (row) => timeOf(row.starts_at, now)],
    ["Owner", (row) => row.owner || h("span", { class: "muted" }, "not named"), "whole"],
    ["Contacts", (row) => (row.contacts ? h("span", { class: "excess" }, h("strong", {}, signed(Math.round(row.contacts))), h("span", { class: "interval" }, ` ${span(Math.round(row.contacts_low), Math.round(row.contacts_high))}`)) : h("span", { class: "muted" }, "none")), "number"],
    ["Sure", (row) => (row.contacts ? probability(row.probability) : "")],
    ["Spikes", (row) => row.spikes.slice(0, 6).map((id, at) => [at ? ", " : "", link(here({}, `/spikes/${encodeURIComponent(id)}`), {}, places.get(id) ?? "a spike")])],
  ], rows, { key: (row) => `change-${row.kind}-${row.key}`, caption: "Changes, latest first, with what they cost", quiet: (row) => !row.contacts });
}

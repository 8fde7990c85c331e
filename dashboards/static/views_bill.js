// The upstream bill: what changes cost, by owner and cause, what keeps coming back, and what nobody owns.
import { h } from "./dom.js";
import { causeName } from "./causes.js";
import { moment, number, plural, sliceName, timeOf, weekOf } from "./format.js";
import { link, section, spans } from "./parts.js";
import { figures, panelTable } from "./rows.js";
import { draw } from "./charts.js";
import { bars, barsPlace } from "./bars.js";

export const title = () => "Bill";
export const announce = () => "";
export function draws(data) {
  if (data.panels.bill_curve.rows.length) draw("bill_curve", bars(data.panels.bill_curve));
}

export function view(data, here) {
  const { bill_total: total, bill_curve: curve, bill, dearest, repeats, unowned } = data.panels;
  const all = total.rows[0];
  const costs = all && all.cost !== null;
  const hide = costs ? [] : ["cost"];
  return [
    h("div", { class: "headline", "data-key": "headline" },
      h("h1", {}, all ? ["Changes upstream brought ", h("strong", {}, plural(Math.round(all.contacts), "contact")), all.hours ? [", about ", h("strong", {}, `${number(all.hours)} hours`), " of handling."] : "."] : "Nothing upstream has cost contacts in this span."),
      h("p", { class: "muted" }, "As of ", timeOf(data.now, data.now, moment(data.now)), costs ? "" : [". Set ", h("code", {}, "web.hour_cost"), " to see hours as cost."])),
    h("div", { class: "controls", "data-key": "controls" }, spans(data, here)),
    section(total, () => figures(total, ["contacts", "hours", ...(costs ? ["cost"] : []), "impacts"], data.now)),
    section(curve, () => barsPlace(curve, data.now)),
    section(dearest, () => panelTable(dearest, data.now, { hide, grow: "title", cells: { title: (row) => (row.key ? row.title : causeName(row)) } })),
    section(repeats, () => panelTable(repeats, data.now, { hide, grow: "owner" })),
    section(unowned, () => panelTable(unowned, data.now, { hide: ["sentence"], grow: "slice", cells: { slice: (row) => link(here({}, `/spikes/${encodeURIComponent(row.spike_id)}`), { class: "row-link" }, sliceName(row.slice)) } })),
    section(bill, () => panelTable(bill, data.now, { hide, grow: "owner", cells: { week: (row) => weekOf(row.week) } })),
  ];
}

// Campaign and support: planned against actual, who was told when, what was promised and comes back.
import { h } from "./dom.js";
import { length, moment, number, plural, signed, span, timeOf } from "./format.js";
import { drawLines, linesPlace } from "./lines.js";
import { link, pill, section } from "./parts.js";
import { chooser, nothing, panelTable } from "./rows.js";

const CURVE = ["contacts", "usual", "previous"];
const PILLS = { "over plan": "bad", "as planned": "good", "within plan": "good", "under plan": "final", "no plan": "open" };
export const title = () => "Campaigns";
export const announce = () => "";

export function draws(data) {
  if (data.panels.promotion_curve.rows.length) drawLines(data.panels.promotion_curve, CURVE, { mark: 0, height: 240 });
}

export function view(data, here) {
  const { promotions, next, promotion_curve: curve, claims, unaware, exposed, surveys } = data.panels;
  const one = promotions.rows.find((row) => row.key === data.change);
  const untold = promotions.rows.filter((row) => row.briefed_h === null || row.briefed_h < 0).length;
  return [
    h("div", { class: "headline", "data-key": "headline" },
      h("h1", {}, promotions.rows.length ? [h("strong", {}, plural(promotions.rows.length, "promotion")), untold ? [", ", h("strong", {}, number(untold)), " without support being told in time."] : ", support was told of every one."] : "No promotion is known."),
      h("p", { class: "muted" }, "As of ", timeOf(data.now, data.now, moment(data.now)), next.rows.length ? ` · ${plural(next.rows.length, "launch", "launches")} ahead` : "")),
    one ? h("section", { class: "card", "data-key": "section-one", "aria-labelledby": "title-one" },
      h("div", { class: "card-head" }, h("h2", { id: "title-one" }, one.title || one.key), chooser("Promotion", promotions, data.change)),
      h("p", { class: "lead" }, plan(one), " ", told(one)),
      curve.error ? h("p", { class: "panel-error", role: "alert" }, curve.error) : curve.rows.length ? linesPlace(curve, CURVE, `Contacts of the audience of ${one.title || one.key} from a day before to three days after its launch.`, data.now) : h("p", { class: "panel-empty" }, curve.empty)) : null,
    one ? section(claims, (rows) => promises(rows)) : null,
    one ? h("div", { class: "columns", "data-key": "columns-one" }, section(unaware, () => panelTable(unaware, data.now, { hide: ["contacts"] })), section(exposed, () => panelTable(exposed, data.now))) : null,
    one ? section(surveys, () => panelTable(surveys, data.now)) : null,
    section(next, () => panelTable(next, data.now, { hide: ["macro", "article"], cells: { missing: (row) => (row.missing.length ? row.missing.map((what) => [pill("bad", what), " "]) : pill("good", "ready")) } })),
    section(promotions, () => panelTable(promotions, data.now, {
      hide: ["ends_at", "hours", "macro", "article", "briefed_at"], key: (row) => `promotion-${row.key}`,
      cells: {
        title: (row) => link(here({ change: row.key }), { class: "row-link", "aria-current": row.key === data.change ? "true" : null }, row.title || row.key),
        verdict: (row) => pill(PILLS[row.verdict] ?? "final", row.verdict),
        briefed_h: (row) => (row.briefed_h === null ? pill("bad", "not told") : row.briefed_h < 0 ? pill("bad", `${length(-row.briefed_h * 3_600_000)} after`) : h("span", {}, `${length(row.briefed_h * 3_600_000)} before`)),
      },
      labels: { briefed_h: "Support told" },
    })),
  ];
}

function plan(one) {
  const planned = one.planned === null ? "No number of contacts was planned" : `${plural(one.planned, "contact was", "contacts were")} planned`;
  if (one.contacts === null) return `${planned}; none beyond the usual came.`;
  return [`${planned}; `, h("strong", {}, signed(Math.round(one.contacts))), ` (${span(Math.round(one.contacts_low), Math.round(one.contacts_high))}) came`, one.hours ? `, about ${number(one.hours)} hours of handling.` : "."];
}

function told(one) {
  if (one.briefed_h === null) return h("strong", {}, "Support was not told.");
  if (one.briefed_h < 0) return h("strong", {}, `Support was told ${length(-one.briefed_h * 3_600_000)} after the launch.`);
  return `Support was told ${length(one.briefed_h * 3_600_000)} before the launch.`;
}

/** Each promise with how often customers name it since the launch, and how often they did before. */
function promises(rows) {
  const most = Math.max(1, ...rows.map((row) => Math.max(row.mentions ?? 0, row.before ?? 0)));
  return h("ul", { class: "promises" }, rows.map((row) => h("li", { "data-key": `claim-${row.claim}` },
    h("div", { class: "promise-head" }, h("strong", {}, `“${row.claim}”`), h("span", { class: "number" }, plural(row.mentions ?? 0, "contact"), h("span", { class: "muted" }, ` · ${number(row.before ?? 0)} before`))),
    h("span", { class: "term-bars", "aria-hidden": "true", vars: { "--now": (row.mentions ?? 0) / most, "--usual": (row.before ?? 0) / most } }, h("span", { class: "term-now" }), h("span", { class: "term-usual" })),
    row.sentence ? h("p", { class: "muted" }, `for instance: ${row.sentence.trim().slice(0, 240)}`) : null)));
}

export { nothing };

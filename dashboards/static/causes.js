// Kinds of causes: name, colour (Okabe-Ito) and shape, so that colour is never the only sign.
import { h, svg } from "./dom.js";

const RING = "M8 1a7 7 0 1 0 0 14a7 7 0 1 0 0-14zM8 4.5a3.5 3.5 0 1 1 0 7a3.5 3.5 0 1 1 0-7z";

export const KINDS = {
  release: { name: "Release", many: "Releases", path: "M8 1.5L15 14H1z" },
  promotion: { name: "Promotion", many: "Promotions", path: "M8 .5L15.5 8L8 15.5L.5 8z" },
  incident: { name: "Incident", many: "Incidents", path: "M9.5 .5L2.5 9H7L6 15.5L13.5 6.5H9z" },
  policy: { name: "Policy", many: "Policies", path: "M2 2H14V14H2z" },
  price: { name: "Price", many: "Prices", path: "M8 1a7 7 0 1 0 0 14a7 7 0 1 0 0-14z" },
  automation: { name: "Automation", many: "Automation", path: "M8 .5L14.5 4.3V11.7L8 15.5L1.5 11.7V4.3z" },
  capacity: { name: "Capacity", many: "Capacity", path: "M1 9h4v6H1zM6 5h4v10H6zM11 1h4v14h-4z" },
  unknown: { name: "Unknown cause", many: "Unknown", path: RING },
  measurement: { name: "Measurement", many: "Measurement", path: "M3 1L8 6L13 1L15 3L10 8L15 13L13 15L8 10L3 15L1 13L6 8L1 3z" },
  pending: { name: "Not attributed yet", many: "Pending", path: "M1 6.5h3v3H1zM6.5 6.5h3v3h-3zM12 6.5h3v3h-3z" },
};

export const CHANGE_KINDS = ["release", "promotion", "incident", "policy", "price", "automation", "capacity"];
export const kindOf = (kind) => KINDS[kind] ?? KINDS.pending;

export function glyph(kind) {
  const one = kindOf(kind);
  return svg("svg", { viewBox: "0 0 16 16", class: `glyph kind-${kind || "pending"}`, "aria-hidden": "true", focusable: "false" }, svg("path", { d: one.path }));
}

/** What a cause is called: its title, else its key, else what kind of nameless cause it is. */
export function causeName(row) {
  if (row.kind === "unknown") return "Unknown: none of the known changes";
  if (row.kind === "measurement") return "Measurement: no customers behind it";
  if (!row.kind) return "Not attributed yet";
  return row.title || row.key;
}

export const cause = (row) =>
  h("span", { class: "cause" }, glyph(row.kind), h("span", { class: "visually-hidden" }, `${kindOf(row.kind).name}: `), h("span", { class: "cause-name" }, causeName(row)));

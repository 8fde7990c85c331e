// People's word on a spike: confirm, reject, say what it was, or take it. Sent to where feedback is taken in.
import { h } from "./dom.js";
import { causeName } from "./causes.js";
import { timeOf } from "./format.js";
import { nothing } from "./rows.js";

export const PLACE = "/api/feedback";
const NAME = "whence.who";
const VERDICTS = { confirm: "confirmed the cause", reject: "rejected the cause", reassign: "said it was", own: "took it" };
const SAID = { confirm: "Noted: the cause is right.", reject: "Noted: the cause is wrong.", reassign: "Noted: it was something else.", own: "Noted: it is yours." };
const keyOf = (one) => (one.kind === "unknown" || one.kind === "measurement" ? one.kind : one.key);

/** What was said so far, and where the page takes words, a form to say more. */
export function word(panel, data, spike, candidates) {
  return [
    data.feedback ? form(data, spike, candidates) : h("p", { class: "muted note" }, "This page cannot take your word here; ", h("code", {}, "whence feedback"), " can."),
    panel.rows.length ? h("ul", { class: "people" }, panel.rows.map((one) => h("li", { "data-key": `said-${one.at}-${one.verdict}` }, h("strong", {}, one.who || "somebody"), ` ${VERDICTS[one.verdict] ?? one.verdict}${one.verdict === "reassign" ? ` ${one.cause}` : ""} `, h("span", { class: "muted" }, timeOf(one.at, data.now)), one.note ? h("p", {}, one.note) : null)))
      : h("p", { class: "muted note" }, panel.empty),
  ];
}

function form(data, spike, candidates) {
  const best = candidates[0];
  const host = h("form", { class: "word", "data-keep": true, "data-key": `word-${spike.spike_id}`, "aria-label": "Your word on this spike" },
    h("label", {}, "Your name", h("input", { name: "who", required: true, autocomplete: "name", maxlength: "80", value: localStorage.getItem(NAME) ?? "" })),
    h("button", { type: "submit", value: "confirm", disabled: !best }, "Confirm the cause"),
    h("button", { type: "submit", value: "reject", disabled: !best }, "Reject it"),
    h("button", { type: "submit", value: "own" }, "Take it"),
    h("label", {}, "It was", h("select", { name: "cause" }, [...candidates.slice(0, 12), ...["unknown", "measurement"].filter((kind) => !candidates.some((one) => one.kind === kind)).map((kind) => ({ kind }))].map((one) => h("option", { value: keyOf(one) }, causeName(one))))),
    h("button", { type: "submit", value: "reassign" }, "Say so"),
    h("p", { class: "said", role: "status" }));
  host.addEventListener("submit", (event) => send(event, host, data, spike, best));
  return host;
}

async function send(event, host, data, spike, best) {
  event.preventDefault();
  const verdict = event.submitter?.value ?? "confirm";
  const who = host.elements.who.value.trim(), said = host.querySelector(".said");
  if (!who) return;
  localStorage.setItem(NAME, who);
  const cause = verdict === "reassign" ? host.elements.cause.value : verdict === "own" || !best ? "" : keyOf(best);
  const body = JSON.stringify({ workspace: data.workspace, spike: spike.spike_id, verdict, cause, who, note: "" });
  said.textContent = "Sending …";
  try {
    const answer = await fetch(PLACE, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const told = await answer.json().catch(() => null);
    said.textContent = answer.ok ? `${SAID[verdict]} It counts with the next revision.` : told?.error ?? told?.detail ?? "It was not taken.";
  } catch {
    said.textContent = "Whence does not answer; it was not taken. Try again.";
  }
}

export { nothing };

// The shell: addresses, polling, workspaces, theme. Views are functions of what the API last said.
import { h, render } from "./dom.js";
import { sweep } from "./charts.js";
import { freshness, late, live, near } from "./clock.js";
import { timeOf, toggleZone, usesUtc, zoneName } from "./format.js";
import { empty, link } from "./parts.js";
import * as now from "./views_now.js";
import * as spike from "./views_spike.js";
import * as releases from "./views_releases.js";
import * as campaigns from "./views_campaigns.js";
import * as bill from "./views_bill.js";
import * as changes from "./views_changes.js";
import * as pipeline from "./views_pipeline.js";

const VIEWS = { now, spike, releases, campaigns, bill, changes, pipeline };
const TABS = [["now", "/now", "Now"], ["releases", "/releases", "Releases"], ["campaigns", "/campaigns", "Campaigns"], ["bill", "/bill", "Bill"], ["changes", "/changes", "Changes"], ["pipeline", "/pipeline", "Pipeline"]];
const POLL_MS = 4000, SLOWEST_MS = 30_000;
const KEPT = ["workspace", "span", "stream", "slice"];
const $ = (id) => document.getElementById(id);

const state = { data: null, etag: "", failures: 0, said: "", timer: 0, asking: null };

/** The view, and what to ask the API for it, from the address alone. */
function place() {
  const parameters = new URLSearchParams(location.search);
  const found = location.pathname.match(/^\/spikes\/(.+)$/);
  const view = found ? "spike" : (TABS.find(([, path]) => path === location.pathname)?.[0] ?? "now");
  if (found) parameters.set("spike", decodeURIComponent(found[1]));
  return { view, parameters };
}

/** An address like this one with some parameters changed; the view's own ones are dropped with the path. */
function here(changed, path = location.pathname === "/" ? "/now" : location.pathname) {
  const parameters = new URLSearchParams();
  for (const name of KEPT) {
    const value = name in changed ? changed[name] : new URLSearchParams(location.search).get(name);
    if (value && !(name === "slice" && ("workspace" in changed || "stream" in changed))) parameters.set(name, value);
  }
  const [bare, own] = path.split("?");
  for (const [name, value] of new URLSearchParams(own ?? "")) parameters.set(name, value);
  if ("change" in changed && changed.change) parameters.set("change", changed.change);
  const [place_, anchor] = bare.split("#");
  const query = parameters.toString();
  return `${query ? `${place_}?${query}` : place_}${anchor ? `#${anchor}` : ""}`;
}

function go(path, { replace = false } = {}) {
  const address = path.includes("?") ? path : here({}, path);
  history[replace ? "replaceState" : "pushState"]({}, "", address);
  arrive();
}

function arrive() {
  const { view } = place();
  if (state.data?.view !== view) state.data = null;
  state.etag = "";
  window.scrollTo(0, 0);
  ask();
}

async function ask() {
  clearTimeout(state.timer);
  state.asking?.abort();
  const asking = (state.asking = new AbortController());
  const { view, parameters } = place();
  try {
    const answer = await fetch(`/api/views/${view}?${parameters}`, { headers: state.etag ? { "If-None-Match": state.etag } : {}, signal: asking.signal });
    if (answer.status === 401) return void location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    if (answer.status !== 304) await take(answer, view);
    state.failures = 0;
    notice("");
  } catch (error) {
    if (asking.signal.aborted) return;
    state.failures += 1;
    notice(error.said ?? "Whence does not answer. It may be restarting; trying again.");
  }
  if (asking === state.asking) state.timer = setTimeout(ask, Math.min(SLOWEST_MS, POLL_MS * 2 ** Math.min(state.failures, 3)));
}

async function take(answer, view) {
  const said = await answer.json().catch(() => null);
  if (!answer.ok || said === null) throw Object.assign(new Error("refused"), { said: said?.error });
  state.etag = answer.headers.get("ETag") ?? "";
  state.data = { ...said, view };
  try {
    paint();
  } catch (error) {
    console.error(error);
    throw Object.assign(new Error("not drawn"), { said: `This view could not be drawn: ${error.message}. Please tell whoever runs Whence.` });
  }
}

function notice(text) {
  const host = $("notice");
  host.hidden = text === "";
  if (host.textContent !== text) host.textContent = text;
  if (text && !state.data) render($("main"), empty("Nothing to show yet.", text));
}

function paint() {
  const { data } = state;
  if (!data) return;
  const view = VIEWS[data.view];
  const some = data.workspace !== null || data.view === "pipeline";
  render($("bar"), bar(data));
  render($("main"), some ? view.view(data, here) : now.nothingYet());
  render($("foot"), foot());
  if (some) view.draws(data, go);
  sweep();
  document.title = `${data.workspace === null ? "Whence" : view.title(data)} · Whence`.replace("Whence · Whence", "Whence");
  say(data.workspace === null ? "" : view.announce(data));
}

/** Only a change is announced, not every refresh. */
function say(text) {
  if (text === state.said) return;
  state.said = text;
  $("announce").textContent = text;
}

function bar(data) {
  const current = data.view === "spike" ? "now" : data.view;
  return [
    link(here({}, "/now"), { class: "brand", "data-key": "brand", "aria-label": "Whence, start" }, h("img", { src: "/static/icon.svg", alt: "", width: "26", height: "26" }), h("span", {}, "Whence")),
    h("nav", { class: "tabs", "aria-label": "Views", "data-key": "tabs" }, TABS.map(([id, path, name]) => link(here({}, path), { "aria-current": id === current ? "page" : null }, name))),
    h("div", { class: "tools", "data-key": "tools" },
      data.workspaces.length > 1 ? h("label", { class: "pick" }, h("span", { class: "visually-hidden" }, "Workspace"), h("select", { "data-param": "workspace" }, data.workspaces.map((one) => h("option", { value: one.workspace, selected: one.workspace === data.workspace }, one.workspace)))) : h("span", { class: "muted only-workspace" }, data.workspace ?? ""),
      data.now === null ? null : h("span", { class: "fresh", title: late(data) ? "How far contacts have been judged: later than usual, see Pipeline" : "How far contacts have been judged" }, h("span", { class: `dot ${late(data) ? "waiting" : live(data) ? "good" : ""}`, "aria-hidden": "true" }), timeOf(data.now, near(data) ? data.now : Date.now()), h("span", { class: "muted lag" }, freshness(data))),
      h("button", { type: "button", class: "icon-button", "data-action": "theme", "aria-label": `Theme: ${theme()}. Change it`, title: `Theme: ${theme()}` }, { light: "☀", dark: "☾", auto: "◐" }[theme()])),
  ];
}

const theme = () => document.documentElement.dataset.theme ?? "auto";

function nextTheme() {
  const next = { auto: "light", light: "dark", dark: "auto" }[theme()];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  if (next === "auto") localStorage.removeItem("whence.theme");
  else localStorage.setItem("whence.theme", next);
}

const foot = () => [
  h("span", {}, "Times in ", h("button", { type: "button", class: "text-button", "data-action": "zone", title: usesUtc() ? "Show your own zone" : "Show UTC" }, zoneName())),
  h("span", { class: "muted" }, "Texts are redacted before they are stored. Intervals hold 90 times in 100."),
];

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a[href^='/']");
  if (anchor && !event.defaultPrevented && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    go(anchor.getAttribute("href"));
    return;
  }
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action === "theme") nextTheme();
  if (action === "zone") toggleZone();
  if (action) paint();
});

document.addEventListener("change", (event) => {
  const name = event.target.dataset.param;
  if (name === "workspace") go(here({ workspace: event.target.value }, location.pathname.startsWith("/spikes/") ? "/now" : location.pathname));
  else if (name) go(here({ [name]: event.target.value }));
});

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(state.timer) : ask()));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
window.addEventListener("popstate", arrive);
arrive();

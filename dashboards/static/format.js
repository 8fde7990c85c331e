// Numbers, times and slices as a person reads them. Times are epoch milliseconds, shown in the viewer's zone.
import { h } from "./dom.js";

let zone = localStorage.getItem("whence.zone") === "utc" ? "UTC" : undefined;
const formats = new Map();

export const usesUtc = () => zone === "UTC";
export const zoneName = () => (zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone ?? "local").replaceAll("_", " ");

export function toggleZone() {
  zone = usesUtc() ? undefined : "UTC";
  localStorage.setItem("whence.zone", usesUtc() ? "utc" : "local");
  formats.clear();
}

function formatted(ms, options, timeZone = zone) {
  const key = JSON.stringify([options, timeZone]);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(undefined, { ...options, timeZone }));
  return formats.get(key).format(ms);
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DAY = { day: "numeric", month: "short" };

export const clock = (ms) => formatted(ms, CLOCK);
export const day = (ms) => formatted(ms, { weekday: "short", ...DAY });
export const date = (ms) => formatted(ms, DAY);
/** A week's first day; weeks are of UTC, so that everybody's bill has the same. */
export const weekOf = (ms) => formatted(ms, { ...DAY, year: "numeric" }, "UTC");
export const month = (ms) => formatted(ms, { month: "short", year: "numeric" });
export const moment = (ms) => `${formatted(ms, { ...DAY, year: "numeric" })}, ${clock(ms)}`;
export const utc = (ms) => `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** The shortest text that tells the moment apart, seen from `now` (story time). */
export function when(ms, now) {
  if (day(ms) === day(now) && Math.abs(now - ms) < 86_400_000) return clock(ms);
  if (Math.abs(now - ms) < 7 * 86_400_000) return `${day(ms)}, ${clock(ms)}`;
  if (formatted(ms, { year: "numeric" }) === formatted(now, { year: "numeric" })) return `${date(ms)}, ${clock(ms)}`;
  return moment(ms);
}

export const timeOf = (ms, now, text = when(ms, now)) =>
  h("time", { datetime: new Date(ms).toISOString(), title: utc(ms) }, text);

/** A length of time in one unit, two where the first alone would be coarse. */
export function length(ms) {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 1) return "under a minute";
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  if (hours < 48) return `${hours} h`;
  const days = Math.round(minutes / 1440);
  return days < 60 ? `${days} days` : `${Math.round(days / 30.4)} months`;
}

/** Nought has no sign: what is a little less than it is not shown as −0. */
export function number(value) {
  const digits = Math.abs(value) < 10 && !Number.isInteger(value) ? 1 : 0;
  const rounded = Math.round(value * 10 ** digits) / 10 ** digits + 0;
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(rounded);
}

export const signed = (value) => (value > 0 && number(value) !== number(0) ? "+" : "") + number(value).replace("-", "−");
export const span = (low, high) => `${number(low)} to ${number(high)}`;

export function percent(share) {
  if (share > 0.99 && share < 1) return "> 99%";
  if (share < 0.01 && share > 0) return "< 1%";
  return `${Math.round(share * 100)}%`;
}

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export const pairs = (slice) => (slice ? slice.split(", ").map((pair) => pair.split(/=(.*)/s).slice(0, 2)) : []);
const SPELT = { ios: "iOS", android: "Android", macos: "macOS", web: "Web", windows: "Windows", linux: "Linux" };
export const sliceName = (slice) => pairs(slice).map(([name, value]) => (name === "version" && value !== "other" ? `v${value}` : value === "other" ? `other ${name}s` : (SPELT[value] ?? value) || `no ${name}`)).join("\u00a0· ") || "Everywhere";

/** A slice within a sentence. */
export const onSlice = (slice) => (slice ? `on ${sliceName(slice)}` : "everywhere");

/** Where a spike is, and of what, where it is not of contacts. */
export const whereOf = (spike) => sliceName(spike.slice) + (spike.stream === "low_scores" ? " · low scores" : "");

export const unitOf = (spike) => (spike.stream === "low_scores" ? "low scores" : "contacts");

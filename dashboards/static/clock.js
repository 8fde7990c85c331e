// Whose time a workspace lives in: the clock's, or its input's, as a replay does.
import { length } from "./format.js";

const NEAR_MS = 6 * 3_600_000;

export const lag = (data) => Date.now() - data.now;

/** Whether what is judged is about the present hours: their dates need not be shown. */
export const near = (data) => Math.abs(lag(data)) < NEAR_MS;

/** As its workspace is declared; one that no settings name is live as long as it is near the clock. */
export const live = (data) => data.progress === "clock" || (data.progress !== "input" && near(data));

/** A live stream is judged a bucket and its lateness behind the clock; what is much later waits for something. */
export const late = (data) => live(data) && lag(data) > Math.max(15 * 60_000, 3_000 * data.bucket_s);

export const freshness = (data) => (live(data) ? ` · ${length(lag(data))} ${late(data) ? "behind" : "ago"}` : " · replay");

export const behind = (data) => (live(data) ? `, ${length(lag(data))} behind the clock.` : ". The input is a replay: its time is its own.");

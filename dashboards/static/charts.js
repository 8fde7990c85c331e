// Charts by Apache ECharts (vendored). An option is a function of data and of the theme's colours.
import { h } from "./dom.js";
import { CHANGE_KINDS, KINDS, causeName, kindOf } from "./causes.js";
import { clock, date, day, moment, month, number, sliceName, span, usesUtc, utc, signed, percent, unitOf } from "./format.js";

const drawn = new Map();
const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => drawn.get(target)?.chart.resize()));

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A place for a chart, with its say for those who cannot see it and its data as a table. */
export function chartPlace(id, label, table) {
  return h("figure", { class: "chart-figure", "data-key": `chart-${id}` },
    h("div", { class: `chart chart-${id}`, id: `chart-${id}`, "data-keep": true, role: "img", "aria-label": label, tabindex: "0" }),
    table ? h("details", { class: "table-of-chart", "data-key": `table-${id}` }, h("summary", {}, "The chart as a table"), table) : null);
}

/** Draw (or redraw in place) the chart in `chartPlace(id, …)`; `build` is called with colours at hand. */
export function draw(id, build, onClick) {
  const host = document.getElementById(`chart-${id}`);
  if (!host) return;
  const { height, option } = build({ width: host.clientWidth, narrow: host.clientWidth < 560 });
  if (height) host.style.height = `${height}px`;
  let one = drawn.get(host);
  if (!one) {
    one = { chart: echarts.init(host, null, { renderer: "canvas" }) };
    drawn.set(host, one);
    sizes.observe(host);
    one.chart.on("click", (event) => one.onClick?.(event));
  }
  one.onClick = onClick;
  one.chart.resize();
  one.chart.setOption({ ...base(), ...option }, { replaceMerge: ["series", "xAxis", "yAxis", "grid"] });
}

/** Forget charts whose place has left the page. */
export function sweep() {
  for (const [host, { chart }] of drawn) {
    if (host.isConnected) continue;
    sizes.unobserve(host);
    chart.dispose();
    drawn.delete(host);
  }
}

const base = () => ({
  animation: false,
  useUTC: usesUtc(),
  textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("--muted"), fontSize: 12 },
});

export function axisOfTime(gridIndex, since, until, { labels = true } = {}) {
  return {
    type: "time", gridIndex, min: since, max: until,
    axisLine: { lineStyle: { color: colour("--line-strong") } },
    axisTick: { show: labels, lineStyle: { color: colour("--line-strong") } },
    axisLabel: { show: labels, hideOverlap: true, color: colour("--muted"), formatter: (ms) => tick(ms, until - since) },
    splitLine: { show: false },
    axisPointer: { label: { show: false }, lineStyle: { color: colour("--muted"), type: "dotted" } },
  };
}

function tick(ms, long) {
  if (long > 300 * 86_400_000) return month(ms);
  if (long > 12 * 86_400_000) return date(ms);
  const label = clock(ms);
  return label === "00:00" ? day(ms) : label;
}

const points = (rows, value) => rows.map((row) => [row.t, value(row)]);

function curveSeries(volume) {
  const judged = (value) => (row) => (row.gap || row.expected === null ? null : value(row));
  const line = { type: "line", xAxisIndex: 0, yAxisIndex: 0, symbol: "none", connectNulls: false, silent: true };
  return [
    { ...line, name: "low", stack: "band", data: points(volume, judged((row) => row.low)), lineStyle: { opacity: 0 }, stackStrategy: "all" },
    { ...line, name: "band", stack: "band", data: points(volume, judged((row) => row.high - row.low)), lineStyle: { opacity: 0 }, areaStyle: { color: colour("--band"), opacity: 1 }, stackStrategy: "all" },
    { ...line, name: "expected", data: points(volume, judged((row) => row.expected)), lineStyle: { color: colour("--expected"), width: 1.5, type: [4, 3] } },
    { ...line, name: "observed", data: points(volume, (row) => (row.gap ? null : row.observed)), lineStyle: { color: colour("--observed"), width: 2, join: "round" }, symbol: "circle", symbolSize: 4, showSymbol: volume.length < 40, itemStyle: { color: colour("--observed") }, z: 5},
  ];
}

function curveTooltip(stepMs) {
  return (found) => {
    const rows = [].concat(found);
    const at = rows[0]?.axisValue ?? rows[0]?.value?.[0];
    const value = (name) => rows.find((one) => one.seriesName === name)?.value?.[1];
    const observed = value("observed"), expected = value("expected"), low = value("low"), wide = value("band");
    const known = (one) => one !== undefined && one !== null;
    return h("div", { class: "tip" },
      h("strong", {}, stepMs >= 86_400_000 ? day(at) : `${day(at)}, ${clock(at)} to ${clock(at + stepMs)}`),
      h("span", { class: "tip-utc" }, utc(at)),
      h("span", {}, known(observed) ? `${number(observed)} contacts` : "no data: a gap in collection"),
      known(expected) ? h("span", { class: "muted" }, `${number(expected)} expected (${span(low, low + wide)})`) : null);
  };
}

export const tooltip = (formatter, trigger) => ({
  trigger, formatter, confine: true, transitionDuration: 0,
  backgroundColor: colour("--raised"), borderColor: colour("--line"), textStyle: { color: colour("--ink"), fontSize: 13 }, padding: [8, 12],
});

export function countAxis(gridIndex, name) {
  return {
    type: "value", gridIndex, min: 0, minInterval: 1, name, nameTextStyle: { align: "left", color: colour("--muted") }, nameGap: 10,
    splitNumber: 4, axisLabel: { color: colour("--muted"), formatter: number }, splitLine: { lineStyle: { color: colour("--line") } },
  };
}

/** Where any spike is on: overlapping ones are one area, or their tints would add up. */
function spikeAreas(spikes, until) {
  const areas = [];
  for (const { onset, end } of [...spikes].sort((a, b) => a.onset - b.onset)) {
    const last = areas.at(-1);
    if (last && onset <= last[1]) last[1] = Math.max(last[1], end ?? until);
    else areas.push([onset, end ?? until]);
  }
  return { silent: true, itemStyle: { color: colour("--spike-tint") }, data: areas.map(([from, to]) => [{ xAxis: from }, { xAxis: to }]) };
}

/** Rows of bars so that none covers another: greedy by onset, at most `most` rows. */
function stacked(spikes, until, most = 5) {
  const ends = [];
  return [...spikes].sort((a, b) => a.onset - b.onset).map((spike) => {
    let row = ends.findIndex((end) => end <= spike.onset);
    if (row < 0) row = ends.length < most ? ends.length : most - 1;
    ends[row] = Math.max(ends[row] ?? 0, spike.end ?? until);
    return { spike, row };
  });
}

/** Volume with its band above; spikes and changes below on the same time axis. */
export function timeline({ volume, spikes, changes, stream, since, until, stepMs, now }) {
  return ({ narrow }) => {
    const placed = stacked(spikes, until);
    const kinds = CHANGE_KINDS.filter((kind) => changes.some((change) => change.kind === kind));
    const spikeRows = placed.reduce((most, one) => Math.max(most, one.row + 1), 0);
    const lanes = [...Array.from({ length: spikeRows }, (_, row) => ({ id: `spike-${row}`, label: row === 0 ? "Spikes" : "" })), ...kinds.map((kind) => ({ id: kind, label: KINDS[kind].many }))];
    const top = 34, curve = narrow ? 190 : 250, lane = 24, left = narrow ? 40 : 92, right = 22;
    const laneHeight = lanes.length * lane;
    const grids = [{ left, right, top, height: curve }];
    if (lanes.length) grids.push({ left, right, top: top + curve + 34, height: laneHeight });
    const series = curveSeries(volume);
    series[3].markArea = spikeAreas(spikes.filter((one) => one.stream === stream), until);
    series.push(...laneSeries({ placed, kinds, changes, until, since }));
    return {
      height: top + curve + 34 + laneHeight + 12,
      option: {
        grid: grids,
        axisPointer: { link: [{ xAxisIndex: "all" }] },
        xAxis: [axisOfTime(0, since, until), ...(lanes.length ? [axisOfTime(1, since, until, { labels: false })] : [])],
        yAxis: [countAxis(0, "contacts"), ...(lanes.length ? [{ type: "category", gridIndex: 1, inverse: true, data: lanes.map((one) => one.id), axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: true, lineStyle: { color: colour("--line") } }, axisLabel: { show: !narrow, color: colour("--muted"), interval: 0, formatter: (id) => lanes.find((one) => one.id === id)?.label ?? "" } }] : [])],
        tooltip: tooltip((found) => (Array.isArray(found) ? curveTooltip(stepMs)(found.filter((one) => one.axisIndex === 0)) : markTip(found, now)), "axis"),
        series,
      },
    };
  };
}

function laneSeries({ placed, kinds, changes, until, since }) {
  const common = { xAxisIndex: 1, yAxisIndex: 1, tooltip: { trigger: "item", formatter: markTip }, cursor: "pointer", z: 6 };
  const bars = placed.map(({ spike, row }) => ({
    ...common, type: "line", symbol: "none", triggerLineEvent: true, name: "spike", id: `bar-${spike.spike_id}`,
    data: [[Math.max(spike.onset, since), `spike-${row}`], [Math.max(Math.min(spike.end ?? until, until), spike.onset + (until - since) / 300), `spike-${row}`]],
    lineStyle: { width: 10, cap: "round", color: colour(`--kind-${spike.kind || "pending"}`) },
    emphasis: { lineStyle: { width: 13 } },
  }));
  const heads = placed.length ? [{
    ...common, type: "scatter", name: "spike-heads", symbolSize: 12, symbolKeepAspect: true,
    data: placed.map(({ spike, row }) => ({ symbolOffset: spike.onset < since ? [9, 0] : [-13, 0], value: [Math.max(spike.onset, since), `spike-${row}`], symbol: `path://${kindOf(spike.kind).path}`, itemStyle: spike.onset < since ? { color: colour("--surface") } : { color: colour(`--kind-${spike.kind || "pending"}`) }, spike })), z: 8,
  }] : [];
  const marks = kinds.map((kind) => ({
    ...common, type: "scatter", name: kind, symbol: `path://${KINDS[kind].path}`, symbolSize: 12, symbolKeepAspect: true,
    data: changes.filter((change) => change.kind === kind).map((change) => ({ value: [change.starts_at, kind], change, itemStyle: { color: colour(`--kind-${kind}`), opacity: change.contacts ? 1 : 0.55 } })),
  }));
  return [...bars, ...heads, ...marks];
}

function markTip(found) {
  const { spike, change } = found.data ?? {};
  if (spike) return h("div", { class: "tip" }, h("strong", {}, causeName(spike)), h("span", {}, sliceName(spike.slice)), h("span", {}, `${signed(Math.round(spike.excess))} ${unitOf(spike)} (${span(Math.round(spike.excess_low), Math.round(spike.excess_high))})`), spike.probability === null ? null : h("span", {}, `${percent(spike.probability)} sure`), h("span", { class: "muted" }, `since ${moment(spike.onset)}`));
  if (change) return h("div", { class: "tip" }, h("strong", {}, change.title || change.key), h("span", {}, `${kindOf(change.kind).name} · ${moment(change.starts_at)}`), h("span", { class: "tip-utc" }, utc(change.starts_at)), change.contacts ? h("span", {}, `${signed(Math.round(change.contacts))} contacts`) : h("span", { class: "muted" }, "no contacts attributed to it"));
  return h("div", { class: "tip" }, found.seriesName);
}

/** One slice's curve with its band, the onset and its uncertainty, and the candidates' starts. */
export function spikeCurve({ curve, spike, marks, since, until, stepMs }) {
  return ({ narrow, width }) => {
    const series = curveSeries(curve);
    series[3].markArea = { silent: true, data: [
      [{ xAxis: spike.onset_low, itemStyle: { color: colour("--onset-tint") } }, { xAxis: Math.max(spike.onset_high, spike.onset_low + stepMs) }],
      [{ xAxis: spike.onset, itemStyle: { color: colour("--spike-tint") } }, { xAxis: spike.end ?? until }],
    ] };
    const flags = placedFlags([{ t: spike.onset, text: "onset" }, ...marks.map((mark) => ({ t: mark.starts_at, text: shortened(mark.title || mark.key, narrow ? 20 : 44), kind: mark.kind }))], (t) => (t - since) / (until - since), width - 76);
    series[3].markLine = { symbol: "none", silent: true, data: flags.map(flagLine) };
    const rows = Math.max(...flags.map((flag) => flag.row)) + 1;
    return {
      height: (narrow ? 230 : 270) + 26 * rows,
      option: {
        grid: [{ left: narrow ? 40 : 56, right: 20, top: 14 + 26 * rows, bottom: 30 }],
        xAxis: [axisOfTime(0, since, until)], yAxis: [countAxis(0, "")],
        tooltip: tooltip(curveTooltip(stepMs), "axis"), series,
      },
    };
  };
}

/** Flags on as few rows as keep them apart; a text is taken to be seven pixels a letter wide. */
function placedFlags(flags, at, width) {
  const taken = [];
  return flags.map((flag) => {
    const x = at(flag.t) * width, wide = flag.text.length * 7 + 24;
    const align = x < wide / 2 ? "left" : x > width - wide / 2 ? "right" : "center";
    const left = { left: x, center: x - wide / 2, right: x - wide }[align];
    let row = taken.findIndex((spans) => spans.every(([from, to]) => left + wide < from || left > to));
    if (row < 0) row = taken.push([]) - 1;
    taken[row].push([left, left + wide]);
    return { ...flag, align, row };
  });
}

const flagLine = ({ t, text, kind, align, row }) => ({
  xAxis: t,
  lineStyle: kind ? { color: colour(`--kind-${kind}`), width: 2, type: [6, 3] } : { color: colour("--ink"), width: 1.5, type: "solid" },
  label: { formatter: text, position: "end", distance: 8 + row * 26, align, color: colour("--ink"), fontSize: 12, lineHeight: 16, backgroundColor: colour("--surface"), borderColor: kind ? colour(`--kind-${kind}`) : colour("--ink"), borderWidth: 1, borderRadius: 4, padding: [2, 7] },
});

const shortened = (text, most = 44) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Plain counts over time, such as late contacts. */
export function counts({ rows, since, until, stepMs, name }) {
  return () => ({
    height: 150,
    option: {
      grid: [{ left: 44, right: 16, top: 20, bottom: 28 }],
      xAxis: [axisOfTime(0, since, until)], yAxis: [{ ...countAxis(0, ""), splitNumber: 2 }],
      tooltip: tooltip((found) => h("div", { class: "tip" }, h("strong", {}, `${number(found[0].value[1])} ${name}`), h("span", {}, moment(found[0].value[0])), h("span", { class: "tip-utc" }, utc(found[0].value[0]))), "axis"),
      series: [{ type: "bar", data: rows.map((row) => [row.t, row.contacts]), itemStyle: { color: colour("--observed"), borderRadius: [2, 2, 0, 0] }, barMaxWidth: 14 }],
    },
  });
}

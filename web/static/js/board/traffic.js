// Calls by quarter hours of today: a small picture, drawn by hand.
import { $, make, t } from "../core.js";

const HEIGHT = 72;
const STEP = 8;
const HOURS = [0, 3, 6, 9, 12, 15, 18, 21];
const NAMES = [t("came"), t("answered"), t("hung up while waiting"), t("called by us"), t("failures")];

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const clock = (n) => `${String(Math.floor(n / 4)).padStart(2, "0")}:${String((n % 4) * 15).padStart(2, "0")}`;
const two = (value) => Math.round(value * 10) / 10;

// One bar a quarter: answered below, hung up above it, all others on top.
function bar(row, n, scale) {
  const [came, answered, abandoned, , failed] = row;
  const parts = [
    ["answered", Math.min(answered, came)],
    ["abandoned", Math.min(abandoned, came)],
    ["other", Math.max(0, came - answered - abandoned)],
  ];
  let top = HEIGHT;
  const bars = parts
    .filter(([, count]) => count)
    .map(([kind, count]) => {
      top -= count * scale;
      return svg("rect", { class: kind, x: n * STEP + 1, width: STEP - 2, y: two(top), height: two(count * scale) });
    });
  if (failed) bars.push(svg("circle", { class: "failed", cx: n * STEP + STEP / 2, cy: Math.max(4, two(top) - 5), r: 3 }));
  const words = `${clock(n)}: ${NAMES.map((name, at) => `${name} ${row[at]}`).join(", ")}`;
  return svg("g", {}, svg("title", {}, words), svg("rect", { class: "ground", x: n * STEP, width: STEP, y: 0, height: HEIGHT }), ...bars);
}

export function traffic({ quarters, midnight_s: midnight }) {
  const sums = NAMES.map((_, at) => quarters.reduce((sum, row) => sum + row[at], 0));
  const scale = (HEIGHT - 8) / Math.max(4, ...quarters.map((row) => row[0]));
  const hours = HOURS.map((hour) => make("span", {}, clock(hour * 4)));
  const now = ((Date.now() / 1000 - midnight) / 900) * STEP;
  const words = NAMES.map((name, at) => `${name} ${sums[at]}`).join(" · ");
  const picture = svg("svg", { viewBox: `0 0 ${quarters.length * STEP} ${HEIGHT}`, role: "img", "aria-label": words, preserveAspectRatio: "none" }, ...quarters.map((row, n) => bar(row, n, scale)), svg("line", { class: "now", x1: two(now), x2: two(now), y1: 0, y2: HEIGHT }), svg("line", { class: "base", x1: 0, x2: quarters.length * STEP, y1: HEIGHT, y2: HEIGHT }));
  $("#traffic").replaceChildren(picture, make("p", { class: "hours num", "aria-hidden": "true" }, ...hours));
  $("#traffic-sums").textContent = words;
}

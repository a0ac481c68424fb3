// The list of recordings: pictures with marks, fetched when they come into view; playing by mouse and by keys.
import { $, $$, ask, duration, make, t, tried } from "./core.js";

const SVG = document.createElementNS.bind(document, "http://www.w3.org/2000/svg");
const MIDDLE = 32;
const STEP_S = 5;
const SPEEDS = { 1: 1, 2: 1.5, 3: 2 };
const WHAT = {
  keyed: t("Keys of the caller"),
  queued: t("Put into a queue"),
  answered: t("Answered by an agent"),
  held: t("Put on hold"),
  resumed: t("Taken off hold"),
  transferred: t("Transferred"),
  consulted: t("Consultation"),
  invited: t("Somebody called in"),
  joined: t("Somebody joined"),
  together: t("All together"),
  supervised: t("Shift leader came in"),
  played_back: t("A recording was played"),
  keys_sent: t("Keys sent"),
  left: t("Back in the flow"),
  private: t("Private: silence"),
};
const title = (mark) => `${WHAT[mark.what] || mark.what} ${mark.who}`.trim();

function part(name, values) {
  const element = SVG(name);
  Object.entries(values).forEach(([key, value]) => element.setAttribute(key, value));
  return element;
}

function bars(peaks, sign) {
  return peaks.map((peak, at) => (peak ? `M${at + 0.5} ${MIDDLE}v${sign * Math.max(0.5, (peak * MIDDLE) / 255)}` : "")).join("");
}

function playFrom(audio, seconds) {
  audio.currentTime = seconds;
  audio.play().catch(() => {});
}

// A mark on the picture: a line, or for a silence all of its length.
function drawMark(mark, at, audio) {
  const group = part("g", { class: `mark-${mark.what}` });
  const name = part("title", {});
  name.textContent = `${duration(mark.at_s)} ${title(mark)}`;
  const x = at(mark.at_s);
  if (mark.to_s) group.append(part("rect", { x, width: Math.max(1, at(mark.to_s) - x), y: 0, height: 2 * MIDDLE }));
  group.append(name, part("line", { x1: x, x2: x, y1: 0, y2: 2 * MIDDLE }), part("line", { x1: x, x2: x, y1: 0, y2: 2 * MIDDLE, class: "near" }));
  group.addEventListener("click", (event) => {
    event.stopPropagation();
    playFrom(audio, mark.at_s);
  });
  return group;
}

function draw(place, sound) {
  const audio = $("audio", place.parentElement);
  const width = sound.left.length;
  const svg = part("svg", { viewBox: `0 0 ${width} ${2 * MIDDLE}`, preserveAspectRatio: "none", role: "img" });
  svg.setAttribute("aria-label", t("Loudness over time: above the caller, below what the caller hears"));
  svg.append(part("path", { d: bars(sound.left, -1), class: "said" }), part("path", { d: bars(sound.right, 1), class: "heard" }));
  const at = (seconds) => (seconds / (sound.seconds || 1)) * width;
  svg.append(...sound.marks.map((mark) => drawMark(mark, at, audio)));
  const now = part("line", { x1: 0, x2: 0, y1: 0, y2: 2 * MIDDLE, class: "now" });
  svg.append(now);
  audio.addEventListener("timeupdate", () => {
    const x = at(Math.min(audio.currentTime, sound.seconds));
    now.setAttribute("x1", x);
    now.setAttribute("x2", x);
  });
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    playFrom(audio, ((event.clientX - box.left) / box.width) * sound.seconds);
  });
  place.append(svg);
  place.closest("tr").marks = sound.marks.map((mark) => mark.at_s);
  const button = (mark) => make("button", { type: "button", class: `mark-${mark.what}`, "data-test": `mark-${mark.what}`, title: title(mark), on: { click: () => playFrom(audio, mark.at_s) } }, make("span", { class: "num" }, duration(mark.at_s)), ` ${title(mark)}`);
  $(".marks", place.parentElement).append(...sound.marks.map((mark) => make("li", {}, button(mark))));
}

async function load(place) {
  const answer = await fetch(place.dataset.wave, { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer && answer.ok) draw(place, await answer.json());
  else place.hidden = true;
}

document.addEventListener("recording", ({ detail: audio }) => {
  const place = $("[data-wave]", audio.closest("td"));
  if (!place || !place.hidden) return;
  place.hidden = false;
  load(place);
});

const seen = new IntersectionObserver((entries) =>
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    seen.unobserve(entry.target);
    load(entry.target);
  })
);
$$("[data-wave]").forEach((place) => seen.observe(place));

// What became of a recording, and who heard it, each time it is opened.
for (const details of $$("[data-history]"))
  details.addEventListener("toggle", async () => {
    const told = details.open && (await tried(() => ask(details.dataset.history)));
    if (told) $(".steps", details).replaceChildren(...told.steps.map((step) => make("li", {}, make("span", { class: "num quiet" }, step.at), ` ${[step.what, step.who, step.why].filter(Boolean).join(" · ")}`)));
  });

// One recording at a time.
document.addEventListener("play", (event) => $$("audio").forEach((audio) => audio !== event.target && audio.pause()), true);

const rows = $$("tr[data-rid]");

function near(row, audio, sign) {
  const marks = row.marks || [];
  const now = audio.currentTime;
  return sign > 0 ? marks.find((at) => at > now + 0.2) : [...marks].reverse().find((at) => at < now - 0.5);
}

function seek(row, audio, event, sign) {
  if (!event.shiftKey) audio.currentTime = Math.max(0, audio.currentTime + sign * STEP_S);
  else {
    const at = near(row, audio, sign);
    if (at !== undefined) playFrom(audio, at);
    else if (sign < 0) audio.currentTime = 0;
  }
}

function does(event, row) {
  const audio = row && $("audio", row);
  const move = (step) => rows.length && rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(row) + step))].focus();
  return {
    "/": () => $("#number").focus(),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    " ": audio && (() => (audio.paused ? audio.play().catch(() => {}) : audio.pause())),
    ArrowRight: audio && (() => seek(row, audio, event, 1)),
    ArrowLeft: audio && (() => seek(row, audio, event, -1)),
    ...Object.fromEntries(Object.entries(SPEEDS).map(([key, rate]) => [key, audio && (() => (audio.playbackRate = rate))])),
  }[event.key];
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea, button, summary, audio, a")) return;
  const act = does(event, document.activeElement.closest("tr[data-rid]"));
  if (!act) return;
  event.preventDefault();
  act();
});

// The picture of each recording: fetched when it comes into view, drawn as SVG, a click plays from there.
import { $, $$, t } from "./core.js";

const SVG = document.createElementNS.bind(document, "http://www.w3.org/2000/svg");
const MIDDLE = 32;
const WHAT = {
  answered: t("Answered by an agent"),
  held: t("Put on hold"),
  resumed: t("Taken off hold"),
  transferred: t("Transferred"),
};

function part(name, values) {
  const element = SVG(name);
  Object.entries(values).forEach(([key, value]) => element.setAttribute(key, value));
  return element;
}

function bars(peaks, sign) {
  return peaks.map((peak, at) => (peak ? `M${at + 0.5} ${MIDDLE}v${sign * Math.max(0.5, (peak * MIDDLE) / 255)}` : "")).join("");
}

function draw(place, sound) {
  const audio = $("audio", place.parentElement);
  const width = sound.left.length;
  const svg = part("svg", { viewBox: `0 0 ${width} ${2 * MIDDLE}`, preserveAspectRatio: "none", role: "img" });
  svg.setAttribute("aria-label", t("Loudness over time: above the caller, below what the caller hears"));
  svg.append(part("path", { d: bars(sound.left, -1), class: "said" }), part("path", { d: bars(sound.right, 1), class: "heard" }));
  const at = (seconds) => (seconds / (sound.seconds || 1)) * width;
  sound.marks.forEach((mark) => {
    const line = part("g", { class: `mark-${mark.what}` });
    const title = part("title", {});
    title.textContent = `${WHAT[mark.what] || mark.what} ${mark.who}`;
    line.append(title, part("line", { x1: at(mark.at_s), x2: at(mark.at_s), y1: 0, y2: 2 * MIDDLE }));
    svg.append(line);
  });
  const now = part("line", { x1: 0, x2: 0, y1: 0, y2: 2 * MIDDLE, class: "now" });
  svg.append(now);
  audio.addEventListener("timeupdate", () => {
    const x = at(Math.min(audio.currentTime, sound.seconds));
    now.setAttribute("x1", x);
    now.setAttribute("x2", x);
  });
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    audio.currentTime = ((event.clientX - box.left) / box.width) * sound.seconds;
    audio.play().catch(() => {});
  });
  place.append(svg);
}

async function load(place) {
  const answer = await fetch(place.dataset.wave, { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer && answer.ok) draw(place, await answer.json());
  else place.hidden = true;
}

const seen = new IntersectionObserver((entries) =>
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    seen.unobserve(entry.target);
    load(entry.target);
  })
);
$$("[data-wave]").forEach((place) => seen.observe(place));

// One recording at a time.
document.addEventListener("play", (event) => $$("audio").forEach((audio) => audio !== event.target && audio.pause()), true);

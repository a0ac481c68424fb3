// Files that are at another box: whoever opens one sees how far it has come, and has it when it is here.
import { ask, make, t } from "./core.js";

const LOOK_MS = 1000;
const waiting = new WeakSet();

async function wait(near, way, said) {
  for (;;) {
    const told = await ask(way).catch((error) => ({ sentence: error.message, over: true }));
    if (told.here) break;
    said.textContent = told.percent ? `${told.sentence} ${told.percent} %` : told.sentence;
    if (told.over) return false;
    await new Promise((done) => setTimeout(done, LOOK_MS));
    if (!near.isConnected) return false;
  }
  said.remove();
  return true;
}

function say(near) {
  const said = make("p", { class: "small fetching", role: "status", "data-test": "fetching" }, t("Looking for the file …"));
  near.after(said);
  return said;
}

async function play(audio, way) {
  if (!(await wait(audio, way, say(audio)))) return;
  audio.load();
  audio.play().catch(() => {});
  document.dispatchEvent(new CustomEvent("recording", { detail: audio }));
}

// A picture that is not here is not shown as a broken one: words stand in its place.
function hide(image, hidden) {
  (image.closest("a") || image).hidden = hidden;
}

async function show(image) {
  hide(image, true);
  await shown(image, say(image.closest("a") || image));
}

async function shown(image, said) {
  if (!(await wait(image, image.dataset.file, said))) return;
  image.src = image.dataset.src || `${image.src.split("#")[0]}#`;
  hide(image, false);
}

// Who sees the words has the file fetched before what nobody waits for.
async function come(said) {
  const image = said.previousElementSibling.querySelector("img");
  await fetch(image.dataset.src, { credentials: "same-origin" }).catch(() => null);
  await shown(image, said);
}

const inView = new IntersectionObserver((places) => {
  for (const { target } of places.filter((place) => place.isIntersecting)) {
    inView.unobserve(target);
    come(target);
  }
});
document.querySelectorAll("[data-comes]").forEach((said) => inView.observe(said));

// Errors of media and images do not bubble: they are seen on the way down.
document.addEventListener(
  "error",
  async (event) => {
    const place = event.target;
    const sound = place instanceof HTMLAudioElement && /^(.*\/recordings\/[0-9a-f]{32})\.wav$/.exec(place.currentSrc || place.src);
    const image = place instanceof HTMLImageElement && place.dataset.file;
    if (!(sound || image) || waiting.has(place)) return;
    waiting.add(place);
    await (sound ? play(place, `${sound[1]}/way`) : show(place));
    if (sound) waiting.delete(place);
  },
  true
);

// A file that is taken away: when it is not here the click waits for it.
document.addEventListener("click", async (event) => {
  const link = event.target.closest && event.target.closest("a[download][data-file]");
  if (!link || link.dataset.ready) return;
  event.preventDefault();
  const told = await ask(link.dataset.file).catch(() => ({ here: true }));
  if (!told.here) {
    await fetch(link.href, { method: "GET", credentials: "same-origin" }).catch(() => null);
    if (!(await wait(link, link.dataset.file, say(link)))) return;
  }
  link.dataset.ready = "1";
  link.click();
});

// A picture may have failed before anybody listened here.
for (const image of document.querySelectorAll("img[data-file][src]")) {
  if (image.complete && !image.naturalWidth) image.dispatchEvent(new Event("error"));
}

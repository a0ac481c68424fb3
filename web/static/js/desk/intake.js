// The intake desk: one form for every source; what came in by itself is entered beside its original.
import { $, $$, ask, day, duration, make, t, timeOfDay } from "../core.js";
import { Aside } from "./aside.js";
import { TicketForm, categoryBox } from "./form.js";
import { lookUp } from "./lookup.js";
import { side } from "./side.js";

const AGAIN_MS = 20000;
const categories = JSON.parse($("#categories").textContent);
let waiting = JSON.parse($("#waiting-data").textContent);
const blank = { key: "ticket:new:intake", start: { source: "letter" } };
const form = new TicketForm(categories, () => null, blank);
new Aside(form);
categoryBox(categories, (category) => {
  if (category.unit && !$("#unit").value) $("#unit").value = category.unit;
});
lookUp(() => $("#identity").value.trim() || $("#phone-number").value.trim());
side("help");

const keyOf = (item) => `ticket:entry:${item.tid}`;

function show() {
  $("#waiting-count").textContent = waiting.length;
  $("#waiting-none").hidden = waiting.length > 0;
  $("#waiting").replaceChildren(...waiting.map(row));
}

function row(item) {
  return make(
    "button",
    { type: "button", class: "item", "data-test": `entry-${item.number}`, "aria-current": String(form.key === keyOf(item)), on: { click: () => enter(item) } },
    make("span", { class: "spread" }, make("b", { class: "cut" }, `${item.source_title} ${item.phone}`), make("span", { class: "num small quiet nowrap" }, `${day(item.created_s).slice(5)} ${timeOfDay(item.created_s).slice(0, 5)}`)),
    make("span", { class: "cut small" }, item.title),
    item.writer && make("span", { class: "mark warn" }, t("{name} is entering it", { name: item.writer }))
  );
}

// The original stays beside the form while it is filled in.
function original(item) {
  $("#original").hidden = !item;
  if (!item) return;
  $("#original-from").textContent = `${item.source_title} · ${item.number}`;
  const sounds = item.sounds.map((sound) => make("p", {}, make("audio", { controls: true, preload: "none", src: sound.url }), make("span", { class: "small quiet" }, duration(sound.seconds))));
  $("#original-body").replaceChildren(...sounds, make("p", { class: "said", "data-test": "original-text" }, item.content));
}

async function enter(item) {
  await form.open(keyOf(item), { phone: item.phone, title: item.source === "voicemail" ? "" : item.title, content: item.source === "voicemail" ? "" : item.content, source: item.source, entry: item.tid, seen: item.seen });
  original(item);
  show();
}

async function refresh() {
  try {
    ({ waiting } = await ask("/intake/waiting"));
  } catch (error) {
    return;
  }
  show();
}

document.addEventListener("filled", () => {
  original(waiting.find((item) => keyOf(item) === form.key));
  show();
});
document.addEventListener("filed", refresh);
$("#source").addEventListener("change", (event) => {
  $("#ticket").dataset.source = event.target.value;
  if (["media", "inspector"].includes(event.target.value)) $("#more").open = true;
});
$("#fresh").addEventListener("click", () => form.open(blank.key, blank.start));
addEventListener("keydown", (event) => {
  const chord = (event.ctrlKey ? "Ctrl+" : "") + event.key;
  const does = { "Ctrl+s": () => form.file("save"), "Ctrl+Enter": () => form.file("dispatch") }[chord];
  if (!does) return;
  event.preventDefault();
  does();
});
setInterval(refresh, AGAIN_MS);
show();

const first = waiting.find((item) => item.tid === $("main").dataset.opened);
if (first) enter(first);
else form.open(blank.key, blank.start);
$$("[data-then=answer]").forEach((button) => (button.hidden = true));

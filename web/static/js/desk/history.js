// What the box knows about a caller: tickets, calls, recordings to listen to.
import { $, ask, day, duration, make, t, timeOfDay } from "../core.js";

let shown = "";
let numbers = [];

// The other numbers of whose history is shown.
export const otherNumbers = () => numbers.slice(1);

export async function history(phone) {
  shown = phone;
  if (!phone) return null;
  let known;
  try {
    known = await ask(`/desk/caller/${encodeURIComponent(phone)}`);
  } catch (error) {
    return null;
  }
  if (shown !== phone) return null;
  $("#history-phone").textContent = phone;
  $("#who").hidden = false;
  $("#who-name").textContent = known.citizen || t("Name not known");
  $("#who-origin").textContent = [known.area, known.origin].filter(Boolean).join(" · ");
  const open = known.tickets.filter((item) => item.open).length;
  $("#who-open").textContent = open ? t("Open tickets: {count}", { count: open }) : "";
  numbers = known.numbers;
  $("#call-back").hidden = $("#answer-later").hidden = false;
  $("#call-back").title = numbers.length > 1 ? t("Tries one after another: {numbers}", { numbers: numbers.join(", ") }) : "";
  $("#history-count").textContent = known.tickets.length ? String(known.tickets.length) : "";
  const parts = known.tickets.map(ticket);
  if (known.calls.length) parts.push(make("h3", {}, t("Calls")), ...known.calls.map(call));
  if (!parts.length) parts.push(make("p", { class: "empty small" }, t("First call from this number.")));
  $("#history").replaceChildren(...parts);
  $("#history").dispatchEvent(new Event("shown"));
  return known;
}

export const refreshHistory = () => shown && history(shown);

function ticket(item) {
  return make(
    "div",
    { class: "item", "data-test": "history-ticket" },
    make("p", { class: "spread" }, make("a", { href: item.url, target: "_blank", rel: "noopener", class: "cut strong" }, item.title || item.number), make("span", { class: `mark ${item.colour}` }, item.state)),
    make("p", { class: "small quiet" }, `${day(item.created_s)} · ${item.kind}${item.unit ? ` · ${item.unit}` : ""}`)
  );
}

function call(item) {
  const length = item.answered_s && item.ended_s ? duration(item.ended_s - item.answered_s) : "";
  const play = item.recording && make("button", { class: "play", type: "button", "data-test": "play", on: { click: () => listen(item) } }, t("Listen"));
  const into = item.recording && make("button", { class: "play into", type: "button", "data-test": "play-into", "data-rid": item.rid }, t("Play into the talk"));
  const way = item.outgoing ? `${t("Called by us")} · ` : "";
  return make("div", { class: "item small" }, make("p", { class: "spread" }, make("span", { class: "num" }, `${day(item.started_s)} ${timeOfDay(item.started_s).slice(0, 5)} · ${way}${item.outcome} ${length}`), play), into);
}

function listen(item) {
  const audio = $("#audio");
  $("#player").hidden = false;
  $("#player-title").textContent = `${day(item.started_s)} ${timeOfDay(item.started_s)} · ${item.agent}`;
  audio.src = item.recording;
  audio.play();
}

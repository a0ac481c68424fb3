// The agent's desk: brings seat, form, history, queue and colleagues together.
import { $, $$, ask, make, t, tick, toast } from "../core.js";
import "../elsewhere.js";
import { here } from "../here.js";
import { live } from "../live.js";
import { Aside } from "./aside.js";
import { Colleague } from "./colleague.js";
import { day, daySoon, showDay } from "./day.js";
import { TicketForm, categoryBox } from "./form.js";
import { history, otherNumbers, refreshHistory } from "./history.js";
import { lookUp } from "./lookup.js";
import { SeatPanel } from "./seat.js";
import { colleagueTab, side } from "./side.js";
import { DialList } from "./units.js";
import { Watched } from "./watched.js";

const me = document.body.dataset.me;
const categories = JSON.parse($("#categories").textContent);
let board = { seats: [], queues: [], calls: [], media: {} };
const seat = new SeatPanel(me, () => board);
const form = new TicketForm(categories, () => (seat.talking && seat.talk.own ? seat.seat.call : null));
new Aside(form);
const colleague = new Colleague(colleagueTab);
const watched = new Watched();
const STATES = { ready: t("ready"), offered: t("ringing"), busy: t("talking"), wrap_up: t("wrap-up"), paused: t("on a break"), offline: t("off shift") };

categoryBox(categories, (category) => {
  if (category.unit && !$("#unit").value) $("#unit").value = category.unit;
});

function showLamp(up) {
  $("#lamp-live").className = `lamp ${up ? "good" : "bad"}`;
  $("#lamp-live").textContent = up ? t("Live") : t("No connection, trying again");
}

function showQueue() {
  const waiting = board.calls.filter((c) => c.state === "queued" || c.state === "offered").sort((a, b) => a.queued_s - b.queued_s);
  const count = board.queues.reduce((sum, q) => sum + q.waiting, 0);
  const longest = board.queues.map((q) => q.longest_since_s).filter(Boolean);
  $("#queue").replaceChildren(...waiting.slice(0, 12).map((c) => make("tr", {}, make("td", { class: "num" }, c.caller || "—"), make("td", {}, seat.queueTitle(c.queue)), make("td", { class: "num", "data-since": c.queued_s }))));
  $("#queue-empty").hidden = waiting.length > 0;
  $("#queue-count").textContent = count;
  $("#queue-count").className = `mark ${count ? "bad" : ""}`;
  $("#figure-waiting").textContent = count;
  $("#figure-waiting").classList.toggle("hot", count > 0);
  $("#figure-longest").dataset.since = longest.length ? Math.min(...longest) : 0;
  tick();
}

function showColleagues() {
  const others = board.seats.filter((s) => s.agent !== me).sort((a, b) => a.agent.localeCompare(b.agent));
  const count = (state) => board.seats.filter((s) => s.state === state).length;
  $("#colleagues").replaceChildren(...others.map((s) => make("li", { class: s.state, title: `${s.agent} ${s.name}: ${STATES[s.state] || s.state}` }, make("span", { class: "cut" }, `${s.agent} ${s.name}`))));
  $("#colleague-count").textContent = t("{ready} ready · {busy} talking", { ready: count("ready"), busy: count("busy") });
}

function changed(name, data) {
  if (name === "calls") $("#calls-away").hidden = data.up;
  if (name === "seat") board.seats = [...board.seats.filter((s) => s.agent !== data.seat.agent), data.seat];
  if (name === "call") board.calls = [...board.calls.filter((c) => c.cid !== data.call.cid), ...(data.call.state === "ended" ? [] : [data.call])];
  if (name === "board") board = data.board;
  if (name === "draft") return draftChanged(data);
  if (name === "watched") return watched.by(data);
  if (name === "store") {
    refreshHistory();
    if (data.kinds.some((kind) => kind === "call" || kind === "agent")) daySoon();
  }
  if (name !== "store" && name !== "calls") mine();
  showQueue();
  showColleagues();
}

function mine() {
  seat.becomes(board.seats.find((s) => s.agent === me) || null);
}

const nameOf = (agent) => `${agent} ${(board.seats.find((s) => s.agent === agent) || {}).name || ""}`.trim();

// What I was writing went on with the call, or a colleague writes on about mine.
function draftChanged(data) {
  if (data.before === me && data.owner !== me && data.form === form.key) {
    form.gone();
    toast(t("The ticket went with the call to {agent}.", { agent: nameOf(data.owner) }), "good");
  } else if (data.owner !== me) colleague.changed(data, seat.seat && seat.seat.call);
}

live({
  changed,
  connected: showLamp,
  state: (picture) => {
    board = picture.board;
    $("#calls-away").hidden = picture.calls_up;
    if (picture.calls_up) mine();
    showQueue();
    showColleagues();
    day();
  },
});
setInterval(() => showDay(seat.seat ? seat.seat.state : "offline", seat.seat ? seat.seat.since_s : 0), 1000);
here();

seat.addEventListener("offered", async ({ detail: call }) => {
  if (!call) return;
  for (const id of ["pop-history", "pop-origin", "pop-open", "pop-last"]) $(`#${id}`).textContent = "";
  const [known, written] = await Promise.all([history(call.caller), colleague.of(call)]);
  if (known) popUp(known);
  if (!written || !(written.writer || written.ticket)) return;
  const title = (written.fields.find((field) => field.name === "title") || {}).text || (written.ticket && written.ticket.title) || "";
  $("#pop-last").replaceChildren(make("b", {}, written.writer ? t("{agent} has begun a ticket: ", { agent: written.writer.name }) : t("Registered from this call:")), title);
});

// Who calls, as soon as it rings: name, where from, what is open, what was last.
function popUp(known) {
  const open = known.tickets.filter((ticket) => ticket.open).length;
  const recorded = known.calls.filter((item) => item.recording).length;
  $("#pop-history").textContent = known.calls.length ? t("{name} call no. {count}", { name: known.citizen ? `${known.citizen} ·` : "", count: known.calls.length }).trim() : t("First call from this number.");
  $("#pop-origin").textContent = [known.area, known.origin].filter(Boolean).join(" · ");
  $("#pop-open").textContent = known.tickets.length || recorded ? t("Tickets {tickets}, open {open} · recordings {recorded}", { tickets: known.tickets.length, open, recorded }) : "";
  const last = known.tickets.find((ticket) => ticket.open) || known.tickets[0];
  if (last) $("#pop-last").replaceChildren(last.open ? t("Open: ") : t("Last: "), make("b", {}, last.title || last.number), ` (${last.state})`);
}

// A call is mine to write about: from its answer on, or since it was handed to me.
seat.addEventListener("mine", async ({ detail: call }) => {
  const { writer } = colleague.found || {};
  const before = document.activeElement;
  await form.forCall(call);
  colleague.of(call);
  if (writer && form.key.endsWith(call.cid) && !form.empty) toast(t("The ticket {agent} began is yours now.", { agent: `${writer.number} ${writer.name}` }), "good");
  const known = await history(call.caller);
  const open = known && known.tickets.find((ticket) => ticket.open);
  $("#similar").hidden = !open;
  if (open) $("#similar").replaceChildren(make("b", {}, t("Perhaps the same matter:")), make("span", { class: "grow cut" }, `${open.title} · ${open.state}`), make("a", { href: open.url, target: "_blank", rel: "noopener" }, t("Open the ticket")));
  if (known && known.citizen && !$("#citizen").value) {
    $("#citizen").value = known.citizen;
    form.typed();
  }
  if (mayFocus(before)) $("#content").focus();
});
// In a colleague's talk I see what the colleague writes, and who calls; my own form stays as it is.
seat.addEventListener("talking", ({ detail: call }) => {
  if (!call || seat.talk.own || call.outgoing) return;
  history(call.caller);
  colleague.of(call);
});
seat.addEventListener("over", () => colleague.nothing());
seat.addEventListener("idle", () => colleague.nothing());
seat.addEventListener("over", () => setTimeout(refreshHistory, 1500));
document.addEventListener("filed", () => ($("#similar").hidden = true));

// Who types, or has gone elsewhere meanwhile, is never taken away from it.
function mayFocus(before) {
  const at = document.activeElement;
  if (at !== before) return false;
  const field = at && ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName);
  return !field || (Boolean(at.closest("#ticket")) && !at.value);
}

new DialList(JSON.parse($("#directory").textContent), seat.talk, () => $("#unit").value);
lookUp(() => $("#phone-number").value.trim());

// What cannot be answered at once is promised for later, with the number and the call it belongs to.
$("#answer-later").addEventListener("click", (event) => {
  const [number, last] = [$("#history-phone").textContent, seat.talk.last];
  const asked = new URLSearchParams({ number, citizen: $("#citizen").value, call: last && last.caller === number ? last.cid : "" });
  event.currentTarget.href = `/later?${asked}`;
});
$("#call-back").addEventListener("click", () => seat.talk.dial($("#history-phone").textContent, otherNumbers()));
$("#history").addEventListener("click", ({ target }) => target.dataset.rid && seat.talk.play(target.dataset));
$("#history").addEventListener("shown", () => seat.talk.showPlaying());
$("#phone-number").addEventListener("change", (event) => history(event.target.value.trim()));

addEventListener("keydown", (event) => {
  const typing = ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName);
  const chord = (event.ctrlKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "") + event.key;
  const does = seat.keys[chord] || { "Ctrl+s": () => form.file("save"), "Ctrl+Enter": () => form.file("dispatch"), "Alt+d": () => form.file("answer"), F1: showKeys, F3: () => side("units", true), "Alt+q": () => side("look", true), "Alt+h": () => side("history", true) }[chord] || (!typing && event.key === "?" && showKeys);
  if (!does) return;
  event.preventDefault();
  does();
});

function showKeys() {
  if ($("#keys").open) $("#keys").close();
  else $("#keys").showModal();
}
$("#show-keys").addEventListener("click", showKeys);
$("#keys-close").addEventListener("click", showKeys);
document.addEventListener("click", (event) => $$("details.menu[open]").forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open")));

async function begin() {
  const { drafts } = await ask("/desk/drafts");
  if (!form.key) await form.open(drafts.length ? drafts[0].form : "ticket:new");
  if (form.values.phone) history(form.values.phone);
}
begin();

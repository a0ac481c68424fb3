// The agent's desk: brings seat, form, history, queue and colleagues together.
import { $, $$, ask, make, t, tick } from "../core.js";
import { live } from "../live.js";
import { TicketForm, categoryBox } from "./form.js";
import { history, refreshHistory } from "./history.js";
import { SeatPanel } from "./seat.js";

const me = document.body.dataset.me;
const categories = JSON.parse($("#categories").textContent);
let board = { seats: [], queues: [], calls: [], media: {} };
const seat = new SeatPanel(me, () => board);
const form = new TicketForm(categories, () => (seat.talking ? seat.seat.call : null));
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
  $("#figure-late").textContent = board.media.late || 0;
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
  if (name === "store") refreshHistory();
  if (name !== "store" && name !== "calls") mine();
  showQueue();
  showColleagues();
}

function mine() {
  seat.becomes(board.seats.find((s) => s.agent === me) || null);
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
  },
});

seat.addEventListener("offered", async ({ detail: call }) => {
  if (!call) return;
  $("#pop-history").textContent = "";
  $("#pop-last").textContent = "";
  const known = await history(call.caller);
  if (!known) return;
  $("#pop-history").textContent = known.calls.length ? t("{name} call no. {count}", { name: known.citizen ? `${known.citizen} ·` : "", count: known.calls.length }).trim() : t("First call from this number.");
  const last = known.tickets[0];
  if (last) $("#pop-last").replaceChildren(t("Last: "), make("b", {}, last.title || last.number), ` (${last.state})`);
});
seat.addEventListener("talking", async ({ detail: call }) => {
  if (!call || seat.talk.watching) return;
  await form.forCall(call);
  const known = await history(call.caller);
  const open = known && known.tickets.find((ticket) => ticket.open);
  $("#similar").hidden = !open;
  if (open) $("#similar").replaceChildren(make("b", {}, t("Perhaps the same matter:")), make("span", { class: "grow cut" }, `${open.title} · ${open.state}`), make("a", { href: open.url, target: "_blank", rel: "noopener" }, t("Open the ticket")));
  if (known && known.citizen && !$("#citizen").value) {
    $("#citizen").value = known.citizen;
    form.typed();
  }
  $("#content").focus();
});
seat.addEventListener("over", () => setTimeout(refreshHistory, 1500));
document.addEventListener("filed", () => ($("#similar").hidden = true));

$("#call-back").addEventListener("click", () => seat.talk.dial($("#history-phone").textContent));
$("#history").addEventListener("click", ({ target }) => target.dataset.rid && seat.talk.play(target.dataset));
$("#history").addEventListener("shown", () => seat.talk.showPlaying());
$("#phone-number").addEventListener("change", (event) => history(event.target.value.trim()));

addEventListener("keydown", (event) => {
  const typing = ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName);
  const chord = (event.ctrlKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "") + event.key;
  const does = seat.keys[chord] || { "Ctrl+s": () => form.file("save"), "Ctrl+Enter": () => form.file("dispatch"), "Alt+d": () => form.file("answer"), F1: showKeys }[chord] || (!typing && event.key === "?" && showKeys);
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

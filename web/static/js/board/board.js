// The shift leader's board: what happens now, and coming into a talk with one click.
import { $, $$, ask, make, t, tick, timeOfDay, tried } from "../core.js";
import { SeatPanel } from "../desk/seat.js";
import { Colleague } from "../desk/colleague.js";
import { here } from "../here.js";
import { live } from "../live.js";
import { Callbacks } from "./callbacks.js";
import { confirmed } from "./confirm.js";
import { Screen } from "./screen.js";
import { Tiles } from "./tiles.js";
import { traffic } from "./traffic.js";
import { showLines, Waiting } from "./waiting.js";

const FACTS_MS = 1500;
const HOW = { listener: "listen", coach: "whisper", guest: "barge", agent: "take_over" };
const TITLES = { listen: t("You listen to"), whisper: t("You whisper to"), barge: t("You talk in the call of"), take_over: t("You have taken over") };

const me = document.body.dataset.me;
const leads = $(".board").dataset.leads === "yes";
let board = { seats: [], queues: [], calls: [], lines: [], media: {} };
let today = { answered: {}, shifts: {}, quarters: [] };
let asking = 0;

const order = (body) => tried(() => ask("/board/order", body));
const seat = leads ? new SeatPanel(me, () => board) : null;
const screen = leads ? new Screen() : null;
const colleague = leads ? new Colleague((there) => ($("#asked").hidden = !there)) : null;
const tiles = new Tiles({ me, leads, does });
const callbacks = new Callbacks({ leads, cancel: cancelled });
const waiting = new Waiting({ me, leads, move: (cid, to) => order({ do: "move", cid, to }), take: (cid) => order({ do: "take", cid }) });

// What a button of a tile asks for; only what ends something is asked twice.
async function does(what, tile) {
  const { agent, name, call } = tile;
  const who = `${agent} ${name}`;
  if (what.screen) return screen.open(agent);
  if (what.how) return order({ do: "supervise", agent, how: what.how });
  if (what.state && what.state !== "offline") return order({ do: "force", agent, state: what.state });
  if (what.state) return (await confirmed(t("Sign {agent} out?", { agent: who }), t("Sign out"))) && order({ do: "force", agent, state: what.state });
  const reason = await confirmed(t("End the call of {agent} with {caller}?", { agent: who, caller: call.caller || t("Number withheld") }), t("End the call"), true);
  return reason && order({ do: "release", cid: call.cid, reason });
}

// Taking a callback out is asked twice while it waits; what was given up is only ticked off.
async function cancelled({ id, number, state }) {
  const reason = state === "given_up" || (await confirmed(t("Not call {number} back?", { number }), t("Cancel the callback")));
  return reason && order({ do: "cancel_callback", callback: id });
}

// Whose talk I am asked about or in: what the agent writes about it is on my screen.
function follow(call) {
  if ((call ? call.cid : "") === colleague.cid) return;
  if (call) colleague.of(call);
  else colleague.nothing();
}

// The talk I am in as a shift leader, with my part in it.
function watched() {
  const mine = seat && seat.seat && seat.seat.state === "busy" && seat.seat.call;
  const party = mine && (mine.parties || []).find((p) => p.who === me && p.role !== "ringing");
  if (!party) return null;
  const agent = mine.agent === me ? "" : mine.agent;
  return agent || party.role !== "agent" ? { call: mine, agent, how: HOW[party.role], since: seat.seat.since_s } : null;
}

function showWatched() {
  const now = watched();
  $("#watching").hidden = !now;
  tiles.watching = now ? now.agent : "";
  if (!now) return;
  const name = (board.seats.find((s) => s.agent === now.agent) || {}).name || "";
  $("#watching").dataset.how = now.how;
  $("#watching-how").textContent = TITLES[now.how];
  $("#watching-whom").textContent = `${now.agent} ${name} · ${now.call.caller || t("Number withheld")}`;
  $("#watching-time").dataset.since = now.since;
  for (const button of $$("[data-how]", $("#watching"))) button.setAttribute("aria-pressed", button.dataset.how === now.how);
}

function show() {
  if (seat) seat.becomes(board.seats.find((s) => s.agent === me) || null);
  if (seat) follow(seat.seat && ["offered", "busy"].includes(seat.seat.state) ? seat.seat.call : null);
  showWatched();
  const count = (...states) => board.seats.filter((s) => states.includes(s.state)).length;
  const queued = board.queues.reduce((sum, q) => sum + q.waiting, 0);
  const longest = board.queues.map((q) => q.longest_since_s).filter(Boolean);
  $("#figure-waiting").textContent = queued;
  $("#figure-waiting").classList.toggle("hot", queued > 0);
  $("#figure-longest").dataset.since = longest.length ? Math.min(...longest) : 0;
  $("#figure-ready").textContent = count("ready");
  $("#figure-busy").textContent = count("busy");
  $("#figure-shift").textContent = board.seats.length - count("offline");
  tiles.show(board, today);
  waiting.show(board);
  callbacks.show(board);
  showLines(board);
  tick();
}

function changed(name, data) {
  if (name === "calls") $("#calls-away").hidden = data.up;
  if (name === "seat") board.seats = [...board.seats.filter((s) => s.agent !== data.seat.agent), data.seat];
  if (name === "call") board.calls = [...board.calls.filter((c) => c.cid !== data.call.cid), ...(data.call.state === "ended" ? [] : [data.call])];
  if (name === "board") board = data.board;
  if (name === "watched") return;
  if (name === "draft") {
    if (screen) screen.changed(data);
    if (colleague) colleague.changed(data, seat.seat && seat.seat.call);
    return;
  }
  if (name === "store") return data.kinds.some((kind) => kind === "call" || kind === "agent") && soon();
  show();
}

// The log follows a moment behind what happens; many changes are one look.
function soon() {
  if (!asking) asking = setTimeout(facts, FACTS_MS);
}

async function facts() {
  asking = 0;
  const found = await tried(() => ask("/board/facts"));
  if (!found) return;
  today = found.today;
  traffic(today);
  const row = (fact) => make("li", {}, make("p", { class: "spread" }, make("b", {}, fact.did), make("span", { class: "num small quiet" }, timeOfDay(fact.at_s))), make("p", { class: "small quiet" }, [fact.agent, fact.text].filter(Boolean).join(" · ")), make("p", { class: "small quiet" }, t("by {leader}", { leader: fact.by })));
  $("#facts").replaceChildren(...(found.facts.length ? found.facts.map(row) : [make("li", { class: "quiet small" }, t("Nothing so far."))]));
  show();
}

live({
  changed,
  connected: (up) => {
    $("#lamp-live").className = `lamp ${up ? "good" : "bad"}`;
    $("#lamp-live").textContent = up ? t("Live") : t("No connection, trying again");
  },
  state: (picture) => {
    board = picture.board;
    $("#calls-away").hidden = picture.calls_up;
    show();
    facts();
  },
});

here();
$("#watching-leave").addEventListener("click", () => order({ do: "leave" }));
for (const button of $$("[data-how]", $("#watching"))) button.addEventListener("click", () => order({ do: "supervise", agent: watched().agent, how: button.dataset.how }));
document.addEventListener("click", (event) => $$("details.menu[open]").forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open")));

addEventListener("keydown", (event) => {
  if (!seat || !seat.keys[event.key] || event.ctrlKey || event.altKey) return;
  event.preventDefault();
  seat.keys[event.key]();
});

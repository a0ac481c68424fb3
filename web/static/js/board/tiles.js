// One tile an agent, changed in place: a button stays under the finger while the board moves on.
import { $, make, t, timeOfDay } from "../core.js";

const STATES = { ready: t("ready"), offered: t("ringing"), busy: t("talking"), wrap_up: t("wrap-up"), paused: t("on a break"), offline: t("off shift") };
const ORDER = ["busy", "offered", "wrap_up", "ready", "paused"];
const ROLES = { listener: t("listens"), coach: t("whispers") };
const IN_CALL = [
  { how: "listen", title: t("Listen in") },
  { how: "whisper", title: t("Whisper") },
  { how: "barge", title: t("Barge in") },
  { how: "take_over", title: t("Take over") },
  { screen: true, title: t("Screen") },
  { release: true, title: t("End call"), bad: true },
];
const OUT_OF_CALL = [
  { state: "ready", title: t("Make ready") },
  { state: "paused", title: t("Break") },
  { screen: true, title: t("Screen") },
  { state: "offline", title: t("Sign out"), bad: true },
];

export class Tiles {
  // `does(what, tile)` carries out a button.
  constructor({ me, leads, does }) {
    this.me = me;
    this.leads = leads;
    this.does = does;
    this.watching = "";
    this.tiles = new Map();
    this.pauses = JSON.parse($(".board").dataset.pauses);
  }

  // `today` has each agent's calls, and since when the shift goes on.
  show({ seats, calls }, today) {
    const here = seats.filter((s) => s.state !== "offline").sort((a, b) => a.agent.localeCompare(b.agent));
    for (const [agent, tile] of this.tiles)
      if (!here.some((s) => s.agent === agent)) {
        tile.root.remove();
        this.tiles.delete(agent);
      }
    here.forEach((seat, n) => {
      if (!this.tiles.has(seat.agent)) this.tiles.set(seat.agent, this.build(seat));
      const tile = this.tiles.get(seat.agent);
      const call = seat.call && (calls.find((c) => c.cid === seat.call.cid) || seat.call);
      this.fill(tile, seat, call, today.answered[seat.agent] || 0, today.shifts[seat.agent] || 0);
      if ($("#tiles").children[n] !== tile.root) $("#tiles").insertBefore(tile.root, $("#tiles").children[n] || null);
    });
    const away = seats.filter((s) => s.state === "offline").sort((a, b) => a.agent.localeCompare(b.agent));
    $("#away").textContent = away.length ? `${t("Off shift:")} ${away.map((s) => `${s.agent} ${s.name}`).join(" · ")}` : "";
    $("#tiles-empty").hidden = here.length > 0;
    $("#agents-count").textContent = ORDER.map((state) => [state, here.filter((s) => s.state === state).length])
      .filter(([, count]) => count)
      .map(([state, count]) => `${STATES[state]} ${count}`)
      .join(" · ");
  }

  build(seat) {
    const tile = { agent: seat.agent, name: seat.name, call: null, shown: "" };
    tile.state = make("span", { class: "strong cut" });
    tile.time = make("strong", { class: "num time", "data-since": "0" });
    tile.caller = make("p", { class: "num cut caller" });
    tile.more = make("p", { class: "small quiet cut" });
    tile.where = make("p", { class: "small quiet num cut" });
    tile.buttons = make("div", { class: "does" });
    tile.root = make(
      "li",
      { class: "tile", "data-agent": seat.agent, "data-test": `tile-${seat.agent}` },
      make("p", { class: "spread" }, make("b", { class: "cut" }, `${seat.agent} ${seat.name}`), tile.time),
      make("p", { class: "spread" }, tile.state, (tile.count = make("span", { class: "small quiet num nowrap" }))),
      tile.caller,
      tile.more,
      tile.where,
      tile.buttons
    );
    return tile;
  }

  fill(tile, seat, call, count, shift) {
    const talking = seat.state === "busy" && call;
    const part = talking && (call.parties || []).find((p) => p.who === seat.agent && p.role !== "ringing");
    const role = part && ROLES[part.role];
    tile.call = call;
    tile.root.className = `tile ${role ? "watcher" : talking && call.state === "held" ? "held" : seat.state}${this.watching === seat.agent ? " mine" : ""}`;
    tile.root.dataset.state = seat.state;
    tile.state.textContent = role || this.words(seat, call);
    tile.time.dataset.since = seat.since_s;
    tile.count.textContent = t("today {count}", { count });
    tile.caller.textContent = call ? `${call.outgoing ? "↗ " : ""}${call.caller || t("Number withheld")}` : "";
    tile.more.textContent = talking ? this.others(seat, call) : seat.phone === "down" ? t("Phone not connected") : "";
    tile.where.textContent = [t("ext. {extension}", { extension: seat.extension }), shift && t("on shift since {time}", { time: timeOfDay(shift).slice(0, 5) })].filter(Boolean).join(" · ");
    tile.more.classList.toggle("bad-text", seat.phone === "down" && !talking);
    this.fillButtons(tile, seat, talking && !role);
  }

  words(seat, call) {
    if (seat.state === "busy" && call && call.state === "held") return t("on hold");
    if (seat.state === "busy" && call && call.state === "dialling") return t("calling out");
    if (seat.state === "busy" && call && call.recording === "private") return t("private, silence is recorded");
    if (seat.state === "busy" && call && call.recording === "off") return t("talking, not recorded");
    if (seat.state === "paused" && seat.reason) return `${STATES.paused} · ${this.pauses[seat.reason] || seat.reason}`;
    return STATES[seat.state] || seat.state;
  }

  others(seat, call) {
    return (call.parties || [])
      .filter((p) => p.who !== seat.agent && p.role !== "caller")
      .map((p) => `${p.who} ${p.role === "ringing" ? t("is being called") : ROLES[p.role] || ""}`.trim())
      .join(" · ");
  }

  fillButtons(tile, seat, talking) {
    if (!this.leads) return;
    const mine = seat.agent === this.me;
    const row = talking ? (mine ? [] : IN_CALL) : mine ? [] : seat.state === "offered" || seat.state === "busy" ? OUT_OF_CALL.filter((what) => what.screen) : OUT_OF_CALL.filter((what) => what.state !== seat.state);
    const shown = row.map((what) => what.title).join();
    if (tile.shown === shown) return;
    tile.shown = shown;
    tile.buttons.replaceChildren(...row.map((what) => make("button", { type: "button", class: what.bad ? "bad-text" : "", "data-test": `${what.how || what.state || (what.screen ? "screen" : "release")}-${seat.agent}`, on: { click: () => this.does(what, tile) } }, what.title)));
  }
}

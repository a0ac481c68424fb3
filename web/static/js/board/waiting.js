// Citizens in queues and announcements, where a shift leader can send them, and the lines.
import { $, make, t } from "../core.js";

const STATES = { ringing: t("ringing"), in_flow: t("announcements"), queued: t("waiting"), offered: t("ringing at {agent}") };
const LINES = { down: t("down"), busy: t("busy"), idle: t("free") };
const LINES_MOST = 40;

export class Waiting {
  constructor({ me, leads, move, take }) {
    this.me = me;
    this.take = take;
    this.leads = leads;
    this.move = move;
    this.rows = new Map();
    this.titles = JSON.parse($(".board").dataset.queues);
    this.directory = JSON.parse($("#directory").textContent);
  }

  show({ calls, queues, seats }) {
    const here = calls.filter((c) => c.state in STATES).sort((a, b) => (a.queued_s || a.started_s) - (b.queued_s || b.started_s));
    const queued = queues.reduce((sum, q) => sum + q.waiting, 0);
    $("#queue-count").textContent = queued;
    $("#queue-count").className = `mark ${queued ? "bad" : ""}`;
    $("#queues").replaceChildren(...queues.map((q) => make("li", { class: q.waiting ? "hot" : "" }, make("span", { class: "cut" }, q.title || q.name), make("span", {}, t("{count} waiting", { count: q.waiting })), make("span", { "data-since": q.longest_since_s }), make("span", {}, t("{count} ready", { count: q.ready })))));
    for (const [cid, row] of this.rows)
      if (!here.some((c) => c.cid === cid)) {
        row.root.remove();
        this.rows.delete(cid);
      }
    here.forEach((call, n) => {
      if (!this.rows.has(call.cid)) this.rows.set(call.cid, this.build(call));
      const row = this.rows.get(call.cid);
      this.fill(row, call, seats);
      if ($("#calls").children[n] !== row.root) $("#calls").insertBefore(row.root, $("#calls").children[n] || null);
    });
    $("#calls-empty").hidden = here.length > 0;
  }

  build(call) {
    const row = { agents: "" };
    row.caller = make("b", { class: "num" });
    row.time = make("strong", { class: "num", "data-since": "0" });
    row.state = make("span", { class: "small quiet cut" });
    if (this.leads) {
      row.take = make("button", { type: "button", class: "button small main", "data-test": `take-${call.cid}`, on: { click: ({ target }) => this.takes(target, call.cid) } }, t("Take"));
      row.people = make("optgroup", { label: t("Ready agents") });
      const goals = [...this.directory.queues, ...this.directory.nodes].map((goal) => make("option", { value: goal.to }, goal.title));
      row.move = make("select", { class: "small", "aria-label": t("Move to"), "data-test": `move-${call.cid}`, on: { change: (event) => this.chosen(event.target, call.cid) } }, make("option", { value: "" }, t("Move to")), row.people, ...goals);
    }
    row.root = make("li", { "data-test": "waiting-call" }, make("p", { class: "spread" }, row.caller, row.time), make("p", { class: "spread" }, row.state, row.move && make("span", { class: "row" }, row.take, row.move)));
    return row;
  }

  fill(row, call, seats) {
    row.caller.textContent = call.caller || t("Number withheld");
    row.time.dataset.since = call.queued_s || call.started_s;
    row.root.className = call.state;
    row.state.textContent = [STATES[call.state].replace("{agent}", call.agent), this.titles[call.queue] || call.queue].filter(Boolean).join(" · ");
    if (!row.move) return;
    row.move.hidden = !["queued", "in_flow"].includes(call.state);
    row.take.hidden = !["queued", "offered"].includes(call.state) || call.agent === this.me;
    this.offer(row, call.state === "queued" ? seats.filter((s) => s.state === "ready" && s.phone === "up" && s.agent !== this.me) : []);
  }

  // Who is ready can be given the call; a list that is open stays as it is.
  offer(row, seats) {
    const agents = seats.map((s) => `${s.agent} ${s.name}`).join();
    if (row.agents === agents || document.activeElement === row.move) return;
    row.agents = agents;
    row.people.replaceChildren(...seats.map((s) => make("option", { value: `agent:${s.agent}` }, `${s.agent} ${s.name}`)));
    row.people.hidden = !seats.length;
  }

  async takes(button, cid) {
    button.disabled = true;
    await this.take(cid);
    button.disabled = false;
  }

  async chosen(select, cid) {
    const to = select.value;
    select.value = "";
    select.disabled = true;
    await this.move(cid, to);
    select.disabled = false;
  }
}

export function showLines({ lines, idle_lines: idle, media }) {
  const busy = lines.filter((line) => line.state === "busy").length;
  $("#lines-count").textContent = t("{busy} busy · {idle} free", { busy, idle: (idle || 0) + lines.filter((line) => line.state === "idle").length });
  const order = ["down", "busy"];
  const sorted = lines.filter((line) => line.state !== "idle").sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.name.localeCompare(b.name));
  $("#lines").replaceChildren(...sorted.slice(0, LINES_MOST).map((line) => make("li", { class: line.state, title: [line.name, LINES[line.state], line.reason].filter(Boolean).join(": ") }, [line.name, line.caller || LINES[line.state] || line.state].join(" · "))));
  const figures = [
    [t("Sound clock"), media.up ? t("running") : t("down"), !media.up],
    [t("Late ticks"), media.late || 0, media.late > 0],
    [t("Worst"), `${(media.worst_ms || 0).toFixed(1)} ms`, false],
    [t("Lost"), media.lost || 0, false],
  ];
  $("#media").replaceChildren(...figures.map(([name, value, bad]) => make("div", {}, make("dt", {}, name), make("dd", { class: bad ? "bad-text" : "" }, String(value)))));
}

// The panel that brings the caller to somebody: type to find, arrows and Enter, or one click.
import { $, $$, make, t } from "../core.js";

const FREE = ["ready", "paused", "wrap_up"];
const STATES = { ready: t("ready"), paused: t("on a break"), wrap_up: t("wrap-up") };
const NUMBER = /^\+?[0-9*#][0-9*# -]{2,30}$/;
const LIMIT = 60;

export class TargetPanel {
  constructor(me, picture, order) {
    this.me = me;
    this.picture = picture;
    this.order = order;
    this.directory = JSON.parse($("#directory").textContent);
    this.items = [];
    this.chosen = "";
    this.panel = $("#targets");
    this.find = $("#find");
    $("#targets-close").addEventListener("click", () => this.close());
    this.find.addEventListener("input", () => this.show(true));
    this.panel.addEventListener("keydown", (event) => this.key(event));
    for (const radio of $$("[name=mode]", this.panel)) radio.addEventListener("change", () => this.show(true));
  }

  get mode() {
    return $("[name=mode]:checked", this.panel).value;
  }

  get open() {
    return !this.panel.hidden;
  }

  // Opens for a mode; the key of the mode pressed again goes on: consult, three-way, closed.
  toggle(mode) {
    if (this.open && mode === "consult" && this.mode === "consult") mode = "invite";
    else if (this.open && (this.mode === mode || mode === "consult")) return this.close();
    $("#pad").hidden = true;
    $(`[name=mode][value=${mode}]`, this.panel).checked = true;
    if (!this.open) {
      this.find.value = "";
      this.back = document.activeElement;
    }
    this.panel.hidden = false;
    document.body.classList.add("choosing");
    $("#transfer").setAttribute("aria-expanded", mode === "transfer");
    $("#consult").setAttribute("aria-expanded", mode !== "transfer");
    this.show(true);
    this.find.focus();
  }

  close() {
    if (!this.open) return;
    this.panel.hidden = true;
    document.body.classList.toggle("choosing", !$("#pad").hidden);
    for (const id of ["transfer", "consult"]) $(`#${id}`).setAttribute("aria-expanded", "false");
    if (this.panel.contains(document.activeElement) && this.back && this.back.isConnected) this.back.focus();
  }

  refresh() {
    if (this.open) this.show(false);
  }

  // Where a citizen rates the talk; nothing when no flow asks for it.
  get survey() {
    return this.directory.after_talk[0] || "";
  }

  // Everything that can be reached now, in the order people look for it.
  all() {
    const { seats } = this.picture();
    const taken = new Set(seats.filter((s) => s.state !== "offline").map((s) => s.extension));
    const free = seats.filter((s) => s.agent !== this.me && s.phone === "up" && FREE.includes(s.state));
    free.sort((a, b) => FREE.indexOf(a.state) - FREE.indexOf(b.state) || a.agent.localeCompare(b.agent));
    const { queues, nodes, after_talk: after, phones, units } = this.directory;
    const moving = this.mode === "transfer";
    return [
      ...free.map((s) => ({ to: `agent:${s.agent}`, title: `${s.agent} ${s.name}`, note: STATES[s.state], state: s.state })),
      ...(moving ? queues.map((q) => ({ ...q, note: t("queue") })) : []),
      ...(moving ? [...nodes].sort((a, b) => after.includes(b.to) - after.includes(a.to)).map((n) => ({ ...n, note: t("announcement") })) : []),
      ...phones.filter((number) => !taken.has(number)).map((number) => ({ to: `ext:${number}`, title: number, note: t("desk phone") })),
      ...units.map((u) => ({ to: `tel:${u.phone}`, title: u.title, note: u.phone })),
    ];
  }

  show(fresh) {
    const text = this.find.value.trim();
    const parts = text.toLowerCase().split(/\s+/).filter(Boolean);
    const items = this.all().filter((item) => parts.every((part) => `${item.title} ${item.note} ${item.to}`.toLowerCase().includes(part)));
    if (NUMBER.test(text) && !this.directory.phones.includes(text)) items.push({ to: `tel:${text}`, title: text, note: t("outside number") });
    const before = JSON.stringify(this.items);
    this.items = items.slice(0, LIMIT);
    if (!fresh && before === JSON.stringify(this.items)) return; // a list under the pointer stays
    if (fresh || !this.items.some((item) => item.to === this.chosen)) this.chosen = this.items.length ? this.items[0].to : "";
    const rows = this.items.map((item, n) => make("li", { role: "option", id: `target-${n}`, class: item.state || item.to.split(":")[0], "data-to": item.to, "aria-selected": item.to === this.chosen, on: { mousedown: (event) => event.preventDefault(), click: () => this.take(item.to) } }, make("span", { class: "cut" }, item.title), make("small", { class: "num cut" }, item.note)));
    $("#target-list").replaceChildren(...(rows.length ? rows : [make("li", { class: "none small" }, t("Nobody is found. Type a whole number to call it."))]));
    this.mark();
  }

  mark() {
    const at = this.items.findIndex((item) => item.to === this.chosen);
    $$("[role=option]", $("#target-list")).forEach((row, n) => row.setAttribute("aria-selected", n === at));
    if (at < 0) return this.find.removeAttribute("aria-activedescendant");
    this.find.setAttribute("aria-activedescendant", `target-${at}`);
    $(`#target-${at}`).scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") this.close();
    else if (event.target !== this.find) return;
    else if (step && this.items.length) {
      const at = this.items.findIndex((item) => item.to === this.chosen);
      this.chosen = this.items[(at + step + this.items.length) % this.items.length].to;
      this.mark();
    } else if (event.key === "Enter" && !event.ctrlKey && this.chosen) this.take(this.chosen);
    else return;
    event.preventDefault();
  }

  async take(to) {
    if (this.asking) return;
    this.asking = true;
    if (await this.order({ do: this.mode, to })) this.close();
    this.asking = false;
  }
}

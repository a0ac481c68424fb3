// Citizens who kept their place and are called back: whom, at which place, and those nobody was reached by.
import { $, make, t, timeOfDay } from "../core.js";

const STATES = { waiting: t("to be called back"), calling: t("is being called"), given_up: t("not reached, please see to it") };

export class Callbacks {
  constructor({ leads, cancel }) {
    this.leads = leads;
    this.cancel = cancel;
    this.rows = new Map();
  }

  show({ queues }) {
    const order = Object.keys(STATES);
    const all = queues.flatMap((q) => (q.callbacks || []).map((c) => ({ ...c, title: q.title || q.name })));
    const here = all.sort((a, b) => order.indexOf(b.state) - order.indexOf(a.state) || a.place - b.place || a.since_s - b.since_s);
    for (const [id, row] of this.rows)
      if (!here.some((c) => c.id === id)) {
        row.root.remove();
        this.rows.delete(id);
      }
    here.forEach((callback, n) => {
      if (!this.rows.has(callback.id)) this.rows.set(callback.id, this.build());
      const row = this.rows.get(callback.id);
      this.fill(row, callback);
      if ($("#callbacks").children[n] !== row.root) $("#callbacks").insertBefore(row.root, $("#callbacks").children[n] || null);
    });
  }

  build() {
    const row = { number: make("b", { class: "num" }), asked: make("span", { class: "num small quiet" }), words: make("span", { class: "small quiet cut" }) };
    row.cancel = this.leads && make("button", { type: "button", class: "small", "data-test": "cancel-callback", on: { click: () => this.cancel(row.callback) } });
    row.root = make("li", { "data-test": "callback" }, make("p", { class: "spread" }, row.number, row.asked), make("p", { class: "spread" }, row.words, row.cancel));
    return row;
  }

  fill(row, callback) {
    row.callback = callback;
    row.root.className = callback.state;
    row.number.textContent = `↗ ${callback.number}`;
    row.asked.textContent = timeOfDay(callback.asked_s);
    const tries = callback.tries && t("tried {count}", { count: callback.tries });
    const place = callback.state === "given_up" ? "" : t("place {place}", { place: callback.place });
    row.words.textContent = [STATES[callback.state], place, tries, callback.title].filter(Boolean).join(" · ");
    if (!row.cancel) return;
    row.cancel.textContent = callback.state === "given_up" ? t("Seen to") : t("Cancel");
    row.cancel.hidden = callback.state === "calling";
  }
}

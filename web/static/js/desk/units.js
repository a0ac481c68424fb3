// The dial list: numbers of units and desk phones beside the ticket, one click or arrows and Enter to dial or bring the caller there.
import { $, $$, make, t } from "../core.js";

const LIMIT = 80;

export class DialList {
  // `talk` dials and brings callers to somebody; `unit` gives the unit of the ticket.
  constructor(directory, talk, unit) {
    this.talk = talk;
    this.unit = unit;
    this.rows = [
      ...directory.units.map((u) => ({ to: `tel:${u.phone}`, title: u.title, number: u.phone, keys: u.keys, note: u.note, code: u.code })),
      ...directory.phones.map((number) => ({ to: `ext:${number}`, title: t("Desk phone {number}", { number }), number, keys: "", note: "" })),
    ];
    $("#units-find").addEventListener("input", () => this.show());
    $("#units-find").addEventListener("keydown", (event) => this.key(event));
    $("#units").addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("side", ({ detail }) => detail === "units" && this.show());
    this.show();
  }

  // The ticket's own unit stands first.
  show() {
    const parts = $("#units-find").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const mine = this.unit();
    const found = this.rows.filter((row) => parts.every((part) => `${row.title} ${row.number} ${row.note} ${row.keys}`.toLowerCase().includes(part)));
    found.sort((a, b) => (b.code === mine && Boolean(mine)) - (a.code === mine && Boolean(mine)));
    const rows = found.slice(0, LIMIT).map((row) => this.row(row, Boolean(mine) && row.code === mine));
    $("#units").replaceChildren(...(rows.length ? rows : [make("li", { class: "empty small" }, t("Nobody is found."))]));
  }

  row(row, mine) {
    const number = row.keys ? `${row.number} ${t("ext. {keys}", { keys: row.keys })}` : row.number;
    const does = (what, title, when) => make("button", { type: "button", class: `play ${when}`, "data-test": `${what}-${row.to}`, on: { click: () => this.take(what, row) } }, title);
    return make(
      "li",
      { class: mine ? "own" : "", "data-number": row.number },
      make("p", { class: "spread" }, make("b", { class: "cut" }, row.title), make("span", { class: "small quiet cut" }, row.note || (mine ? t("unit of the ticket") : ""))),
      make("p", { class: "spread" }, make("span", { class: "num" }, number), make("span", { class: "row acts" }, does("dial", t("Dial"), "when-idle"), does("transfer", t("Transfer"), "when-talking"), does("consult", t("Consult"), "when-talking"), does("invite", t("Three-way"), "when-talking")))
    );
  }

  async take(what, row) {
    const done = what === "dial" ? await this.talk.dial(row.number) : await this.talk.order({ do: what, to: row.to });
    if (done && row.keys && what !== "transfer") this.talk.extensionOf(row);
  }

  // Down and up go from row to row; Enter in the field dials, or asks, the first row.
  key(event) {
    const rows = $$("#units li[data-number]");
    const usable = (row) => $$("button", row).filter((button) => button.offsetParent);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && rows.length) {
      const at = rows.findIndex((row) => row.contains(document.activeElement));
      const next = rows[at + step];
      if (next && usable(next).length) usable(next)[0].focus();
      else if (at + step < 0) $("#units-find").focus();
      event.preventDefault();
    } else if (event.key === "Enter" && event.target === $("#units-find") && rows.length) {
      const first = usable(rows[0]).find((button) => button.classList.contains("when-idle") || button.dataset.test.startsWith("consult"));
      if (first) first.click();
      event.preventDefault();
    }
  }
}

// What an agent has open: the page in front and the ticket being written, as it is written. Each look is kept in the log.
import { $, ask, make, t, timeOfDay } from "../core.js";
import { readOut } from "../desk/colleague.js";

const EVERY_MS = 1000;

export class Screen {
  constructor() {
    this.agent = "";
    $("#screen-close").addEventListener("click", () => this.close());
    addEventListener("pagehide", () => this.end(true));
  }

  open(agent) {
    if (this.agent && this.agent !== agent) this.end();
    this.agent = agent;
    $("#screen").hidden = false;
    $("#screen-body").replaceChildren();
    this.look();
    $("#screen-close").focus();
  }

  close() {
    this.end();
    this.agent = "";
    $("#screen").hidden = true;
  }

  end(leaving = false) {
    clearTimeout(this.timer);
    if (this.agent) ask(`/board/screen/${this.agent}`, {}, { method: "DELETE", keepalive: leaving }).catch(() => {});
  }

  changed({ owner }) {
    if (owner === this.agent) this.look();
  }

  async look() {
    clearTimeout(this.timer);
    const { agent } = this;
    if (!agent) return;
    try {
      const seen = await ask(`/board/screen/${agent}`);
      if (agent === this.agent) this.draw(seen);
    } catch (error) {
      if (agent === this.agent) $("#screen-body").replaceChildren(make("p", { class: "empty small" }, error.message));
    }
    clearTimeout(this.timer);
    if (agent === this.agent) this.timer = setTimeout(() => this.look(), EVERY_MS);
  }

  draw(seen) {
    $("#screen-title").textContent = t("Screen of {agent}", { agent: `${seen.number} ${seen.name}` });
    $("#screen-told").textContent = seen.told ? t("The agent sees that you look.") : t("The agent is not told that you look.");
    const page = seen.page && make("p", { class: "spread" }, make("b", { class: "cut", "data-test": "screen-page" }, seen.page.title), make("span", { class: "num small quiet nowrap" }, t("since {time}", { time: timeOfDay(seen.page.since_s) })));
    const ticket = seen.ticket && make("p", {}, make("a", { href: `/tickets/${seen.ticket}`, target: "_blank", rel: "noopener", class: "num" }, t("Ticket {number}", { number: seen.ticket })));
    const written = seen.fields.length ? [make("p", { class: "small quiet" }, t("Being written, last saved {time}", { time: timeOfDay(seen.saved_s) })), readOut(seen.fields)] : [make("p", { class: "small quiet" }, t("Nothing is being written."))];
    $("#screen-body").replaceChildren(...[page, ticket, ...written].filter(Boolean));
  }
}

// The ticket a colleague writes about the call I am asked about, offered, or in: followed as it is typed.
import { $, ask, make, t } from "../core.js";

export class Colleague {
  // `shown(there)` is told whether there is something to see.
  constructor(shown) {
    this.shown = shown;
    this.cid = "";
    this.found = null;
  }

  // Who rings me or talks with me now; null when nobody does. Gives what the colleague has written.
  async of(call) {
    const cid = call ? call.cid : "";
    if (!cid) return this.nothing();
    this.cid = cid;
    let found;
    try {
      found = await ask("/desk/talk");
    } catch (error) {
      return null;
    }
    if (found.call !== this.cid) return null;
    this.found = found;
    this.draw(found);
    return found;
  }

  nothing() {
    this.cid = "";
    this.found = null;
    $("#colleague").replaceChildren();
    this.shown(false);
    return null;
  }

  // A draft was saved somewhere: perhaps the one that is shown here.
  changed({ form }, call) {
    if (this.cid && call && form.endsWith(`:${this.cid}`)) this.of(call);
  }

  draw({ writer, fields, ticket }) {
    const parts = [];
    if (writer) parts.push(make("p", { class: "by" }, make("b", {}, `${writer.number} ${writer.name}`), ` ${t("is writing")}`), readOut(fields));
    if (ticket) parts.push(make("p", { class: "by" }, t("Registered from this call:")), make("p", { class: "spread by" }, make("a", { href: ticket.url, target: "_blank", rel: "noopener", class: "cut strong" }, ticket.title || ticket.number), make("span", { class: `mark ${ticket.colour}` }, ticket.state)));
    $("#colleague").replaceChildren(...parts);
    this.shown(parts.length > 0);
  }
}

export function readOut(fields) {
  return make("dl", { class: "facts-list" }, ...fields.map((field) => make("div", {}, make("dt", {}, field.title), make("dd", { "data-test": `read-${field.name}` }, field.text))));
}

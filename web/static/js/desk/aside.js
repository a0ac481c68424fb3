// What stands beside the form as it is written: its further fields, script, texts, duplicates, answers, people.
import { $, $$, ask, busy, day, make, t, toast, tried } from "../core.js";
import { side } from "./side.js";

const WAIT_MS = 450;

export class Aside {
  constructor(form) {
    this.form = form;
    this.timer = 0;
    this.asked = 0;
    this.extras = "";
    this.nothing = [...$("#help").childNodes];
    document.addEventListener("written", () => this.soon());
    document.addEventListener("filled", () => this.look());
    $("#more").addEventListener("toggle", () => this.countMore());
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), WAIT_MS);
  }

  async look() {
    clearTimeout(this.timer);
    const turn = ++this.asked;
    let told;
    try {
      told = await ask("/intake/beside", this.form.values);
    } catch (error) {
      return; // without it the form works as well
    }
    if (turn !== this.asked) return;
    this.drawExtras(told.extras);
    this.drawAlike(told.alike);
    this.drawHelp(told);
    this.drawPeople(told.customers);
    const says = $("#identity-says");
    says.textContent = told.identity.fault || told.identity.says || "";
    says.className = told.identity.fault ? "bad-text" : "quiet";
    if (told.district && !$("#area").value) $("#area").value = told.district;
    this.countMore();
    document.body.dataset.beside = String(turn);
  }

  // How much is written in what is folded in.
  countMore() {
    const filled = $$("#more input").filter((field) => (field.type === "checkbox" ? field.checked : field.value)).length;
    $("#more-filled").textContent = filled && !$("#more").open ? t("{count} filled in", { count: filled }) : "";
  }

  drawExtras(fields) {
    const names = JSON.stringify(fields.map((field) => field.name));
    if (names === this.extras) return;
    this.extras = names;
    const { values } = this.form;
    Object.assign(this.form.extras, Object.fromEntries(Object.entries(values).filter(([name]) => name.startsWith("extra."))));
    $("#extras").hidden = !fields.length;
    $("#extras").replaceChildren(...fields.map((field) => this.extra(field, values[field.name] || "")));
  }

  extra(field, value) {
    const id = field.name.replace(".", "-");
    const label = make("label", { for: id }, field.title, field.needed && make("span", { class: "must" }, " *"));
    const attributes = { id, name: field.name, maxlength: field.limit, "data-test": id };
    let input;
    if (field.type === "choice") input = make("select", attributes, make("option", { value: "" }, t("Choose")), ...field.choices.map(([word, title]) => make("option", { value: word }, title)));
    else if (field.type === "lines") input = make("textarea", { ...attributes, rows: 2 });
    else input = make("input", { ...attributes, type: field.type === "date" ? "date" : "text" });
    input.value = value;
    return make("div", { class: `field ${field.type === "lines" ? "w12" : "w4"}` }, label, input);
  }

  drawAlike(found) {
    $("#alike").hidden = !found.length;
    $("#alike").classList.toggle("sure", found.some((item) => item.likely));
    $("#alike-count").textContent = found.length;
    $("#alike-list").replaceChildren(...found.map((item) => this.likeness(item)));
    $("#similar").classList.toggle("unseen", found.length > 0);
  }

  likeness(item) {
    const reasons = item.reasons.map((reason) => make("span", { class: "why" }, `${reason.title}${reason.detail ? ` (${reason.detail})` : ""} ${reason.points}`));
    const count = make("button", { type: "button", class: "play", "data-test": "alike-repeat", on: { click: (event) => this.repeat(item, event.currentTarget) } }, t("Repeat: count it there"));
    const repeats = item.repeats ? make("span", { class: "mark warn" }, t("repeated {count}×", { count: item.repeats })) : null;
    return make(
      "div",
      { class: "likeness", "data-test": "likeness" },
      make("p", { class: "spread" }, make("a", { href: item.url, target: "_blank", rel: "noopener", class: "cut strong" }, item.title), make("b", { class: `score num ${item.likely ? "likely" : ""}`, title: t("Score of 100: the sum of the reasons"), "data-test": "score" }, String(item.score))),
      make("p", { class: "spread small quiet" }, make("span", { class: "num cut" }, `${day(item.created_s)} · ${item.number}`), make("span", { class: `mark ${item.colour}` }, item.state)),
      make("p", { class: "row wrap small" }, ...reasons),
      make("p", { class: "row" }, item.open && count, repeats)
    );
  }

  // The matter is counted on the ticket that is there; the form is done with.
  async repeat(item, button) {
    busy(button, true);
    const told = await tried(() => ask("/intake/repeat", { ...this.form.values, number: item.number }));
    busy(button, false);
    if (!told) return;
    toast(t("Counted on {number}: brought again {repeats}×; the unit is urged.", told), "good");
    document.dispatchEvent(new CustomEvent("filed", { detail: told }));
    await this.form.drop();
    await this.form.next();
  }

  drawPeople(customers) {
    const box = $("#people");
    const chosen = $("#customer");
    if (chosen.value && !customers.some((c) => c.cid === chosen.value)) chosen.value = "";
    box.hidden = !customers.length || (customers.length === 1 && customers[0].plain === $("#citizen").value);
    const pills = customers.map((c) =>
      make("button", { type: "button", class: "play", "aria-pressed": String(chosen.value === c.cid), title: c.marks.join(" "), "data-test": "person", on: { click: () => this.choose(c) } }, [c.name, ...c.marks].join(" · "))
    );
    box.replaceChildren(make("span", { class: "small quiet" }, customers.length > 1 ? t("Several people have this number. Who is it?") : t("In the file under this number:")), ...pills);
  }

  choose(customer) {
    const again = $("#customer").value === customer.cid;
    $("#customer").value = again ? "" : customer.cid;
    if (!again && customer.plain) $("#citizen").value = customer.plain;
    if (!again && customer.home && !$("#home").value) $("#home").value = customer.home;
    this.form.typed();
    this.look();
  }

  drawHelp({ script, templates, solved }) {
    const parts = [];
    if (script) parts.push(make("h3", {}, t("What to ask")), make("p", { class: "item said", "data-test": "script" }, script));
    if (templates.length) parts.push(make("h3", {}, t("Texts to begin with")), ...templates.map((text) => this.template(text)));
    if (solved.length) parts.push(make("h3", {}, t("Answers given before")), ...solved.map((item) => this.solved(item)));
    $("#help").replaceChildren(...(parts.length ? parts : this.nothing));
    $("#tab-help").classList.toggle("has", parts.length > 0);
  }

  template(text) {
    return make("div", { class: "item small" }, make("p", {}, make("b", {}, text.title), ` ${text.content}`), make("button", { type: "button", class: "play", "data-test": "use-text", on: { click: () => this.use(text) } }, t("Use this text")));
  }

  // Only what is empty is filled; text that is there stays, the new one behind it.
  use(text) {
    const { elements } = this.form.form;
    if (!elements.title.value) elements.title.value = text.title;
    if (!elements.kind.value) elements.kind.value = text.kind;
    elements.content.value = [elements.content.value.trim(), text.content].filter(Boolean).join("\n");
    this.form.typed();
    const at = elements.content.value.indexOf("【");
    elements.content.focus();
    if (at >= 0) elements.content.setSelectionRange(at, elements.content.value.indexOf("】", at) + 1);
  }

  solved(item) {
    const adopt = make("button", { type: "button", class: "play", "data-test": "adopt", on: { click: () => this.adopt(item) } }, t("Adopt as answer"));
    return make("div", { class: "item small", "data-test": "solved" }, make("p", { class: "spread" }, make("a", { href: item.url, target: "_blank", rel: "noopener", class: "cut strong" }, item.title), make("span", { class: "num quiet nowrap" }, day(item.created_s))), make("p", { class: "said" }, item.answer), adopt);
  }

  adopt(item) {
    const answer = $("#answer-text");
    answer.value = [answer.value.trim(), item.whole].filter(Boolean).join("\n");
    this.form.typed();
    answer.focus();
  }
}

export const showHelp = () => side("help", true);

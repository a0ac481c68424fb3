// The ticket form: kept on the server as it is typed, one draft a call, filed with one key.
import { $, $$, ask, busy, make, now, t, timeOfDay, toast } from "../core.js";

const SAVE_AFTER_MS = 350;
const SAVE_WITHIN_MS = 900;
const ASK_MS = 4000;
const NOT_WRITTEN = ["phone", "urgency", "source", "call", "customer"]; // what is there before anybody has written
const STARTS = ["source", "entry", "seen", "call", "form_key"]; // kept with the draft, though no field shows it
const SHOWN_AT = { phone: "#phone-number", kind: "[name=kind]", category: "#category-text", answer: "#answer-text" };

// Names a form for good: the same one sent twice makes one ticket.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export class TicketForm {
  // `present` gives the call I am talking in, or null.
  // `blank` is the form to go on with when there is none.
  constructor(categories, present, blank = { key: "ticket:new", start: {} }) {
    this.present = present;
    this.blank = blank;
    this.form = $("#ticket");
    this.categories = categories;
    this.key = "";
    this.kept_with = {};
    this.extras = {}; // further fields, also while they are not shown
    this.dirtySince = 0;
    this.touched = new Set(); // fields typed in while a draft was on its way: they stay as typed
    this.form.addEventListener("input", (event) => {
      this.touched.add(event.target.name);
      this.typed();
    });
    this.form.addEventListener("focusout", () => this.save());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("pagehide", () => this.save(true));
    document.addEventListener("visibilitychange", () => document.hidden && this.save(true));
    $$("[data-then]").forEach((button) => button.addEventListener("click", () => this.file(button.dataset.then)));
    $("#clear").addEventListener("click", () => this.clear());
  }

  get values() {
    const values = { ...this.extras, ...Object.fromEntries(new FormData(this.form)), ...this.kept_with };
    for (const field of $$("input[type=checkbox][name]", this.form)) values[field.name] = field.checked;
    values.callback = !values.no_callback;
    return values;
  }

  get call() {
    return this.kept_with.call || "";
  }

  get empty() {
    const skip = [...NOT_WRITTEN, ...STARTS, "callback"];
    return !Object.entries(this.values).some(([name, value]) => !skip.includes(name) && (value === true || (typeof value === "string" && value.trim())));
  }

  fill(values) {
    this.form.reset();
    for (const hidden of $$("input[type=hidden]", this.form)) hidden.value = ""; // a reset leaves these
    for (const [name, value] of Object.entries(values)) {
      const field = this.form.elements[name];
      if (!field) continue;
      if (field.type === "checkbox") field.checked = value === true;
      else field.value = value;
    }
    this.kept_with = Object.fromEntries(STARTS.filter((name) => values[name] && !this.form.elements[name]).map((name) => [name, values[name]]));
    if (!this.kept_with.form_key) this.kept_with.form_key = newKey();
    this.extras = Object.fromEntries(Object.entries(values).filter(([name]) => name.startsWith("extra.")));
    this.form.dataset.source = values.source || this.values.source || "phone";
    document.dispatchEvent(new CustomEvent("filled"));
    const category = this.categories.find((c) => c.code === values.category);
    $("#category-text").value = category ? category.path : "";
    this.faults({});
    if (this.empty) this.toTop();
  }

  // The next matter begins at the top, with nothing unfolded that the last one needed.
  toTop() {
    $("#more").open = false;
    $(".form-scroll", this.form).scrollTop = 0;
  }

  kept() {
    return Object.fromEntries(Object.entries(this.values).filter(([name]) => this.touched.has(name)));
  }

  typed() {
    document.dispatchEvent(new CustomEvent("written"));
    if (!this.dirtySince) this.dirtySince = Date.now();
    clearTimeout(this.timer);
    const left = SAVE_WITHIN_MS - (Date.now() - this.dirtySince);
    this.timer = setTimeout(() => this.save(), Math.max(0, Math.min(SAVE_AFTER_MS, left)));
  }

  async save(leaving = false) {
    clearTimeout(this.timer);
    if (!this.dirtySince || !this.key) return;
    this.dirtySince = 0;
    const { key } = this;
    try {
      await ask(`/desk/drafts/${encodeURIComponent(key)}`, this.values, { method: "PUT", keepalive: leaving });
      if (key === this.key) this.saved(true);
    } catch (error) {
      this.dirtySince = Date.now();
      this.timer = setTimeout(() => this.save(), 3000);
      this.saved(false);
    }
  }

  saved(done) {
    const mark = $("#saved");
    mark.hidden = false;
    mark.className = `mark num ${done ? "good" : "bad"}`;
    mark.textContent = done ? t("Draft saved {time}", { time: timeOfDay(now()) }) : t("Draft not saved yet, trying again");
  }

  // Shows the draft kept under a key; what was being written stays kept under its own.
  async open(key, start = {}) {
    await this.save();
    const typed = this.key ? {} : this.kept();
    this.key = key;
    this.touched.clear();
    $("#saved").hidden = true;
    const { draft } = await ask(`/desk/drafts/${encodeURIComponent(key)}`);
    if (key !== this.key) return;
    this.fill({ ...(draft || start), ...typed, ...this.kept() });
    this.form.dataset.ready = key;
    if ((!draft && start.call) || this.touched.size || Object.keys(typed).length) {
      this.dirtySince = Date.now();
      await this.save();
    }
    $("#form-title").textContent = start.phone || (draft && draft.phone) ? `${t("New ticket")} · ${(draft || start).phone}` : t("New ticket");
    this.parked();
  }

  // A call came: its own form, unless what is on the screen belongs to it.
  forCall(call) {
    const key = `ticket:new:${call.cid}`;
    if (key === this.key) return Promise.resolve();
    if (call.outgoing && !this.empty) return this.belongs(call);
    return this.open(key, { phone: call.caller, call: call.cid, urgency: "normal" });
  }

  // We called the number of what is being written: then the call is this ticket's.
  belongs(call) {
    if (this.call || this.values.phone !== call.caller) return Promise.resolve();
    this.kept_with.call = call.cid;
    this.typed();
    return this.save();
  }

  async parked() {
    const { drafts } = await ask("/desk/drafts");
    const others = drafts.filter((d) => d.form !== this.key).slice(0, 5);
    $("#parked").replaceChildren(
      ...others.map((d) => make("button", { type: "button", class: "parked num", title: d.title, on: { click: () => this.open(d.form) } }, `${d.phone || t("Draft")} ${d.title}`.slice(0, 16)))
    );
  }

  // The draft belongs to somebody else now: the screen goes on with an empty form.
  gone() {
    clearTimeout(this.timer);
    this.dirtySince = 0;
    this.touched.clear();
    this.key = "";
    return this.next();
  }

  // Throwing away what is written asks first: a second click does it.
  async clear() {
    const button = $("#clear");
    if (!this.empty && button.getAttribute("aria-pressed") !== "true") {
      const words = button.textContent;
      button.setAttribute("aria-pressed", "true");
      button.textContent = t("Throw away? Click again");
      this.asked = () => {
        clearTimeout(this.asking);
        button.removeAttribute("aria-pressed");
        button.textContent = words;
        this.asked = null;
      };
      this.asking = setTimeout(() => this.asked && this.asked(), ASK_MS);
      return;
    }
    if (this.asked) this.asked();
    const { key } = this;
    this.key = ""; // what is typed from here on is of the next matter
    this.touched.clear();
    delete this.form.dataset.ready;
    await this.drop(key);
    this.next();
  }

  // An empty form: of the same call while it lasts, else of none.
  next() {
    const call = this.present();
    return call ? this.open(`ticket:new:${call.cid}`, { phone: call.caller, call: call.cid }) : this.open(this.blank.key, this.blank.start);
  }

  async drop(key = this.key) {
    clearTimeout(this.timer);
    this.dirtySince = 0;
    if (key) await ask(`/desk/drafts/${encodeURIComponent(key)}`, {}, { method: "DELETE" });
  }

  faults(fields, sentence = "") {
    $("#fault").hidden = !sentence;
    $("#fault").textContent = sentence;
    $$("[aria-invalid=true]", this.form).forEach((field) => field.setAttribute("aria-invalid", false));
    const [name] = Object.keys(fields);
    const wrong = name ? $$(SHOWN_AT[name] || `[name="${name}"]`, this.form) : [];
    wrong.forEach((field) => field.setAttribute("aria-invalid", true));
    if (!wrong.length) return;
    const closed = wrong[0].closest("details");
    if (closed) closed.open = true;
    wrong[0].focus();
  }

  async file(then) {
    if (this.filing) return;
    this.filing = true;
    const button = $(`[data-then=${then}]`);
    busy(button, true);
    try {
      await this.save();
      const files = [...$("#attach").files];
      const filed = await ask("/intake/file", { ...this.values, then });
      await this.drop();
      if (files.length) await attach(filed, files);
      toast(t("Ticket {number}: {state}", filed), "good");
      document.dispatchEvent(new CustomEvent("filed", { detail: filed }));
      await this.next();
    } catch (error) {
      if (!error.data) throw error;
      this.faults(error.data.fields || {}, error.message);
    } finally {
      this.filing = false;
      busy(button, false);
    }
  }
}

// Files go to the ticket once it is there; when they do not, the ticket is registered all the same.
async function attach({ number, url }, files) {
  const body = new FormData();
  files.forEach((file) => body.append("file", file));
  $("#attach").value = "";
  try {
    await ask(`${url}/files`, undefined, { method: "POST", body });
  } catch (error) {
    if (!error.data) throw error;
    toast(t("Ticket {number} is registered, but its files were not added: {sentence} Add them on its page.", { number, sentence: error.message }), "bad");
  }
}

// A category found by typing any part of its path; arrow keys, Enter, Escape.
export function categoryBox(categories, chosen) {
  const text = $("#category-text");
  const list = $("#category-list");
  const hidden = $("#category");
  let shown = [];
  let at = -1;

  function close() {
    list.hidden = true;
    text.setAttribute("aria-expanded", "false");
    text.removeAttribute("aria-activedescendant");
  }

  function open() {
    const parts = text.value.trim().toLowerCase().split(/[\s/]+/).filter(Boolean);
    shown = categories.filter((c) => parts.every((part) => c.search.includes(part))).slice(0, 60);
    at = shown.length && parts.length ? 0 : -1;
    list.replaceChildren(...shown.map((c, n) => make("li", { role: "option", id: `category-${n}`, "aria-selected": n === at, "data-code": c.code, on: { mousedown: (event) => event.preventDefault(), click: () => choose(c) } }, make("span", {}, c.path), make("small", {}, c.unit_name))));
    list.hidden = !shown.length;
    text.setAttribute("aria-expanded", String(!list.hidden));
  }

  function choose(category) {
    text.value = category.path;
    hidden.value = category.code;
    close();
    chosen(category);
    text.dispatchEvent(new Event("input", { bubbles: true }));
    close();
  }

  function go(step) {
    at = (at + step + shown.length) % shown.length;
    $$("li", list).forEach((item, n) => item.setAttribute("aria-selected", n === at));
    text.setAttribute("aria-activedescendant", `category-${at}`);
    list.children[at].scrollIntoView({ block: "nearest" });
  }

  text.addEventListener("focus", () => text.select());
  text.addEventListener("click", open);
  text.addEventListener("blur", () => {
    close();
    const category = categories.find((c) => c.code === hidden.value);
    text.value = category && text.value ? category.path : "";
    if (!text.value) hidden.value = "";
  });
  text.addEventListener("input", (event) => event.isTrusted && open());
  text.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) open();
      if (shown.length) go(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && !list.hidden && at >= 0 && !event.ctrlKey) {
      event.preventDefault();
      choose(shown[at]);
    } else if (event.key === "Escape") close();
  });
}

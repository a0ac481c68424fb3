// What I do in a talk: hold, mute, transfer, consult, three-way, keys; who else is in it.
import { $, $$, ask, inTurn, make, t, tried } from "../core.js";
import { TargetPanel } from "./targets.js";

const ROLES = { caller: t("Citizen"), listener: t("listens"), coach: t("whispers"), guest: t("guest"), agent: t("colleague") };
const WATCHING = { listener: t("You listen"), coach: t("You whisper to the agent") };

export class Talk {
  // `picture` gives the whole board; `mute` switches this browser's own microphone.
  constructor(me, picture, mute) {
    this.me = me;
    this.picture = picture;
    this.muteHere = mute;
    this.call = null;
    this.playing = "";
    this.extension = null;
    this.targets = new TargetPanel(me, picture, (order) => this.order(order));
    this.orders();
    this.pad();
    this.dialBox();
  }

  order(order) {
    return tried(() => ask("/desk/order", order));
  }

  orders() {
    $("#hold").addEventListener("click", () => this.hold());
    $("#mute").addEventListener("click", () => this.mute());
    $("#transfer").addEventListener("click", () => this.targets.toggle("transfer"));
    $("#consult").addEventListener("click", () => this.targets.toggle("consult"));
    $("#call-leader").addEventListener("click", () => this.order({ do: "call_leader" }));
    $("#rate").addEventListener("click", () => this.order({ do: "transfer", to: this.targets.survey }));
    $("#complete").addEventListener("click", () => this.order({ do: "complete" }));
    $("#together").addEventListener("click", () => this.order({ do: "together" }));
    $("#cancel").addEventListener("click", () => this.cancel());
    $("#private").addEventListener("click", () => this.order({ do: "private", on: this.recording !== "private" }));
    $("#record").addEventListener("click", () => this.order({ do: "record", on: this.recording !== "on" }));
  }

  get mine() {
    return this.parties.find((p) => p.who === this.me && p.role !== "ringing");
  }

  get parties() {
    return (this.call && this.call.parties) || [];
  }

  get others() {
    return this.parties.filter((p) => p.who !== this.me && p.role !== "caller" && !["listener", "coach"].includes(p.role));
  }

  get asked() {
    return this.others.filter((p) => p.apart);
  }

  get ringing() {
    return this.others.filter((p) => p.role === "ringing");
  }

  // Only who answers for the caller moves the caller about; others in the talk may mute themselves and leave.
  get own() {
    return Boolean(this.call) && this.call.agent === this.me;
  }

  get watching() {
    return this.mine && WATCHING[this.mine.role];
  }

  get connected() {
    return Boolean(this.call) && ["talking", "held"].includes(this.call.state);
  }

  get held() {
    return Boolean(this.call) && (this.call.state === "held" || Boolean(this.mine && this.mine.apart && !this.asked.length));
  }

  // What is recorded of this call: on, rolling, private, off.
  get recording() {
    return (this.call && this.call.recording) || "";
  }

  hold() {
    if (!this.held) return this.order({ do: "hold" });
    return this.order({ do: this.mine && this.mine.apart && !this.asked.length ? "together" : "resume" });
  }

  async mute(on = $("#mute").getAttribute("aria-pressed") !== "true") {
    this.muteHere(on);
    if (!(await this.order({ do: "mute", on }))) this.muteHere(!on);
  }

  // Whom I ask is let go; once gone, the caller is back with me.
  async cancel() {
    this.returning = true;
    for (const party of [...this.asked, ...this.ringing]) await this.order({ do: "drop", line: party.line });
  }

  play(item) {
    const stop = this.playing === item.rid;
    this.playing = stop ? "" : item.rid;
    this.order({ do: "play_back", recording: this.playing }).then((done) => {
      if (!done) this.playing = "";
      this.showPlaying();
    });
  }

  showPlaying() {
    for (const button of $$("[data-rid]")) {
      const on = button.dataset.rid === this.playing;
      button.setAttribute("aria-pressed", on);
      button.textContent = on ? t("Stop playing") : t("Play into the talk");
    }
  }

  pad() {
    const show = (on) => {
      $("#pad").hidden = !on;
      $("#keypad").setAttribute("aria-expanded", on);
      if (on) this.targets.close();
      this.room();
    };
    this.closePad = () => show(false);
    $("#keypad").addEventListener("click", () => {
      show($("#pad").hidden);
      $("#pad-sent").textContent = "";
      if (!$("#pad").hidden) $("[data-pad]").focus();
    });
    $("#pad-close").addEventListener("click", () => show(false));
    const send = inTurn(async (key) => {
      if (await this.order({ do: "send_digits", keys: key })) $("#pad-sent").textContent = ($("#pad-sent").textContent + key).slice(-14);
    });
    for (const button of $$("[data-pad]")) button.addEventListener("click", () => send(button.dataset.pad));
    $("#pad").addEventListener("keydown", (event) => {
      if ("0123456789*#".includes(event.key) && event.key.length === 1) {
        event.preventDefault();
        send(event.key);
      } else if (event.key === "Escape") show(false);
    });
  }

  dialBox() {
    $("#dial-out").addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.dial($("#dial-number").value)) $("#dial-number").value = "";
    });
  }

  // `then` are other numbers of the same person, tried when the first is busy or does not answer.
  dial(number, then = []) {
    return number.trim() ? this.order({ do: "dial", number, then: then.filter((other) => other !== number) }) : Promise.resolve(null);
  }

  // A number that answers first and wants an extension then: one click sends it once somebody is there.
  extensionOf({ number, keys }) {
    this.extension = { number: number.replace(/[ ()\-/.]/g, ""), keys };
    this.showExtension();
  }

  showExtension() {
    const { extension, call } = this;
    const button = $("#send-extension");
    const there = extension && this.connected && this.parties.find((p) => p.who === extension.number && p.role !== "ringing");
    button.hidden = !there;
    if (!there) return;
    button.textContent = t("Send extension {keys}", { keys: extension.keys });
    button.onclick = async () => {
      if (await this.order({ do: "send_digits", keys: extension.keys, line: there.role === "caller" ? "" : there.line })) this.extension = null;
      if (call) this.showExtension();
    };
  }

  // Panel and keys stand where queue and colleagues are: never over what is being written.
  room() {
    document.body.classList.toggle("choosing", !$("#targets").hidden || !$("#pad").hidden);
  }

  render(seat) {
    const call = seat && seat.state === "busy" ? seat.call : null;
    if (this.call && (!call || call.cid !== this.call.cid)) this.extension = null;
    if (!call || !this.call || call.cid !== this.call.cid) this.over();
    this.call = call;
    this.last = call || this.last;
    document.body.classList.toggle("talking", this.connected && this.own);
    document.body.classList.toggle("idle", Boolean(seat) && ["ready", "paused", "wrap_up"].includes(seat.state));
    if (!call) return;
    if (this.returning && !this.asked.length && !this.ringing.length) {
      this.returning = false;
      if (this.held) this.order({ do: "together" });
    }
    this.showButtons();
    this.showParties();
    this.showExtension();
    this.targets.refresh();
  }

  over() {
    this.targets.close();
    this.closePad();
    this.returning = false;
    this.playing = "";
    this.muted(false);
  }

  muted(on) {
    $("#mute").setAttribute("aria-pressed", on);
    $("#mute span").textContent = on ? t("Unmute") : t("Mute");
  }

  showButtons() {
    const consulting = this.own && (this.asked.length > 0 || this.ringing.length > 0);
    const may = this.connected && this.own;
    this.muted(Boolean(this.mine && this.mine.muted));
    $("#hold").setAttribute("aria-pressed", this.held);
    $("#hold span").textContent = this.held ? t("Take back") : t("Hold");
    $("#hold use").setAttribute("href", `/static/icons.svg#${this.held ? "play" : "hold"}`);
    for (const id of ["hold", "keypad", "rate", "transfer", "consult", "call-leader"]) $(`#${id}`).disabled = !may;
    $("#hold").disabled = !may || this.asked.length > 0 || this.ringing.length > 0;
    $("#mute").disabled = !this.connected;
    $("#call-buttons").classList.toggle("only-mine", Boolean(this.mine) && !this.own && this.connected);
    for (const button of $$("#call-buttons .calm")) button.hidden = consulting;
    $("#rate").hidden = consulting || !this.targets.survey;
    for (const button of $$("#call-buttons .asking")) button.hidden = !consulting;
    $("#complete").disabled = $("#together").disabled = !this.asked.length;
    this.showRecording(may);
    if (consulting) this.targets.close();
  }

  showRecording(may) {
    const hidden = this.recording === "private";
    const left = $("#private kbd");
    $("#private").disabled = !may || !this.call.may_hide;
    $("#private").setAttribute("aria-pressed", hidden);
    $("#private span").textContent = hidden ? t("Record again") : t("Private");
    if (hidden) left.dataset.until = this.call.private_until_s;
    else {
      delete left.dataset.until;
      left.textContent = "Alt+P";
    }
    $("#record").hidden = !may || !this.call.may_record;
    $("#record").setAttribute("aria-pressed", this.recording === "on");
    $("#record span").textContent = { on: t("Stop recording"), rolling: t("Keep recording") }[this.recording] || t("Record");
    $("#call-buttons").classList.toggle("by-hand", !$("#record").hidden);
  }

  showParties() {
    const others = this.parties.filter((p) => p.who !== this.me);
    const list = $("#parties");
    list.hidden = others.length < 2 && !this.watching;
    list.replaceChildren(...others.map((p) => this.party(p)));
  }

  party(p) {
    const name = (this.picture().seats.find((s) => s.agent === p.who) || {}).name;
    const words = [p.role === "ringing" ? t("is being called") : p.apart ? t("being asked") : ROLES[p.role], p.held && t("on hold"), p.muted && t("muted")].filter(Boolean);
    const drop = this.own && p.role !== "caller" && make("button", { type: "button", class: "drop", title: t("Let go"), "aria-label": t("Let go"), "data-test": "drop", on: { click: () => this.order({ do: "drop", line: p.line }) } }, "✕");
    return make("li", { class: p.role, "data-test": `party-${p.role}` }, make("span", { class: "num cut who" }, name ? `${p.who} ${name}` : p.who || t("Number withheld")), make("span", { class: "small cut" }, words.join(" · ")), drop);
  }
}

// My seat: shift, state, the ringing pop and the call, as the call process tells them; orders go back to it.
import { $, $$, ask, busy, t, tick, tried, toast } from "../core.js";
import { Bell } from "../sound/bell.js";
import { NoMicrophone, Sound } from "../sound/sound.js";
import { Talk } from "./talk.js";

const MICROPHONE_FAULTS = {
  insecure: t("The browser gives the microphone only to https pages or to localhost. Ask your technician for the https address."),
  NotAllowedError: t("The browser may not use the microphone. Allow it at the left of the address bar and start again."),
  NotFoundError: t("No microphone was found. Plug in the headset and start again."),
  NotReadableError: t("The microphone is in use by another program. Close it and start again."),
};
const PHASES = {
  ready: t("Ready, waiting for calls"),
  paused: t("On a break"),
  wrap_up: t("Wrap-up"),
  offered: t("Ringing"),
  busy: t("Talking · recording"),
};
const RECORDING = {
  rolling: [t("Talking · recorded for a few days"), "good"],
  off: [t("Talking · not recorded"), "warn"],
  private: [t("Private · silence is recorded"), "warn"],
};

// Presses the first of these buttons that is there.
function press(...ids) {
  const button = ids.map((id) => $(`#${id}`)).find((b) => !b.hidden);
  if (button) button.click();
}

export class SeatPanel extends EventTarget {
  // Events: "offered", "talking", "over", each with the call as detail; "idle". `picture` gives the board.
  constructor(me, picture) {
    super();
    this.me = me;
    this.picture = picture;
    this.seat = null;
    this.sound = new Sound(() => ask("/desk/sound", {}));
    this.talk = new Talk(me, picture, (on) => this.sound.worker && this.sound.mute(on));
    this.title = document.title;
    this.sound.addEventListener("levels", ({ detail }) => this.levels(detail));
    this.sound.addEventListener("up", () => this.showSound());
    this.sound.addEventListener("down", () => this.showSound());
    this.listen();
  }

  get talking() {
    return this.seat && this.seat.state === "busy";
  }

  get onShift() {
    return Boolean(this.seat && this.seat.state !== "offline");
  }

  get byHeadset() {
    const chosen = $("#extension").selectedOptions[0];
    return Boolean(chosen && chosen.dataset.kind === "browser");
  }

  listen() {
    const orders = { "#answer": { do: "answer" }, "#decline": { do: "hang_up" }, "#hang-up": { do: "hang_up" }, "#to-ready": { do: "ready" } };
    for (const [button, order] of Object.entries(orders)) $(button).addEventListener("click", () => this.order(order));
    for (const button of $$("[data-pause]"))
      button.addEventListener("click", () => {
        $("#pause-menu").open = false;
        this.order({ do: "pause", reason: button.dataset.pause });
      });
    $("#start-shift").addEventListener("click", () => this.startShift());
    $("#start-shift").disabled = false; // before this a click would have been lost
    $("#end-shift").addEventListener("click", () => this.endShift());
    $("#echo").addEventListener("click", () => this.echo());
    $("#microphone").addEventListener("change", (event) => this.sound.microphone(event.target.value));
    $("#loudspeaker").addEventListener("change", (event) => this.sound.loudspeaker(event.target.value));
    $("#volume").addEventListener("input", (event) => (this.sound.volume.gain.value = event.target.value / 100));
    $("#ring-volume").addEventListener("input", (event) => (this.bell.level = event.target.value / 100));
    addEventListener("beforeunload", (event) => {
      if (!this.talking) return;
      event.preventDefault();
      event.returnValue = "";
    });
  }

  // What the function keys do, wherever the phone card is.
  get keys() {
    const inTalk = (...ids) => () => this.talking && press(...ids);
    return {
      F2: () => !$("#pop").hidden && $("#answer").click(),
      F4: () => (this.talking ? press("hold") : this.onShift && $("#to-ready").click()),
      F6: inTalk("mute"),
      F7: inTalk("complete", "transfer"),
      F8: () => (this.talking ? press("together", "consult") : this.choosePause()),
      F9: inTalk("cancel", "call-leader"),
      F10: inTalk("hang-up"),
      "Alt+p": inTalk("private"),
      "Alt+r": inTalk("record"),
    };
  }

  choosePause() {
    $("#pause-menu").open = this.onShift && !$("#pause-menu").open;
    if ($("#pause-menu").open) $("[data-pause]").focus();
  }

  order(order) {
    return tried(() => ask("/desk/order", order));
  }

  async startShift() {
    const button = $("#start-shift");
    const fault = $("#start-fault");
    fault.textContent = "";
    busy(button, true);
    try {
      if (this.byHeadset) await this.openSound();
      if (!this.onShift) await ask("/desk/shift", { extension: $("#extension").value });
      if (this.byHeadset) this.sound.connect();
      if ("Notification" in window && Notification.permission === "default") Notification.requestPermission();
      this.started = true;
      this.render();
    } catch (error) {
      fault.textContent = error instanceof NoMicrophone ? MICROPHONE_FAULTS[error.message] || t("The microphone cannot be used.") : error.message;
    } finally {
      busy(button, false);
    }
  }

  async openSound() {
    await this.sound.start(localStorage.getItem("microphone") || "");
    this.bell = this.bell || new Bell(this.sound.context);
    await this.listDevices();
    navigator.mediaDevices.ondevicechange = () => this.listDevices();
  }

  async listDevices() {
    const fill = async (select, kind) => {
      const devices = await this.sound.devices(kind);
      select.replaceChildren(...devices.map((d, n) => new Option(d.label || `${n + 1}`, d.deviceId)));
      const wanted = localStorage.getItem(select.id);
      if (devices.some((d) => d.deviceId === wanted)) select.value = wanted;
      select.onchange = () => localStorage.setItem(select.id, select.value);
    };
    await fill($("#microphone"), "audioinput");
    await fill($("#loudspeaker"), "audiooutput");
    $("#loudspeaker-field").hidden = !this.sound.context.setSinkId;
  }

  async endShift() {
    const done = await tried(() => ask("/desk/shift", { extension: "" }));
    if (!done) return;
    this.sound.disconnect();
    this.started = false;
    this.becomes(null);
  }

  echo() {
    const on = $("#echo").getAttribute("aria-pressed") !== "true";
    if (on && this.talking) return toast(t("Not during a call."), "warn");
    this.sound.echo(on);
    $("#echo").setAttribute("aria-pressed", on);
    $("#echo span").textContent = on ? t("Speak: you hear yourself 1.5 seconds later. Stop") : t("Test: hear myself");
  }

  levels({ me, them }) {
    $("#level-me").style.transform = `scaleX(${me.toFixed(2)})`;
    $("#level-them").style.transform = `scaleX(${them.toFixed(2)})`;
    document.body.dataset.framesSent = this.sound.sent;
    document.body.dataset.framesReceived = this.sound.received;
  }

  // What the call process says about my seat; null when I am not on shift.
  becomes(seat) {
    const before = this.seat;
    this.seat = seat && seat.state !== "offline" ? { ...seat, call: this.whole(seat.call) } : null;
    this.render();
    const was = before ? before.state : "offline";
    const is = this.seat ? this.seat.state : "offline";
    this.tellMine();
    if (was === is) return;
    if (is === "offered") this.rings();
    else this.silent();
    if (is === "busy") this.tell("talking");
    if (was === "busy") {
      if (this.sound.worker) this.sound.mute(false);
      if (before.call && before.call.state === "dialling") toast(t("The call to {number} was not answered.", { number: before.call.caller }), "warn");
      this.tell("over", before.call);
    }
    if (is === "ready" || is === "paused" || is === "offline") this.tell("idle");
    if (is === "busy" && this.sound.worker) {
      this.sound.echo(false);
      $("#echo").setAttribute("aria-pressed", false);
      $("#echo span").textContent = t("Test: hear myself");
    }
  }

  // The call as the board has it: with everybody in it; a number the board hides is whole at my seat.
  whole(call) {
    const found = call && this.picture().calls.find((c) => c.cid === call.cid);
    return found ? { ...found, caller: call.caller } : call;
  }

  // Once a call: when it is mine to write about. One I make is mine as soon as I dial.
  tellMine() {
    const call = this.talking && this.seat.call;
    const mine = call && !this.talk.watching && (this.talk.own || (call.outgoing && !call.agent));
    if (!call) this.mineIs = "";
    if (!mine || this.mineIs === call.cid) return;
    this.mineIs = call.cid;
    this.tell("mine");
  }

  tell(name, call = this.seat && this.seat.call) {
    this.dispatchEvent(new CustomEvent(name, { detail: call }));
  }

  rings() {
    const { call } = this.seat;
    if (this.bell) this.bell.ring();
    document.title = `☎ ${call ? call.caller : ""} ${t("is calling")}`;
    if (document.hidden && "Notification" in window && Notification.permission === "granted")
      this.notice = new Notification(t("A citizen is calling"), { body: call ? call.caller : "", requireInteraction: true, tag: "call" });
    this.tell("offered");
  }

  silent() {
    if (this.bell) this.bell.stop();
    if (this.notice) this.notice.close();
    this.notice = null;
    document.title = this.title;
  }

  render() {
    const { seat } = this;
    const ready = seat && (this.started || !this.byHeadset);
    const state = seat ? seat.state : "offline";
    this.talk.render(seat);
    $("#states").hidden = !seat;
    $("#seat").hidden = !seat;
    $("#phone-off").hidden = Boolean(ready) || state === "offered";
    $("#phone-on").hidden = !ready;
    $("#phone").dataset.state = state;
    $("#phone").hidden = state === "offered";
    $("#pop").hidden = state !== "offered";
    for (const part of $$("#states [data-state]")) part.classList.toggle("on", part.dataset.state === state);
    if (!seat) return this.showSound();
    $("#seat").textContent = t("No. {agent} · ext. {extension}", { agent: seat.agent, extension: seat.extension });
    $("#state-time").dataset.since = seat.since_s;
    if (!ready) this.renderReturn(seat);
    if (state === "offered") this.renderOffer(seat);
    else this.renderPhone(seat, state);
    this.showSound();
    tick();
  }

  // A page that was loaded anew during a shift has a seat but no sound: one click gives it back.
  renderReturn(seat) {
    $("#extension").value = seat.extension;
    $("#start-title").textContent = t("Your shift goes on");
    $("#start-words").textContent = t("This page was loaded anew. One click starts the sound again; the call goes on.");
    $("#start-shift span").textContent = t("Start sound again");
  }

  renderOffer({ call, until_s }) {
    if (!call) return;
    $("#pop-queue").textContent = this.offerTitle(call);
    $("#answer").hidden = (call.outgoing && !call.callback_of) || !this.byHeadset;
    $("#pop-caller").textContent = call.caller || t("Number withheld");
    $("#pop-waited").dataset.since = call.queued_s || call.started_s;
    if (until_s) $("#pop-left").dataset.until = until_s;
  }

  offerTitle(call) {
    if (call.callback_of) return t("Callback: pick up, then the citizen is called");
    if (call.outgoing && call.agent === "") return t("Pick up: then the call goes out");
    const by = call.agent && call.agent !== this.me && this.picture().seats.find((s) => s.agent === call.agent);
    if (by) return t("{agent} calls you in", { agent: `${by.agent} ${by.name}` });
    return call.queue ? this.queueTitle(call.queue) : t("Incoming call");
  }

  phase(call, state, reason) {
    if (state === "busy" && call) {
      if (this.talk.watching) return [this.talk.watching, "warn"];
      if (call.state === "dialling") return [t("Calling out"), "warn"];
      if (this.talk.asked.length) return [t("Consulting, music plays"), "warn"];
      if (this.talk.held) return [t("On hold, music plays"), "warn"];
      if ($("#mute").getAttribute("aria-pressed") === "true") return [t("You are muted"), "good"];
      return RECORDING[this.talk.recording] || [PHASES.busy, "good"];
    }
    const pauses = $(`[data-pause="${reason}"]`);
    return [state === "paused" && pauses ? `${PHASES.paused} · ${pauses.textContent}` : PHASES[state] || "", state === "ready" ? "good" : "warn"];
  }

  renderPhone({ call, until_s, since_s, reason }, state) {
    const talking = state === "busy";
    const [words, colour] = this.phase(call, state, reason);
    $("#phase").textContent = words;
    $("#phase").className = `lamp phase ${colour}`;
    $("#phone").classList.toggle("on-hold", talking && this.talk.held);
    $("#phone").classList.toggle("muted", talking && $("#mute").getAttribute("aria-pressed") === "true");
    $("#call-time").hidden = !talking;
    if (talking) $("#call-time").dataset.since = since_s;
    $("#call-caller").textContent = talking && call ? call.caller || t("Number withheld") : "";
    $("#call-line").textContent = talking && call ? `${call.callback_of ? t("Callback") : call.outgoing ? t("Called by us") : this.queueTitle(call.queue)} · ${call.line}` : "";
    $("#call-buttons").hidden = !talking;
    $("#parties").hidden = $("#parties").hidden || !talking;
    $("#dial-out").hidden = !["ready", "paused", "wrap_up"].includes(state);
    $("#wrap").hidden = state !== "wrap_up" || !until_s;
    if (until_s) $("#wrap-left").dataset.until = until_s;
  }

  queueTitle(name) {
    return JSON.parse($(".desk").dataset.queues)[name] || name || t("Call");
  }

  showSound() {
    const lamp = $("#lamp-sound");
    lamp.hidden = !this.seat;
    if (!this.seat) return;
    const up = this.byHeadset ? this.sound.up : this.seat.phone === "up";
    lamp.className = `lamp ${up ? "good" : "bad"}`;
    lamp.textContent = up ? t("Sound connected") : this.started ? t("Sound lost, connecting again") : t("Sound not started");
    $("#sound-state").textContent = up ? t("Sound connected") : t("Sound");
  }
}

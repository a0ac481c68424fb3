// The citizen's telephone of the demonstration.
import { $, $$, ask, duration, inTurn, now, t } from "./core.js";
import { NoMicrophone, Sound } from "./sound/sound.js";

const LOOK_MS = 1000;
const STATES = {
  ringing: t("Ringing"),
  in_flow: t("Announcements: choose by key"),
  queued: t("Waiting for an agent"),
  offered: t("An agent's phone is ringing"),
  talking: t("Talking to an agent"),
};
const KEY_TONES = { 1: [697, 1209], 2: [697, 1336], 3: [697, 1477], 4: [770, 1209], 5: [770, 1336], 6: [770, 1477], 7: [852, 1209], 8: [852, 1336], 9: [852, 1477], "*": [941, 1209], 0: [941, 1336], "#": [941, 1477] };

let call = null; // {phone, caller} while off hook
let since = 0;
let seen = false;
let timer = 0;
let pressed = "";

const sound = new Sound(async () => {
  if (!call || !call.access) throw new Error("on hook");
  const { access } = call;
  call.access = null; // a token works once; when the sound is lost the call is over
  return access;
});
sound.addEventListener("levels", ({ detail }) => {
  $("#level-them").style.transform = `scaleX(${detail.them.toFixed(2)})`;
  document.body.dataset.framesReceived = sound.received;
  document.body.dataset.framesSent = sound.sent;
});
sound.addEventListener("up", () => lamp("good", t("Connected")));
sound.addEventListener("down", () => {
  if (call && !call.access) over(t("The call has ended"));
});

function lamp(colour, text) {
  $("#lamp-sound").className = `lamp ${colour}`;
  $("#lamp-sound").textContent = text;
}

function show(state, words) {
  $(".handset").dataset.state = state;
  $("#state").textContent = words;
  const off = state === "idle";
  $("#dial").hidden = !off;
  $("#hang-up").hidden = off;
  $("#time").hidden = off;
  $("#caller").disabled = !off;
}

async function dial() {
  $("#fault").textContent = "";
  const caller = $("#caller").value.trim();
  show("calling", t("Calling"));
  try {
    await sound.start();
    const access = await ask("/phone/dial", { caller, called: $("#dialled").textContent.trim() });
    call = { phone: access.phone, caller, access };
    pressed = "";
    since = now();
    seen = false;
    await sound.connect();
    timer = setInterval(look, LOOK_MS);
  } catch (error) {
    $("#fault").textContent = error instanceof NoMicrophone ? t("The microphone cannot be used. Allow it in the browser; away from this computer https is needed.") : error.message;
    over(t("Ready to call"));
  }
}

async function look() {
  $("#time").textContent = duration(now() - since);
  try {
    const { call: view, position } = await ask(`/phone/state?caller=${encodeURIComponent(call.caller)}`);
    if (!call) return;
    if (!view) {
      if (seen) over(t("The call has ended"));
      return;
    }
    seen = true;
    const words = view.state === "queued" && position ? `${STATES.queued} · ${t("place {position}", { position })}` : STATES[view.state] || view.state;
    show(view.state, words);
  } catch (error) {
    lamp("warn", t("No connection, trying again"));
  }
}

function over(words) {
  clearInterval(timer);
  call = null;
  sound.disconnect();
  lamp("", t("On hook"));
  show("idle", words);
  $("#level-them").style.transform = "scaleX(0)";
}

async function hangUp() {
  const { phone } = call || {};
  over(t("You hung up"));
  if (phone) ask("/phone/hang-up", { phone }).catch(() => {});
}

function tone(key) {
  if (!sound.context) return;
  for (const hertz of KEY_TONES[key]) {
    const oscillator = sound.context.createOscillator();
    const gain = sound.context.createGain();
    oscillator.frequency.value = hertz;
    gain.gain.value = 0.06;
    oscillator.connect(gain).connect(sound.context.destination);
    oscillator.start();
    oscillator.stop(sound.context.currentTime + 0.12);
  }
}

const sendKey = inTurn((key) => {
  if (!call) return null;
  return ask("/phone/key", { phone: call.phone, key }).catch((error) => ($("#fault").textContent = error.message));
});

function press(key) {
  const button = $(`[data-key="${key}"]`);
  button.classList.add("down");
  setTimeout(() => button.classList.remove("down"), 130);
  tone(key);
  if (call) {
    pressed += key;
    $("#dialled").dataset.keys = pressed;
    sendKey(key);
  } else if (!$("#dial").hidden) {
    const dialled = $("#dialled");
    const fresh = dialled.dataset.typed !== "1";
    dialled.dataset.typed = "1";
    dialled.textContent = ((fresh ? "" : dialled.textContent) + key).slice(0, 20);
  }
}

$$("[data-key]").forEach((button) => button.addEventListener("click", () => press(button.dataset.key)));
$$("[data-number]").forEach((button) =>
  button.addEventListener("click", () => {
    if (call) return;
    $("#dialled").textContent = button.dataset.number;
    $("#dialled").dataset.typed = "";
  })
);
$("#dial").addEventListener("click", dial);
$("#hang-up").addEventListener("click", hangUp);
addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT" || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key in KEY_TONES) press(event.key);
  if (event.key === "Backspace" && !call) $("#dialled").textContent = $("#dialled").textContent.slice(0, -1);
});
addEventListener("pagehide", () => call && navigator.sendBeacon && hangUp());

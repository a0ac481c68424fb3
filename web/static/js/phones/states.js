// Phones and trunks as they are now, asked for every two seconds while the page is seen.
import { $, $$, ask, t } from "../core.js";

const EVERY_MS = 2000;
const STATES = { idle: t("idle"), in_call: t("in a call"), away: t("away"), "": t("not known") };
const COLOURS = { idle: "good", in_call: "blue", away: "", "": "warn" };
const TRUNKS = { up: t("up"), down: t("down") };
const AWAY = { state: "away", agent: "", forwards: [] };
const followers = [];
let asking = false;

export const title = (state) => STATES[state] || state;
export const colour = (state) => COLOURS[state] || "";

// `shows(phone)` is called with every fresh picture; phone(number) gives state, agent and forwards.
export function follow(shows) {
  followers.push(shows);
}

function show({ up, phones, trunks }) {
  const phone = (number) => phones[number] || (up ? AWAY : { ...AWAY, state: "" });
  for (const mark of $$("[data-state-of]")) {
    const { state } = phone(mark.dataset.stateOf);
    mark.className = `mark ${colour(state)}`;
    mark.title = title(state);
  }
  for (const mark of $$("[data-trunk]")) {
    const { state, reason } = trunks[mark.dataset.trunk] || { state: "", reason: "" };
    mark.className = `mark ${{ up: "good", down: "bad" }[state] || ""}`;
    mark.textContent = TRUNKS[state] || t("not known");
    mark.title = reason;
  }
  followers.forEach((shows) => shows(phone));
}

export async function look() {
  if (asking) return;
  asking = true;
  try {
    show(await ask($("main").dataset.now));
  } catch (error) {
    // the lamp at the foot of the page says so, and the next look is soon
  } finally {
    asking = false;
  }
}

setInterval(() => document.hidden || look(), EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || look());

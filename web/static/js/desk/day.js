// My day in figures: calls and times as the log has them; the time of the present state runs on.
import { $, ask, duration, now } from "../core.js";

const LOOK_MS = 1200;
const RUNNING = ["busy", "wrap_up", "paused"];
let told = null;
let at = 0;
let timer = 0;

export async function day() {
  timer = 0;
  try {
    told = await ask("/desk/today");
    at = now();
  } catch (error) {
    return;
  }
  $("#day-in").textContent = told.calls_in;
  $("#day-out").textContent = told.calls_out;
}

// The log follows a moment behind; many changes are one look.
export const daySoon = () => {
  if (!timer) timer = setTimeout(day, LOOK_MS);
};

// `state` is the one I am in since `since`; what the log does not have yet is added here.
export function showDay(state, since) {
  if (!told) return;
  for (const name of RUNNING) $(`#day-${name}`).textContent = duration(told.spent_s[name] + (name === state ? Math.max(0, now() - Math.max(at, since)) : 0));
}

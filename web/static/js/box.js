// The technician's page shows the box as it is now: it fetches itself again when something changed.
import { $, ask, t, toast, tried } from "./core.js";
import "./page.js";

const EVERY_MS = 3000;
const AFTER_ORDER_MS = 700;
const TITLES = { start: t("Start {unit}?"), stop: t("Stop {unit}?"), restart: t("Restart {unit}?") };
const DO = { start: t("Start"), stop: t("Stop"), restart: t("Restart") };
const COSTS = {
  media: t("All calls lose their sound and end."),
  calls: t("All calls end; agents on shift are signed in again."),
  store: t("Calls go on; tickets and figures wait until it is back."),
  web: t("All pages lose their connection for some seconds; calls go on."),
  sync: t("The hub waits; nothing is lost."),
};
let stale = false;
let busyUntil = 0; // while an order is on its way every look may bring something new

document.addEventListener("live", ({ detail }) => {
  if (detail.name !== "store") stale = true;
});

async function refresh() {
  if ((!stale && Date.now() > busyUntil) || document.hidden) return;
  stale = false;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok && $("#box", fresh)) $("#box").replaceWith(document.importNode($("#box", fresh), true));
  } catch (error) {
    stale = true;
  }
}

setInterval(refresh, EVERY_MS);

// Starting and stopping is asked twice: it may end calls.
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-unit]");
  if (!button || !(await sure(button.dataset.unit, button.dataset.do))) return;
  if (!(await tried(() => ask("/box/unit", { unit: button.dataset.unit, do: button.dataset.do })))) return;
  toast(t("Asked for. It takes a few seconds."), "good");
  busyUntil = Date.now() + 15000;
  for (const after of [1, 3, 6]) setTimeout(refresh, after * AFTER_ORDER_MS);
});

function sure(unit, what) {
  const dialog = $("#sure");
  $("#sure-title").textContent = TITLES[what].replace("{unit}", unit);
  $("#sure-words").textContent = what === "start" ? "" : COSTS[unit] || "";
  $("#sure-do").textContent = DO[what];
  dialog.returnValue = "";
  dialog.showModal();
  $("#sure-no").focus();
  return new Promise((done) => {
    dialog.onclose = () => done(dialog.returnValue === "yes");
    $("#sure-do").onclick = () => dialog.close("yes");
    $("#sure-no").onclick = () => dialog.close("");
  });
}

// The technician's page shows the box as it is now: it fetches itself again when something changed.
import { $ } from "./core.js";
import "./page.js";

const EVERY_MS = 3000;
let stale = false;

document.addEventListener("live", ({ detail }) => {
  if (detail.name !== "store") stale = true;
});

setInterval(async () => {
  if (!stale || document.hidden) return;
  stale = false;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok && $("#box", fresh)) $("#box").replaceWith(document.importNode($("#box", fresh), true));
  } catch (error) {
    stale = true;
  }
}, EVERY_MS);

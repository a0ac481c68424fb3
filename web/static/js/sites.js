// The page of all sites fetches itself again every few seconds while somebody looks at it.
import { $ } from "./core.js";
import "./page.js";

const EVERY_MS = 5000;

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok && $("#sites", fresh)) $("#sites").replaceWith(document.importNode($("#sites", fresh), true));
  } catch (error) {
    // the lamp below says that the box cannot be reached; the next look comes by itself
  }
}

setInterval(refresh, EVERY_MS);

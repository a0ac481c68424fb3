// Looking up a number: asked as one types, answered by the box itself.
import { $, ask, make, t } from "../core.js";

const WAIT_MS = 200;
let timer = 0;
let asked = "";

async function look() {
  const text = $("#look-text").value.trim();
  asked = text;
  if (!text) return $("#found").replaceChildren();
  let found;
  try {
    ({ found } = await ask(`/look-up?text=${encodeURIComponent(text)}`));
  } catch (error) {
    return $("#found").replaceChildren(make("p", { class: "empty small bad-text" }, error.message));
  }
  if (asked !== text) return undefined;
  return $("#found").replaceChildren(...(found.length ? found.map(card) : [make("p", { class: "empty small" }, t("This tells nothing."))]));
}

function card(item) {
  const rows = item.rows.map((row) => make("div", {}, make("dt", {}, row.title), make("dd", {}, row.text)));
  return make("section", { class: "item", "data-test": `found-${item.kind}` }, make("p", { class: "spread" }, make("b", {}, item.title), make("span", { class: "num quiet small cut" }, item.number)), item.fault && make("p", { class: "bad-text small" }, item.fault), make("dl", { class: "facts-list" }, ...rows));
}

// Opened without anything typed it looks up the phone of the ticket.
export function lookUp(phone) {
  $("#look-text").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
  });
  document.addEventListener("side", ({ detail }) => {
    if (detail !== "look" || $("#look-text").value || !phone()) return;
    $("#look-text").value = phone();
    look();
  });
}

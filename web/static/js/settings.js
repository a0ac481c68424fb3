// Settings: trees that fold, lists that are searched while one types, numbers that are dialled by click.
import { $, $$, ask, busy, t, toast, tried } from "./core.js";

const FOLDED_FROM = 60;
const side = $("[data-side]");
const tree = $('table[data-tree="yes"]');
const find = $("[data-find]");
const rows = $$("table.entries tbody tr[data-key]");

if (side && innerWidth > 900) side.open = true;

function shut(row) {
  const twig = $("[data-twig]", row);
  return twig !== null && twig.getAttribute("aria-expanded") === "false";
}

function show() {
  const open = new Map();
  for (const row of rows) {
    const above = open.get(row.dataset.parent);
    const seen = !row.dataset.parent || above === undefined || above;
    row.hidden = !seen;
    open.set(row.dataset.key, seen && !shut(row));
  }
}

function fold(all, expanded) {
  for (const twig of all) twig.setAttribute("aria-expanded", String(expanded));
  show();
}

if (tree) {
  const twigs = $$("[data-twig]", tree);
  twigs.forEach((twig) => twig.addEventListener("click", () => fold([twig], twig.getAttribute("aria-expanded") !== "true")));
  for (const [name, expanded] of [["[data-fold]", false], ["[data-unfold]", true]]) {
    const button = $(name);
    if (button) button.hidden = false;
    if (button) button.addEventListener("click", () => fold(twigs, expanded));
  }
  if (rows.length > FOLDED_FROM) fold(twigs, false);
}

if (find) {
  find.addEventListener("input", () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length && tree) return show();
    for (const row of rows) {
      const said = `${row.textContent} ${row.dataset.key}`.toLowerCase();
      row.hidden = !words.every((word) => said.includes(word));
    }
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || /INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) return;
    event.preventDefault();
    find.focus();
  });
}

$$("[data-dial]").forEach((button) =>
  button.addEventListener("click", async () => {
    busy(button, true);
    const order = button.closest("[data-order]").dataset.order;
    if (await tried(() => ask(order, { do: "dial", number: button.dataset.dial }))) toast(t("Calling. The call is on your desk."), "good");
    busy(button, false);
  })
);

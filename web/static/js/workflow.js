// The workflow page: a move is saved as it is changed, faults follow at once, and the drawing shows what belongs together.
import { $, $$, ask, make, t, tried } from "./core.js";

const SAVE_MS = 400;
let waiting = 0;

function near(drawing) {
  const states = $$(".wf-state", drawing);
  const moves = $$(".wf-move", drawing);
  const show = (name) => {
    const mine = (move) => [move.dataset.from, move.dataset.to].includes(name);
    const beside = new Set([name, ...moves.filter(mine).flatMap((move) => [move.dataset.from, move.dataset.to])]);
    moves.forEach((move) => move.classList.toggle("away", Boolean(name) && !mine(move)));
    moves.forEach((move) => move.classList.toggle("near", Boolean(name) && mine(move)));
    states.forEach((state) => state.classList.toggle("away", Boolean(name) && !beside.has(state.dataset.state)));
  };
  states.forEach((state) => {
    state.addEventListener("mouseenter", () => show(state.dataset.state));
    state.addEventListener("mouseleave", () => show(""));
    state.addEventListener("click", () => show(state.dataset.state));
  });
}

function draw(text) {
  const drawing = $("[data-drawing]");
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  drawing.replaceChildren(document.importNode(parsed, true));
  near(drawing);
}

function tellFaults(faults) {
  const page = location.pathname;
  $("[data-fault-list]").replaceChildren(
    ...faults.map((fault) =>
      make("li", {}, ...(fault.code ? [make("a", { class: "num", href: `${page}?move=${encodeURIComponent(fault.code)}#${fault.code}` }, fault.code), " "] : []), fault.text)
    )
  );
  $("[data-no-faults]").hidden = faults.length > 0;
  $("[data-fault-count]").textContent = faults.length;
  $("[data-fault-count]").className = `mark ${faults.length ? "bad" : "good"}`;
  $("[data-publish]").disabled = faults.length > 0;
}

async function save(form) {
  const told = $("[data-saved]", form);
  told.textContent = t("Saving");
  const saved = await tried(() => ask(form.action, undefined, { method: "POST", body: new FormData(form) }));
  told.textContent = saved ? t("Saved {time}", { time: saved.saved }) : t("Not saved");
  if (!saved) return;
  tellFaults(saved.faults);
  draw(saved.drawing);
  $("[data-changes]").textContent = saved.changes;
  const row = $(`tr[data-code="${form.dataset.test.slice(5)}"]`);
  const fresh = new DOMParser().parseFromString(`<table>${saved.row}</table>`, "text/html");
  row.replaceWith(document.importNode($("tr", fresh), true));
}

$$("form[data-saves]").forEach((form) => {
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => save(form), SAVE_MS);
  });
  form.addEventListener("submit", () => clearTimeout(waiting));
});
$$("[data-sure]").forEach((button) => button.addEventListener("click", (event) => confirm(button.dataset.sure) || event.preventDefault()));
$$("[data-drawing]").forEach(near);

// The list of extensions: searched, chosen by keys, kept fresh, and sent elsewhere.
import { $, $$, ask, busy, make, Refused, t, toast } from "../core.js";
import { colour, follow, look, title } from "./states.js";

const rows = $$("tr[data-phone]");
const find = $("#find");
const dialog = $("#forward");
const fields = $$("input[data-when]", dialog);
let chosen = null;
let edited = null;

const forwardsOf = (row) => $$("[data-when]", row).map((item) => ({ when: item.dataset.when, to: item.dataset.to, says: $("span", item).textContent }));
const typing = (element) => element.matches("input, select, textarea");

// Which rows are shown, and how many there are of each sort.

function fits(row, only) {
  return only === "forwarded" ? forwardsOf(row).length > 0 : !only || row.dataset.state === only;
}

function sift() {
  const wanted = find.value.trim().toLowerCase().split(/\s+/);
  const only = $("input[name=only]:checked").value;
  const found = rows.filter((row) => wanted.every((word) => `${row.dataset.find} ${$("[data-agent]", row).textContent.toLowerCase()}`.includes(word)));
  rows.forEach((row) => (row.hidden = !found.includes(row) || !fits(row, only)));
  $$("[data-count]").forEach((count) => (count.textContent = found.filter((row) => fits(row, count.dataset.count)).length));
  $("#none-found").hidden = !rows.length || rows.some((row) => !row.hidden);
  if (chosen && chosen.hidden) choose(null);
}

function choose(row) {
  if (chosen) chosen.classList.remove("chosen");
  chosen = row;
  if (!row) return;
  row.classList.add("chosen");
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const seen = rows.filter((row) => !row.hidden);
  if (!seen.length) return;
  const at = seen.indexOf(chosen);
  choose(seen[Math.min(seen.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : seen.length - 1) : at + by))]);
}

follow((phone) => {
  for (const row of rows) {
    const { state, agent, forwards } = phone(row.dataset.phone);
    row.dataset.state = state;
    const mark = $("[data-mark]", row);
    mark.className = `mark ${colour(state)}`;
    mark.textContent = title(state);
    $("[data-agent]", row).textContent = agent;
    $("[data-forwards]", row).replaceChildren(
      ...forwards.map((f) => make("li", { "data-when": f.when, "data-to": f.to }, `${f.when_title} → `, make("b", { class: "num" }, f.title), " ", make("span", { class: "small quiet" }, f.origin_title)))
    );
    $(".forwards-cell", row).classList.toggle("some", forwards.length > 0);
  }
  sift();
});

// Where a phone's calls go.

function open(row) {
  edited = row;
  const set = Object.fromEntries(forwardsOf(row).map((forward) => [forward.when, forward]));
  $("#forward-title").textContent = t("Where calls of {phone} go", { phone: row.dataset.title });
  for (const field of fields) {
    const forward = set[field.dataset.when];
    field.value = field.dataset.was = forward ? forward.to.replace(/^(ext|group|tel):/, "") : "";
    says(field, forward ? forward.says : "");
  }
  dialog.showModal();
  fields[0].focus();
}

function says(field, words, bad = false) {
  const place = $(`[data-says="${field.dataset.when}"]`, dialog);
  place.textContent = words;
  place.classList.toggle("says-bad", bad);
  field.setAttribute("aria-invalid", String(bad));
}

async function save() {
  const changed = fields.filter((field) => field.value.trim() !== field.dataset.was);
  const button = $("button[type=submit]", dialog);
  busy(button, true);
  try {
    for (const field of changed) {
      says(field, "");
      try {
        await ask($("main").dataset.forward, { extension: edited.dataset.phone, when: field.dataset.when, to: field.value });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        says(field, error.message, true);
        field.focus();
        return;
      }
      field.dataset.was = field.value.trim();
      says(field, "");
    }
    dialog.close();
    if (changed.length) toast(t("Saved. It holds from now on."), "good");
  } finally {
    busy(button, false);
    look();
  }
}

$("#forward-form").addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
$("[data-clear]", dialog).addEventListener("click", () => {
  fields.forEach((field) => (field.value = ""));
  save();
});
$$("[data-close]", dialog).forEach((button) => button.addEventListener("click", () => dialog.close()));
rows.forEach((row) => {
  row.addEventListener("click", () => choose(row));
  $("[data-edit]", row).addEventListener("click", () => open(row));
});
find.addEventListener("input", sift);
$$("input[name=only]").forEach((input) => input.addEventListener("change", sift));

addEventListener("keydown", (event) => {
  if (dialog.open || event.ctrlKey || event.altKey || event.metaKey) return;
  const inField = typing(event.target);
  const inFind = event.target === find;
  if (event.key === "/" && !inField) find.focus();
  else if (event.key === "ArrowDown" && (!inField || inFind)) step(1);
  else if (event.key === "ArrowUp" && (!inField || inFind)) step(-1);
  else if (event.key === "Enter" && chosen && (inFind || event.target === document.body)) open(chosen);
  else if (event.key === "Escape" && inFind && find.value) {
    find.value = "";
    sift();
  } else return;
  event.preventDefault();
});

rows.forEach((row) => $(".forwards-cell", row).classList.toggle("some", forwardsOf(row).length > 0));
sift();
look();

// Voice notifications: the form shows what belongs to a choice, lets one listen first; lists follow live.
import { $, $$, ask, busy, make, t, toast, tried } from "./core.js";

const RELOAD_MS = 1500;
const form = $("#campaign");
const words = $("#campaign-words") ? JSON.parse($("#campaign-words").textContent) : null;
let asking = 0;

function choose() {
  const chosen = $("input[name=source]:checked", form).value;
  $$("[data-source]", form).forEach((field) => (field.hidden = field.dataset.source !== chosen));
  $("#draft").hidden = true;
}

// The message is made in the box as it will be heard, then played.
async function listen() {
  const sent = new FormData(form);
  sent.delete("list");
  sent.delete("file");
  busy($("#listen"), true);
  const made = await tried(() => ask(form.dataset.listen, undefined, { method: "POST", body: sent }));
  busy($("#listen"), false);
  if (!made) return;
  $("#draft").src = made.url;
  $("#draft").hidden = false;
  $("#draft").dataset.seconds = made.seconds;
  $("#draft").play().catch(() => toast(t("Press play to listen.")));
}

function show(campaign) {
  const place = $(`[data-cid="${campaign.cid}"]`);
  if (!place) return;
  const done = Object.values(campaign.results).reduce((sum, count) => sum + count, 0);
  const state = $("[data-state]", place);
  state.textContent = words.states[campaign.state];
  state.className = `mark ${words.colours[campaign.state] || ""}`;
  $("[data-progress]", place).value = done;
  $("[data-done]", place).textContent = done;
  if (!$(`[data-one="${campaign.cid}"]`)) return;
  $("[data-calling]").textContent = campaign.calling;
  $("[data-closed]").hidden = campaign.open || campaign.state !== "running";
  $("[data-waiting]").textContent = campaign.total - done;
  $$("[data-result]").forEach((figure) => (figure.textContent = campaign.results[figure.dataset.result] || 0));
  if (state.dataset.word !== campaign.state) soon();
}

// Rows come from the log, which follows a moment behind; many changes are one look.
function soon() {
  if (!asking && $("#rows")) asking = setTimeout(reload, RELOAD_MS);
}

async function reload() {
  asking = 0;
  const answer = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (!answer || !answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of ["#rows", ".head-card .moves", ".story", ".stages"]) {
    const [here, there] = [$(part), $(part, fresh)];
    if (here && there && !$("details[open]", here)) here.replaceWith(document.importNode(there, true));
    else if (here && !there) here.replaceChildren(make("span"));
  }
  for (const part of ["[data-state]", "[data-test=why]", "[data-done]", "[data-progress]", "[data-calling]", "[data-closed]"]) {
    const there = $(part, fresh);
    if (there) $(part).replaceWith(document.importNode(there, true));
  }
}

// What happened between the making of the page and the opening of the stream is looked up once.
if ($("[data-one]")) soon();
if (form) {
  $$("input[name=source]", form).forEach((choice) => choice.addEventListener("change", choose));
  $("#listen").addEventListener("click", listen);
  choose();
}
document.addEventListener("live", ({ detail: { name, data } }) => {
  if (name === "campaign" && words) show(data.campaign);
  if (name === "store" && data.kinds.includes("campaign")) soon();
});

// Pages made of lists and forms: the clock, whether the box is reached, and a word when a list is out of date.
import { $, $$, ask, busy, make, t, toast, tried } from "./core.js";
import "./elsewhere.js";
import { live } from "./live.js";

const MANY_TICKS = 16;
const lamp = $("#lamp-live");
const shown = document.body.dataset.ticket || "";
const list = $("[data-tickets]");
let dirty = false;

$$("form[data-guard]").forEach((form) => {
  form.addEventListener("input", () => (dirty = true));
  form.addEventListener("submit", () => (dirty = false));
});
addEventListener("beforeunload", (event) => {
  if (dirty) event.preventDefault();
  if (dirty) event.returnValue = "";
});

// A form may be sent once only; another of its buttons may still be pressed where they fetch files.
$$("form").forEach((form) =>
  form.addEventListener("submit", (event) => {
    const how = form.hasAttribute("data-fetches") && event.submitter ? event.submitter.value : "1";
    if (form.dataset.sent === how) return event.preventDefault();
    form.dataset.sent = how;
    setTimeout(() => delete form.dataset.sent, 4000);
  })
);

// Who is dissatisfied is asked why.
$$("form[data-rating]").forEach((form) => {
  const why = $("details.why", form);
  const ask = (opens) => {
    const chosen = $("input[name=rating]:checked", form);
    const bad = Boolean(chosen && chosen.dataset.bad);
    $("[name=reason]", form).required = bad;
    if (opens) why.open = bad;
  };
  form.addEventListener("change", (event) => event.target.name === "rating" && ask(true));
  ask(false);
});

// Many things to tick are narrowed by what one types; what is ticked stays in sight.
$$(".ticks").filter((ticks) => $$(".check", ticks).length > MANY_TICKS).forEach((ticks) => {
  const find = make("input", { type: "search", placeholder: t("Type to narrow the list"), "aria-label": t("Type to narrow the list"), class: "narrowing" });
  find.addEventListener("input", (event) => {
    event.stopPropagation();
    const words = find.value.trim().toLowerCase();
    $$(".check", ticks).forEach((one) => (one.hidden = !one.textContent.toLowerCase().includes(words) && !$("input", one).checked));
  });
  find.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  ticks.before(find);
});

// Moves of a ticket open their form below the buttons; only one is open at a time.
$$("[data-opens]").forEach((button) =>
  button.addEventListener("click", () => {
    $$("[data-form]").forEach((form) => (form.hidden = form.dataset.form !== button.dataset.opens || !form.hidden));
    $$("[data-opens]").forEach((other) => other.setAttribute("aria-expanded", String(!$(`[data-form="${other.dataset.opens}"]`).hidden)));
    const form = $(`[data-form="${button.dataset.opens}"]`);
    const field = $("input:not([type=hidden]), select, textarea", form);
    if (field && !form.hidden) field.focus();
  })
);

// A citizen is called from the page of the ticket; the call itself is on the desk.
$$("[data-call]").forEach((button) =>
  button.addEventListener("click", async () => {
    busy(button, true);
    if (await tried(() => ask(button.dataset.call, {}))) toast(button.dataset.said || t("Calling. The call is on your desk."), "good");
    busy(button, false);
  })
);

// All tickets of a page are chosen at once.
$$("[data-pick-all]").forEach((all) =>
  all.addEventListener("change", () => $$("[data-pick]").forEach((one) => (one.checked = all.checked)))
);
$$("[data-submit]").forEach((field) => field.addEventListener("change", () => field.form.submit()));
$$("[data-fill]").forEach((button) =>
  button.addEventListener("click", () => {
    const [number, password] = button.dataset.fill.split(" ");
    $("#number").value = number;
    $("#password").value = password;
    $("#sign-in").focus();
  })
);

document.addEventListener("click", (event) => $$("details.menu[open], details.choose[open]").forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open")));

function lampIs(colour, text) {
  lamp.className = `lamp ${colour}`;
  lamp.textContent = text;
}

if (document.body.dataset.me) {
  live({
    connected: (up) => lampIs(up ? "good" : "bad", up ? t("Live") : t("No connection, trying again")),
    state: (picture) => ($("#calls-away").hidden = picture.calls_up),
    changed: (name, data) => {
      if (name === "calls") $("#calls-away").hidden = data.up;
      if (name === "store" && shown && data.tickets.some((ticket) => ticket.number === shown)) $("#out-of-date").hidden = false;
      else if (name === "store" && list && data.tickets.length) $("#list-changed").hidden = false;
      document.dispatchEvent(new CustomEvent("live", { detail: { name, data } }));
    },
  });
  if (document.body.dataset.toast) toast(document.body.dataset.toast);
}

// Beside the ticket: caller history, dial list, look-up, and the ticket of a colleague who calls me in.
import { $, $$ } from "../core.js";

const FIRST = { units: "#units-find", look: "#look-text" };

// Shows one of the panes; `focus` also goes to where one types there.
export function side(name, focus = false) {
  for (const tab of $$("[role=tab]", $("#side"))) {
    const on = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", on);
    tab.tabIndex = on ? 0 : -1;
    $(`#${tab.getAttribute("aria-controls")}`).hidden = !on;
  }
  document.dispatchEvent(new CustomEvent("side", { detail: name }));
  if (focus) (FIRST[name] ? $(FIRST[name]) : $(`#tab-${name}`)).focus();
}

export const shownSide = () => $("[role=tab][aria-selected=true]", $("#side")).id.slice(4);

// The tab of a colleague's ticket is there only while there is one.
export function colleagueTab(there) {
  const tab = $("#tab-talk");
  if (tab.hidden === !there) return;
  tab.hidden = !there;
  if (there) side("talk");
  else if (shownSide() === "talk") side("history");
}

for (const tab of $$("[role=tab]", $("#side"))) tab.addEventListener("click", () => side(tab.id.slice(4)));
$(".tabs", $("#side")).addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = $$("[role=tab]", $("#side")).filter((tab) => !tab.hidden);
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  side(next.id.slice(4));
  next.focus();
});

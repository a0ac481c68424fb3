// Asks before something ends, with a reason where one is needed.
import { $ } from "../core.js";

// Resolves to the reason (or true when none is asked for), or to "" when it is left as it is.
export function confirmed(title, yes, withReason = false) {
  const dialog = $("#ask");
  const reason = $("#ask-reason");
  $("#ask-title").textContent = title;
  $("#ask-do").textContent = yes;
  $("#ask-reason-field").hidden = !withReason;
  reason.required = withReason;
  reason.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  (withReason ? reason : $("#ask-no")).focus();
  $("#ask-no").onclick = () => dialog.close("");
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes" ? (withReason ? reason.value.trim() : true) : "");
  });
}

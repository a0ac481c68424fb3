// Says which page is in front, for shift leaders who look; nothing depends on it.
import { ask } from "./core.js";

export function here() {
  const say = () => document.hidden || ask("/live/here", { path: location.pathname, title: document.title }).catch(() => {});
  say();
  addEventListener("focus", say);
  document.addEventListener("visibilitychange", say);
}

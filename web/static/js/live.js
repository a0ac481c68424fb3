// One stream of changes a browser: the tab that holds the lock opens it, the others listen to that tab.
// Events are numbered; the whole picture is fetched whenever a stream opens or a number is missing.
import { ask, setClock } from "./core.js";

const RETRY_MS = 2000;
const SILENT_MS = 40000; // two heartbeats and a half

const NAMES = ["seat", "call", "board", "calls", "store", "hub", "draft", "watched", "campaign"];

// `changed(name, data)` gets every change; `state(picture)` the whole picture; `connected(up)` the stream itself.
export function live({ changed, state, connected }) {
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("hotline-live") : null;
  let last = 0;
  let fetching = false;
  let held = [];

  async function refetch() {
    if (fetching) return;
    fetching = true;
    try {
      const picture = await ask(document.body.dataset.live || "/live/now");
      setClock(picture.now_s);
      state(picture);
      connected(true);
      held.forEach(([name, data]) => changed(name, data));
    } catch (error) {
      connected(false);
      setTimeout(refetch, RETRY_MS);
    } finally {
      held = [];
      fetching = false;
    }
  }

  function take({ number, name, data }) {
    if (name === "open") {
      last = 0;
      refetch();
    } else if (name === "lost") connected(false);
    else {
      if (last && number !== last + 1) refetch();
      last = number;
      if (fetching) held.push([name, data]);
      else changed(name, data);
    }
  }

  function both(message) {
    take(message);
    if (channel) channel.postMessage(message);
  }

  function lead() {
    return new Promise(() => {
      let source;
      let heard = Date.now();
      const open = () => {
        source = new EventSource("/live");
        source.onopen = () => {
          heard = Date.now();
          both({ name: "open" });
        };
        source.onerror = () => {
          both({ name: "lost" });
          if (source.readyState === EventSource.CLOSED) setTimeout(open, RETRY_MS);
        };
        source.addEventListener("beat", () => (heard = Date.now()));
        for (const name of NAMES)
          source.addEventListener(name, (event) => {
            heard = Date.now();
            both({ number: Number(event.lastEventId), name, data: JSON.parse(event.data) });
          });
      };
      open();
      setInterval(() => {
        if (Date.now() - heard < SILENT_MS) return;
        heard = Date.now();
        source.close();
        both({ name: "lost" });
        open();
      }, 5000);
      addEventListener("pagehide", () => source.close());
    });
  }

  if (channel) channel.onmessage = ({ data }) => take(data);
  refetch();
  if (channel && navigator.locks) navigator.locks.request("hotline-live", lead);
  else lead();
}

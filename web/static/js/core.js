// What every page uses: words, requests, times, short messages.

const words = JSON.parse(document.getElementById("words").textContent);

// The message in the language of the page; {name} is filled in from `values`.
export function t(message, values = {}) {
  return (words[message] || message).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

export class Refused extends Error {
  constructor(sentence, status, data) {
    super(sentence);
    this.status = status;
    this.data = data;
  }
}

// Sends JSON and gives the JSON of the answer; throws Refused with a sentence a person can read.
export async function ask(url, body, options = {}) {
  const headers = { Accept: "application/json", "X-CSRFToken": $("meta[name=csrf]").content };
  const request = { method: body === undefined ? "GET" : "POST", headers, credentials: "same-origin", ...options };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(url, request);
  } catch (error) {
    throw new Refused(t("The box cannot be reached. Check the network; nothing you typed is lost."), 0, {});
  }
  if (answer.status === 401) {
    location.reload();
    throw new Refused(t("You have been signed out."), 401, {});
  }
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(data.sentence || t("This did not work (error {status}). Try again.", { status: answer.status }), answer.status, data);
  return data;
}

// Makes an element; children may be texts or elements.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined || value === null) continue;
    if (name === "on") Object.entries(value).forEach(([event, does]) => element.addEventListener(event, does));
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function toast(sentence, kind = "") {
  const gone = () => note.remove();
  const note = make("div", { class: `note ${kind}`, role: kind === "bad" ? "alert" : "status" }, make("span", {}, sentence), make("button", { "aria-label": t("Close"), on: { click: gone } }, "×"));
  $("#toasts").append(note);
  setTimeout(gone, kind === "bad" ? 12000 : 5000);
}

export async function tried(does) {
  try {
    return await does();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, "bad");
    return null;
  }
}

// Sends one after the other, for of two requests at once the second may arrive first.
export function inTurn(send) {
  let last = Promise.resolve();
  return (what) => {
    const next = () => send(what);
    last = last.then(next, next);
    return last;
  };
}

const two = (n) => String(n).padStart(2, "0");

// The clock of the box, which may differ from this computer's.
let ahead = 0;
export const now = () => Date.now() / 1000 + ahead;
export function setClock(seconds) {
  ahead = seconds - Date.now() / 1000;
}

export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const h = Math.floor(s / 3600);
  return (h ? `${h}:` : "") + `${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
}

export function timeOfDay(seconds) {
  const d = new Date(seconds * 1000);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export function day(seconds) {
  const d = new Date(seconds * 1000);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

// Elements with data-since show how long ago that was; with data-until, how long is left.
export function tick() {
  const clock = $("#clock");
  if (clock) {
    const weekday = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: "long" }).format(new Date(now() * 1000));
    // A narrow screen leaves out what is wide.
    if (!clock.childElementCount) clock.append(make("span", { class: "wide" }), make("span"), make("span", { class: "wide" }));
    const parts = [`${day(now())} `, timeOfDay(now()), ` ${weekday}`];
    [...clock.children].forEach((part, at) => (part.textContent = parts[at]));
  }
  for (const element of $$("[data-since]")) {
    const since = Number(element.dataset.since);
    element.textContent = since ? duration(now() - since) : "00:00";
  }
  for (const element of $$("[data-until]")) element.textContent = duration(Math.ceil(Number(element.dataset.until) - now()));
}

setInterval(tick, 500);
tick();

export const busy = (button, on) => {
  button.disabled = on;
  button.setAttribute("aria-busy", on ? "true" : "false");
};

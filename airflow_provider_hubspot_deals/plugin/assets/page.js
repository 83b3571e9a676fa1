// The page works without this, but for its buttons: this refreshes it, asks before it acts, and follows Airflow's theme.
"use strict";

const REFRESH_EVERY_MS = 10_000;
const isFramed = window.parent !== window;
const live = document.querySelector("[data-live]");
const said = document.querySelector("[data-said]");
const refreshButton = document.querySelector("[data-refresh]");
let refreshes = 0;
let presses = 0; // under way

function followTheme() {
  // Airflow's UI keeps its choice here; the page is of the same origin.
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

function openOutside(link) {
  // Airflow frames us in a sandbox that lets nothing navigate it or open a window; a link of its own document may.
  const outside = window.parent.document.createElement("a");
  outside.href = link.href;
  if (link.target) outside.target = link.target;
  outside.rel = "noopener noreferrer";
  window.parent.document.body.append(outside);
  outside.click();
  outside.remove();
}

function say(text) {
  if (said && said.textContent !== text) said.textContent = text;
}

function isAsking() {
  return presses > 0 || document.querySelector("dialog[open]") !== null;
}

function whatIsFocused() {
  const focused = document.activeElement;
  if (!live.contains(focused)) return null;
  if (focused.matches(".scroll")) return ".scroll";
  const kind = ["href", "data-ask", "data-event"].find((each) => focused.hasAttribute(each));
  return kind === undefined ? null : `[${kind}="${CSS.escape(focused.getAttribute(kind))}"]`;
}

function whatIsUnfolded() {
  return Array.from(live.querySelectorAll("details[open] > summary"), (each) => each.dataset.event);
}

function summaryOf(region) {
  return Array.from(region.querySelectorAll("[data-say]"), (each) => each.textContent.trim().replace(/\s+/g, " ")).join(", ");
}

function show(text, isQuiet) {
  const answered = new DOMParser().parseFromString(text, "text/html");
  const fresh = answered.querySelector("[data-live]");
  if (fresh === null) {
    say(answered.querySelector("[role=alert]")?.textContent ?? "Airflow does not answer; what you see is old.");
    return;
  }
  const focused = whatIsFocused();
  const unfolded = whatIsUnfolded();
  const before = summaryOf(live);
  const scrolled = live.querySelector(".scroll")?.scrollLeft ?? 0;
  live.replaceChildren(...fresh.childNodes);
  document.title = answered.title;
  const scroll = live.querySelector(".scroll");
  if (scroll) scroll.scrollLeft = scrolled;
  for (const each of live.querySelectorAll("summary")) each.parentElement.open = unfolded.includes(each.dataset.event);
  // What had the focus may be gone, such as the button of a job that was just cancelled; Tab goes on here, then.
  if (focused) (live.querySelector(focused) ?? live).focus({ preventScroll: true });
  const after = summaryOf(live);
  if (after !== before && !isQuiet) say(after);
}

async function refresh({ isQuiet = false } = {}) {
  const number = ++refreshes;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    if (answer.status === 401) {
      say("You are no longer signed in to Airflow. Sign in, then reload this page.");
      return false;
    }
    const text = await answer.text();
    // A dialog gives the focus back to the button that opened it, which must still be there; and of two answers the
    // later one may be the older.
    if (number === refreshes && !isAsking()) show(text, isQuiet);
  } catch {
    say("Airflow does not answer; what you see is old.");
  }
  return true;
}

async function keepFresh() {
  let goesOn = true;
  while (goesOn) {
    await new Promise((resolve) => setTimeout(resolve, REFRESH_EVERY_MS));
    const isBusy = document.hidden || isAsking();
    if (!isBusy && refreshButton.getAttribute("aria-pressed") === "true") goesOn = await refresh();
  }
}

async function press(button) {
  button.disabled = true;
  presses += 1; // somebody may close the dialog meanwhile: a fresh one would have a button to press again
  const headers = {};
  if (button.dataset.token) headers["X-HubSpot-Deals-Token"] = button.dataset.token;
  if (button.dataset.body) headers["Content-Type"] = "application/json";
  let text;
  try {
    const answer = await fetch(button.dataset.post, {
      method: "POST", credentials: "same-origin", headers, body: button.dataset.body,
    });
    const told = await answer.json().catch(() => ({}));
    const detail = typeof told.detail === "string" ? told.detail : `Airflow answered ${answer.status}.`;
    text = answer.ok ? told.message ?? `Run ${told.dag_run_id} is queued.` : detail;
  } catch {
    text = "Airflow does not answer.";
  }
  presses -= 1;
  button.disabled = false;
  button.closest("dialog").close();
  say(text);
  await refresh({ isQuiet: true }); // what has changed is what was said
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const link = target?.closest("a[data-top], a[data-new]");
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (link && isFramed && isPlain) {
    event.preventDefault();
    openOutside(link);
  }
  const asks = target?.closest("[data-ask]");
  if (asks) document.querySelector(`[data-dialog="${asks.dataset.ask}"]`).showModal();
  const posts = target?.closest("[data-post]");
  if (posts) press(posts);
});

refreshButton?.addEventListener("click", () => {
  const isOn = refreshButton.getAttribute("aria-pressed") !== "true";
  refreshButton.setAttribute("aria-pressed", String(isOn));
  refreshButton.textContent = isOn ? "Refreshes every 10 s" : "Does not refresh";
  if (isOn) refresh();
});

followTheme();
window.addEventListener("storage", followTheme);
if (live && refreshButton) keepFresh();

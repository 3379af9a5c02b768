// Keeps the part of the page in #live up to date. Without it the page works too, and is read again by reloading.
"use strict";

const live = document.getElementById("live");
const lost = document.getElementById("lost");
const said = document.getElementById("said");
const state = document.getElementById("live-state");
const wallClock = document.getElementById("clock");

let shown = "";
let shownStamp = live?.firstElementChild.dataset.stamp;
let lostSince = null;
let fetching = false;
let again = false;

function clockAt(time, timeZone) {
  return time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone });
}

function tick() {
  wallClock.textContent = clockAt(new Date(), wallClock.dataset.zone);
}

function markLost(isLost) {
  if (isLost && !lostSince) {
    lostSince = new Date();
    const time = clockAt(lostSince, lost.dataset.zone);
    lost.textContent = lost.dataset.says.replace("{}", time);
  }
  if (!isLost && lostSince) {
    lostSince = null;
    said.textContent = said.dataset.again;
  }
  lost.hidden = !lostSince;
  state.textContent = lostSince ? "" : state.dataset.says;
}

// What stays the same about a focused element when the content around it is made anew.
function nameOf(element) {
  return `${element.getAttribute("formaction") ?? element.getAttribute("href")} ${element.value ?? ""}`;
}

function swap(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
  const before = live.firstElementChild;
  const focused = live.contains(document.activeElement) ? document.activeElement : null;
  const { scrollX, scrollY } = window;
  live.replaceChildren(document.adoptNode(fresh));
  if (focused) {
    const same = [...live.querySelectorAll("a[href], button")].find(
      (one) => one.tagName === focused.tagName && one.className === focused.className && nameOf(one) === nameOf(focused),
    );
    (same ?? document.getElementById("main")).focus({ preventScroll: true });
  }
  window.scrollTo(scrollX, scrollY);
  document.title = fresh.dataset.title;
  if (fresh.dataset.said !== before.dataset.said) said.textContent = fresh.dataset.said;
  shownStamp = fresh.dataset.stamp;
}

async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    const answer = await fetch(live.dataset.from, { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (answer.status === 401) {
      location.reload();
      return;
    }
    if (!answer.ok) throw new Error(answer.statusText);
    const html = await answer.text();
    if (html !== shown) swap(html);
    shown = html;
    markLost(false);
  } catch {
    markLost(true);
  } finally {
    fetching = false;
  }
  if (again) {
    again = false;
    await refresh();
  }
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("board", (event) => {
    if (event.data !== shownStamp || lostSince) refresh();
  });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 10000);
    refresh(); // tells a lost connection from a stream that only ended
  });
  addEventListener("pagehide", () => events.close());
}

if (live) {
  listen();
  setInterval(refresh, 30000); // "for 12 min" moves on although nothing changed
  addEventListener("online", refresh);
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  markLost(false);
}

if (wallClock) {
  tick();
  setInterval(tick, 1000);
}

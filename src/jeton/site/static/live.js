// Follows the log: when charges are told, the page's own rows are fetched again, so that what is shown is
// what the server shows. Nothing moves while somebody is in the table, or has paused.
"use strict";

const box = document.querySelector("[data-live]");
const FETCH_MS_MIN = 2000;
// A screen reader is told at most this often; what is seen may change with every look.
const TELL_MS_MIN = 20000;

if (box && "EventSource" in window) {
  const button = box.querySelector("button");
  const shown = box.querySelector("[data-live-said]");
  const told = box.querySelector("[role=status]");
  let toldAt = 0;
  let saying = null;
  const status = {
    set textContent(text) {
      shown.textContent = text;
      clearTimeout(saying);
      const wait = Math.max(0, toldAt + TELL_MS_MIN - Date.now());
      saying = setTimeout(() => { toldAt = Date.now(); told.textContent = text; }, wait);
    },
  };
  // What somebody did themselves is said at once.
  const answer = (text) => { toldAt = 0; status.textContent = text; };
  let source = null;
  let waiting = 0;
  let timer = null;
  let spent = "";

  const isBusy = () => {
    const log = document.getElementById("log-page");
    const selection = window.getSelection();
    return log.contains(document.activeElement) || (selection && !selection.isCollapsed && log.contains(selection.anchorNode));
  };

  const refresh = async () => {
    timer = null;
    if (!source || !waiting) return;
    if (isBusy()) {
      status.textContent = `${waiting} more, shown when you leave the table.`;
      timer = setTimeout(refresh, FETCH_MS_MIN);
      return;
    }
    const ended = waiting;
    waiting = 0;
    try {
      const answer = await fetch(window.location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const selector of ["#log-page", ".asof", ".pager"]) {
        const now = document.querySelector(selector);
        const next = fresh.querySelector(selector);
        if (now && next) now.replaceWith(document.adoptNode(next));
      }
      status.textContent = (ended === 1 ? "Following: one more request." : `Following: ${ended} more requests.`) + spent;
    } catch {
      status.textContent = "The page could not be fetched; it is tried again with the next request.";
    }
  };

  const note = () => {
    waiting += 1;
    if (timer === null) timer = setTimeout(refresh, FETCH_MS_MIN);
  };

  const follow = () => {
    source = new EventSource(box.dataset.live);
    source.addEventListener("ready", () => { answer("Following."); });
    source.addEventListener("charge", note);
    source.addEventListener("gap", note);
    source.addEventListener("spend", (event) => {
      const sums = JSON.parse(event.data);
      spent = ` Last minute: $${sums.net_amount}, $${sums.net_amount_per_second} a second.`;
    });
    source.addEventListener("error", () => { status.textContent = "The connection is lost; it is tried again."; });
    button.textContent = "Pause";
    button.setAttribute("aria-pressed", "true");
    remember(true);
  };

  const pause = () => {
    source.close();
    source = null;
    clearTimeout(timer);
    timer = null;
    waiting = 0;
    answer("Paused.");
    button.textContent = "Follow live";
    button.setAttribute("aria-pressed", "false");
    remember(false);
  };

  const remember = (isLive) => {
    const address = new URL(window.location.href);
    if (isLive) address.searchParams.set("live", "1");
    else address.searchParams.delete("live");
    window.history.replaceState(null, "", address);
  };

  box.hidden = false;
  button.addEventListener("click", () => (source ? pause() : follow()));
  if (new URL(window.location.href).searchParams.get("live") === "1") follow();
}

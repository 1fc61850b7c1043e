// Follows the log: when charges are told, the page's own rows are fetched again, so that what is shown is
// what the server shows. Nothing moves while somebody is in the table, or has paused.
"use strict";

const box = document.querySelector("[data-live]");
const FETCH_MS_MIN = 2000;

if (box && "EventSource" in window) {
  const button = box.querySelector("button");
  const status = box.querySelector("[role=status]");
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
    const told = waiting;
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
      status.textContent = (told === 1 ? "Following: one more request." : `Following: ${told} more requests.`) + spent;
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
    source.addEventListener("ready", () => { status.textContent = "Following."; });
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
    status.textContent = "Paused.";
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

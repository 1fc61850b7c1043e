// Find: the search in a dialog over any page, with ⌘K or Ctrl+K. Without this script the link leads to the page that does the same.
"use strict";

(() => {
  const link = document.querySelector("[data-find]");
  const dialog = document.getElementById("find-dialog");
  const form = document.getElementById("find-form");
  const field = document.getElementById("find-q");
  const list = document.getElementById("find-hits");
  const status = document.getElementById("find-status");
  if (!link || !dialog || !dialog.showModal) return;

  const WAIT_MS = 120;
  const SHOWN_MAX = 8;
  let timer = null;
  let asked = null;

  const add = (tag, text, parent) => {
    const element = document.createElement(tag);
    // Always as text: nothing of a page or of what was typed is ever markup.
    element.textContent = text;
    parent.append(element);
    return element;
  };

  const show = (query, hits) => {
    list.replaceChildren();
    for (const hit of hits.slice(0, SHOWN_MAX)) {
      const place = add("a", "", add("li", "", list));
      place.href = hit.url;
      add("strong", hit.title === hit.page ? hit.page : `${hit.page} › ${hit.title}`, place);
      add("span", hit.snippet, place);
    }
    if (!query) status.textContent = "";
    else if (!hits.length) status.textContent = "Nothing was found.";
    else status.textContent = `${hits.length} ${hits.length === 1 ? "section" : "sections"}; Enter shows all.`;
  };

  const search = async () => {
    const query = field.value.trim();
    asked?.abort();
    if (!query) {
      show("", []);
      return;
    }
    asked = new AbortController();
    status.textContent = "Searching …";
    try {
      // While somebody types, what is not found yet is no search in vain.
      const address = `/docs/search.json?${new URLSearchParams({ q: query, typing: "1" })}`;
      const answer = await fetch(address, { signal: asked.signal });
      if (answer.ok) show(query, (await answer.json()).data);
    } catch (error) {
      if (error.name !== "AbortError") status.textContent = "The search cannot be reached; Enter tries again.";
    }
  };

  const open = () => {
    if (!dialog.open) dialog.showModal();
    field.focus();
    field.select();
  };

  link.addEventListener("click", (event) => {
    event.preventDefault();
    open();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    open();
  });
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, WAIT_MS);
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const places = [field, ...list.querySelectorAll("a")];
    const at = places.indexOf(document.activeElement);
    const next = places[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (at < 0 || !next) return;
    event.preventDefault();
    next.focus();
  });
  // A click beside the dialog is one on what it lies on.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  // A place on this very page: the dialog is not in its way.
  list.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", () => dialog.close());
})();

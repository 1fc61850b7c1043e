// Console: what a script makes nicer. Every page and every form works without it.
"use strict";

(() => {
  const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

  // Filter bars and pagers fetch the next page and put it in place of this one; the address says the same.
  // Read by htmx, which comes after this file. A page that follows live events keeps its own script running.
  const SWAPPED = "form.filters[method=get], .pager";
  const SWAP = { "hx-boost": "true", "hx-target": "#page", "hx-select": "#page", "hx-swap": "outerHTML" };

  const swapPages = (root) => {
    if (document.querySelector("[data-live]") || !document.getElementById("page")) return;
    for (const part of root.querySelectorAll(SWAPPED)) {
      for (const element of part.matches("form") ? [part] : part.querySelectorAll("a")) {
        for (const [name, value] of Object.entries(SWAP)) element.setAttribute(name, value);
      }
    }
  };

  const offerZone = (root) => {
    for (const button of root.querySelectorAll("[data-own-zone]")) {
      if (!ZONE || ZONE === "UTC") continue;
      button.value = ZONE;
      button.textContent = `Mine, ${ZONE}`;
      button.setAttribute("aria-pressed", String(document.getElementById("display-zone")?.value === ZONE));
      button.hidden = false;
    }
  };

  // Whatever zone is shown, the browser's own time is one hover away.
  const titleTimes = (root) => {
    const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.valueOf())) continue;
      time.title = time.title ? `${time.title}; here ${format.format(at)}` : `Here ${format.format(at)}`;
    }
  };

  const offerCopies = (root) => {
    if (!navigator.clipboard) return;
    for (const box of root.querySelectorAll("main pre, main code.secret, main [data-copy]")) {
      if (box.nextElementSibling?.matches(".copy")) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain small copy";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(box.dataset.copy || box.textContent.trim());
          button.textContent = "Copied";
        } catch {
          button.textContent = "Not allowed";
        }
        tell(button.textContent);
      });
      box.after(button);
    }
  };

  const tell = (text) => {
    const told = document.getElementById("told");
    if (told) told.textContent = text;
  };

  const enhance = (root) => {
    swapPages(root);
    offerZone(root);
    titleTimes(root);
    offerCopies(root);
    for (const element of root.querySelectorAll(".only-script")) element.hidden = false;
  };

  document.addEventListener("keydown", (event) => {
    const link = document.querySelector("[data-search]");
    if (!link || event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    location.assign(link.href);
  });
  // An answer without the frame (signed out meanwhile, say) is a page of its own.
  document.addEventListener("htmx:before:swap", (event) => {
    const { text, request } = event.detail.ctx;
    if (text.includes('id="page"')) return;
    event.preventDefault();
    location.assign(request.method === "GET" ? request.action : location.href);
  });
  document.addEventListener("htmx:after:swap", () => {
    const page = document.getElementById("page");
    if (!page) return;
    enhance(page);
    window.htmx?.process(page, true);
    tell(page.querySelector(".asof")?.textContent.trim() ?? "");
  });
  // Going back to the page that was loaded first means to load it again, like every other one.
  if (window.history.state === null) window.history.replaceState({ htmx: true }, "");
  // A group of the menu that the reader opened stays open on the pages after.
  const opened = new Set((sessionStorage.getItem("jeton-menu") ?? "").split("\n"));
  for (const group of document.querySelectorAll(".rail-group")) {
    const name = group.querySelector("summary").textContent;
    if (opened.has(name)) group.open = true;
    group.querySelector("summary").addEventListener("click", () => {
      // Before it opens or closes.
      if (group.open) opened.delete(name);
      else opened.add(name);
      sessionStorage.setItem("jeton-menu", [...opened].join("\n"));
    });
  }
  // In a long menu the entry of this page may be below the fold.
  document.querySelector(".rail [aria-current]")?.scrollIntoView({ block: "nearest" });
  enhance(document);
})();

// Copy: buttons that put code, a page's Markdown or the prices on the clipboard. Without this script there are none.
"use strict";

(() => {
  if (!navigator.clipboard) return;
  const SAID_MS = 2000;

  const say = (button, text) => {
    const usual = button.dataset.usual ??= button.textContent;
    button.textContent = text;
    setTimeout(() => { button.textContent = usual; }, SAID_MS);
  };

  const copy = async (button, read) => {
    try {
      await navigator.clipboard.writeText(await read());
      say(button, "Copied");
    } catch {
      say(button, "Not copied");
    }
  };

  const fetchText = async (address) => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  };

  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button, () => fetchText(button.dataset.copy)));
  }

  const make = (find, parent) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy no-print";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy the code");
    button.addEventListener("click", () => copy(button, () => find().textContent));
    parent.append(button);
  };

  for (const choice of document.querySelectorAll("fieldset.tabs")) {
    const pieces = [...choice.querySelectorAll("pre")];
    make(() => pieces.find((piece) => piece.offsetParent !== null) ?? pieces[0], choice);
  }
  for (const piece of document.querySelectorAll("article > pre, .code-sample > pre")) {
    const box = document.createElement("div");
    box.className = "code";
    piece.replaceWith(box);
    box.append(piece);
    make(() => piece, box);
  }
})();

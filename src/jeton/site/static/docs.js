// Docs: what a script makes nicer. Without it every page works: the choice of a language is kept for a
// page only.
"use strict";

(() => {
  const KEY = "jeton-language";

  const choose = (language) => {
    for (const input of document.querySelectorAll(`.tabs input[value="${language}"]`)) input.checked = true;
  };
  try {
    const kept = localStorage.getItem(KEY);
    if (kept && /^[a-z]+$/.test(kept)) choose(kept);
  } catch { /* no storage: nothing is remembered */ }
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || !input.closest(".tabs")) return;
    choose(input.value);
    try { localStorage.setItem(KEY, input.value); } catch { /* as above */ }
  });

  // Sliders: the number beside each, and the table computed anew by the server once one is let go.
  const form = document.querySelector("form[data-live]");
  if (!form) return;
  form.addEventListener("input", (event) => {
    const output = form.querySelector(`output[for="${event.target.id}"]`);
    if (output) output.textContent = Number(event.target.value).toLocaleString("en-US");
  });
  form.addEventListener("change", async () => {
    const address = `/faq?${new URLSearchParams(new FormData(form))}`;
    const answer = await fetch(address).catch(() => null);
    if (!answer || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const table = page.getElementById("own-example");
    if (!table) return;
    document.getElementById("own-example").replaceWith(table);
    history.replaceState(null, "", `${address}#stacking`);
  });
})();

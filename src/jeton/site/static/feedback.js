// Feedback: a vote without leaving the page. Without this script the same forms lead to a page of their own.
"use strict";

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.closest("#feedback")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  let text;
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "jeton-fragment": "1" } });
    text = await answer.text();
  } catch {
    text = "";
  }
  const parsed = new DOMParser().parseFromString(text, "text/html").getElementById("feedback");
  const box = document.getElementById("feedback");
  if (!parsed) {
    let note = box.querySelector("[role=alert]");
    if (!note) {
      note = document.createElement("p");
      note.className = "notice bad";
      note.setAttribute("role", "alert");
      box.prepend(note);
    }
    note.textContent = "That could not be sent. Try again in a moment.";
    return;
  }
  box.replaceWith(document.importNode(parsed, true));
  const title = document.getElementById("feedback-title");
  title.tabIndex = -1;
  title.focus();
});

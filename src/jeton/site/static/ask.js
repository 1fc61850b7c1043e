// Ask Docs in a dialog, sentence by sentence. Without this script the bubble is a link to a page that does the same.
"use strict";

(() => {
  const dialog = document.getElementById("ask-dialog");
  const bubble = document.querySelector(".ask-bubble");
  const form = document.getElementById("ask-form");
  const field = document.getElementById("ask-question");
  const log = document.getElementById("ask-log");
  if (!dialog || !bubble || !dialog.showModal) return;

  const add = (tag, className, text, parent) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    // Always as text: nothing of a question or an answer is ever markup.
    element.textContent = text;
    parent.append(element);
    return element;
  };

  const cite = (section, parent) => {
    const link = add("a", "cite", section.title, parent);
    link.href = section.url;
    parent.append(" ");
  };

  const show = (name, data, answer) => {
    if (name === "sentence") {
      answer.append(`${data.text} `);
      for (const section of data.citations) cite(section, answer);
      return;
    }
    if (data.is_answered) return;
    add("strong", "", "I don’t know.", answer);
    answer.append(" The documentation does not say. Your question went to the people who run this service.");
    if (data.nearest.length) answer.append(" What comes nearest: ");
    for (const section of data.nearest) cite(section, answer);
  };

  const read = async (response, answer) => {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
        if (name) show(name, JSON.parse(data), answer);
        log.scrollTop = log.scrollHeight;
      }
    }
  };

  const ask = async (question) => {
    add("p", "asked", question, log);
    const waiting = add("p", "waiting", "Reading …", log);
    const answer = add("p", "answer", "", log);
    log.scrollTop = log.scrollHeight;
    try {
      const response = await fetch("/docs/ask", {
        method: "POST",
        body: new URLSearchParams({ question }),
        headers: { accept: "text/event-stream" },
      });
      if (response.ok) await read(response, answer);
      else if (response.status === 429) {
        answer.textContent = `Too many questions for now. Try again in ${response.headers.get("retry-after")} seconds.`;
      } else answer.textContent = "That question could not be taken. Write it in one line of up to 500 characters.";
    } catch {
      answer.append("The connection broke off. Try again.");
    }
    waiting.remove();
  };

  bubble.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
    field.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = field.value.trim();
    if (!question) return;
    field.value = "";
    ask(question);
  });
})();

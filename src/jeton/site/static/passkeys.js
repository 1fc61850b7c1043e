// Passkeys: asks the browser's authenticators what the server wants to know, and sends the answer as a form.
// Without this script the other ways to sign in are all there.
"use strict";

const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

function readOptions(options) {
  const withBytes = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) withBytes.user = { ...options.user, id: toBytes(options.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"])
    if (options[list]) withBytes[list] = options[list].map((one) => ({ ...one, id: toBytes(one.id) }));
  return withBytes;
}

function renderAnswer(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response });
}

async function run(form) {
  const button = form.querySelector("button");
  const said = form.querySelector("[role=status]");
  button.disabled = true;
  said.textContent = "Your browser asks you…";
  try {
    const body = new URLSearchParams({ form_token: form.elements.form_token.value });
    const asked = await fetch(form.dataset.options, { method: "POST", body });
    if (!asked.ok || !(asked.headers.get("content-type") || "").startsWith("application/json"))
      throw new Error(asked.status === 403 ? "Not allowed now: load the page again." : "The server did not answer.");
    const publicKey = readOptions(await asked.json());
    const credential = await navigator.credentials[form.dataset.passkey]({ publicKey });
    form.elements.answer.value = renderAnswer(credential);
    form.submit();
  } catch (problem) {
    said.textContent =
      problem.name === "NotAllowedError"
        ? "Nothing was done: it was cancelled, or took too long."
        : problem.name === "InvalidStateError"
          ? "This device has a passkey for you already."
          : problem.message;
    button.disabled = false;
  }
}

if (window.PublicKeyCredential)
  for (const form of document.querySelectorAll("[data-passkey]")) {
    form.hidden = false;
    for (const notice of document.querySelectorAll("[data-without-passkeys]")) notice.hidden = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      run(form);
    });
  }

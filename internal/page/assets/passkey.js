// Passkeys: has one made, and has one sign a decision. What comes of it goes into the fields of the form, which is sent like any other.
const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const named = (list) => list?.map((c) => ({ ...c, id: toBytes(c.id) }));

export function passkeys() {
  on("[data-register]", async (form) => {
    const asked = await ask(form.dataset.register, form);
    const made = await navigator.credentials.create({ publicKey: {
      ...asked, challenge: toBytes(asked.challenge), user: { ...asked.user, id: toBytes(asked.user.id) }, excludeCredentials: named(asked.excludeCredentials),
    } });
    const key = made.response.getPublicKey?.();
    if (!key) throw new Error("This browser does not tell the key of a passkey, or the authenticator makes one of a kind that is not known here.");
    fill(form, { authenticator_data: toText(made.response.getAuthenticatorData()), client_data: toText(made.response.clientDataJSON), public_key: toText(key) });
    const vouch = await ask(form.dataset.vouch, form);
    if (!vouch) return; // it is the first
    const signed = await sign(vouch);
    fill(form, { voucher: toText(signed.rawId), vouch_data: toText(signed.response.authenticatorData), vouch_client: toText(signed.response.clientDataJSON), vouch_signature: toText(signed.response.signature) });
  });
  on("[data-sign]", async (form, button) => {
    if (!form.elements.sign.checked) return;
    const asked = await ask(form.dataset.sign, form, { decision: button?.formAction.endsWith("/reject") ? "reject" : "approve" });
    const shown = document.querySelector("[data-statement]");
    shown.querySelector("pre").textContent = asked.statement;
    shown.hidden = false;
    shown.open = true;
    const signed = await sign(asked.public_key);
    fill(form, {
      reason: asked.reason, until: asked.until, credential: toText(signed.rawId), authenticator_data: toText(signed.response.authenticatorData),
      client_data: toText(signed.response.clientDataJSON), signature: toText(signed.response.signature),
    });
  });
}

const sign = (asked) => navigator.credentials.get({ publicKey: { ...asked, challenge: toBytes(asked.challenge), allowCredentials: named(asked.allowCredentials) } });
const fill = (form, values) => { for (const [name, value] of Object.entries(values)) form.elements[name].value = value; };

// on does what a form needs before it is sent, and says what went wrong.
function on(selector, prepare) {
  const form = document.querySelector(selector);
  form?.addEventListener("submit", async (e) => {
    e.preventDefault();
    const wrong = form.querySelector("[data-wrong]");
    const buttons = form.querySelectorAll("button");
    const button = e.submitter;
    wrong.textContent = "";
    for (const b of buttons) b.disabled = true;
    let problem;
    try {
      if (form.elements.sign?.checked !== false) works(form);
      await prepare(form, button);
      if (button?.hasAttribute("formaction")) form.action = button.formAction;
      form.submit();
    } catch (p) {
      problem = p;
    }
    for (const b of buttons) b.disabled = false;
    if (!problem) return;
    wrong.textContent = said(problem);
    button?.focus();
  });
}

// works says why a passkey can't work on this page.
function works(form) {
  if (location.origin !== form.dataset.origin) throw new Error(`Passkeys belong to ${form.dataset.origin}, and this page is at ${location.origin}. Open it there.`);
  if (!isSecureContext) throw new Error("Browsers let passkeys work over https only.");
  if (!navigator.credentials || !("PublicKeyCredential" in window)) throw new Error("This browser has no passkeys. Use another, or sign with an SSH key.");
}

function said(problem) {
  switch (problem.name) {
    case "NotAllowedError": return "Nothing came of it: it was cancelled, took too long, or no passkey that counts here is at hand.";
    case "InvalidStateError": return "This authenticator has a passkey of yours already.";
    case "SecurityError": return "The browser does not let a passkey work at this address.";
    case "NotSupportedError":
    case "ConstraintError": return "This authenticator can’t make a passkey that asks who you are: set a PIN or a finger, or use another.";
    case "TypeError": return "The server could not be reached. Nothing was decided.";
    default: return problem.message;
  }
}

async function ask(path, form, more = {}) {
  const body = new URLSearchParams(new FormData(form));
  for (const [name, value] of Object.entries(more)) body.set(name, value);
  const answer = await fetch(path, { method: "POST", body, headers: { accept: "application/json" } });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.detail ?? `The server answered ${answer.status}.`);
  return told;
}

// The playground: an editor on the left, what follows from its text on the right.

import { Editor } from "./editor.js";
import { Engine } from "./engine.js";
import { part, sentence, tabs } from "./parts.js";
import { packed, unpacked } from "./share.js";

const DELAY = 50;
const START = `# Edit this flow. Nothing leaves the page.

flow is_spam(email: text) {
  verdict = repeat 3 {
    ask "Answer SPAM or NOT only:\\n{{ email }}" -> SPAM | NOT
  } reduce majority

  return verdict
}

test "two of three votes decide" of is_spam {
  email = "Cheap pills!"
  reply verdict: SPAM, NOT, SPAM
  expect verdict == SPAM
}
`;
const FRAGMENT = /^#f=([\w-]*)$/;
const at = (id) => document.getElementById(id);

let name = "playground.flow";
let open = "problems";
let seen = null; // the last look: its text and what was found
let looking = false;
let hung = null; // the text on which the checker hung
let timer = 0;
let inputsOf = "";

const engine = new Engine(told, window.flowrunLimits);
const editor = new Editor(at("editor"), { ask: askNow, changed, format });
const choose = tabs(at("tabs"), (panel) => {
  open = panel;
  follow();
});

function say(text, bad = false, place = at("state")) {
  place.textContent = text;
  place.classList.toggle("bad", bad);
}

// The outcome of a button or a link. The state of the text does not replace it; the next change of the text ends it.
const notice = (text, bad = false) => say(text, bad, at("notice"));

function told(state, text) {
  if (state === "hung") hung = editor.text;
  if (state !== "ready") say(text, state !== "loading");
  if (state === "ready") {
    document.body.dataset.ready = JSON.stringify(engine.times);
    performance.mark("ready");
    if (hung !== null && hung === editor.text) return say("Python is ready again. Change the text to check it again.", true);
    look();
  }
}

function changed() {
  notice("");
  clearTimeout(timer);
  timer = setTimeout(look, DELAY);
}

async function look() {
  const text = editor.text;
  if (looking || !engine.ready || text === hung) return;
  hung = null;
  looking = true;
  const found = await engine.ask({ kind: "look", text, name });
  looking = false;
  if (found.ended) return;
  if (editor.text !== text) {
    look();
    return;
  }
  if (found.error) {
    seen = null;
    say(found.error, true);
    return;
  }
  seen = { text, ...found };
  editor.show(found);
  problems(found);
  follow();
}

// Ask about the newest text, which is looked at first.
async function askNow(request) {
  for (let turn = 0; turn < 100 && (looking || seen?.text !== editor.text); turn++) {
    if (!engine.ready || editor.text === hung) return null;
    if (!looking) await look();
    else await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return engine.ask(request);
}

// The views of the right side

function problems(found) {
  const errors = found.findings.filter((one) => one.severity === "error").length;
  const others = found.findings.length - errors + found.more;
  const words = [errors && `${errors} error${errors > 1 ? "s" : ""}`, others && `${others} warning${others > 1 ? "s" : ""}`];
  say(words.filter(Boolean).join(", ") || "No problems.", errors > 0);
  at("tab-problems").textContent = found.findings.length ? `Problems (${found.findings.length})` : "Problems";
  at("fix").hidden = !found.all;
  const list = found.findings.map(finding);
  if (found.more) list.push(part("p", {}, `${found.more} more are not shown.`));
  at("problems").replaceChildren(...(list.length ? list : [part("p", {}, "The checker has nothing to say about this text.")]));
}

function finding(one) {
  const made = part("article", { class: `finding ${one.severity}` }, part("pre", {}, one.text));
  const text = seen.text;
  const buttons = one.actions.map((action) => part("button", {
    type: "button",
    click: () => editor.text === text && editor.change(action.edits),
  }, action.title));
  buttons.unshift(part("button", { type: "button", click: () => editor.go(one.from) }, `Line ${one.line}`));
  buttons.push(part("button", { type: "button", click: (event) => explain(one.code, made, event.currentTarget) }, `Explain ${one.code}`));
  made.append(part("span", { class: "buttons" }, ...buttons));
  return made;
}

async function explain(code, place, button) {
  const found = await engine.ask({ kind: "explain", code });
  button.remove();
  place.append(part("pre", { class: "page" }, found.error ?? found.text));
}

// Bring the open view up to date.
async function follow() {
  if (!seen || seen.text !== editor.text) return;
  const text = seen.text;
  if (open === "plan") {
    inputs(seen.params);
    const given = Object.fromEntries([...new FormData(at("inputs"))]);
    const found = await engine.ask({ kind: "plan", inputs: given });
    if (text === editor.text) at("bounds").replaceChildren(found.error ? sentence(found.error) : found.text);
  } else if (open === "graph") {
    const found = await engine.ask({ kind: "graph" });
    if (text !== editor.text) return;
    const address = found.svg && `data:image/svg+xml;charset=utf-8,${encodeURIComponent(found.svg)}`;
    at("graph").replaceChildren(found.error ? sentence(found.error) : part("img", { src: address, alt: "The steps of the flow and their order" }));
  } else if (open === "audit") {
    const found = await engine.ask({ kind: "audit" });
    if (text === editor.text) at("reach").replaceChildren(found.error ? sentence(found.error) : found.text);
  } else if (open === "tests") {
    at("run").disabled = !seen.tests;
    if (!seen.tests) {
      at("ran").textContent = "This text has no tests.";
      at("outcomes").replaceChildren();
    } else if (at("outcomes").dataset.text !== text) {
      at("ran").textContent = `${seen.tests} test${seen.tests > 1 ? "s" : ""}, not run yet.`;
      at("outcomes").replaceChildren();
    }
  }
}

function inputs(params) {
  const form = JSON.stringify(params);
  if (form === inputsOf) return;
  inputsOf = form;
  const fields = params.map((one) => part("label", {}, `${one.name}: ${one.type}`, part("input", { name: one.name, autocomplete: "off" })));
  if (fields.length) fields.unshift(part("p", {}, "Leave an input empty, and the bounds that depend on it stay open."));
  at("inputs").replaceChildren(...fields);
}

async function runTests() {
  const text = editor.text;
  at("run").disabled = true;
  at("ran").textContent = "Running …";
  const found = await askNow({ kind: "test" });
  at("run").disabled = false;
  if (!found || found.error) {
    at("ran").textContent = "";
    at("outcomes").replaceChildren(sentence(found?.error ?? "Change the text to check it again."));
    return;
  }
  at("ran").textContent = found.text;
  at("outcomes").dataset.text = text;
  at("outcomes").replaceChildren(...found.tests.map((one) => part("article", { class: `test ${one.status === "passed" ? "passed" : "failed"}` },
    part("b", {}, one.status), ` ${one.title}`, ...(one.text ? [part("pre", {}, one.text)] : []))));
}

async function format() {
  const text = editor.text;
  const found = await engine.ask({ kind: "format", text });
  if (found.error) notice(found.error, true);
  else if (editor.text === text) editor.put(found.text);
}

async function share() {
  const fragment = `#f=${await packed(editor.text)}`;
  history.replaceState(null, "", fragment);
  try {
    await navigator.clipboard.writeText(location.href);
    notice("The link is in the clipboard. It holds the whole text; nothing was sent.");
  } catch {
    notice("The address of this page is the link. It holds the whole text; nothing was sent.");
  }
}

function take(text, from) {
  name = from;
  seen = null;
  inputsOf = "";
  editor.put(text);
  look();
}

async function fromFragment() {
  const found = FRAGMENT.exec(location.hash);
  if (!found) return false;
  try {
    take((await unpacked(found[1])).replace(/^\ufeff/, ""), "playground.flow");
    return true;
  } catch (error) {
    if (!editor.text) take(START, name);
    notice(error.message, true);
    return true;
  }
}

async function examples() {
  const answer = await fetch("examples.json");
  const found = answer.ok ? await answer.json() : [];
  at("example").append(...found.map((one, number) => part("option", { value: String(number) }, one.title)));
  at("example").addEventListener("change", () => {
    const one = found[Number(at("example").value)];
    if (one && at("example").value !== "") take(one.text, one.name);
  });
}

at("format").addEventListener("click", format);
at("share").addEventListener("click", share);
at("run").addEventListener("click", runTests);
at("fix").addEventListener("click", () => seen?.all && seen.text === editor.text && editor.change(seen.all));
at("inputs").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(follow, 200);
});
at("inputs").addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", fromFragment);
addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    choose("tests");
    runTests();
  }
});
if (!location.hash || !(await fromFragment())) take(START, name);
await examples();

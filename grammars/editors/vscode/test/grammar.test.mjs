// The TextMate grammar over all flows, held against the roles that the language server gives.
// FLOWRUN_TOKENS names a file with the texts and their roles; tests/test_vscode.py writes it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const oniguruma = require("vscode-oniguruma");
const { INITIAL, Registry, parseRawGrammar } = require("vscode-textmate");
const GRAMMAR = new URL("../dist/flow.tmLanguage.json", import.meta.url);
const MOST_MS = 50;
const LEAST_SHARE = 0.98;
/** The scopes of each role. A name of a flow, a step or a value may have any scope of names. */
const NAME = /^(?:entity\.name|variable)/;
const SCOPES = {
  keyword: /^(?:keyword\.(?:control|other|declaration|operator\.word)|constant\.language)/,
  type: /^(?:support\.type|entity\.name\.type)/,
  reducer: /^support\.function\.reducer/,
  function: /^support\.function/,
  filter: /^support\.function/,
  option: /^entity\.other\.attribute-name/,
  string: /^(?:string|constant\.character)/,
  number: /^constant\.numeric/,
  operator: /^(?:keyword\.operator|punctuation)/,
  comment: /^comment/,
  mark: /^punctuation\.section\.embedded/,
  choice: /^(?:variable|string)/,
};

async function grammar() {
  const wasm = readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm"));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length));
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => parseRawGrammar(readFileSync(GRAMMAR, "utf8"), "flow.tmLanguage.json"),
  });
  return await registry.loadGrammar("source.flowrun");
}

/** Returns the innermost scope of each character, and the time of the slowest line. */
function scoped(rules, text) {
  const scopes = [];
  let state = INITIAL;
  let slowest = 0;
  for (const line of text.split("\n")) {
    let fastest = Infinity;
    let read;
    // The first time compiles patterns, and a busy machine may interrupt any time.
    for (let turn = 0; turn < 5 && fastest > MOST_MS / 4; turn += 1) {
      const begin = performance.now();
      read = rules.tokenizeLine(line, state);
      fastest = Math.min(fastest, performance.now() - begin);
    }
    slowest = Math.max(slowest, fastest);
    const { tokens, ruleStack, stoppedEarly } = read;
    assert.ok(!stoppedEarly);
    for (const one of tokens) {
      for (let at = one.startIndex; at < one.endIndex && at < line.length; at += 1) {
        scopes.push(one.scopes.at(-1).replace(".flowrun", ""));
      }
    }
    scopes.push("");
    state = ruleStack;
  }
  return { scopes, slowest };
}

test("the words of all flows have the scopes of their roles", async () => {
  const rules = await grammar();
  const texts = JSON.parse(readFileSync(process.env.FLOWRUN_TOKENS, "utf8"));
  scoped(rules, texts[0].text);
  let same = 0;
  const other = [];
  for (const { name, text, tokens } of texts) {
    const { scopes, slowest } = scoped(rules, text);
    assert.equal(scopes.length, text.length + 1, name);
    assert.ok(slowest <= MOST_MS, `${name}: a line takes ${slowest} ms`);
    for (const [start, end, role] of tokens) {
      if ((SCOPES[role] ?? NAME).test(scopes[start])) {
        same += 1;
      } else if (text.slice(start, end).trim()) {
        other.push(`${name}: ${text.slice(start, end)}: ${role} has ${scopes[start]}`);
      }
    }
  }
  const share = same / (same + other.length);
  console.log(`share ${share.toFixed(4)} of ${same + other.length} words in ${texts.length} flows`);
  assert.ok(share >= LEAST_SHARE, other.slice(0, 40).join("\n"));
});

test("no line is slow, whatever is on it", async () => {
  const rules = await grammar();
  const parts = ["a", "a ", " ", "{", "{{ ", "{% ", '"', '\\"', "(", "[", "|", "-> ", "=", "with a: ", "a: ", "a.", "a = ", "not ", "1", "expect ", "map a in ", "type A = ", "# "];
  const heads = ["", "flow a(", "type A = ", '  x = ask "', "  expect not ", "  with a: "];
  for (const head of heads) {
    for (const part of parts) {
      const { slowest } = scoped(rules, head + part.repeat(2000 / part.length));
      assert.ok(slowest <= MOST_MS, `${JSON.stringify(head + part)}: ${slowest} ms`);
    }
  }
});

test("text in comments and strings ends with them", async () => {
  const rules = await grammar();
  const text = 'flow f(m: text) {\n  # ask """ {{ "\n  x = ask "a {{ m | trim }} {# b #} {% if m" -> yes | no\n  return x\n}\n';
  const { scopes } = scoped(rules, text);
  assert.match(scopes[text.indexOf("ask")], /^comment/);
  assert.match(scopes[text.indexOf("trim")], /^support\.function\.filter/);
  assert.match(scopes[text.indexOf("b #}")], /^comment/);
  assert.match(scopes[text.indexOf("yes")], /enummember/);
  assert.match(scopes[text.indexOf("return")], /^keyword\.control/);
});

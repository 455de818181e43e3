// The packed extension with a fake of `vscode`, against the real language server. FLOWRUN names the command.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const require = createRequire(import.meta.url);
const fake = require("./fake_vscode.cjs");
const COMMAND = process.env.FLOWRUN;
const TEXT = 'flow main(m: text) {\n  kind = ask "Is {{ m }} spam?" -> yes | no\n  return kind\n}\n';
const BUNDLE = require.resolve("../dist/extension.js");
const folders = [];

after(() => folders.forEach((one) => rmSync(one, { recursive: true, force: true })));

/** Starts the extension in a workspace of its own. */
function start(options = {}) {
  const folder = mkdtempSync(join(tmpdir(), "flows-"));
  folders.push(folder);
  options.prepare?.(folder);
  const editor = fake(folder, { settings: { "flowrun.command": COMMAND }, ...options });
  const load = Module._load;
  Module._load = (name, ...more) => (name === "vscode" ? editor.module : load(name, ...more));
  delete require.cache[BUNDLE];
  const extension = require(BUNDLE);
  Module._load = load;
  const context = { subscriptions: [], extensionPath: folder, asAbsolutePath: (one) => one };
  return { ...editor, folder, context, begun: extension.activate(context) };
}

async function until(holds) {
  const end = Date.now() + 60_000;
  for (;;) {
    const found = await holds();
    if (found) {
      return found;
    }
    assert.ok(Date.now() < end, "it takes too long");
    await new Promise((done) => setTimeout(done, 20));
  }
}

const stop = (editor) => Promise.all(editor.context.subscriptions.map((one) => one.dispose()));
const token = { isCancellationRequested: false, onCancellationRequested: () => ({ dispose() {} }) };

test("the editor shows what the server finds, also while one writes", async () => {
  const editor = start();
  await editor.begun;
  assert.deepEqual(editor.seen.errors, []);
  const document = editor.open(join(editor.folder, "main.flow"), TEXT.replace("return kind", "return kin"));
  const uri = document.uri.toString();
  const found = await until(() => editor.seen.diagnostics.get(uri)?.length && editor.seen.diagnostics.get(uri));
  assert.ok(found.some((one) => /kin/.test(one.message)), JSON.stringify(found));
  editor.edit(document, TEXT);
  await until(() => editor.seen.diagnostics.get(uri)?.length === 0);

  const [hovers] = editor.seen.providers.registerHoverProvider;
  const hover = await hovers.provideHover(document, new editor.module.Position(1, 3), token);
  assert.match(JSON.stringify(hover.contents), /yes \| no/);
  assert.ok(!JSON.stringify(hover.contents).includes('"isTrusted":true'));

  const [formats] = editor.seen.providers.registerDocumentFormattingEditProvider;
  editor.edit(document, TEXT.replace("  kind =", " kind  ="));
  const edits = await formats.provideDocumentFormattingEdits(document, { tabSize: 2, insertSpaces: true }, token);
  assert.ok(edits.length > 0);
  editor.edit(document, TEXT);

  await editor.seen.commands["flowrun.graph"](uri, "main");
  const [panel] = editor.seen.panels;
  assert.match(panel.webview.html, /data:image\/svg\+xml;base64,/);
  assert.equal(panel.options.enableScripts, false);
  const before = panel.webview.html;
  editor.edit(document, TEXT.replaceAll("kind", "answer"));
  const later = await until(() => panel.webview.html !== before && panel.webview.html);
  assert.match(later, /data:image\/svg\+xml;base64,/);
  // While the text has errors the last picture stays, with a sentence.
  editor.edit(document, "flow <script>alert(1)</script> {");
  const broken = await until(() => panel.webview.html !== later && panel.webview.html);
  assert.match(broken, /<p>/);
  assert.match(broken, /data:image\/svg\+xml;base64,/);
  assert.ok(!broken.includes("<script"));
  editor.edit(document, TEXT);

  await until(async () => {
    await editor.seen.commands["flowrun.plan"](uri, "main");
    return editor.seen.output.includes("kind");
  });
  await stop(editor);
});

test("runs and tests are programs without a shell", async () => {
  const editor = start();
  await editor.begun;
  const hostile = 'x"; touch gone; $(touch gone) `touch gone`';
  const document = editor.open(join(editor.folder, "a b.flow"), TEXT);
  await editor.seen.commands["flowrun.run"](document.uri.toString(), hostile);
  await editor.seen.commands["flowrun.test"](document.uri.toString(), hostile);
  const [run, tests] = editor.seen.tasks.map((one) => one.execution);
  assert.equal(run.process, COMMAND);
  assert.deepEqual(run.args, [document.uri.fsPath, "--flow", hostile]);
  assert.deepEqual(tests.args, ["test", document.uri.fsPath, "-k", hostile]);
  assert.ok(editor.seen.tasks.every((one) => one.execution instanceof editor.module.ProcessExecution));
  await stop(editor);
});

test("the Testing view runs the tests of a file", async () => {
  const editor = start();
  await editor.begun;
  const line = (title, word) => `\ntest "${title}" of main {\n  m = "a"\n  reply kind: yes\n  expect result == ${word}\n}\n`;
  const text = TEXT + line('it \\"holds\\"', "yes") + line("it fails", "no");
  const path = join(editor.folder, "main.flow");
  writeFileSync(path, text);
  editor.open(path, text);
  await editor.seen.tests.run({ include: undefined, exclude: undefined }, token);
  assert.deepEqual(editor.seen.results.map((one) => one.slice(0, 2)), [["passed", 'it "holds"'], ["failed", "it fails"]]);
  assert.match(editor.seen.results[1][2][0].message, /not equal/);
  await stop(editor);
});

test("in a workspace without trust nothing starts, not even a command of the workspace", async () => {
  const bait = (folder) => {
    mkdirSync(join(folder, ".venv/bin"), { recursive: true });
    writeFileSync(join(folder, ".venv/bin/flowrun"), `#!/bin/sh\ntouch '${folder}/started'\n`, { mode: 0o755 });
  };
  const editor = start({ trusted: false, settings: {}, prepare: bait });
  await editor.begun;
  const document = editor.open(join(editor.folder, "main.flow"), TEXT);
  for (const name of Object.keys(editor.seen.commands)) {
    await editor.seen.commands[name](document.uri.toString(), "main");
  }
  assert.equal(editor.seen.errors.length, Object.keys(editor.seen.commands).length);
  assert.deepEqual([editor.seen.tasks, editor.seen.panels, editor.seen.providers], [[], [], {}]);
  assert.throws(() => require("node:fs").statSync(join(editor.folder, "started")));
  await stop(editor);
});

test("with trust the server starts, from the environment of the workspace", async () => {
  const link = (folder) => {
    mkdirSync(join(folder, ".venv/bin"), { recursive: true });
    symlinkSync(COMMAND, join(folder, ".venv/bin/flowrun"));
  };
  const editor = start({ trusted: false, settings: {}, prepare: link });
  await editor.begun;
  assert.deepEqual(editor.seen.providers, {});
  editor.workspace.isTrusted = true;
  editor.fire("onDidGrantWorkspaceTrust");
  await until(() => editor.seen.providers.registerHoverProvider);
  assert.deepEqual(editor.seen.errors, []);
  await stop(editor);
});

test("a command that is missing is one sentence with the line that installs it", async () => {
  const path = process.env.PATH;
  process.env.PATH = "";
  const editor = start({ settings: {} });
  await editor.begun;
  assert.deepEqual(editor.seen.errors, ["The command flowrun is not installed here. Install it with: pip install 'flowrun-dsl[lsp]'"]);
  process.env.PATH = path;
  const other = start({ settings: { "flowrun.command": "${workspaceFolder}/no" } });
  await other.begun;
  assert.match(other.seen.errors[0], /names .*no, which is no program/);
  await stop(editor);
  await stop(other);
});

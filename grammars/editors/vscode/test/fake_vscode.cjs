// A fake of the module `vscode`, as far as the extension and the client of the protocol need it.
// Names that it does not know are empty classes, so that classes can extend them.
const { EventEmitter: Emitter } = require("node:events");
const { pathToFileURL, fileURLToPath } = require("node:url");

class Disposable {
  constructor(end) { this.end = end; }
  static from(...all) { return new Disposable(() => all.forEach((one) => one.dispose())); }
  dispose() { this.end?.(); }
}
class EventEmitter {
  constructor() {
    this.inner = new Emitter();
    this.event = (listen, self) => {
      const bound = self ? listen.bind(self) : listen;
      this.inner.on("x", bound);
      return new Disposable(() => this.inner.off("x", bound));
    };
  }
  fire(value) { this.inner.emit("x", value); }
  dispose() { this.inner.removeAllListeners(); }
}
class Uri {
  constructor(text) { this.text = text; this.scheme = text.split(":")[0]; this.path = new URL(text).pathname; }
  static parse(text) { return new Uri(text); }
  static file(path) { return new Uri(pathToFileURL(path).href); }
  get fsPath() { return this.scheme === "file" ? fileURLToPath(this.text) : this.path; }
  toString() { return this.text; }
}
class Position {
  constructor(line, character) { this.line = line; this.character = character; }
}
class Range {
  constructor(a, b, c, d) {
    [this.start, this.end] = typeof a === "number" ? [new Position(a, b), new Position(c, d)] : [a, b];
  }
}
class CancellationTokenSource {
  constructor() { this.token = { isCancellationRequested: false, onCancellationRequested: () => new Disposable() }; }
  cancel() {}
  dispose() {}
}
class MarkdownString {
  constructor(value = "") { this.value = value; }
  appendMarkdown(text) { this.value += text; return this; }
  appendCodeblock(text) { this.value += text; return this; }
}
class Hover { constructor(contents, range) { this.contents = Array.isArray(contents) ? contents : [contents]; this.range = range; } }
class TextEdit { constructor(range, newText) { this.range = range; this.newText = newText; } static replace(r, t) { return new TextEdit(r, t); } }
class Diagnostic { constructor(range, message, severity) { Object.assign(this, { range, message, severity }); } }
class CodeLens { constructor(range, command) { Object.assign(this, { range, command }); } }
class CompletionItem { constructor(label, kind) { Object.assign(this, { label, kind }); } }
class CompletionList { constructor(items, more) { this.items = items; this.isIncomplete = more; } }
class SnippetString { constructor(value) { this.value = value; } }
class Task { constructor(...given) { [this.definition, this.scope, this.name, this.source, this.execution] = given; } }
class ProcessExecution { constructor(process, args, options) { Object.assign(this, { process, args, options }); } }
class Location { constructor(uri, range) { Object.assign(this, { uri, range }); } }
class TestMessage { constructor(message) { this.message = message; } }

const actionKind = (value) => ({ value, append: (more) => actionKind(`${value}.${more}`) });

/** Makes the module. `folder` is the workspace; `seen` has what the extension did. */
module.exports = function fake(folder, { trusted = true, settings = {} } = {}) {
  const seen = { providers: {}, commands: {}, errors: [], panels: [], tasks: [], opened: [], output: "", diagnostics: new Map(), tests: {}, results: [] };
  const emitters = {};
  const event = (name) => (emitters[name] ??= new EventEmitter()).event;
  const events = (known) => new Proxy(known, {
    get: (all, name) => (name in all ? all[name] : /^on[A-Z]/.test(String(name)) ? event(name) : undefined),
  });
  const configuration = (section) => ({
    get: (name, usual) => settings[[section, name].filter(Boolean).join(".")] ?? usual,
    has: () => false,
    inspect: () => undefined,
  });
  const channel = () => ({ append: (text) => (seen.output += text), appendLine: (text) => (seen.output += text + "\n"),
    clear: () => (seen.output = ""), show() {}, dispose() {}, replace() {}, name: "", logLevel: 0, onDidChangeLogLevel: event("level"),
    trace() {}, debug() {}, info() {}, warn() {}, error() {} });
  const root = { uri: Uri.file(folder), name: "flows", index: 0 };
  const documents = [];
  const workspace = events({
    isTrusted: trusted, workspaceFolders: [root], textDocuments: documents, notebookDocuments: [],
    getConfiguration: configuration,
    getWorkspaceFolder: (uri) => (uri.toString().startsWith(root.uri.toString()) ? root : undefined),
    asRelativePath: (uri) => uri.toString(),
    createFileSystemWatcher: () => events({ dispose() {} }),
    registerTextDocumentContentProvider: () => new Disposable(),
    fs: { isWritableFileSystem: () => true },
  });
  const languages = events({
    createDiagnosticCollection: () => ({
      set: (uri, found) => (seen.diagnostics.set(uri.toString(), found ?? []), emitters.shown?.fire(uri)),
      delete: (uri) => seen.diagnostics.delete(uri.toString()), clear() {}, dispose() {},
    }),
    match: (selector, document) => [selector].flat().some((one) => (one.language ?? one) === document.languageId) ? 10 : 0,
  });
  const registering = new Proxy(languages, {
    get: (all, name) => all[name] ?? (String(name).startsWith("register")
      ? (selector, provider) => { (seen.providers[name] ??= []).push(provider); return new Disposable(); } : undefined),
  });
  const window = events({
    visibleTextEditors: [], activeTextEditor: undefined, tabGroups: events({ all: [] }), visibleNotebookEditors: [],
    createOutputChannel: channel, state: { focused: true },
    showErrorMessage: async (text) => { seen.errors.push(text); }, showWarningMessage: async () => {}, showInformationMessage: async () => {},
    withProgress: async (_, work) => work({ report() {} }, new CancellationTokenSource().token),
    createWebviewPanel: (kind, title, place, options) => {
      const panel = { kind, title, place, options, webview: { html: "" }, onDidDispose: () => new Disposable(), dispose() {} };
      seen.panels.push(panel);
      return panel;
    },
  });
  const items = () => {
    const all = new Map();
    return { add: (one) => all.set(one.id, one), delete: (id) => all.delete(id), replace: (list) => { all.clear(); list.forEach((one) => all.set(one.id, one)); },
      forEach: (work) => all.forEach((one) => work(one)), get: (id) => all.get(id), get size() { return all.size; } };
  };
  const tests = { createTestController: () => {
    const control = { items: items(), dispose() {},
      createTestItem: (id, label, uri) => ({ id, label, uri, children: items() }),
      createRunProfile: (name, kind, run) => (seen.tests.run = run),
      createTestRun: () => {
        const note = (kind) => (item, message) => seen.results.push([kind, item.label, message]);
        return { started() {}, end() { seen.ended = true; }, passed: note("passed"), failed: note("failed"), skipped: note("skipped"), errored: note("errored") };
      } };
    return (seen.tests.control = control);
  } };
  const made = {
    version: "1.91.0", workspace, languages: registering, window, tests,
    env: { language: "en", appName: "fake", uriScheme: "vscode", openExternal: async (uri) => seen.opened.push(uri), onDidChangeTelemetryEnabled: event("t") },
    commands: { registerCommand: (name, work) => { seen.commands[name] = work; return new Disposable(); }, executeCommand: async () => {} },
    tasks: { executeTask: async (task) => seen.tasks.push(task) },
    extensions: { all: [], getExtension: () => undefined },
    l10n: { t: (text) => text },
    ViewColumn: { Beside: -2 }, TaskScope: { Workspace: 2 }, TaskRevealKind: { Always: 1 }, TestRunProfileKind: { Run: 1 }, ProgressLocation: { Window: 10 },
    TextDocumentSaveReason: { Manual: 1 }, StatusBarAlignment: { Left: 1 }, LogLevel: { Off: 0, Info: 3 },
    DiagnosticSeverity: { Error: 0, Warning: 1, Information: 2, Hint: 3 }, DiagnosticTag: { Unnecessary: 1 },
    CompletionItemKind: new Proxy({}, { get: (_, name) => name }), SymbolKind: {}, DocumentHighlightKind: {}, InlayHintKind: {}, CompletionItemTag: {}, SymbolTag: {},
    CodeActionTriggerKind: { Invoke: 1 }, CompletionTriggerKind: { Invoke: 0 }, SignatureHelpTriggerKind: {}, FoldingRangeKind: {}, EndOfLine: { LF: 1 },
    FileType: {}, UIKind: { Desktop: 1 }, ExtensionMode: {}, TextDocumentChangeReason: {}, InlineCompletionTriggerKind: {}, LanguageStatusSeverity: {},
    NotebookCellKind: {}, DebugConfigurationProviderTriggerKind: {}, ConfigurationTarget: {}, QuickPickItemKind: {},
    Disposable, EventEmitter, Uri, Position, Range, CancellationTokenSource, MarkdownString, Hover, TextEdit, Diagnostic, CodeLens,
    CompletionItem, CompletionList, SnippetString, Task, ProcessExecution, Location, TestMessage,
    CancellationError: class extends Error {},
    CodeActionKind: new Proxy({}, { get: (_, name) => actionKind(String(name)) }),
  };
  const classes = {};
  const module = new Proxy(made, {
    get: (all, name) => (name in all || typeof name === "symbol" ? all[name] : (classes[name] ??= class { constructor(...given) { this.given = given; } })),
    has: () => true,
  });

  /** Opens a document, as the editor would. */
  function open(path, text) {
    const uri = Uri.file(path);
    const document = {
      uri, fileName: path, languageId: "flowrun", version: 1, isDirty: false, isClosed: false, eol: 1, text,
      getText: () => document.text, save: async () => true,
      get lineCount() { return document.text.split("\n").length; },
      positionAt: (at) => { const before = document.text.slice(0, at).split("\n"); return new Position(before.length - 1, before.at(-1).length); },
    };
    documents.push(document);
    window.activeTextEditor = { document };
    emitters.onDidOpenTextDocument?.fire(document);
    return document;
  }
  /** Replaces the text of a document. */
  function edit(document, text) {
    const lines = document.text.split("\n");
    const range = new Range(0, 0, lines.length - 1, lines.at(-1).length);
    document.text = text;
    document.version += 1;
    emitters.onDidChangeTextDocument?.fire({ document, reason: undefined, contentChanges: [{ range, text, rangeOffset: 0, rangeLength: 0 }] });
  }
  return { module, seen, open, edit, fire: (name, value) => emitters[name]?.fire(value), workspace };
};

// The tests of flows in the Testing view.
import { dirname } from "node:path";
import * as vscode from "vscode";
import { quietly } from "./programs";
import { command } from "./server";

/** A test in the answer of `flowrun test --format json`. */
interface Row {
  readonly title: string;
  readonly line: number;
  readonly status: string;
  readonly failures: readonly { readonly expectation?: string; readonly message: string; readonly line?: number }[];
}

export function testing(): vscode.Disposable {
  const control = vscode.tests.createTestController("flowrun", "Flows");
  const place = /^test[ \t]+"((?:[^"\\\n]|\\.)*)"/gm;

  function read(document: vscode.TextDocument): void {
    if (document.languageId !== "flowrun" || document.uri.scheme !== "file") {
      return;
    }
    const items: vscode.TestItem[] = [];
    for (const found of document.getText().matchAll(place)) {
      const title = found[1].replace(/\\(.)/g, "$1");
      const one = control.createTestItem(`${document.uri.toString()}#${title}`, title, document.uri);
      one.range = new vscode.Range(document.positionAt(found.index), document.positionAt(found.index + found[0].length));
      items.push(one);
    }
    const id = document.uri.toString();
    if (items.length === 0) {
      control.items.delete(id);
      return;
    }
    const file = control.createTestItem(id, vscode.workspace.asRelativePath(document.uri), document.uri);
    file.children.replace(items);
    control.items.add(file);
  }

  async function run(request: vscode.TestRunRequest, token: vscode.CancellationToken): Promise<void> {
    const path = command();
    if (path === undefined || !vscode.workspace.isTrusted) {
      return;
    }
    const end = new AbortController();
    token.onCancellationRequested(() => end.abort());
    const turn = control.createTestRun(request);
    const chosen = new Set<vscode.TestItem>();
    const wanted: vscode.TestItem[] = [];
    control.items.forEach((one) => wanted.push(one));
    for (const one of request.include ?? wanted) {
      chosen.add(one.parent ?? one);
    }
    for (const file of chosen) {
      if (file.uri === undefined || token.isCancellationRequested) {
        continue;
      }
      const items: vscode.TestItem[] = [];
      file.children.forEach((one) => {
        const asked = request.include === undefined || request.include.includes(one) || request.include.includes(file);
        if (asked && !request.exclude?.includes(one)) {
          items.push(one);
        }
      });
      items.forEach((one) => turn.started(one));
      const ended = await quietly(path, ["test", file.uri.fsPath, "--format", "json"], dirname(file.uri.fsPath), end.signal);
      tell(turn, items, ended.out, ended.error);
    }
    turn.end();
  }

  const watch = [
    vscode.workspace.onDidOpenTextDocument(read),
    vscode.workspace.onDidChangeTextDocument((change) => read(change.document)),
  ];
  vscode.workspace.textDocuments.forEach(read);
  control.createRunProfile("Run", vscode.TestRunProfileKind.Run, run, true);
  return vscode.Disposable.from(control, ...watch);
}

/** Gives each test its result. A test of a table of cases has a row for each case. */
function tell(turn: vscode.TestRun, items: readonly vscode.TestItem[], out: string, error: string): void {
  let rows: readonly Row[] = [];
  try {
    rows = (JSON.parse(out) as { tests?: readonly Row[] }).tests ?? [];
  } catch {
    items.forEach((one) => turn.errored(one, new vscode.TestMessage(error.trim() || "There are no results.")));
    return;
  }
  for (const item of items) {
    // The line tells tests of one title apart; a table of cases has a row for each case on one line.
    const own = rows.filter((row) => row.line === (item.range?.start.line ?? -1) + 1);
    const failed = own.filter((row) => row.status !== "passed");
    if (own.length === 0) {
      turn.errored(item, new vscode.TestMessage(error.trim() || "There is no result. Save the file, and run it again."));
    } else if (failed.length === 0) {
      turn.passed(item);
    } else {
      turn.failed(item, failed.flatMap(messages));
    }
  }

  function messages(row: Row): vscode.TestMessage[] {
    const told = row.failures.map((one) => {
      const made = new vscode.TestMessage([one.expectation, one.message].filter(Boolean).join("\n"));
      if (items[0]?.uri !== undefined && one.line) {
        made.location = new vscode.Location(items[0].uri, new vscode.Position(one.line - 1, 0));
      }
      return made;
    });
    return told.length > 0 ? told : [new vscode.TestMessage(`${row.title}: ${row.status}`)];
  }
}

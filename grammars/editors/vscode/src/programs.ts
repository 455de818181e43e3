// The programs that the commands start. None of them goes through a shell.
import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as vscode from "vscode";

/** Runs the command in a terminal of the editor. The task has the arguments as they are. */
export async function inTerminal(path: string, title: string, words: readonly string[], file: vscode.Uri): Promise<void> {
  const folder = vscode.workspace.getWorkspaceFolder(file);
  const cwd = folder?.uri.fsPath ?? dirname(file.fsPath);
  const task = new vscode.Task(
    { type: "flowrun", words },
    folder ?? vscode.TaskScope.Workspace,
    title,
    "flowrun",
    new vscode.ProcessExecution(path, [...words], { cwd }),
  );
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, focus: true, clear: true };
  await vscode.tasks.executeTask(task);
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs the command unseen, and returns what it writes. */
export function quietly(path: string, words: readonly string[], cwd: string, end?: AbortSignal): Promise<Ended> {
  return new Promise((done) => {
    const options = { cwd, shell: false, signal: end, maxBuffer: 64 * 1024 * 1024 };
    execFile(path, [...words], options, (error, out, said) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      done({ code, out, error: said || (code < 0 ? (error?.message ?? "") : "") });
    });
  });
}

/** Writes the page of the last run, and opens it in the browser. */
export async function report(path: string, cwd: string): Promise<void> {
  const file = join(mkdtempSync(join(tmpdir(), "flowrun-")), "report.html");
  const ended = await quietly(path, ["report", "-o", file], cwd);
  if (ended.code !== 0) {
    void vscode.window.showErrorMessage(ended.error.trim() || "The page of the last run cannot be written.");
    return;
  }
  await vscode.env.openExternal(vscode.Uri.file(file));
}

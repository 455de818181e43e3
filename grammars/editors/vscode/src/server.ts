// The language server: its start, its end, and its own requests.
import * as vscode from "vscode";
import { LanguageClient, TransportKind } from "vscode-languageclient/node";
import { find } from "./command";

export interface Told {
  readonly text: string;
  readonly version: number | null;
}

/** Returns the command, or shows a sentence that says how to get it. */
export function command(): string | undefined {
  const setting = vscode.workspace.getConfiguration("flowrun").get<string>("command", "");
  const folders = (vscode.workspace.workspaceFolders ?? [])
    .filter((one) => one.uri.scheme === "file")
    .map((one) => one.uri.fsPath);
  const found = find(setting, folders, process.env.PATH ?? process.env.Path ?? "");
  if (found.problem !== undefined) {
    void vscode.window.showErrorMessage(found.problem);
  }
  return found.path;
}

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;

  async start(): Promise<void> {
    if (!vscode.workspace.isTrusted || this.client !== undefined) {
      return;
    }
    const path = command();
    if (path === undefined) {
      return;
    }
    const client = new LanguageClient(
      "flowrun",
      "flowrun",
      { command: path, args: ["lsp"], transport: TransportKind.stdio, options: { shell: false } },
      {
        documentSelector: [{ language: "flowrun" }],
        // Descriptions quote what files say: no commands and no HTML in them.
        markdown: { isTrusted: false, supportHtml: false },
      },
    );
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.client = undefined;
      const reason = error instanceof Error ? error.message : String(error);
      void vscode.window.showErrorMessage(`The language server of flowrun does not start: ${reason}`);
    }
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.stop();
  }

  async ask(method: "flowrun/graph" | "flowrun/plan", params: object): Promise<Told> {
    if (this.client === undefined) {
      throw new Error("The language server of flowrun does not run.");
    }
    return await this.client.sendRequest<Told>(method, params);
  }

  dispose(): void {
    void this.stop();
  }
}

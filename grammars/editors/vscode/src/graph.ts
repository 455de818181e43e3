// The picture of a flow beside its text.
import * as vscode from "vscode";
import { page } from "./page";
import type { Server } from "./server";

const QUIET = 150;
/** The milliseconds after the last key before a new picture is drawn. */

export class Graph implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private uri = "";
  private flow: string | undefined;
  private svg = "";
  private asked = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly listener: vscode.Disposable;

  constructor(private readonly server: Server) {
    this.listener = vscode.workspace.onDidChangeTextDocument((change) => {
      if (this.panel !== undefined && change.document.uri.toString() === this.uri) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.draw(), QUIET);
      }
    });
  }

  async show(uri: string, flow: string | undefined): Promise<void> {
    if (this.panel === undefined) {
      const where = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
      const options = { enableScripts: false, enableForms: false, enableCommandUris: false, localResourceRoots: [] };
      this.panel = vscode.window.createWebviewPanel("flowrun.graph", "Flow", where, options);
      this.panel.onDidDispose(() => (this.panel = undefined));
    }
    if (uri !== this.uri || flow !== this.flow) {
      this.svg = "";
    }
    this.uri = uri;
    this.flow = flow;
    await this.draw();
  }

  private async draw(): Promise<void> {
    const turn = ++this.asked;
    let note = "";
    try {
      this.svg = (await this.server.ask("flowrun/graph", { uri: this.uri, flow: this.flow, format: "svg" })).text;
    } catch (error) {
      // The last picture stays while the text has errors.
      note = error instanceof Error ? error.message : String(error);
    }
    if (this.panel !== undefined && turn === this.asked) {
      this.panel.title = this.flow ?? "Flow";
      this.panel.webview.html = page(this.svg, note);
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.listener.dispose();
    this.panel?.dispose();
  }
}

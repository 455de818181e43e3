// The extension: it starts the language server, and offers the commands.
import { dirname } from "node:path";
import * as vscode from "vscode";
import { Graph } from "./graph";
import { inTerminal, report } from "./programs";
import { Server, command } from "./server";
import { testing } from "./tests";

/** A lens gives the address of its file and a name. Without them, the file in the editor counts. */
function asked(uri: unknown, name: unknown): { uri: vscode.Uri; name: string | undefined } | undefined {
  const given = typeof uri === "string" ? vscode.Uri.parse(uri, true) : uri instanceof vscode.Uri ? uri : undefined;
  const file = given ?? vscode.window.activeTextEditor?.document.uri;
  if (file === undefined) {
    void vscode.window.showErrorMessage("Open a .flow file first.");
    return undefined;
  }
  return { uri: file, name: typeof name === "string" && name ? name : undefined };
}

/** Returns the command for a file on the disk, with the file saved. */
async function ready(uri: vscode.Uri): Promise<string | undefined> {
  if (uri.scheme !== "file") {
    void vscode.window.showErrorMessage("Save the flow into a file first.");
    return undefined;
  }
  const path = command();
  const open = vscode.workspace.textDocuments.find((one) => one.uri.toString() === uri.toString());
  return path !== undefined && (!open?.isDirty || (await open.save())) ? path : undefined;
}

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const server = new Server();
  const graph = new Graph(server);
  const plans = vscode.window.createOutputChannel("flowrun plan");

  const actions: Record<string, (uri?: unknown, name?: unknown) => Promise<void>> = {
    "flowrun.run": async (uri, name) => {
      const about = asked(uri, name);
      const path = about && (await ready(about.uri));
      if (about && path) {
        const flow = about.name === undefined ? [] : ["--flow", about.name];
        await inTerminal(path, `run ${about.name ?? ""}`.trim(), [about.uri.fsPath, ...flow], about.uri);
      }
    },
    "flowrun.test": async (uri, name) => {
      const about = asked(uri, name);
      const path = about && (await ready(about.uri));
      if (about && path) {
        const only = about.name === undefined ? [] : ["-k", about.name];
        await inTerminal(path, "test", ["test", about.uri.fsPath, ...only], about.uri);
      }
    },
    "flowrun.plan": async (uri, name) => {
      const about = asked(uri, name);
      if (about) {
        const told = await server.ask("flowrun/plan", { uri: about.uri.toString(), flow: about.name });
        plans.clear();
        plans.append(told.text);
        plans.show(true);
      }
    },
    "flowrun.graph": async (uri, name) => {
      const about = asked(uri, name);
      if (about) {
        await graph.show(about.uri.toString(), about.name);
      }
    },
    "flowrun.report": async () => {
      const path = command();
      const file = vscode.window.activeTextEditor?.document.uri;
      const folder = (file && vscode.workspace.getWorkspaceFolder(file)) ?? vscode.workspace.workspaceFolders?.[0];
      const cwd = folder?.uri.fsPath ?? (file?.scheme === "file" ? dirname(file.fsPath) : undefined);
      if (path !== undefined && cwd !== undefined) {
        await report(path, cwd);
      }
    },
    "flowrun.restart": async () => {
      await server.stop();
      await server.start();
    },
  };
  for (const [name, action] of Object.entries(actions)) {
    const guarded = async (...words: unknown[]): Promise<void> => {
      if (!vscode.workspace.isTrusted) {
        void vscode.window.showErrorMessage("flowrun starts nothing in a workspace that is not trusted.");
        return;
      }
      try {
        await action(...words);
      } catch (error) {
        void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
      }
    };
    context.subscriptions.push(vscode.commands.registerCommand(name, guarded));
  }
  context.subscriptions.push(server, graph, plans);

  const begin = async (): Promise<void> => {
    context.subscriptions.push(testing());
    await server.start();
  };
  if (vscode.workspace.isTrusted) {
    await begin();
  } else {
    context.subscriptions.push(vscode.workspace.onDidGrantWorkspaceTrust(begin));
  }
}

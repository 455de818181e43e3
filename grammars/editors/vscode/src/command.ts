// The command that the extension starts.
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

export const INSTALL = "pip install 'flowrun-dsl[lsp]'";

const WINDOWS = process.platform === "win32";
const PLACES = WINDOWS ? ["Scripts/flowrun.exe"] : ["bin/flowrun"];
const ON_PATH = WINDOWS ? "flowrun.exe" : "flowrun";

/** Tells whether a path is a file that can be started. */
function startable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

export interface Found {
  readonly path?: string;
  /** A sentence for the user, if there is no command. */
  readonly problem?: string;
}

/** Finds the command: that of the setting, of an environment in one of the folders, or of the PATH. */
export function find(setting: string, folders: readonly string[], path: string): Found {
  const first = folders[0] ?? "";
  const named = setting.trim().replaceAll("${workspaceFolder}", first);
  if (named) {
    const full = isAbsolute(named) || !first ? named : join(first, named);
    if (isAbsolute(full) && startable(full)) {
      return { path: full };
    }
    return { problem: `The setting flowrun.command names ${named}, which is no program.` };
  }
  const places = [
    ...folders.flatMap((folder) => [".venv", "venv"].flatMap((env) => PLACES.map((one) => join(folder, env, one)))),
    // A relative folder on the PATH would lead into the workspace.
    ...path.split(delimiter).filter(isAbsolute).map((folder) => join(folder, ON_PATH)),
  ];
  const known = places.find(startable);
  return known === undefined
    ? { problem: `The command flowrun is not installed here. Install it with: ${INSTALL}` }
    : { path: known };
}

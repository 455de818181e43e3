// Bundles the extension into dist/, with the grammar beside it.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
copyFileSync(join(here, "../../flow.tmLanguage.json"), join(dist, "flow.tmLanguage.json"));
copyFileSync(join(here, "../../../LICENSE"), join(dist, "LICENSE.txt"));
await build({
  absWorkingDir: here,
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  minify: true,
  platform: "node",
  format: "cjs",
  target: "node18",
  external: ["vscode"],
  legalComments: "inline",
  logLevel: "warning",
});

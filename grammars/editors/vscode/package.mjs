// Packs the extension: node package.mjs [FILE.vsix]. The version is that of pyproject.toml.
import { readFileSync, statSync } from "node:fs";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { createVSIX, listFiles } from "@vscode/vsce";
import "./build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const MOST_BYTES = 1024 * 1024;
const WANTED = [
  "README.md",
  "dist/LICENSE.txt",
  "dist/extension.js",
  "dist/flow.tmLanguage.json",
  "icon.png",
  "language-configuration.json",
  "package.json",
  "snippets.json",
];
const version = /^version = "([^"]+)"/m.exec(readFileSync(join(here, "../../../pyproject.toml"), "utf8"))[1];
const found = (await listFiles({ cwd: here, dependencies: false })).map((one) => one.replaceAll("\\", "/")).sort();
if (found.join() !== WANTED.sort().join()) {
  console.error(`the package would have other files than those that package.mjs lists: ${found.join(", ")}`);
  process.exit(1);
}
const packagePath = process.argv[2] ?? join(here, "dist", `flowrun-${version}.vsix`);
await createVSIX({
  cwd: here,
  packagePath,
  version,
  dependencies: false,
  allowMissingRepository: true,
  skipLicense: true,
  updatePackageJson: false,
  gitTagVersion: false,
});
const bytes = statSync(packagePath).size;
console.log(`${packagePath}: ${bytes} bytes, ${found.length} files`);
if (bytes > MOST_BYTES) {
  console.error(`it may have ${MOST_BYTES} bytes`);
  process.exit(1);
}

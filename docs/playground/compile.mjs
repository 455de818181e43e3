// Compile the modules of an archive by the Python of Pyodide: `node compile.mjs ARCHIVE FLOW`.
import fs from "node:fs";
import { loadPyodide } from "pyodide";

const fail = (error) => {
  console.error(String(error.message || error).slice(-1500));
  process.exit(1);
};
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
const [archive, flow] = process.argv.slice(2);
const python = await loadPyodide();
python.unpackArchive(new Uint8Array(fs.readFileSync(archive)), "zip", { extractDir: "/packages" });
python.FS.writeFile("/flow.flow", fs.readFileSync(flow, "utf8"));
python.runPython(`
import json, py_compile, sys, zipfile
from pathlib import Path

sys.path.insert(0, "/packages")
from desk import Desk

# What the page loads at its start and for a first look at each view is compiled; all else stays as it is.
Path("/flows").mkdir()
desk = Desk(Path("/flows"))
desk.warm()
text = Path("/flow.flow").read_text()
for request in ({"kind": "look", "text": text}, {"kind": "look", "text": text.replace("}", "", 1)},
                {"kind": "look", "text": text.replace("email }}", "mail }}")}, {"kind": "complete", "at": 40},
                {"kind": "look", "text": text}, {"kind": "hover", "at": 40}, {"kind": "plan", "inputs": {}},
                {"kind": "graph"}, {"kind": "audit"}, {"kind": "test"}, {"kind": "format", "text": text}):
    answer = json.loads(desk.answer(json.dumps(request)))
    if isinstance(answer, dict) and "error" in answer:
        raise SystemExit(f"{request['kind']}: {answer['error']}")
    if request["kind"] == "test" and any(one["status"] != "passed" for one in answer["tests"]):
        raise SystemExit(f"the tests of the first flow: {answer}")
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
for module in list(sys.modules.values()):
    file = getattr(module, "__file__", None) or ""
    if file.startswith("/packages/"):
        py_compile.compile(file, doraise=True, invalidation_mode=unchecked)
with zipfile.ZipFile("/packed.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
    for path in sorted(Path("/packages").rglob("*")):
        if path.is_file():
            name = zipfile.ZipInfo(path.relative_to("/packages").as_posix(), (2020, 1, 1, 0, 0, 0))
            packed.writestr(name, path.read_bytes(), zipfile.ZIP_DEFLATED)
`);
fs.writeFileSync(archive, python.FS.readFile("/packed.zip"));

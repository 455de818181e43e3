// The worker of the playground: it loads Pyodide and answers one request after the other.
// The page begins it with `home`, the address of its folder. It runs under the policy of the page, which lets it fetch from the page's own folder only.

let desk = null;
const times = {};
const mark = (name) => (times[name] = Math.round(performance.now()));
async function bytes(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status} for ${address}`);
  return answer.arrayBuffer();
}

async function start() {
  const at = (name) => self.home + name;
  const archives = Promise.all(["python.zip", "examples.zip"].map((name) => bytes(at(name))));
  const { loadPyodide } = await import(at("pyodide/pyodide.mjs"));
  const python = await loadPyodide({ indexURL: at("pyodide/"), env: { HOME: "/home", FLOWRUN_CACHE: "/cache" } });
  mark("pyodide");
  const [packages, examples] = await archives;
  python.unpackArchive(packages, "zip", { extractDir: "/packages" });
  python.FS.mkdirTree("/flows");
  python.unpackArchive(examples, "zip", { extractDir: "/flows" });
  mark("unpacked");
  desk = python.runPython(`
import sys
sys.path.insert(0, "/packages")
from pathlib import Path
from desk import Desk
Desk(Path("/flows"))
`);
  mark("imported");
  desk.warm();
  mark("warm");
  // From here on the worker needs nothing from anywhere.
  for (const name of ["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "WebTransport", "indexedDB", "caches"]) {
    Object.defineProperty(self, name, { value: undefined, configurable: false, writable: false });
  }
}

const ready = start();
ready.then(
  () => self.postMessage({ ready: true, times }),
  (error) => self.postMessage({ broken: String(error.message || error).slice(-2000) }),
);

self.addEventListener("message", async (event) => {
  const { id, request } = event.data;
  await ready;
  try {
    self.postMessage({ id, answer: JSON.parse(desk.answer(JSON.stringify(request))) });
  } catch (error) {
    // Python itself has ended, as it does when its stack or its memory is full.
    self.postMessage({ broken: String(error.message || error).slice(-2000) });
  }
});

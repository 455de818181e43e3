// The worker as the page sees it: requests, their time limits, and a fresh worker when one hangs or breaks.

const LIMITS = { look: 10_000, complete: 5_000, hover: 5_000 };
const LIMIT = 20_000;
const START = 120_000;

export class Engine {
  // `told(state, sentence)` hears "loading", "ready", "hung" and "broken".
  constructor(told, limits = {}) {
    this.told = told;
    this.limits = { ...LIMITS, ...limits };
    this.waiting = new Map();
    this.number = 0;
    this.begin();
  }

  begin() {
    const home = new URL("./", document.baseURI).href;
    // A worker of a blob has the policy of this page. A worker of a file would have none.
    const code = `self.home = ${JSON.stringify(home)}; await import(self.home + "worker.js");`;
    const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    this.worker = new Worker(address, { type: "module" });
    this.ready = false;
    this.worker.onmessage = (event) => this.heard(event.data);
    this.worker.onerror = (event) => this.fail("broken", `Python could not be loaded: ${event.message || "see the console"}.`);
    this.timer = setTimeout(() => this.fail("broken", "Python did not start in two minutes. Load the page again."), START);
    this.told("loading", "Loading Python …");
  }

  heard(data) {
    if (data.ready) {
      clearTimeout(this.timer);
      this.ready = true;
      this.times = data.times;
      this.told("ready", "");
      return;
    }
    if (data.broken !== undefined) {
      const started = this.ready;
      this.fail(started ? "hung" : "broken", started
        ? "The checker broke down on this text and was started again. Change the text to check it again."
        : `Python could not be loaded: ${data.broken}`);
      return;
    }
    const found = this.waiting.get(data.id);
    if (!found) return;
    this.waiting.delete(data.id);
    clearTimeout(found.timer);
    found.resolve(data.answer);
  }

  // End the worker. After a request that hung, start another one.
  fail(state, sentence) {
    clearTimeout(this.timer);
    this.worker.terminate();
    this.ready = false;
    const left = [...this.waiting.values()];
    this.waiting.clear();
    for (const one of left) {
      clearTimeout(one.timer);
      one.resolve({ error: sentence, ended: true });
    }
    if (state === "hung") this.begin();
    this.told(state, sentence);
  }

  ask(request) {
    if (!this.ready) return Promise.resolve({ error: "Python is still loading.", ended: true });
    const id = ++this.number;
    const limit = this.limits[request.kind] ?? LIMIT;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.fail("hung",
        `This took longer than ${Math.round(limit / 1000)} seconds, so it was ended, and Python starts again. Change the text to check it again.`,
      ), limit);
      this.waiting.set(id, { resolve, timer });
      this.worker.postMessage({ id, request });
    });
  }
}

// The search runs in a worker, and a page that is opened from a folder may start none. Its script then runs in a frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.waiting = [];
      this.onmessage = this.onerror = null;
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inner = this.frame.contentWindow;
      inner.postMessage = (given) => {
        const data = structuredClone(given);
        setTimeout(() => this.tell("message", new MessageEvent("message", { data })));
      };
      const script = inner.document.createElement("script");
      script.src = new URL(address, location.href).href;
      script.onload = () => {
        for (const data of this.waiting.splice(0)) this.hand(data);
        this.waiting = null;
      };
      script.onerror = () => this.tell("error", new Event("error"));
      inner.document.body.append(script);
    }
    tell(kind, event) {
      this.dispatchEvent(event);
      this[`on${kind}`]?.(event);
    }
    hand(data) {
      const inner = this.frame.contentWindow;
      setTimeout(() => inner.dispatchEvent(new inner.MessageEvent("message", { data })));
    }
    postMessage(given) {
      const data = structuredClone(given);
      if (this.waiting) this.waiting.push(data);
      else this.hand(data);
    }
    terminate() {
      this.frame.remove();
    }
  };
}

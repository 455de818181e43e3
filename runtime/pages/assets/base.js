"use strict";
/* F holds the parts of the page. A part is an object {mount(el, model, bus), …}. Text of others is shown by el() alone. */
const F = {};
{
  const STEERS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
  const LINES = /[\t\n\r\u2028\u2029]/g;
  const escaped = (c) => {
    const n = c.charCodeAt(0);
    if (n === 9) return "\\t";
    if (n === 10) return "\\n";
    if (n === 13) return "\\r";
    return n < 256 ? "\\x" + n.toString(16).padStart(2, "0") : "\\u" + n.toString(16).padStart(4, "0");
  };

  /* A text without characters that steer: they become visible. */
  F.inert = (text) => String(text).replace(STEERS, escaped);
  F.oneLine = (text) => F.inert(text).replace(LINES, escaped);
  F.short = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

  /* Tell whether a path is a step's, or below it: `notes` holds notes[3].draft, and `ask` holds ask#2. */
  F.below = (path, step) => path.startsWith(step) && ["", ".", "[", "#"].includes(path.charAt(step.length));

  /* A name in one line of the page, for paths, steps and models. */
  F.name = (text) => F.oneLine(F.short(text, 300));

  /* el("td", {class: "number", onclick: f}, "text", node …) makes an element. Strings become text, never markup. */
  F.el = (tag, given, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(given || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    for (const one of inside.flat(Infinity)) {
      if (one === null || one === undefined || one === "") continue;
      made.append(one instanceof Node ? one : F.inert(one));
    }
    return made;
  };

  F.bus = (() => {
    const heard = new Map();
    return {
      on(name, f) {
        if (!heard.has(name)) heard.set(name, []);
        heard.get(name).push(f);
      },
      send(name, value) {
        for (const f of heard.get(name) || []) f(value);
      },
    };
  })();

  F.three = (value) => {
    if (!value) return "0";
    const number = Number(value.toPrecision(3));
    if (Math.abs(number) >= 100) return Math.round(number).toLocaleString("en");
    return number.toFixed(Math.min(20, 2 - Math.floor(Math.log10(Math.abs(number)))));
  };
  /* The same without the zeros at the end, but with cents: 0.0021, 2.50. */
  F.cents = (value) => F.three(value).replace(/(\.\d\d\d*?)0+$/, "$1");
  F.number = (value) => (value === null || value === undefined ? "" : value.toLocaleString("en"));
  F.money = (dollars) => {
    if (dollars === null || dollars === undefined) return "unknown";
    return "$" + F.cents(dollars);
  };
  F.duration = (ms) => {
    if (ms === null || ms === undefined) return "unknown";
    if (ms < 1000) return Math.round(ms) + " ms";
    if (ms < 99950) return F.three(ms / 1000) + " s";
    const seconds = Math.round(ms / 1000);
    if (seconds < 3600) return Math.floor(seconds / 60) + " min " + (seconds % 60) + " s";
    const minutes = Math.round(seconds / 60);
    return Math.floor(minutes / 60).toLocaleString("en") + " h " + (minutes % 60) + " min";
  };
  /* Votes may be weights. */
  F.votesOf = (n) => (Number.isInteger(n) ? F.number(n) : F.three(n));
  F.count = (number, one, many) => F.number(number) + " " + (number === 1 ? one : many || one + "s");
  F.bytesOf = (base64) => {
    const letters = atob(base64);
    const bytes = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
    return bytes;
  };

  F.copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const box = F.el("textarea", { class: "off", "aria-hidden": "true" });
      box.value = text;
      document.body.append(box);
      box.select();
      const done = document.execCommand("copy");
      box.remove();
      return done;
    }
  };
}

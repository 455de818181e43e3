/* F.graph: the flow as it is drawn (pages/graph.py), with the calls, time and cost of each step. */
{
  const NUMBERS = /\[[^\]]*\]|\.\d+(?=\.|$)|#\d+$/g;
  const PLACES = [["answered", "done"], ["reused", "reused"], ["failed", "failed"], ["cancelled", "cancelled"], ["open", "under way"]];

  const PAPER = 1100;

  let model, bus, boxes, space;
  let chosen = "";
  const steps = new Map();

  const svg = (name, given, text) => {
    const made = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(given)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  /* The path of a call's step in the drawing: notes[17].draft is a call of notes.draft. */
  const stepOf = (path) => {
    const known = steps.get(path);
    if (known !== undefined) return known;
    const plain = path.replace(NUMBERS, "");
    const { graph } = F.store.model;
    const aliases = (graph && graph.aliases) || {};
    const found = Object.hasOwn(aliases, plain) ? aliases[plain] : plain;
    steps.set(path, found);
    return found;
  };
  /* The path of a step as it is printed, from that of the drawing. */
  const printed = (drawn) => {
    const aliases = Object.entries((model.graph && model.graph.aliases) || {});
    return (aliases.find(([, one]) => one === drawn) || [drawn])[0];
  };
  /* A step holds the calls at its path and below it. */
  const holds = (step, path) => {
    const [outer, inner] = [stepOf(step), stepOf(path)];
    return inner === outer || inner.startsWith(outer + ".");
  };

  const sums = () => {
    const found = new Map([...boxes.keys()].map((path) => [path, { ms: 0, cost: 0, known: true, timed: false, count: 0, states: {} }]));
    for (const call of model.calls) {
      for (let path = stepOf(call.path); path; path = path.includes(".") ? path.slice(0, path.lastIndexOf(".")) : "") {
        const sum = found.get(path);
        if (!sum) continue;
        sum.count++;
        sum.states[call.state] = (sum.states[call.state] || 0) + 1;
        if (call.ms !== null && call.state !== "reused") {
          sum.ms += call.ms;
          sum.timed = true;
        }
        if (call.cost === null) sum.known = false;
        else sum.cost += call.cost;
      }
    }
    return found;
  };

  const drawn = () => [...boxes].flatMap(([path, all]) => all.map((box) => [path, box]));
  const inWords = (sum) => PLACES.filter(([state]) => sum.states[state]).map(([state, word]) => F.number(sum.states[state]) + " " + word);
  const spent = (sum) => (sum.timed ? F.duration(sum.ms) : "no time") + " · " + (sum.known ? F.money(sum.cost) : sum.cost ? "≥ " + F.money(sum.cost) : "no price");

  const paint = () => {
    const all = sums();
    const leaves = [...boxes].filter(([, [box]]) => box.rect).map(([path]) => all.get(path));
    const [time, cost] = [Math.max(...leaves.map((one) => one.ms), 0), Math.max(...leaves.map((one) => one.cost), 0)];
    for (const [path, box] of drawn()) {
      const sum = all.get(path);
      const words = inWords(sum).join(", ");
      const label = box.name + ": " + (sum.count ? words + ", " + spent(sum) : "no call");
      box.part.setAttribute("aria-label", label);
      box.title.textContent = (sum.count ? words + "\n" + spent(sum) : "no call") + (box.tip ? "\n\n" + box.tip : "");
      if (!box.rect) continue;
      box.part.classList.toggle("failing", Boolean(sum.states.failed));
      box.part.classList.toggle("idle", !sum.count);
      box.counts.textContent = sum.count ? fitted(inWords(sum), box.room) : "no call";
      box.spent.textContent = sum.count ? spent(sum) : "";
      box.time.setAttribute("width", time ? Math.max(sum.ms ? 1 : 0, (sum.ms / time) * box.room) : 0);
      box.cost.setAttribute("width", cost ? Math.max(sum.cost ? 1 : 0, (sum.cost / cost) * box.room) : 0);
    }
    choose(chosen);
  };

  /* As many words as the box has room for; failures stand before what is cut. The title has them all. */
  const fitted = (words, room) => {
    const failed = words.filter((one) => one.endsWith("failed"));
    const sorted = [...words.slice(0, 1), ...failed.filter((one) => one !== words[0]), ...words.slice(1).filter((one) => !failed.includes(one))];
    let made = sorted[0] || "";
    for (const one of sorted.slice(1)) {
      if ((made.length + one.length + 2) * 5.6 > room) return made + " …";
      made += ", " + one;
    }
    return made;
  };

  const found = (part) => {
    const rect = part.localName === "rect" ? null : part.querySelector("rect.box");
    const title = part.querySelector("title") || part.appendChild(svg("title", {}));
    const box = { part, rect, title, tip: title.textContent, name: part.getAttribute("aria-label") };
    if (!rect) return box;
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
    const [left, bottom, middle] = [x + 9, y + height, x + width / 2];
    box.room = width - 18;
    box.counts = svg("text", { class: "figure", "text-anchor": "middle", x: middle, y: bottom - 35 });
    box.spent = svg("text", { class: "figure", "text-anchor": "middle", x: middle, y: bottom - 21 });
    box.time = svg("rect", { class: "time", x: left, y: bottom - 14, width: 0, height: 3 });
    box.cost = svg("rect", { class: "cost", x: left, y: bottom - 9, width: 0, height: 3 });
    const track = (at) => svg("rect", { class: "track", x: left, y: bottom - at, width: box.room, height: 3 });
    part.append(track(14), track(9), box.time, box.cost, box.counts, box.spent);
    return box;
  };

  const choose = (step) => {
    chosen = step;
    for (const [path, box] of drawn()) {
      box.part.classList.toggle("chosen", path === step);
      box.part.setAttribute("aria-pressed", path === step ? "true" : "false");
    }
  };
  const press = (event) => {
    const part = event.target.closest("[data-step]");
    if (part) bus.send("focusStep", printed(part.dataset.step));
  };

  F.graph = {
    mount(to, theModel, theBus) {
      [model, bus] = [theModel, theBus];
      const pictures = [...to.querySelectorAll("svg")];
      boxes = new Map();
      if (!pictures.length) return;
      space = pictures[0].namespaceURI;
      for (const part of to.querySelectorAll("[data-step]")) {
        const { step } = part.dataset;
        if (!boxes.has(step)) boxes.set(step, []);
        boxes.get(step).push(found(part));
      }
      const el = F.el;
      const key = (name, word) => el("span", {}, el("i", { class: "key key-" + name, "aria-hidden": "true" }), word);
      const wide = el("div", { class: "wide drawing", tabindex: "-1" }, [...to.children]);
      const size = el("button", { type: "button" }, "fit the width");
      size.addEventListener("click", () => {
        size.textContent = wide.classList.toggle("fit") ? "full size" : "fit the width";
      });
      to.replaceChildren(el("h2", {}, "Flow"),
        el("div", { class: "legend quiet" }, key("time", "time of all calls"), key("cost", "cost"), el("span", { class: "hint" }, "a box or a frame chooses its calls"), el("span", { class: "zoom" }, size)),
        wide);
      /* A drawing that is little too wide is shown smaller; another scrolls. */
      const shown = pictures.find((one) => one.clientWidth) || pictures[0];
      const share = to.clientWidth / Number(shown.getAttribute("width"));
      if (share < 1 && share > 0.72) size.click();
      /* A wide drawing on paper would be too small to read. */
      wide.classList.toggle("long", Number(pictures[0].getAttribute("width")) > PAPER);
      const over = () => (size.hidden = !wide.classList.contains("fit") && wide.scrollWidth <= wide.clientWidth);
      new ResizeObserver(over).observe(wide);
      wide.addEventListener("click", press);
      wide.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        press(event);
      });
      bus.on("filter", () => choose(F.table ? stepOf(F.table.get().step || "") : chosen));
      paint();
    },
    update: paint,
    select: (step) => bus.send("focusStep", step),
    holds,
  };
}

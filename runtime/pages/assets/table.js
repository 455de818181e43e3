/* F.table: the list of all calls, of which only the rows in sight exist; with search, filters and order. */
{
  const el = F.el;
  const ROW = 26;
  const MARKS = { answered: "●", reused: "○", failed: "▲", cancelled: "×", open: "◐", unsent: "–", "under way": "◐", waiting: "◌" };
  const FLAGS = {
    slow: ["slow", "The slowest twentieth of the calls"],
    dear: ["dear", "The dearest twentieth of the calls"],
    long: ["long", "The twentieth with the longest answers"],
    against: ["against its vote", "Ballots for another answer than that of the vote"],
  };
  const COLUMNS = [
    ["path", "call", (c) => c.path, "text"],
    ["answer", "answer", (c) => excerpt(c), "text"],
    ["model", "model", (c) => c.model, "text"],
    ["state", "state", (c) => c.state, "text"],
    ["began", "began, s", (c) => c.began, "number"],
    ["ms", "time, s", (c) => c.ms, "number"],
    ["read", "tokens in", (c) => c.read, "number"],
    ["written", "out", (c) => c.written, "number"],
    ["cost", "cost, $", (c) => c.cost, "number"],
  ];
  const excerpt = (call) => {
    const last = call.answers[call.answers.length - 1];
    return last ? F.text(last.text).slice(0, 160) : F.text(call.reason).slice(0, 160);
  };
  const NONE = { q: "", step: "", model: "", state: "", flags: [], sort: "" };

  let model, bus, parts;
  let filter = { ...NONE };
  let shown = [];
  let drawn = new Map();
  let selected = -1;
  const limits = {};

  const isAgainst = (call) => {
    const at = call.vote ? model.voteAt.get(call.vote) : undefined;
    return at !== undefined && call.ballot >= 0 && model.votes[at].winner >= 0 && call.ballot !== model.votes[at].winner;
  };

  /* The value from which a call belongs to the highest twentieth. The middle value never does. */
  const limitOf = (values) => {
    const known = values.filter((one) => one !== null && one > 0).sort((a, b) => a - b);
    if (!known.length) return Infinity;
    const middle = known[Math.floor((known.length - 1) / 2)];
    const limit = known[Math.min(known.length - 1, Math.floor(known.length * 0.95))];
    return limit > middle ? limit : Infinity;
  };
  const measure = () => {
    limits.slow = limitOf(model.calls.map((one) => one.ms));
    limits.dear = limitOf(model.calls.map((one) => one.cost));
    limits.long = limitOf(model.calls.map((one) => one.written));
  };
  const has = {
    slow: (call) => call.ms !== null && call.ms >= limits.slow,
    dear: (call) => call.cost !== null && call.cost >= limits.dear,
    long: (call) => call.written !== null && call.written >= limits.long,
    against: isAgainst,
  };

  const isUnder = (call, step) =>
    call.step === step ||
    F.graph.holds(step, call.path) ||
    F.below(call.path, step);

  const matches = () => {
    const q = filter.q.toLowerCase();
    const { step, model: address, state, flags } = filter;
    const failed = state === "failed";
    return (call) =>
      (!step || isUnder(call, step)) &&
      (!address || call.model === address) &&
      (!state || call.state === state || (failed && call.answers.some((one) => !one.usable))) &&
      flags.every((flag) => has[flag](call)) &&
      (!q || F.store.hay(call).includes(q));
  };

  const natural = new Intl.Collator("en", { numeric: true }).compare;
  const sorted = (calls) => {
    if (!filter.sort) return calls;
    const down = filter.sort.startsWith("-");
    const column = COLUMNS.find(([name]) => name === filter.sort.replace("-", ""));
    if (!column) return calls;
    const [, , value, kind] = column;
    const compare = kind === "text" ? natural : (a, b) => a - b;
    const keyed = calls.map((call) => ({ call, key: value(call) }));
    /* A value that is not known stands last in both directions. */
    const known = keyed.filter((one) => one.key !== null).sort((a, b) => (down ? compare(b.key, a.key) : compare(a.key, b.key)));
    return [...known, ...keyed.filter((one) => one.key === null)].map((one) => one.call);
  };

  const stateText = (call) => {
    const state = F.live ? F.live.state(call) : call.state;
    return MARKS[state] + " " + state;
  };
  const cells = (call) => [
    el("div", { role: "gridcell", class: "path", title: F.name(call.path) },
      F.name(call.path),
      call.labels.length ? el("span", { class: "quiet" }, " " + F.oneLine(F.short(call.labels.join(" / "), 80))) : ""),
    el("div", { role: "gridcell", class: "answer quiet" }, F.oneLine(excerpt(call))),
    el("div", { role: "gridcell", class: "model", title: F.name(call.model) }, F.name(call.model)),
    el("div", { role: "gridcell", class: "state " + call.state },
      stateText(call) + (isAgainst(call) ? ", against" : "")),
    el("div", { role: "gridcell", class: "number began" }, call.began === null ? "" : F.three(call.began / 1000)),
    el("div", { role: "gridcell", class: "number ms" }, call.ms === null ? "" : F.three(call.ms / 1000)),
    el("div", { role: "gridcell", class: "number read" }, F.number(call.read)),
    el("div", { role: "gridcell", class: "number written" }, F.number(call.written)),
    el("div", { role: "gridcell", class: "number cost" }, call.cost === null || (!call.answers.length && call.state !== "reused") ? "" : F.cents(call.cost)),
  ];

  const paint = () => {
    const { rows, room } = parts;
    room.style.height = shown.length * ROW + "px";
    const first = Math.max(0, Math.floor(rows.scrollTop / ROW) - 6);
    const last = Math.min(shown.length, first + Math.ceil(rows.clientHeight / ROW) + 12);
    const made = [];
    const kept = new Map();
    for (let n = first; n < last; n++) {
      const call = model.calls[shown[n]];
      const told = stateText(call) + isAgainst(call) + (call.i === selected) + n;
      const before = drawn.get(call.i);
      kept.set(call.i, before);
      /* A row that stays the same stays in the page, with the words that the reader marks in it. */
      if (before && before.call === call && before.told === told) {
        made.push(before.row);
        continue;
      }
      const row = el("div", {
        role: "row",
        class: "row",
        id: "row-" + call.i,
        "aria-rowindex": n + 2,
        "aria-selected": call.i === selected ? "true" : "false",
        onclick: () => F.table.open(call.i),
      }, cells(call));
      row.style.top = n * ROW + "px";
      made.push(row);
      kept.set(call.i, { call, told, row });
    }
    drawn = kept;
    const stay = new Set(made);
    for (const row of [...room.children]) if (!stay.has(row)) row.remove();
    made.forEach((row, n) => {
      if (room.children[n] !== row) room.insertBefore(row, room.children[n] || null);
    });
    const on = selected >= 0 && document.getElementById("row-" + selected);
    if (on) parts.grid.setAttribute("aria-activedescendant", on.id);
    else parts.grid.removeAttribute("aria-activedescendant");
  };

  const apply = () => {
    const fits = matches();
    shown = sorted(model.calls.filter(fits)).map((one) => one.i);
    parts.count.textContent =
      shown.length === model.calls.length
        ? F.count(shown.length, "call")
        : F.number(shown.length) + " of " + F.count(model.calls.length, "call");
    parts.grid.setAttribute("aria-rowcount", shown.length + 1);
    parts.empty.hidden = shown.length > 0;
    parts.empty.textContent = model.calls.length ? "No call matches." : "This run has no calls.";
    parts.clear.hidden = !(filter.q || filter.step || filter.model || filter.state || filter.flags.length);
    for (const head of parts.heads) {
      const name = head.dataset.sort;
      const order = filter.sort === name ? "ascending" : filter.sort === "-" + name ? "descending" : "none";
      head.parentElement.setAttribute("aria-sort", order);
    }
    parts.rows.scrollTop = 0;
    paint();
    bus.send("filter", fits);
  };

  const show = () => {
    parts.q.value = filter.q;
    for (const name of ["step", "model", "state"]) parts[name].value = filter[name];
    if (filter.step && parts.step.value !== filter.step) {
      /* The graph may name a part of the flow that is no step of a call. */
      parts.step.append(el("option", { value: filter.step }, F.name(filter.step)));
      parts.step.value = filter.step;
    }
    for (const one of parts.flags) one.checked = filter.flags.includes(one.value);
  };
  const set = (change) => {
    filter = { ...filter, ...change };
    show();
    apply();
    F.place.write();
  };

  const options = (name, all) => {
    const values = [...new Set(model.calls.map((one) => one[name]))];
    return [el("option", { value: "" }, all), ...values.map((one) => el("option", { value: one }, F.name(one)))];
  };

  const choice = (name, all) => {
    const made = el("select", { "aria-label": name, onchange: () => set({ [name]: made.value }) }, options(name, all));
    return made;
  };

  const controls = () => {
    const what = model.texts ? "Search paths, prompts and answers" : "Search paths";
    parts.q = el("input", { type: "search", placeholder: what + "  ( / )", "aria-label": what, spellcheck: "false" });
    parts.q.addEventListener("input", () => set({ q: parts.q.value }));
    for (const [name, all] of [["step", "all steps"], ["model", "all models"], ["state", "all states"]])
      parts[name] = choice(name, all);
    parts.flags = [];
    const flags = Object.entries(FLAGS).map(([name, [word, title]]) => {
      const box = el("input", { type: "checkbox", value: name });
      box.addEventListener("change", () =>
        set({ flags: parts.flags.filter((one) => one.checked).map((one) => one.value) }));
      parts.flags.push(box);
      return el("label", { title }, box, word);
    });
    parts.count = el("span", { class: "count quiet" });
    parts.clear = el("button", { type: "button", onclick: () => set({ ...NONE, sort: filter.sort }) }, "all calls");
    return el("div", { class: "controls", role: "search" },
      parts.q, parts.step, parts.model, parts.state, flags, parts.clear, parts.count);
  };

  const grid = () => {
    parts.heads = [];
    const heads = COLUMNS.map(([name, word, , kind]) => {
      const sort = () =>
        set({ sort: filter.sort === name ? "-" + name : filter.sort === "-" + name ? "" : name });
      const button = el("button", { type: "button", "data-sort": name, onclick: sort }, word);
      parts.heads.push(button);
      return el("div", { role: "columnheader", class: (kind === "number" ? "number " : "") + name }, button);
    });
    parts.room = el("div", { class: "room", role: "rowgroup" });
    parts.empty = el("p", { class: "quiet empty", hidden: true });
    parts.rows = el("div", { class: "rows", role: "presentation" }, parts.room, parts.empty);
    parts.rows.addEventListener("scroll", paint, { passive: true });
    parts.grid = el("div", { role: "grid", class: "grid", tabindex: "0", "aria-label": "Calls" },
      el("div", { role: "rowgroup" }, el("div", { role: "row", class: "heads", "aria-rowindex": "1" }, heads)),
      parts.rows);
    return parts.grid;
  };

  F.table = {
    mount(to, theModel, theBus) {
      [model, bus, parts] = [theModel, theBus, {}];
      measure();
      to.replaceChildren(el("h2", {}, "Calls"), controls(), grid());
      new ResizeObserver(() => paint()).observe(parts.rows);
      bus.on("select", (i) => {
        selected = i;
        F.table.reveal(i);
      });
      bus.on("focusStep", (step) => set({ step: filter.step === step ? "" : step || "" }));
      apply();
    },
    /* Take over calls that came or changed. The place of the list stays. */
    update() {
      measure();
      for (const [name, all] of [["step", "all steps"], ["model", "all models"], ["state", "all states"]]) {
        const found = options(name, all);
        /* A list that is open would close. */
        if (parts[name] !== document.activeElement && found.length !== parts[name].length)
          parts[name].replaceChildren(...found);
      }
      if (parts.q !== document.activeElement) show();
      const { rows } = parts;
      const top = rows.scrollTop;
      const under = [...drawn.values()].find((one) => one.row.matches(":hover"));
      const at = under ? shown.indexOf(under.call.i) : top ? Math.ceil(top / ROW) : -1;
      const fixed = shown[at];
      apply();
      const now = at < 0 ? -1 : shown.indexOf(fixed);
      rows.scrollTop = now < 0 ? top : top + (now - at) * ROW;
      paint();
    },
    open(i) {
      bus.send("select", i);
      F.place.write(true);
    },
    reveal(i) {
      const n = shown.indexOf(i);
      const { rows } = parts;
      if (n >= 0) {
        if (n * ROW < rows.scrollTop) rows.scrollTop = n * ROW;
        else if ((n + 1) * ROW > rows.scrollTop + rows.clientHeight)
          rows.scrollTop = (n + 1) * ROW - rows.clientHeight;
      }
      paint();
    },
    /* The next call of the list in a direction (1 or -1), or the first one. */
    step(direction) {
      if (!shown.length) return -1;
      const n = shown.indexOf(selected);
      return shown[n < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, n + direction))];
    },
    set,
    get: () => filter,
    NONE,
    shown: () => shown,
    position: (i) => shown.indexOf(i),
    search: () => parts.q,
    isAgainst,
    stateText,
  };
}

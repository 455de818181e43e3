/* The start of the page: the fragment of the address, the keys, and the mounting of all parts. */
{
  const el = F.el;
  const { model } = F.store;
  const KEYS = [
    ["/", "search"],
    ["j k", "next and previous call"],
    ["Enter", "open the call"],
    ["Esc", "close the call, or leave the search"],
    ["f", "failed calls"],
    ["t", "timeline"],
    ["?", "these keys"],
  ];
  const NAMES = ["q", "step", "model", "state", "sort"];
  let written = "";

  /* The fragment names what is shown: #call=notes[17].draft&q=word&step=… */
  const parsed = () => {
    const found = new URLSearchParams(location.hash.slice(1));
    const state = { call: found.get("call") || "", vote: found.get("vote") || "", flags: [] };
    for (const name of NAMES) state[name] = found.get(name) || "";
    state.flags = (found.get("flags") || "").split(",").filter((one) => ["slow", "dear", "long", "against"].includes(one));
    return state;
  };
  const formed = (state) => {
    const made = new URLSearchParams();
    for (const name of ["call", "vote", ...NAMES]) if (state[name]) made.set(name, state[name]);
    if (state.flags && state.flags.length) made.set("flags", state.flags.join(","));
    return made.toString().replace(/%5B/g, "[").replace(/%5D/g, "]").replace(/%2C/g, ",");
  };
  const current = () => {
    const call = model.calls[F.call.selected()];
    return { ...F.table.get(), call: call ? call.path : "", vote: F.votes.opened() };
  };

  F.place = {
    of: formed,
    write(push) {
      if (F.place.held) return;
      written = formed(current());
      if (location.hash.slice(1) === written) return;
      if (push) location.hash = written;
      else location.replace("#" + written);
    },
    read() {
      if (location.hash.slice(1) === written && written) return;
      const { call, vote, ...filter } = parsed();
      F.place.held = true;
      const at = call ? (model.byPlace.get(call) ?? model.byPath.get(call)) : undefined;
      /* A link to a call leaves the list as it is; any other link says what the list shows. */
      if (!call || NAMES.some((name) => filter[name]) || filter.flags.length) F.table.set(filter);
      F.votes.open(vote, true);
      F.bus.send("select", at === undefined ? -1 : at);
      F.place.held = false;
      written = location.hash.slice(1);
    },
  };

  const help = () => {
    const to = document.getElementById("help");
    to.replaceChildren(
      el("h2", {}, "Keys"),
      el("dl", {}, KEYS.map(([key, word]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, word)]).flat()),
      el("button", { type: "button", onclick: () => to.close() }, "close"));
    if (to.open) to.close();
    else to.showModal();
  };

  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target;
    const typing = at.tagName === "SELECT" || at.tagName === "TEXTAREA" || (at.tagName === "INPUT" && at.type === "search");
    if (event.key === "Escape") {
      if (typing) at.blur();
      else if (!document.getElementById("help").open && F.call.selected() >= 0) F.table.open(-1);
      return;
    }
    if (typing) {
      if (event.key === "Enter" && at === F.table.search() && F.table.shown().length) {
        at.blur();
        F.table.open(F.table.shown()[0]);
      }
      return;
    }
    const acts = {
      "/": () => F.table.search().focus(),
      j: () => move(1),
      k: () => move(-1),
      f: () => F.table.set({ state: F.table.get().state === "failed" ? "" : "failed" }),
      t: () => {
        const line = document.getElementById("timeline");
        line.scrollIntoView({ block: "start" });
        const inner = line.querySelector("[tabindex]");
        if (inner) inner.focus();
      },
      "?": help,
    };
    if (event.key === "Enter" && (at === document.body || at.getAttribute("role") === "grid")) {
      const i = F.call.selected() >= 0 ? F.call.selected() : F.table.step(0);
      if (i >= 0) F.table.open(i);
      const title = document.querySelector("#call h2");
      if (title) title.focus();
    } else if (at.getAttribute("role") === "grid" && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (acts[event.key]) acts[event.key]();
    else return;
    event.preventDefault();
  };
  const move = (direction) => {
    const i = F.table.step(direction);
    if (i >= 0) F.table.open(i);
  };

  /* The texts for the search: the first ones before the list is shown, so that the first search is as fast as all others,
     and the rest while nothing else happens. */
  const AT_ONCE = 25000;
  const warm = (from, most) => {
    const to = Math.min(from + most, model.calls.length);
    for (let i = from; i < to; i++) F.store.hay(model.calls[i]);
    if (to < model.calls.length) (window.requestIdleCallback || setTimeout)(() => warm(to, 200));
  };

  const mount = () => {
    const at = (id) => document.getElementById(id);
    at("main").hidden = false;
    F.sums.mount(model);
    F.votes.mount(at("votes"), model);
    F.call.mount(at("call"), model, F.bus);
    F.table.mount(at("calls"), model, F.bus);
    for (const name of ["graph", "timeline"]) {
      if (F[name] && model[name]) F[name].mount(at(name), model, F.bus);
      else at(name).hidden = true;
    }
    F.place.read();
    addEventListener("hashchange", F.place.read);
    document.addEventListener("keydown", press);
    document.body.dataset.ready = "1";
  };

  /* Add calls and figures that came meanwhile, and show them. */
  F.update = (data) => {
    F.store.apply(data);
    F.show();
  };
  F.show = () => {
    for (const name of ["sums", "votes", "table", "call", "graph", "timeline"])
      if (F[name] && (F[name] !== F.graph && F[name] !== F.timeline || model[name])) F[name].update();
  };

  const start = async () => {
    try {
      const held = document.getElementById("data");
      const data = await F.store.unpack(held.textContent);
      held.remove();
      F.store.apply(data);
      warm(0, AT_ONCE);
      mount();
      if (F.live) F.live.start();
    } catch (error) {
      const told = document.getElementById("trouble");
      told.hidden = false;
      told.textContent = "DecompressionStream" in window
        ? "The page could not be shown: its file is damaged (" + F.inert(error.message) + "). Make it again with flowrun report."
        : "This browser cannot unpack the page. Chrome 103, Firefox 113 and Safari 16.4 or later can.";
    }
  };
  /* The head is painted before the data are unpacked. */
  requestAnimationFrame(() => setTimeout(start));
}

/* F.sums: the head while a run is live, the value, the losses by cause, and the cost by model and step. */
{
  const el = F.el;
  const VALUE_LINES = 6;
  const SHORT = 600;
  const CAUSES = 20;
  let model;
  let most = CAUSES;

  // As in pages/head.py: null for `unbilled` is a call without a known price that may be paid.
  const spent = (f) => (f.unbilled !== null || !f.cost ? F.money(f.unbilled === null ? null : f.cost) : "≥ " + F.money(f.cost));

  const words = (f) => {
    const limit = f.money_limit === null ? "" : " of " + F.money(f.money_limit);
    const unbilled = f.unbilled ? ", at most " + F.money((f.cost || 0) + f.unbilled) : "";
    const saved = [
      f.early && F.count(f.early, "sample") + " not needed",
      f.reused && F.count(f.reused, "answer") + " reused",
      f.cached && F.count(f.cached, "token") + " cached",
    ].filter(Boolean);
    return {
      calls: F.number(f.calls),
      requests: F.number(f.requests) + (f.calls_limit === null ? "" : " of " + F.number(f.calls_limit)),
      time: F.duration(f.ms),
      cost: spent(f) + limit + unbilled,
      saved: saved.join(", ") || "nothing",
      losses: F.number(f.losses),
    };
  };

  const head = () => {
    for (const [name, text] of Object.entries(words(model.figures))) {
      const at = document.getElementById("figure-" + name);
      if (at && at.textContent !== text) at.textContent = text;
    }
    const state = document.getElementById("state");
    if (state && state.dataset.status !== model.run.status) {
      state.dataset.status = model.run.status;
      state.textContent = F.oneLine(model.run.state);
    }
  };

  const remarks = () => {
    const told = [...model.run.notes];
    if (!model.texts)
      told.unshift("This page was made without texts: prompts, answers, labels, reasons and values are left out.");
    document.getElementById("remarks").replaceChildren(...told.map((one) => el("p", { class: "quiet" }, F.name(one))));
  };

  const value = () => {
    const to = document.getElementById("value");
    const text = F.text(model.value);
    to.hidden = !text;
    if (!text) return;
    const first = F.short(text.split("\n").slice(0, VALUE_LINES).join("\n"), SHORT);
    const pre = el("pre", { tabindex: "0" }, first);
    const whole = first === text;
    const button = el("button", { type: "button", "aria-expanded": "false" }, "show all of it");
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", open ? "false" : "true");
      button.textContent = open ? "show all of it" : "show the beginning";
      pre.textContent = F.inert(open ? first : text);
    });
    to.replaceChildren(el("h2", {}, "Value"), pre, whole ? "" : button);
  };

  const losses = () => {
    const to = document.getElementById("losses");
    const { count, fatal, causes } = model.losses;
    to.hidden = !count;
    if (!count) return;
    const link = ([path]) => {
      const at = model.byPath.get(path);
      return el("a", { class: "path", href: "#" + F.place.of(at === undefined ? { step: path } : { call: model.calls[at].place }) },
        F.name(path));
    };
    const rows = causes.slice(0, most).map((one) => el("tr", {},
      el("td", { class: "number" }, F.number(one.count)),
      el("td", {}, model.texts ? F.oneLine(F.short(F.text(one.reason), 400)) : "(left out)"),
      el("td", {}, one.first.map((first, n) => [n ? ", " : "", link(first)]).flat(),
        one.count > one.first.length ? " and " + F.number(one.count - one.first.length) + " more" : ""),
      el("td", {}, el("code", {}, one.command))));
    const heads = ["count", "cause", "first", "asks them again"];
    to.replaceChildren(
      el("h2", {}, "Losses"),
      el("p", { class: "quiet" }, F.count(count, "loss", "losses") + (fatal ? ", " + F.number(fatal) + " of them ended a step" : "")),
      el("div", { class: "wide" }, el("table", {},
        el("thead", {}, el("tr", {}, heads.map((one, n) => el("th", { scope: "col", class: n ? null : "number" }, one)))),
        el("tbody", {}, rows))),
      causes.length > most
        ? el("button", { type: "button", onclick: () => { most *= 8; losses(); } },
          "show more of " + F.count(causes.length, "cause"))
        : "");
  };

  const costs = () => {
    const to = document.getElementById("costs");
    to.hidden = !model.calls.length;
    if (to.hidden) return;
    const table = (name) => {
      const found = new Map();
      for (const call of model.calls) {
        const sum = found.get(call[name]) || { calls: 0, ms: 0, read: 0, written: 0, cost: 0, known: true };
        sum.calls += 1;
        if (call.state !== "reused") {
          sum.ms += call.ms || 0;
          sum.read += call.read || 0;
          sum.written += call.written || 0;
        }
        if (call.cost === null) sum.known = false;
        sum.cost += call.cost || 0;
        found.set(call[name], sum);
      }
      const most = Math.max(...[...found.values()].map((one) => one.cost), 1e-12);
      const rows = [...found].sort((a, b) => b[1].cost - a[1].cost).map(([key, sum]) => {
        const bar = el("span", { class: "amount" });
        bar.style.width = (sum.cost / most) * 100 + "%";
        return el("tr", {},
          el("th", { scope: "row" }, el("a", { href: "#" + F.place.of({ [name]: key }), class: "path" }, F.name(key))),
          el("td", { class: "number" }, F.number(sum.calls)),
          el("td", { class: "number" }, F.three(sum.ms / 1000)),
          el("td", { class: "number" }, F.number(sum.read)),
          el("td", { class: "number" }, F.number(sum.written)),
          el("td", { class: "number" }, sum.known ? F.cents(sum.cost) : sum.cost ? "≥ " + F.cents(sum.cost) : "unknown"),
          el("td", { class: "amounts", "aria-hidden": "true" }, bar));
      });
      const heads = [name, "calls", "time, s", "tokens in", "out", "cost, $", ""];
      return el("div", { class: "wide" }, el("table", {},
        el("thead", {}, el("tr", {}, heads.map((one, n) => el("th", { scope: "col", class: n && n < 6 ? "number" : null }, one)))),
        el("tbody", {}, rows)));
    };
    to.replaceChildren(el("h2", {}, "Cost by model and step"), el("div", { class: "pair" }, table("model"), table("step")));
  };

  F.sums = {
    mount(theModel) {
      model = theModel;
      remarks();
      F.sums.update();
    },
    update() {
      head();
      value();
      losses();
      costs();
    },
  };
}

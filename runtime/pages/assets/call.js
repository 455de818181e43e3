/* F.call: the panel of one call: its messages, answers, attempts, tokens, and the calls before and behind it. */
{
  const el = F.el;
  const MOST = 20000;
  const LINKS = 12;
  const WAITS = {
    retry_after: "Retry-After of the server",
    outage: "outage of the server",
    rate: "rate limit",
    width: "a place at the endpoint",
    backoff: "back-off after a failure",
    budget: "room in the budget",
  };
  const ENDS = {
    answered: "● answered",
    spoilt: "▲ spoilt, paid",
    refused: "△ refused, not paid",
    doubtful: "◆ in doubt, may be paid",
    cancelled: "× cancelled",
    unsent: "– not sent",
    open: "◐ open",
  };
  let model, bus, panel;
  let selected = -1;
  let filled, place, foot;

  /* A text as it was sent or came. Of a very long text the rest is shown on demand. */
  const body = (text) => {
    const made = el("pre", { tabindex: "0" }, text.length > MOST ? text.slice(0, MOST) : text || " ");
    if (text.length <= MOST) return made;
    const more = el("button", { type: "button" }, "show all " + F.number(text.length) + " characters");
    more.addEventListener("click", () => {
      made.textContent = F.inert(text);
      more.remove();
    });
    return [made, more];
  };

  const fact = (name, ...value) => (value.flat().some(Boolean) ? [el("dt", {}, name), el("dd", {}, ...value)] : []);
  const link = (call) =>
    el("a", { href: "#" + F.place.of({ call: call.path }), class: "path" }, F.name(call.path));

  const links = (calls, rest) => {
    const items = calls.slice(0, LINKS).map((one) => el("li", {}, link(one)));
    if (calls.length > LINKS) items.push(el("li", {}, rest(calls.length)));
    return el("ul", { class: "links" }, items);
  };

  const all = (path) => (number) =>
    el("a", { href: "#" + F.place.of({ step: path }) }, "all " + F.count(number, "call") + " of " + F.name(path));

  const reads = (call, path) =>
    call.before.some((one) => F.below(path, one));

  const before = (call) =>
    call.before.flatMap((path) => {
      const calls = F.store.under(path).filter((one) => one !== call);
      return calls.length ? [links(calls, all(path))] : [];
    });
  const behind = (call) => model.calls.filter((one) => one !== call && reads(one, call.path));

  const tokens = (answers) => {
    const sum = (name) => {
      const known = answers.map((one) => one[name]).filter((one) => one !== null && one !== undefined);
      return known.length && known.length === answers.length ? known.reduce((a, b) => a + b, 0) : null;
    };
    const parts = [
      ["read", "in"], ["cached", "of them cached"], ["stored", "written to the cache"], ["images", "of images"],
      ["written", "out"], ["reasoning", "of them reasoning"],
    ];
    return parts.map(([name, word]) => [sum(name), word]).filter(([n]) => n !== null)
      .map(([n, word]) => F.number(n) + " " + word).join(", ");
  };

  const settings = (request) => {
    if (!request) return "";
    const parts = [];
    if (request.temperature !== undefined) parts.push("temperature " + request.temperature);
    if (request.max_tokens !== undefined) parts.push("at most " + F.number(request.max_tokens) + " tokens out");
    if (request.seed !== undefined) parts.push("seed " + request.seed);
    for (const [name, value] of Object.entries(request.options || {})) parts.push(name + " " + JSON.stringify(value));
    if (request.choices) parts.push("one of: " + request.choices.map((one) => F.short(one, 80)).join(" | "));
    return parts.join("; ");
  };

  const vote = (call) => {
    const at = call.vote ? model.voteAt.get(call.vote) : undefined;
    if (!call.vote) return "";
    const to = el("a", { href: "#" + F.place.of({ vote: call.vote }) }, F.name(call.vote));
    if (at === undefined || call.ballot < 0) return ["a sample of ", to];
    return [F.table.isAgainst(call) ? "▲ against the answer of " : "● for the answer of ", to];
  };

  const facts = (call) => {
    const last = call.answers[call.answers.length - 1];
    const served = [...new Set(call.answers.map((one) => one.served).filter(Boolean))].join(", ");
    const ids = call.answers.map((one) => one.id).filter(Boolean).join(", ");
    return el("dl", { class: "facts" },
      fact("state", F.table.stateText(call), call.reason ? ": " + F.text(call.reason) : ""),
      fact("model", F.name(call.model)),
      fact("served by", served && F.name(served)),
      fact("request id", ids && F.name(ids)),
      fact("time", call.ms === null ? "" : F.duration(call.ms) + ", began at " + F.duration(call.began)),
      fact("tokens", tokens(call.answers)),
      fact("cost", call.answers.length || call.state === "reused" ? F.money(call.cost) : ""),
      fact("finish", last && last.finish !== "stop" ? last.finish : ""),
      fact("settings", settings(call.request)),
      fact("vote", ...[vote(call)].flat()));
  };

  const attempts = (call) => {
    if (!call.attempts.length) return [];
    const rows = call.attempts.map((one, n) => {
      const waits = Object.entries(one.waited).map(([cause, ms]) => F.duration(ms) + " for " + (WAITS[cause] || cause));
      const time = one.began === null || one.ended === null ? "" : F.duration(one.ended - one.began);
      const own = call.answers[one.answer];
      const bill = own ? [tokens([own]), own.cost === null ? "" : F.money(own.cost)].filter(Boolean).join("; ") : "";
      return el("tr", {},
        el("td", { class: "number" }, String(n + 1)),
        el("td", {}, ENDS[one.end], one.status ? " (HTTP " + one.status + ")" : "",
          one.model ? " by " + F.name(one.model) : ""),
        el("td", { class: "number" }, one.began === null ? "" : F.duration(one.began)),
        el("td", { class: "number" }, time),
        el("td", {}, waits.join(", ")),
        el("td", {}, bill),
        el("td", {}, F.text(one.reason)));
    });
    const heads = ["", "attempt", "began at", "took", "waited before", "tokens and cost", "reason"];
    return [
      el("h3", {}, F.count(call.attempts.length, "attempt")),
      el("div", { class: "wide" }, el("table", {},
        el("thead", {}, el("tr", {}, heads.map((one, n) => el("th", { scope: "col", class: n === 2 || n === 3 ? "number" : null }, one)))),
        el("tbody", {}, rows))),
    ];
  };

  const messages = (name, refs) => {
    const made = [];
    for (let i = 0; i < refs.length; i += 2) made.push(el("h3", {}, name + F.text(refs[i])), body(F.text(refs[i + 1])));
    return made.flat();
  };

  /* The messages that attempts added to the prompt after answer n - 1 and up to answer n, each once. */
  const corrections = (call, n) => {
    const last = (m) => Math.max(-1, ...call.attempts.map((one, at) => (one.answer !== null && one.answer < m ? at : -1)));
    const upTo = n < call.answers.length ? last(n + 1) : call.attempts.length - 1;
    const same = (a, b) => String(a.correction) === String(b.correction);
    return call.attempts.slice(0, upTo + 1).flatMap((one, at, all) => {
      if (at <= last(n) || !one.correction || all.findIndex((other) => same(one, other)) < at) return [];
      return messages("Added in attempt " + (at + 1) + ": ", one.correction);
    });
  };

  const answers = (call) =>
    [...call.answers.flatMap((one, n) => {
      const name = call.answers.length > 1 ? "Answer " + (n + 1) + " of " + call.answers.length : "Answer";
      const error = one.error ? el("p", { class: "bad" }, "▲ spoilt: " + F.text(one.error)) : "";
      const value = one.value ? [el("h3", {}, "Value"), body(F.text(one.value))] : [];
      const more = one.more ? [el("h3", {}, "More"), body(F.text(one.more))] : [];
      return [...corrections(call, n), el("h3", {}, name), error, body(F.text(one.text)), ...value.flat(), ...more.flat()].flat();
    }), ...corrections(call, call.answers.length)];

  const placeOf = (call) => {
    const n = F.table.position(call.i);
    return n < 0 ? "" : F.number(n + 1) + " of " + F.number(F.table.shown().length);
  };
  const bar = (call) => {
    place = el("span", { class: "quiet" }, placeOf(call));
    const copy = el("button", { type: "button" }, "copy as JSON");
    copy.addEventListener("click", async () => {
      const done = await F.copy(JSON.stringify(F.store.row(call), null, 2));
      copy.textContent = done ? "copied" : "the browser does not allow copying";
    });
    const step = (direction, word, key) =>
      el("button", { type: "button", title: "key " + key, onclick: () => F.table.open(F.table.step(direction)) }, word);
    return el("div", { class: "bar" },
      step(-1, "previous", "k"), step(1, "next", "j"),
      place,
      copy,
      el("button", { type: "button", title: "key Esc", onclick: () => F.table.open(-1) }, "close"));
  };

  /* The calls before and behind a call. They grow while the run goes on. */
  const around = (call) => {
    const inputs = before(call);
    const users = behind(call);
    const rest = (number) => el("span", { class: "quiet" }, "and " + F.number(number - LINKS) + " more");
    return el("div", {},
      inputs.length ? [el("h3", {}, "Its inputs came from"), ...inputs] : "",
      users.length ? [el("h3", {}, "Used by"), links(users, rest)] : "");
  };

  const fill = () => {
    const call = model.calls[selected];
    filled = call;
    panel.hidden = !call;
    document.body.classList.toggle("open", Boolean(call));
    if (!call) {
      panel.replaceChildren();
      return;
    }
    foot = around(call);
    const texts = model.texts
      ? [...messages("Prompt: ", call.prompt), ...answers(call)]
      : [el("p", { class: "quiet" }, "This page was made without texts: prompts, answers, labels and reasons are left out.")];
    const schema = call.request && call.request.schema;
    panel.replaceChildren(...[
      bar(call),
      el("h2", { tabindex: "-1" }, F.name(call.path)),
      call.labels.length ? el("p", { class: "quiet" }, F.oneLine(call.labels.join(" / "))) : "",
      facts(call),
      texts,
      attempts(call),
      schema ? [el("h3", {}, "Schema of the answer"), body(JSON.stringify(schema, null, 2))].flat() : "",
      foot,
    ].flat(2).filter(Boolean));
    panel.scrollTop = 0;
  };

  F.call = {
    mount(to, theModel, theBus) {
      [panel, model, bus] = [to, theModel, theBus];
      bus.on("select", (i) => {
        selected = i;
        fill();
      });
    },
    update() {
      const call = model.calls[selected];
      if (call && call === filled) {
        /* The texts stay as they are, with the words that the reader marks in them. */
        place.textContent = placeOf(call);
        const now = around(call);
        if (now.textContent !== foot.textContent) foot.replaceChildren(...now.childNodes);
        return;
      }
      const top = panel.scrollTop;
      fill();
      panel.scrollTop = top;
    },
    selected: () => selected,
  };
}

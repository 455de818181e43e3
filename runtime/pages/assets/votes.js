/* F.votes: the votes: a bar of the ballots by class, and on demand the ballots with their calls. */
{
  const el = F.el;
  const FIRST = 50;
  let model, to;
  let opened = "";
  let most = FIRST;

  const name = (vote, n) => {
    const [ref] = vote.classes[n];
    return model.texts ? F.oneLine(F.short(F.text(ref), 120)) || "(empty)" : "answer " + (n + 1);
  };

  const bar = (vote) => {
    const all = Math.max(vote.of, vote.classes.reduce((sum, [, n]) => sum + n, 0)) || 1;
    const made = el("div", { class: "ballots", "aria-hidden": "true" });
    vote.classes.forEach(([, n], at) => {
      const part = el("span", { class: "class" + Math.min(at, 4) + (at === vote.winner ? " winner" : ""),
        title: name(vote, at) + ": " + F.votesOf(n) });
      part.style.flexGrow = n / all;
      part.append(F.inert(n / all > 0.08 ? F.short(name(vote, at), 40) : ""));
      made.append(part);
    });
    const missing = all - vote.classes.reduce((sum, [, n]) => sum + n, 0);
    if (missing > 0) {
      const part = el("span", { class: "missing", title: "missing" });
      part.style.flexGrow = missing / all;
      made.append(part);
    }
    return made;
  };

  const tally = (vote) => {
    const parts = vote.classes.slice(0, 3).map(([, n], at) => name(vote, at) + " " + F.votesOf(n));
    if (vote.classes.length > 3) parts.push(F.number(vote.classes.length - 3) + " more");
    return parts.join(", ") || "no ballots";
  };

  const remarks = (vote) => {
    const parts = vote.told ? [vote.told] : [];
    if (vote.saved) parts.push(F.count(vote.saved, "sample") + " not needed");
    if (vote.discarded) parts.push(F.number(vote.discarded) + " discarded");
    if (vote.missing) parts.push(F.number(vote.missing) + " missing");
    if (!vote.settled) parts.push("▲ not settled");
    return parts.join(", ");
  };

  const ballots = (vote) => {
    const calls = model.calls.filter((one) => one.vote === vote.path);
    const items = calls.slice(0, 200).map((call) => {
      const word = call.ballot >= 0 ? name(vote, call.ballot) : call.state === "answered" ? "no ballot" : call.state;
      return el("li", {}, F.table.isAgainst(call) ? "▲ " : "● ",
        el("a", { href: "#" + F.place.of({ call: call.path }), class: "path" }, F.name(call.path)), " ", word);
    });
    const rest = calls.length > 200 ? [el("li", { class: "quiet" }, "and " + F.number(calls.length - 200) + " more")] : [];
    return el("ul", { class: "links" }, items, rest);
  };

  /* Who said what in a panel: a line for each item. */
  const panel = (vote) => {
    if (!vote.panel.length) return [];
    const shown = (ref, n, other) => (model.texts ? F.oneLine(F.short(F.text(ref), 60)) || "(empty)" : other + " " + (n + 1));
    const said = (answers) =>
      answers.slice(0, 3).map(([ref, n], at) => shown(ref, at, "answer") + " " + F.votesOf(n)).join(", ")
      + (answers.length > 3 ? " and " + F.number(answers.length - 3) + " more" : "");
    const items = vote.panel.slice(0, 50).map(([ref, answers], at) =>
      el("li", {}, shown(ref, at, "item"), ": ", answers.length ? said(answers) : "no ballot"));
    return [el("ul", { class: "links" }, items)];
  };

  const row = (vote) => {
    const open = vote.path === opened;
    const button = el("button", { type: "button", "aria-expanded": open ? "true" : "false", class: "path",
      onclick: () => F.votes.open(open ? "" : vote.path) }, F.name(vote.path));
    const made = [el("tr", { id: "vote-" + vote.i },
      el("th", { scope: "row" }, button),
      el("td", { class: "bars" }, bar(vote), el("span", { class: "quiet" }, tally(vote))),
      el("td", { class: "number" }, F.number(vote.asked) + " of " + F.number(vote.planned)),
      el("td", { class: "number" }, vote.agreement.toFixed(2)),
      el("td", { class: "number" }, F.votesOf(vote.margin)),
      el("td", { class: "number" }, vote.stands === null ? "" : F.number(vote.stands)),
      el("td", { class: "number" }, vote.decided === null ? "" : F.three(vote.decided / 1000)),
      el("td", {}, remarks(vote)))];
    if (open) made.push(el("tr", {}, el("td", { colspan: "8" }, panel(vote), ballots(vote))));
    return made;
  };

  const fill = () => {
    to.hidden = !model.votes.length;
    if (to.hidden) return;
    /* Searches and tournaments are no votes: they only have an account in words. */
    const counted = model.votes.filter((one) => !one.contest);
    const split = counted.filter((one) => one.agreement < 1).length;
    const mean = counted.reduce((sum, one) => sum + one.agreement, 0) / counted.length;
    const others = model.votes.length - counted.length;
    const settled = counted.filter((one) => one.settled).length;
    const ended = counted.filter((one) => !one.settled && one.unsent > 0).length;
    const open = counted.length - settled - ended;
    const figures = [
      counted.length ? F.count(counted.length, "vote") + ", " + F.number(split) + " of them split; mean agreement " +
        mean.toFixed(2) : "",
      ended ? F.number(settled) + " decided, " + F.number(ended) + " ended with the budget" +
        (open ? ", " + F.number(open) + " undecided after all samples" : "") : "",
      others ? F.number(others) + (others > 1 ? " searches or tournaments" : " search or tournament") : "",
    ];
    const heads = ["vote", "ballots", "samples", "agreement", "margin", "stands against", "decided, s", ""];
    /* The least certain votes come first, since they are what one looks for. */
    const ordered = [...model.votes].sort((a, b) => a.agreement - b.agreement || a.i - b.i);
    const shown = ordered.filter((one, n) => n < most || one.path === opened);
    const more = ordered.length > shown.length
      ? el("button", { type: "button", onclick: () => { most *= 4; fill(); } },
        "show more of " + F.count(ordered.length, "vote"))
      : "";
    to.replaceChildren(
      el("h2", {}, "Votes"),
      el("p", { class: "quiet" },
        figures.filter(Boolean).join("; ")),
      el("div", { class: "wide" }, el("table", { class: "votes" },
        el("thead", {}, el("tr", {}, heads.map((one, n) =>
          el("th", { scope: "col", class: n > 1 && n < 7 ? "number" : null }, one)))),
        el("tbody", {}, shown.map(row)))), more);
  };

  F.votes = {
    mount(theTo, theModel) {
      [to, model] = [theTo, theModel];
      fill();
    },
    update: fill,
    open(path, quiet) {
      opened = path;
      fill();
      const at = model.voteAt.get(path);
      const found = at === undefined ? null : document.getElementById("vote-" + at);
      if (found && quiet) found.scrollIntoView({ block: "center" });
      if (!quiet) F.place.write();
    },
    opened: () => opened,
  };
}

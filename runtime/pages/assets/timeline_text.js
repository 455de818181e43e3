/* F.timelineText: the words of the timeline for a cause of waiting, for a bar and for the time spent. */
{
  const el = F.el;
  const { KINDS } = F.lanes;

  const causeText = ({ data, lanes }, cause, lane) => {
    const words = data.words[cause] || cause;
    const name = lane >= 0 && lanes[lane] ? F.oneLine(lanes[lane].name) : "";
    return name && cause !== "own" ? words + (cause === "retry_after" || cause === "outage" || cause === "rate" ? " of " : " at ") + name : words;
  };

  const barLines = (drawn, bar) => {
    const call = drawn.model.calls[bar.calls[0]];
    const [attempt] = bar.attempts;
    const lines = [F.short(F.oneLine(call.path), 120) + (bar.calls.length > 1 ? " and " + F.count(bar.calls.length - 1, "other call") : "")];
    if (call.labels.length) lines.push(F.short(F.oneLine(call.labels.join(" / ")), 120));
    const from = "from " + F.duration(bar.began) + " of the run";
    const end = bar.kind === KINDS.OPEN ? "under way" : bar.kind === KINDS.REUSED ? "reused" : attempt.end;
    lines.push(end + (attempt.status ? ", HTTP " + attempt.status : "") + ", " + F.duration(bar.ended - bar.began) + ", " + from);
    for (const [cause, ms] of Object.entries(attempt.waited)) lines.push("waited " + F.duration(ms) + ": " + causeText(drawn, cause, bar.lane));
    const reason = F.text(attempt.reason);
    if (reason) lines.push(F.short(F.oneLine(reason), 200));
    return lines;
  };

  /* The table says the same as the drawing, for print and for those who do not see it. */
  const spentRows = (data) => {
    const causes = [...new Set([...Object.keys(data.spent), ...Object.keys(data.spentInAll)])];
    const share = Object.values(data.spent).reduce((a, b) => a + b, 0);
    const cell = (value) => el("td", { class: "number" }, value === undefined ? "" : F.three(value / 1000));
    return causes.map((cause) => {
      const bar = el("span", { class: "amount" });
      bar.style.width = share ? (100 * (data.spent[cause] || 0)) / share + "%" : "0";
      return el("tr", {}, el("th", { scope: "row" }, data.words[cause] || cause), cell(data.spent[cause]), el("td", { class: "amounts" }, bar), cell(data.spentInAll[cause]));
    });
  };

  F.timelineText = { causeText, barLines, spentRows };
}

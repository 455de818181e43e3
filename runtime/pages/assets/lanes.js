/* F.lanes: the bars of the timeline, packed into the rows of their lanes, and the scale of time without the pauses. */
{
  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5];
  const KINDS = { SENT: 0, AGAIN: 1, FAILED: 2, REUSED: 3, CANCELLED: 4, OPEN: 5 };
  const PAUSE = 0.02;

  const kindOf = (call, attempt, number) => {
    if (call.state === "reused") return KINDS.REUSED;
    if (attempt.end === "cancelled") return KINDS.CANCELLED;
    if (attempt.ended === null || attempt.end === "open") return KINDS.OPEN;
    if (attempt.end !== "answered") return KINDS.FAILED;
    return number ? KINDS.AGAIN : KINDS.SENT;
  };

  /* A request carries several calls. It is one bar. */
  const barsOf = (model, laneOf, endOf) => {
    const made = new Map();
    for (const call of model.calls) {
      call.attempts.forEach((attempt, number) => {
        const { began, ended } = attempt;
        if (began === null || began === undefined) return;
        const key = attempt.request ? attempt.request + " " + began + " " + call.model : {};
        const known = made.get(key);
        if (known) {
          known.calls.push(call.i);
          known.attempts.push(attempt);
          return;
        }
        const waited = Object.values(attempt.waited).reduce((a, b) => a + b, 0);
        const end = ended === null || ended === undefined ? endOf(began) : Math.max(began, ended);
        const kind = kindOf(call, attempt, number);
        made.set(key, { began, ended: end, waited, kind, number, lane: laneOf(call.model), row: 0, calls: [call.i], attempts: [attempt], wait: began });
      });
    }
    const sorted = [...made.values()].sort((a, b) => a.began - b.began || a.ended - b.ended);
    sorted.forEach((bar, n) => (bar.n = n));
    return sorted;
  };

  /* The free rows are a heap by their number, so that low rows fill first. */
  const packed = (bars, count) => {
    const lanes = Array.from({ length: count }, () => ({ rows: [], busy: [] }));
    for (const bar of bars) {
      const { rows } = lanes[bar.lane];
      let row = 0;
      while (row < rows.length && rows[row].end > bar.began) row++;
      if (row === rows.length) rows.push({ end: -Infinity, bars: [] });
      /* The wait stands before the bar, as far as the row is free. */
      bar.wait = Math.max(bar.began - bar.waited, rows[row].end, 0);
      bar.row = row;
      rows[row].bars.push(bar);
      rows[row].end = Math.max(bar.ended, bar.began + 1e-9);
    }
    return lanes.map((one) => one.rows.map((row) => row.bars));
  };

  /* Positions on the scale are milliseconds in which the run was alive. Each pause takes the same small length. */
  const scaleOf = (stretches) => {
    const alive = stretches.reduce((sum, [from, to]) => sum + to - from, 0);
    const pause = Math.max(1, alive * PAUSE);
    const parts = [];
    let at = 0;
    for (const [from, to] of stretches) {
      parts.push({ from, to, at });
      at += to - from + pause;
    }
    const length = Math.max(1, at - pause);
    const partOf = (time) => {
      let [low, high] = [0, parts.length - 1];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (parts[middle].from <= time) low = middle;
        else high = middle - 1;
      }
      return parts[low];
    };
    const place = (time) => {
      const part = partOf(time);
      return part.at + Math.min(Math.max(time, part.from), part.to) - part.from;
    };
    return { parts, pause, length, place, end: parts[parts.length - 1].to };
  };

  const stepOf = (length, room) => {
    const least = length / Math.max(1, room);
    return STEPS.find((one) => one >= least) || Math.ceil(least / 864e5) * 864e5;
  };

  const two = (number) => String(number).padStart(2, "0");
  const tickText = (time, step) => {
    if (!time) return "0";
    if (step < 1000) return step < 10 && time < 1000 ? time + " ms" : (time / 1000).toFixed(step < 10 ? 3 : step < 100 ? 2 : 1) + " s";
    if (time < 60e3) return time / 1000 + " s";
    const seconds = Math.round(time / 1000);
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    return h ? h + ":" + two(m) + ":" + two(s) : m + ":" + two(s);
  };

  F.lanes = { KINDS, barsOf, packed, scaleOf, stepOf, tickText };
}

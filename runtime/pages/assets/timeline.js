/* F.timeline: all requests of a run on a canvas, a lane for each endpoint, with the critical path and the idle time. */
{
  const el = F.el;
  const { KINDS, barsOf, packed, scaleOf, stepOf, tickText } = F.lanes;
  const COLOURS = ["text", "quiet", "ground", "raised", "line", "accent", "bad", "odd", "chosen"];
  const AXIS = 22;
  const STRIP = 30;
  const HEAD = 30;
  const ROOM = 240;
  const LEGEND = [
    ["waiting", "wait"], ["sending", "sent"], ["sent again", "again"], ["failed", "failed"], ["reused", "reused"],
    ["cancelled", "cancelled"], ["under way", "open"], ["critical path", "path"],
  ];

  let model, bus, parts, data, scale, bars, lanes, tops, height;
  let view = { from: 0, length: 1 };
  let fits = null;
  let matching = null;
  let selected = -1;
  let focused = null;
  let frame = 0;
  let colours = {};
  let hatch = null;
  let drag = null;

  /* A new endpoint of a live run has no lane in the data yet. */
  const laneNames = () => {
    const found = new Map();
    const names = data.lanes.map((lane, n) => {
      for (const one of lane.models) found.set(one, n);
      return lane.name;
    });
    for (const call of model.calls) {
      if (found.has(call.model) || call.attempts.every((one) => one.began === null)) continue;
      found.set(call.model, names.length);
      names.push(call.model);
    }
    return [names, (address) => found.get(address)];
  };

  const read = () => {
    data = model.timeline || { lanes: [], stretches: [], path: [], gaps: [], spent: {}, spentInAll: {}, words: {}, told: [], untimed: 0, timed: 0 };
    const [names, laneOf] = laneNames();
    const stretches = data.stretches.length ? data.stretches.map((one) => [...one]) : [[0, 0]];
    const last = stretches[stretches.length - 1];
    for (const call of model.calls)
      for (const one of call.attempts) if (one.began !== null) last[1] = Math.max(last[1], one.began, one.ended || 0);
    if (model.run && model.run.status === "running") last[1] = Math.max(last[1], model.run.length || 0);
    const whole = !scale || view.length >= scale.length;
    scale = scaleOf(stretches);
    const endOf = (began) => {
      const part = scale.parts.filter((one) => one.from <= began).pop();
      return part ? Math.max(part.to, began) : began;
    };
    bars = barsOf(model, laneOf, endOf);
    lanes = packed(bars, names.length).map((rows, n) => ({ name: names[n], rows, step: Math.min(13, Math.max(0.5, ROOM / Math.max(1, rows.length))) }));
    tops = [];
    height = AXIS + STRIP;
    for (const lane of lanes) {
      tops.push(height + HEAD);
      height += HEAD + lane.rows.length * lane.step + 8;
    }
    if (whole) view = { from: 0, length: scale.length };
    else look(view.from, view.length);
    matching = null;
    parts.barOf = null;
  };

  const look = (from, length) => {
    length = Math.min(scale.length, Math.max(length, Math.min(scale.length, 5)));
    view = { from: Math.min(Math.max(0, from), scale.length - length), length };
    draw();
  };
  const width = () => parts.canvas.clientWidth || 1;
  const x = (time) => ((scale.place(time) - view.from) / view.length) * width();
  const zoom = (factor, at = 0.5) => {
    const length = Math.min(scale.length, Math.max(5, view.length * factor));
    look(view.from + (view.length - length) * at, length);
  };
  const inSight = (bar) => {
    const [from, to] = [scale.place(bar.began), scale.place(bar.ended)];
    if (from < view.from || to > view.from + view.length) look((from + to - view.length) / 2, view.length);
  };

  const readColours = () => {
    for (const name of COLOURS) colours[name] = getComputedStyle(parts.probes[name]).color;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const pen = tile.getContext("2d");
    pen.strokeStyle = colours.accent;
    pen.lineWidth = 1.6;
    for (const offset of [-6, 0, 6]) {
      pen.beginPath();
      pen.moveTo(offset - 1, 7);
      pen.lineTo(offset + 7, -1);
      pen.stroke();
    }
    hatch = parts.canvas.getContext("2d").createPattern(tile, "repeat");
  };

  const draw = () => {
    if (!frame) frame = requestAnimationFrame(paint);
  };
  const paint = () => {
    frame = 0;
    const { canvas } = parts;
    if (!bars.length || !canvas.clientWidth) return;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [width(), Math.ceil(height)];
    if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
      canvas.style.height = h + "px";
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(h * ratio);
    }
    if (!matching) matching = bars.map((bar) => !fits || bar.calls.some((i) => fits(model.calls[i])));
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, w, h);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    drawAxis(pen, w, h);
    drawLanes(pen, w);
    drawBars(pen, w);
    drawGaps(pen, w);
    drawPath(pen, w);
    drawChosen(pen);
  };

  const drawAxis = (pen, w, h) => {
    const step = stepOf(view.length, Math.max(2, w / 90));
    for (const part of scale.parts) {
      const low = Math.max(part.from, part.from + view.from - part.at);
      const high = Math.min(part.to, part.from + view.from + view.length - part.at);
      for (let time = Math.ceil(low / step) * step; time <= high; time += step) {
        const at = Math.round(x(time)) + 0.5;
        pen.fillStyle = colours.line;
        pen.fillRect(at - 0.5, AXIS - 5, 1, h - AXIS + 5);
        const text = tickText(time, step);
        const size = pen.measureText(text).width;
        pen.fillStyle = colours.quiet;
        pen.fillText(text, Math.min(Math.max(0, at - size / 2), w - size), 8);
      }
    }
    scale.parts.slice(1).forEach((part, n) => {
      const before = scale.parts[n];
      const [from, to] = [((part.at - scale.pause - view.from) / view.length) * w, ((part.at - view.from) / view.length) * w];
      if (to < 0 || from > w) return;
      pen.fillStyle = colours.raised;
      pen.fillRect(from, AXIS, to - from, h);
      pen.setLineDash([3, 3]);
      pen.strokeStyle = colours.quiet;
      for (const at of [from, to]) {
        pen.beginPath();
        pen.moveTo(at, AXIS);
        pen.lineTo(at, h);
        pen.stroke();
      }
      pen.setLineDash([]);
      pen.save();
      pen.translate((from + to) / 2, Math.min(h - 4, AXIS + STRIP + 90));
      pen.rotate(-Math.PI / 2);
      pen.fillStyle = colours.quiet;
      if (to - from > 11) pen.fillText(F.duration(part.from - before.to) + " pause", 0, 0);
      pen.restore();
    });
  };

  const drawLanes = (pen, w) => {
    lanes.forEach((lane, n) => {
      const top = tops[n] - HEAD;
      pen.fillStyle = colours.line;
      pen.fillRect(0, top, w, 1);
      pen.fillStyle = colours.text;
      const most = lane.rows.length;
      label(pen, F.oneLine(lane.name) + (most ? ", " + F.number(most) + " at once" : ", nothing sent"), 0, top + 9, w);
    });
  };

  const label = (pen, text, at, y, room) => {
    while (text.length > 3 && pen.measureText(text).width > room) text = text.slice(0, Math.max(2, Math.floor(text.length * 0.9) - 1)) + "…";
    if (pen.measureText(text).width > room) return false;
    pen.fillText(text, at, y);
    return true;
  };

  /* Bars of less than a pixel are drawn once for each pixel of a row. */
  const drawBars = (pen, w) => {
    const perMs = w / view.length;
    lanes.forEach((lane, n) => {
      const thick = Math.max(lane.step > 4 ? lane.step - 2 : lane.step * 0.9, 0.5);
      const drawn = new Map();
      lane.rows.forEach((row, r) => {
        const y = tops[n] + r * lane.step;
        let last = -1;
        let lastLow = true;
        for (const bar of row) {
          const from = (scale.place(bar.began) - view.from) * perMs;
          const to = (scale.place(bar.ended) - view.from) * perMs;
          const wait = (scale.place(bar.wait) - view.from) * perMs;
          if (to < 0) continue;
          if (wait > w) break;
          const on = matching[bar.n];
          const pixel = Math.floor(from);
          if (to - from < 1 && pixel === last && (lastLow === !on || !on)) continue;
          last = to - from < 1 ? pixel : -1;
          lastLow = !on;
          const key = on ? bar.kind : -1;
          if (!drawn.has(key)) drawn.set(key, []);
          drawn.get(key).push(from, Math.max(1, to - from), wait, y);
        }
      });
      for (const [kind, list] of drawn) fill(pen, kind, list, thick, w);
    });
  };

  const fill = (pen, kind, list, thick, w) => {
    pen.save();
    pen.fillStyle = pen.strokeStyle = kind === -1 ? colours.line : colours.quiet;
    const thin = Math.min(1.5, thick);
    for (let i = 0; i < list.length; i += 4)
      if (list[i] - list[i + 2] > 0.5) pen.fillRect(Math.max(0, list[i + 2]), list[i + 3] + (thick - thin) / 2, Math.min(list[i], w) - Math.max(0, list[i + 2]), thin);
    const colour = kind === -1 ? colours.line : kind === KINDS.FAILED ? colours.bad : colours.accent;
    pen.fillStyle = pen.strokeStyle = colour;
    if (kind === KINDS.CANCELLED) pen.globalAlpha = 0.45;
    const hollow = kind === KINDS.REUSED || kind === KINDS.AGAIN;
    for (let i = 0; i < list.length; i += 4) {
      const from = Math.max(list[i], -4);
      const size = Math.min(list[i] + list[i + 1], w + 4) - from;
      const y = list[i + 3];
      if (hollow && thick > 3 && size > 3) {
        if (kind === KINDS.AGAIN) {
          pen.fillStyle = hatch || colour;
          pen.fillRect(from, y, size, thick);
        }
        pen.strokeRect(from + 0.5, y + 0.5, size - 1, thick - 1);
      } else if (kind === KINDS.CANCELLED) pen.fillRect(from, y + thick / 3, size, thick / 3);
      else if (kind === KINDS.OPEN && thick > 3 && size > thick) {
        pen.beginPath();
        pen.moveTo(from, y);
        pen.lineTo(from + size - thick / 2, y);
        pen.lineTo(from + size, y + thick / 2);
        pen.lineTo(from + size - thick / 2, y + thick);
        pen.lineTo(from, y + thick);
        pen.fill();
      } else pen.fillRect(from, y, size, thick);
      if (kind === KINDS.FAILED && thick > 4 && size >= 5) {
        pen.fillStyle = colours.ground;
        pen.fillRect(from + size - 3, y + 1.5, 1.5, thick - 3);
        pen.fillStyle = colour;
      }
    }
    pen.restore();
  };

  const causeText = (cause, lane) => {
    const words = data.words[cause] || cause;
    const name = lane >= 0 && lanes[lane] ? F.oneLine(lanes[lane].name) : "";
    return name && cause !== "own" ? words + (cause === "retry_after" || cause === "outage" || cause === "rate" ? " of " : " at ") + name : words;
  };

  const drawGaps = (pen, w) => {
    for (const [from, to, cause, lane] of data.gaps) {
      const [low, high] = [Math.max(0, x(from)), Math.min(w, x(to))];
      if (lane < 0 || high - low < 2) continue;
      const y = tops[lane] - 9;
      pen.strokeStyle = pen.fillStyle = colours.odd;
      pen.beginPath();
      pen.moveTo(low + 0.5, y + 6);
      pen.lineTo(low + 0.5, y + 2.5);
      pen.lineTo(high - 0.5, y + 2.5);
      pen.lineTo(high - 0.5, y + 6);
      pen.stroke();
      const time = F.duration(to - from);
      const text = [time + ": " + causeText(cause, lane), time + ": " + causeText(cause, -1), time].find((one) => pen.measureText(one).width + 8 <= high - low);
      if (!text) continue;
      const size = pen.measureText(text).width;
      pen.fillStyle = colours.ground;
      pen.fillRect((low + high - size) / 2 - 3, y - 4, size + 6, 12);
      pen.fillStyle = colours.odd;
      pen.fillText(text, (low + high - size) / 2, y + 2);
    }
  };

  const placeOf = (i, time) => {
    if (!parts.barOf) {
      parts.barOf = new Map();
      for (const bar of bars) for (const one of bar.calls) parts.barOf.set(one, [...(parts.barOf.get(one) || []), bar]);
    }
    const own = parts.barOf.get(i) || [];
    return own.find((bar) => bar.began <= time && time <= bar.ended) || own.find((bar) => bar.began >= time) || own[own.length - 1];
  };

  /* The strip names the causes along the path; the line leads through the bars that determined the end. */
  const drawPath = (pen, w) => {
    if (!data.path.length) return;
    const y = AXIS + 8;
    pen.fillStyle = colours.quiet;
    let free = 0;
    pen.save();
    for (const [from, to, cause] of data.path) {
      const [low, high] = [Math.max(0, x(from)), Math.min(w, x(to))];
      if (high < 0 || low > w || high - low <= 0) continue;
      const working = cause === "server";
      pen.fillStyle = working ? colours.accent : cause === "retries" ? colours.bad : cause === "own" ? colours.quiet : colours.odd;
      const thick = working ? 7 : cause === "retries" ? 5 : cause === "own" ? 1.5 : 3;
      pen.fillRect(low, y - thick / 2, Math.max(high - low - (high - low > 3 ? 1 : 0), 0.5), thick);
      const text = F.duration(to - from) + (working ? "" : ": " + causeText(cause, -1));
      const size = pen.measureText(text).width;
      if (high - low > size + 6 && low >= free) {
        pen.fillText(text, low + 1, y + 13);
        free = low + size + 6;
      }
    }
    pen.restore();
    pen.strokeStyle = colours.text;
    let before = null;
    for (const [from, to, cause, i] of data.path) {
      if (i < 0) continue;
      const bar = placeOf(i, from);
      if (!bar) continue;
      const at = tops[bar.lane] + bar.row * lanes[bar.lane].step + Math.max(lanes[bar.lane].step - 2, 1) / 2;
      const [low, high] = [Math.max(-9, Math.min(w + 9, x(from))), Math.max(-9, Math.min(w + 9, x(to)))];
      if (high < 0 || low > w) {
        before = [high, at];
        continue;
      }
      const sending = cause === "server" || cause === "retries";
      pen.lineWidth = 1;
      pen.setLineDash([2, 3]);
      pen.beginPath();
      if (before) {
        pen.moveTo(before[0], before[1]);
        pen.lineTo(low, before[1]);
        pen.lineTo(low, at);
      }
      if (!sending) {
        pen.moveTo(low, at);
        pen.lineTo(high, at);
      }
      pen.stroke();
      pen.setLineDash([]);
      if (sending) {
        pen.fillStyle = colours.text;
        pen.fillRect(low, at - 1, Math.max(1, high - low), 2);
      }
      before = [high, at];
    }
  };

  const drawChosen = (pen) => {
    if (!focused && selected < 0) return;
    for (const bar of bars) {
      if (bar !== focused && !(selected >= 0 && bar.calls.includes(selected))) continue;
      const { step } = lanes[bar.lane];
      const thick = Math.max(step > 4 ? step - 2 : step, 2);
      const from = x(bar.began);
      pen.strokeStyle = colours.text;
      pen.lineWidth = 2;
      pen.strokeRect(from - 2, tops[bar.lane] + bar.row * step - 2, Math.max(1, x(bar.ended) - from) + 4, thick + 4);
      pen.lineWidth = 1;
    }
  };

  const hit = (event) => {
    const box = parts.canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const strip = py < AXIS + STRIP;
    const gap = (list, lane) =>
      list.find(([from, to, , l]) => (strip || l === lane) && px >= x(from) - 2 && px <= x(to) + 2);
    if (strip) return { px, py, piece: gap(data.path, -1) };
    for (let n = 0; n < lanes.length; n++) {
      const lane = lanes[n];
      if (py < tops[n] - HEAD || py > tops[n] + lane.rows.length * lane.step + 4) continue;
      if (py < tops[n]) return { px, py, gap: gap(data.gaps, n) };
      const row = Math.min(lane.rows.length - 1, Math.floor((py - tops[n]) / lane.step));
      const reach = lane.step < 4 ? Math.ceil(3 / lane.step) : 0;
      let best = null;
      for (let r = Math.max(0, row - reach); r <= Math.min(lane.rows.length - 1, row + reach); r++) {
        const bar = nearest(lane.rows[r], px);
        if (bar && (!best || Math.abs(r - row) < best[1])) best = [bar, Math.abs(r - row)];
      }
      return { px, py, bar: best && best[0] };
    }
    return { px, py };
  };
  const nearest = (row, px) => {
    let [low, high] = [0, row.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (x(row[middle].ended) + 3 < px) low = middle + 1;
      else high = middle;
    }
    const bar = row[low];
    return bar && px >= x(bar.wait) - 3 && px <= x(bar.ended) + 3 ? bar : null;
  };

  const barLines = (bar) => {
    const call = model.calls[bar.calls[0]];
    const [attempt] = bar.attempts;
    const lines = [F.short(F.oneLine(call.path), 120) + (bar.calls.length > 1 ? " and " + F.count(bar.calls.length - 1, "other call") : "")];
    if (call.labels.length) lines.push(F.short(F.oneLine(call.labels.join(" / ")), 120));
    const from = "from " + F.duration(bar.began) + " of the run";
    const end = bar.kind === KINDS.OPEN ? "under way" : bar.kind === KINDS.REUSED ? "reused" : attempt.end;
    lines.push(end + (attempt.status ? ", HTTP " + attempt.status : "") + ", " + F.duration(bar.ended - bar.began) + ", " + from);
    for (const [cause, ms] of Object.entries(attempt.waited)) lines.push("waited " + F.duration(ms) + ": " + causeText(cause, bar.lane));
    const reason = F.text(attempt.reason);
    if (reason) lines.push(F.short(F.oneLine(reason), 200));
    return lines;
  };
  const tip = (lines, px, py) => {
    const box = parts.tip;
    box.hidden = !lines;
    if (!lines) return;
    box.replaceChildren(...lines.map((one) => el("div", {}, one)));
    const most = width() - box.offsetWidth - 4;
    box.style.left = Math.max(0, Math.min(px + 12, most)) + "px";
    box.style.top = py + 16 + "px";
  };
  const hover = (event) => {
    const found = hit(event);
    const named = found.piece || found.gap;
    parts.canvas.classList.toggle("on-bar", Boolean(found.bar));
    if (found.bar) return tip(barLines(found.bar), found.px, found.py);
    if (!named) return tip(null);
    const [from, to, cause, last] = named;
    const at = found.gap ? "idle " : "critical path: ";
    const lines = [at + F.duration(to - from) + ": " + causeText(cause, found.gap ? last : -1)];
    if (found.piece && last >= 0) lines.push(F.short(F.oneLine(model.calls[last].path), 120));
    return tip(lines, found.px, found.py);
  };
  const open = (i) => (F.table && F.table.open ? F.table.open(i) : bus.send("select", i));

  const stepTo = (direction) => {
    if (!matching) paint();
    let at = focused ? focused.n : direction > 0 ? -1 : bars.length;
    do at += direction;
    while (at >= 0 && at < bars.length && matching && !matching[at]);
    if (at < 0 || at >= bars.length) return;
    focused = bars[at];
    inSight(focused);
    parts.canvas.setAttribute("aria-label", "Timeline. " + barLines(focused).join(". "));
    tell();
    draw();
  };
  const tell = () => {
    const { step } = lanes[focused.lane];
    tip(barLines(focused), Math.max(0, x(focused.began)), tops[focused.lane] + focused.row * step + step);
  };
  /* The bar that the keys chose stays where it is. */
  const zoomByKey = (factor) => {
    const at = focused ? (scale.place(focused.began) - view.from) / view.length : 0.5;
    zoom(factor, Math.min(1, Math.max(0, at)));
    if (focused) tell();
  };
  const KEYS = {
    ArrowLeft: () => stepTo(-1),
    ArrowRight: () => stepTo(1),
    "+": () => zoomByKey(0.6),
    "=": () => zoomByKey(0.6),
    "-": () => zoomByKey(1 / 0.6),
    Home: () => {
      look(0, scale.length);
      if (focused) tell();
    },
    Enter: () => focused && open(focused.calls[0]),
    Escape: () => {
      focused = null;
      tip(null);
      draw();
    },
  };

  const listen = (canvas) => {
    canvas.addEventListener("wheel", (event) => {
      const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (!sideways && event.deltaY > 0 && view.length >= scale.length) return;
      event.preventDefault();
      if (sideways) return look(view.from + (event.deltaX / width()) * view.length, view.length);
      return zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 200), event.offsetX / width());
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      drag = { x: event.clientX, from: view.from, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drag) return hover(event);
      const way = event.clientX - drag.x;
      if (Math.abs(way) > 3) drag.moved = true;
      if (drag.moved) {
        tip(null);
        look(drag.from - (way / width()) * view.length, view.length);
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      const moved = drag && drag.moved;
      drag = null;
      if (moved) return;
      const { bar, piece } = hit(event);
      if (bar) focused = bar;
      if (bar) open(bar.calls[0]);
      else if (piece && piece[3] >= 0) open(piece[3]);
    });
    canvas.addEventListener("pointercancel", () => (drag = null));
    canvas.addEventListener("pointerleave", () => tip(null));
    canvas.addEventListener("blur", () => tip(null));
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
      if (event.key === "Escape" && !focused) return;
      event.preventDefault();
      event.stopPropagation();
      KEYS[event.key]();
    });
  };

  /* The table says the same as the drawing, for print and for those who do not see it. */
  const account = () => {
    const causes = [...new Set([...Object.keys(data.spent), ...Object.keys(data.spentInAll)])];
    const share = Object.values(data.spent).reduce((a, b) => a + b, 0);
    const cell = (value) => el("td", { class: "number" }, value === undefined ? "" : F.three(value / 1000));
    const rows = causes.map((cause) => {
      const bar = el("span", { class: "amount" });
      bar.style.width = share ? (100 * (data.spent[cause] || 0)) / share + "%" : "0";
      return el("tr", {}, el("th", { scope: "row" }, data.words[cause] || cause), cell(data.spent[cause]), el("td", { class: "amounts" }, bar), cell(data.spentInAll[cause]));
    });
    parts.account.hidden = !rows.length;
    parts.account.replaceChildren(
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "where the time went"), el("th", { scope: "col", class: "number" }, "critical path, s"), el("th", {}), el("th", { scope: "col", class: "number" }, "all calls, s"))),
      el("tbody", {}, rows));
    parts.told.replaceChildren(...data.told.map((one, n) => el("li", { class: n && bars.length ? "unseen" : null }, one)));
    for (const one of [parts.frame, parts.legend]) one.hidden = !bars.length;
  };

  F.timeline = {
    mount(to, theModel, theBus) {
      [model, bus] = [theModel, theBus];
      const probes = Object.fromEntries(COLOURS.map((name) => [name, el("i", { class: "ink-" + name })]));
      const canvas = el("canvas", { tabindex: "0", role: "img", "aria-label": "Timeline of the requests", "aria-describedby": "timeline-told" });
      parts = { canvas, probes, barOf: null };
      parts.tip = el("div", { class: "tip", role: "presentation", hidden: true });
      parts.told = el("ul", { id: "timeline-told", class: "told quiet" });
      parts.account = el("table", { class: "spent" });
      const button = (text, name, act) => el("button", { type: "button", "aria-label": name, title: name, onclick: act }, text);
      parts.legend = el("div", { class: "legend quiet" },
        LEGEND.map(([word, kind]) => el("span", {}, el("i", { class: "key key-" + kind, "aria-hidden": "true" }), word)),
        el("span", { class: "zoom" }, button("−", "Zoom out", () => zoom(1 / 0.6)), button("+", "Zoom in", () => zoom(0.6)), button("whole run", "Show the whole run", () => look(0, scale.length))));
      parts.frame = el("div", { class: "canvas" }, canvas, parts.tip);
      to.replaceChildren(el("h2", {}, "Timeline"), parts.told, parts.legend, parts.frame, parts.account,
        el("div", { class: "probes", "aria-hidden": "true" }, Object.values(probes)));
      read();
      account();
      readColours();
      listen(canvas);
      bus.on("filter", (predicate) => {
        fits = predicate;
        matching = null;
        draw();
      });
      bus.on("select", (i) => {
        selected = i;
        const bar = i >= 0 ? placeOf(i, 0) : null;
        if (bar) inSight(bar);
        draw();
      });
      new ResizeObserver(draw).observe(canvas);
      const recolour = () => {
        readColours();
        draw();
      };
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
      addEventListener("afterprint", recolour);
      draw();
    },
    /* Take over calls that came or changed. The part in view stays, unless it was the whole run. */
    update() {
      const at = focused && [focused.calls[0], focused.began];
      read();
      focused = at ? placeOf(...at) || null : null;
      account();
      draw();
    },
    select: (i) => open(i),
    focus: () => parts.canvas.focus(),
  };
}

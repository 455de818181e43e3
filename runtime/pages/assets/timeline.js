/* F.timeline: all requests of a run on a canvas, a lane for each endpoint, with the critical path and the idle time. */
{
  const el = F.el;
  const { barsOf, packed, scaleOf } = F.lanes;
  const { AXIS, STRIP, HEAD } = F.paint;
  const COLOURS = ["text", "quiet", "ground", "raised", "line", "accent", "bad", "odd", "chosen"];
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
    F.paint.scene({ pen, w, h, x, view, scale, bars, lanes, tops, data, matching, colours, hatch, focused, selected, causeText, placeOf });
  };

  const causeText = (cause, lane) => F.timelineText.causeText({ data, lanes }, cause, lane);
  const barLines = (bar) => F.timelineText.barLines({ model, data, lanes }, bar);

  const placeOf = (i, time) => {
    if (!parts.barOf) {
      parts.barOf = new Map();
      for (const bar of bars) for (const one of bar.calls) parts.barOf.set(one, [...(parts.barOf.get(one) || []), bar]);
    }
    const own = parts.barOf.get(i) || [];
    return own.find((bar) => bar.began <= time && time <= bar.ended) || own.find((bar) => bar.began >= time) || own[own.length - 1];
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

  const account = () => {
    const rows = F.timelineText.spentRows(data);
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

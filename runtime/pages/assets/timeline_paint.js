/* F.paint draws the timeline on its canvas. A scene has the pen, the part in view, the bars and the colours. */
{
  const { KINDS, stepOf, tickText } = F.lanes;
  const AXIS = 22;
  const STRIP = 30;
  const HEAD = 30;

  const drawAxis = ({ pen, w, h, view, scale, x, colours }) => {
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

  const drawLanes = ({ pen, w, lanes, tops, colours }) => {
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
  const drawBars = (scene) => {
    const { w, view, scale, lanes, tops, matching } = scene;
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
      for (const [kind, list] of drawn) fill(scene, kind, list, thick);
    });
  };

  const fill = ({ pen, w, colours, hatch }, kind, list, thick) => {
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

  const drawGaps = ({ pen, w, x, data, tops, colours, causeText }) => {
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

  /* The strip names the causes along the path; the line leads through the bars that determined the end. */
  const drawPath = ({ pen, w, x, data, lanes, tops, colours, causeText, placeOf }) => {
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

  const drawChosen = ({ pen, x, bars, lanes, tops, colours, focused, selected }) => {
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

  F.paint = {
    AXIS,
    STRIP,
    HEAD,
    scene(scene) {
      drawAxis(scene);
      drawLanes(scene);
      drawBars(scene);
      drawGaps(scene);
      drawPath(scene);
      drawChosen(scene);
    },
  };
}

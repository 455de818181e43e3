/* F.store: the model of the run. apply(data) adds calls to it, or replaces those of the same place (pages/data.py). */
{
  const STATES = ["answered", "reused", "failed", "cancelled", "open", "unsent"];
  const ENDS = ["answered", "spoilt", "refused", "doubtful", "cancelled", "unsent", "open"];
  const CLASSES = ["read", "cached", "stored", "written", "reasoning", "images", "long_stored"];

  const pool = [""];
  const sources = [];

  /* The text behind a reference. It is put together when it is first asked for. */
  const text = (ref) => {
    const found = pool[ref];
    if (found !== undefined) return found;
    const source = sources.find((one) => ref < one.end);
    return (pool[ref] = source.read(ref - source.base));
  };

  const addPacked = ({ words, counts, codes }) => {
    const begins = new Uint32Array(counts.length + 1);
    let at = 0;
    for (let i = 0; i < counts.length; i++) {
      begins[i] = at;
      for (let left = counts[i]; left > 0; left--) {
        const first = codes[at];
        at += first < 128 ? 1 : first < 224 ? 2 : first < 255 ? 3 : 5;
      }
    }
    begins[counts.length] = at;
    const read = (i) => {
      let made = "";
      let from = begins[i];
      while (from < begins[i + 1]) {
        const first = codes[from];
        if (first < 128) {
          made += words[first];
          from += 1;
        } else if (first < 224) {
          made += words[128 + ((first - 128) << 8) + codes[from + 1]];
          from += 2;
        } else if (first < 255) {
          made += words[24704 + ((first - 224) << 16) + (codes[from + 1] << 8) + codes[from + 2]];
          from += 3;
        } else {
          made += words[new DataView(codes.buffer, codes.byteOffset).getUint32(from + 1)];
          from += 5;
        }
      }
      return made;
    };
    const base = pool.length;
    /* Setting the length instead would make the browser keep a slow sparse array. */
    for (let i = 0; i < counts.length; i++) pool.push(undefined);
    sources.push({ base, end: pool.length, read });
    return base;
  };

  const addStrings = (data) => {
    if (data.counts) return addPacked(data);
    const base = pool.length;
    for (const one of data.strings || []) pool.push(one);
    return base;
  };

  const model = {
    texts: true,
    run: null,
    figures: null,
    value: 0,
    flow: 0,
    calls: [],
    votes: [],
    losses: { count: 0, fatal: 0, causes: [] },
    graph: null,
    timeline: null,
    byPlace: new Map(),
    byPath: new Map(),
    voteAt: new Map(),
  };

  const dollars = (nano) => (nano === null || nano === undefined ? null : nano / 1e9);
  const size = (columns) => (columns && Object.keys(columns).length ? Object.values(columns)[0].length : 0);

  const addCalls = (data, to) => {
    const columns = data.calls;
    const made = [];
    for (let i = 0; i < size(columns); i++) {
      const place = text(to(columns.place[i]));
      const began = columns.began[i];
      const ended = columns.ended[i];
      const known = model.byPlace.get(place);
      const call = {
        i: known === undefined ? model.calls.length : known,
        place,
        path: text(to(columns.path[i])),
        step: text(to(columns.step[i])),
        model: text(to(columns.model[i])),
        vote: text(to(columns.vote[i])),
        state: STATES[columns.state[i]],
        reason: to(columns.reason[i]),
        labels: columns.labels[i].map((one) => text(to(one))),
        prompt: columns.prompt[i].map(to),
        before: columns.before[i].map((one) => text(to(one))),
        request: columns.request[i] < 0 ? null : data.requests[columns.request[i]],
        cost: dollars(columns.cost[i]),
        began,
        ended,
        ms: began === null || ended === null ? null : ended - began,
        ballot: columns.ballot[i],
        answers: [],
        attempts: [],
        read: null,
        written: null,
        hay: null,
      };
      model.calls[call.i] = call;
      model.byPlace.set(place, call.i);
      if (!model.byPath.has(call.path)) model.byPath.set(call.path, call.i);
      made.push(call);
    }
    return made;
  };

  const addAnswers = (columns, made, to) => {
    for (let i = 0; i < size(columns); i++) {
      const call = made[columns.call[i]];
      const answer = { cost: dollars(columns.cost[i]), usable: columns.usable[i] === 1 };
      for (const name of ["text", "error", "value", "more"]) answer[name] = to(columns[name][i]);
      for (const name of ["finish", "served", "id", "tier", "doubt"]) answer[name] = text(to(columns[name][i]));
      for (const name of CLASSES) answer[name] = columns[name][i];
      if (answer.read !== null) call.read += answer.read;
      if (answer.written !== null) call.written += answer.written;
      call.answers.push(answer);
    }
  };

  const addAttempts = (columns, made, to) => {
    for (let i = 0; i < size(columns); i++) {
      made[columns.call[i]].attempts.push({
        request: text(to(columns.request[i])),
        reason: to(columns.reason[i]),
        end: ENDS[columns.end[i]],
        began: columns.began[i],
        ended: columns.ended[i],
        status: columns.status[i],
        waited: columns.waited[i] || {},
        model: text(to(columns.model[i])),
        answer: columns.answer[i],
        correction: columns.correction[i] === null ? null : (columns.correction[i] || []).map(to),
      });
    }
  };

  const addVotes = (columns, to) => {
    for (let i = 0; i < size(columns); i++) {
      const vote = {};
      for (const [name, column] of Object.entries(columns)) vote[name] = column[i];
      vote.path = text(to(vote.path));
      vote.classes = vote.classes.map(([ref, count]) => [to(ref), count]);
      vote.panel = (vote.panel || []).map(([item, said]) => [to(item), said.map(([ref, count]) => [to(ref), count])]);
      const at = model.voteAt.get(vote.path);
      vote.i = at === undefined ? model.votes.length : at;
      model.votes[vote.i] = vote;
      model.voteAt.set(vote.path, vote.i);
    }
  };

  const addLosses = (losses, to) => {
    model.losses = {
      ...losses,
      causes: losses.causes.map((one) => ({
        count: one.count,
        reason: to(one.reason),
        command: text(to(one.command)),
        first: one.first.map(([path, reason]) => [text(to(path)), to(reason)]),
      })),
    };
  };

  const apply = (data) => {
    const base = addStrings(data);
    const to = (ref) => (ref ? base + ref : 0);
    if (data.texts !== undefined) model.texts = data.texts;
    if (data.run) {
      const run = { ...data.run, notes: data.run.notes.map((one) => text(to(one))) };
      for (const name of ["id", "flow", "source", "status", "state"]) run[name] = text(to(run[name]));
      model.run = run;
    }
    if (data.figures) model.figures = data.figures;
    if (data.value !== undefined) model.value = to(data.value);
    if (data.flow !== undefined) model.flow = to(data.flow);
    if (data.votes) addVotes(data.votes, to);
    if (data.calls) {
      const made = addCalls(data, to);
      addAnswers(data.answers, made, to);
      addAttempts(data.attempts, made, to);
    }
    if (data.losses) addLosses(data.losses, to);
    if (data.questions)
      model.questions = data.questions.map((one) => ({
        ...one,
        path: text(to(one.path)),
        text: text(to(one.text)),
        form: text(to(one.form)),
        words: one.words.map((word) => text(to(word))),
      }));
    if (data.live) model.live = { ...data.live, waiting: text(to(data.live.waiting)) };
    for (const part of ["graph", "timeline"]) if (data[part] !== undefined) model[part] = data[part];
    return model;
  };

  /* Forget all calls, votes and texts, before the whole run comes. */
  const clear = () => {
    for (const list of [pool, sources, model.calls, model.votes]) list.length = 0;
    for (const map of [model.byPlace, model.byPath, model.voteAt]) map.clear();
    pool.push("");
  };

  const unpack = async (base64) => {
    const stream = new Blob([F.bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    const length = new DataView(bytes.buffer).getUint32(0, true);
    const data = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    data.codes = bytes.subarray(4 + length);
    return data;
  };

  /* What the search reads of a call, in lower case. It is made once for each call. */
  const hay = (call) => {
    if (call.hay === null) {
      const parts = [call.path, ...call.labels, text(call.reason)];
      for (let i = 1; i < call.prompt.length; i += 2) parts.push(text(call.prompt[i]));
      for (const one of call.answers) parts.push(text(one.text), text(one.error));
      for (const one of call.attempts)
        for (let i = 1; one.correction && i < one.correction.length; i += 2) parts.push(text(one.correction[i]));
      call.hay = parts.join("\n").toLowerCase();
    }
    return call.hay;
  };

  /* A call as `flowrun show --json` prints it. */
  const row = (call) => {
    const withTexts = model.texts;
    const value = (one) => {
      if (!one.usable && !one.value) return null;
      return one.value ? JSON.parse(text(one.value)) : text(one.text);
    };
    const answer = (one) => {
      const { finish, cost, served, id, usable, tier, doubt } = one;
      const tokens = Object.fromEntries(CLASSES.map((name) => [name, one[name]]));
      const made = { finish, tokens, cost, served, id, usable, ...(tier && { tier }), ...(doubt && { doubt }) };
      if (withTexts) {
        const more = one.more ? JSON.parse(text(one.more)) : {};
        Object.assign(made, { text: text(one.text), value: value(one), error: text(one.error), more });
      }
      return made;
    };
    const messages = (refs) => {
      const made = [];
      for (let i = 0; i < refs.length; i += 2) made.push({ role: text(refs[i]), text: text(refs[i + 1]) });
      return made;
    };
    const attempt = ({ reason, correction, ...one }) => {
      const made = { ...one, model: one.model || call.model };
      if (withTexts) Object.assign(made, { reason: text(reason), correction: correction && messages(correction) });
      return made;
    };
    const { path, place, step, state, vote, ms, cost } = call;
    const made = { path, place, step, model: call.model, state, vote, ms, cost };
    made.answers = call.answers.map(answer);
    made.attempts = call.attempts.map(attempt);
    if (call.request) {
      const { temperature = null, max_tokens = null, seed = null, choices = [], schema = null, options = null } = call.request;
      Object.assign(made, { temperature, max_tokens, seed });
      if (withTexts) {
        Object.assign(made, { messages: messages(call.prompt), choices, schema });
        if (options) made.options = options;
      }
    }
    if (withTexts) Object.assign(made, { labels: call.labels, reason: text(call.reason) });
    return made;
  };

  /* The calls at a path and below it: `notes` holds notes[3].draft. */
  const under = (path) =>
    model.calls.filter((one) => F.below(one.path, path));

  F.text = text;
  F.store = { model, apply, clear, unpack, hay, row, under, STATES, ENDS };
}

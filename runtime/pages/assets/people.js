/* F.people: the questions to people while a run is live. What a reader has typed stays while the page is updated. */
{
  const el = F.el;
  const shown = new Map();
  let place;

  const send = async (question, text, told) => {
    told.textContent = "…";
    try {
      const reply = await fetch("answer" + location.search, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ question: question.number, answer: text }),
      });
      told.textContent = reply.ok ? "Answered." : F.inert(F.short((await reply.text()).trim(), 500));
    } catch {
      told.textContent = "The run does not answer: is it over?";
    }
  };

  const block = (question) => {
    const told = el("p", { class: "told", role: "status" });
    const words = question.words.map((word) =>
      el("button", { type: "button", onclick: () => send(question, word, told) }, F.name(word)));
    const parts = [el("div", { class: "words" }, words)];
    if (question.free) {
      const box = el("textarea", { rows: "3", "aria-label": "Answer to " + question.path });
      const act = () => send(question, box.value, told);
      parts.push(box, el("button", { type: "button", class: "answer", onclick: act }, "answer"));
    }
    return el("article", {},
      el("h3", {}, F.name(question.path), el("span", { class: "quiet" }, " " + F.name(question.form))),
      el("pre", {}, F.short(question.text, 20000)), parts, told);
  };

  F.people = {
    update(over) {
      const open = over ? [] : F.store.model.questions || [];
      if (!place) {
        if (!open.length) return;
        place = el("section", { id: "people", "aria-label": "Questions to people" }, el("h2", {}, "A person is asked"));
        document.getElementById("main").prepend(place);
      }
      const numbers = new Set(open.map((one) => one.number));
      for (const [number, made] of shown)
        if (!numbers.has(number)) {
          made.remove();
          shown.delete(number);
        }
      for (const one of open)
        if (!shown.has(one.number)) {
          shown.set(one.number, block(one));
          place.append(shown.get(one.number));
        }
      place.hidden = !open.length;
    },
  };
}

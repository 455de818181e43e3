/* F.live: the updates of a page whose run goes on. They are shown between the acts of the reader, never under the pointer. */
{
  const el = F.el;
  const { model } = F.store;
  const LEAST = 250;
  let line;
  let over = false;
  let lost = false;
  let stale = false;
  let pressed = false;
  let next = 0;
  let timer = 0;

  const words = () => {
    if (over) return "The run has ended. This page stays until you close it.";
    if (lost && model.run.status === "ended")
      return "The run has ended before this page got its report. Write it to a file: flowrun report last -o report.html";
    if (lost) return "The connection to the run is lost, so this page stands still. Open its address again if the run goes on.";
    const { flying, waiting, leftOut } = model.live;
    const parts = [F.count(flying, "call") + " under way"];
    if (waiting) parts.push("waiting for " + F.oneLine(F.short(waiting, 200)));
    if (leftOut) parts.push("the list holds the first calls only; all of them come when the run ends");
    return parts.join(" · ");
  };

  /* The part of the page under the pointer stays where it is. */
  const still = (act) => {
    const at = document.querySelector("main > section:hover, #desk:hover, #votes:hover");
    const top = () => at.getBoundingClientRect().top + scrollY;
    let before = at && top();
    const correct = () => {
      if (!at || !at.isConnected) return;
      scrollBy(0, top() - before);
      before = top();
    };
    act();
    correct();
    /* The timeline draws in the next frame. */
    if (at) requestAnimationFrame(correct);
  };
  const show = () => {
    timer = 0;
    if (!over && (pressed || document.hidden)) return;
    stale = false;
    const began = performance.now();
    still(() => {
      line.textContent = words();
      F.people.update(over || lost);
      F.show();
    });
    /* A slow browser draws less often. */
    next = performance.now() + Math.max(LEAST, 4 * (performance.now() - began));
  };
  const later = () => {
    if (stale && !timer) timer = setTimeout(show, Math.max(0, next - performance.now()));
  };

  const take = (data) => {
    const call = model.calls[F.call.selected()];
    const whole = data.live.over;
    if (whole) F.store.clear();
    F.store.apply(data);
    if (!whole) {
      model.run.length = model.figures.ms;
      if (model.figures.state !== model.run.state) {
        model.run.state = model.figures.state;
        model.run.status = model.figures.state.startsWith("Running") ? "running" : "ended";
      }
    }
    if (whole && call) F.bus.send("select", model.byPlace.has(call.place) ? model.byPlace.get(call.place) : -1);
    stale = true;
    later();
  };

  const end = (source, kind) => {
    source.close();
    over = kind === "over";
    lost = !over;
    document.body.classList.remove("live");
    if (over) document.title = F.name(model.run.flow + " " + model.run.id) + " · flowrun";
    clearTimeout(timer);
    stale = true;
    timer = 0;
    show();
    line.textContent = words();
  };

  F.live = {
    start() {
      document.body.classList.add("live");
      /* The browser would correct what `still` corrects. */
      document.documentElement.style.overflowAnchor = "none";
      line = el("p", { id: "now", class: "quiet" });
      document.getElementById("figures").before(line);
      line.textContent = words();
      addEventListener("pointerdown", () => (pressed = true), true);
      for (const name of ["pointerup", "pointercancel"])
        addEventListener(name, () => {
          pressed = false;
          setTimeout(later);
        }, true);
      document.addEventListener("visibilitychange", later);
      const source = new EventSource("events" + location.search + "&from=" + model.live.version);
      source.addEventListener("message", (event) => take(JSON.parse(event.data)));
      source.addEventListener("over", () => end(source, "over"));
      source.addEventListener("error", () => end(source, "lost"));
    },
    state: (call) => {
      if (over || call.state !== "open") return call.state;
      return call.attempts.some((one) => one.end === "open") ? "under way" : "waiting";
    },
  };
}

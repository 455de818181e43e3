// Small parts of the page. All text goes in as text, never as HTML.

export function part(name, given = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (key === "class") made.className = value;
    else if (key === "click") made.addEventListener("click", value);
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// Markdown of hovers: fenced blocks, `code` and **words**. All else stays as it is written.
export function markdown(text) {
  const made = part("div", { class: "hover" });
  text.split(/^```\w*\n([\s\S]*?)^```$/m).forEach((piece, number) => {
    if (number % 2) {
      made.append(part("pre", {}, piece.replace(/\n$/, "")));
      return;
    }
    for (const block of piece.split(/\n{2,}/)) {
      if (block.trim()) made.append(part("p", {}, ...inline(block.trim())));
    }
  });
  return made;
}

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((piece) => {
    if (/^`[^`]+`$/.test(piece)) return part("code", {}, piece.slice(1, -1));
    if (/^\*\*[^*]+\*\*$/.test(piece)) return part("strong", {}, piece.slice(2, -2));
    return piece;
  });
}

export function sentence(text) {
  return part("p", { class: "sentence" }, text);
}

// Tabs with arrow keys, as the ARIA practices describe them.
export function tabs(list, chosen) {
  const all = [...list.querySelectorAll('[role="tab"]')];
  const choose = (tab, focus) => {
    for (const one of all) {
      const is = one === tab;
      one.setAttribute("aria-selected", String(is));
      one.tabIndex = is ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = !is;
    }
    if (focus) tab.focus();
    chosen(tab.getAttribute("aria-controls"));
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) choose(tab, false);
  });
  list.addEventListener("keydown", (event) => {
    const at = all.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    choose(all[(next + all.length) % all.length], true);
  });
  return (name) => choose(all.find((one) => one.getAttribute("aria-controls") === name), false);
}

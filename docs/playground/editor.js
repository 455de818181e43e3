// The editor: CodeMirror with the findings, roles, completions and hovers that the worker gives.
// It stands in a shadow root, where CodeMirror adds its styles without a <style> that the policy would refuse.

import { EditorState, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration, EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap,
  lineNumbers,
} from "@codemirror/view";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { lintKeymap, setDiagnostics } from "@codemirror/lint";
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, snippet } from "@codemirror/autocomplete";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { markdown, part } from "./parts.js";

const CLASSES = {
  keyword: "keyword", flow: "name", extern: "name", type: "name", reducer: "name", function: "name", filter: "name",
  option: "name", choice: "literal", string: "literal", number: "literal", comment: "comment", mark: "mark",
};
const roles = StateEffect.define();
const coloured = StateField.define({
  create: () => Decoration.none,
  update(found, change) {
    let now = found.map(change.changes);
    for (const effect of change.effects) if (effect.is(roles)) now = effect.value;
    return now;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const theme = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--paper)", color: "var(--ink)", fontSize: "14px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--shade)", color: "var(--quiet)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 8%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 25%, transparent) !important",
  },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--shade)", color: "var(--ink)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-tooltip .hover": { padding: ".3rem .6rem", maxWidth: "34rem", maxHeight: "18rem", overflow: "auto" },
  ".cm-tooltip .hover pre": { fontFamily: "var(--mono)", margin: ".2rem 0", whiteSpace: "pre-wrap" },
  ".cm-tooltip .hover p": { margin: ".2rem 0" },
  ".cm-diagnostic": { whiteSpace: "pre-wrap" },
  ".cm-diagnosticAction": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-diagnosticSource": { color: "var(--quiet)", opacity: "1" },
  ".role-keyword": { color: "var(--keyword)" },
  ".role-name": { color: "var(--name)" },
  ".role-literal": { color: "var(--literal)" },
  ".role-comment": { color: "var(--comment)", fontStyle: "italic" },
  ".role-mark": { color: "var(--mark)", fontWeight: "bold" },
});

// `ask(request)` asks the worker about the newest text; `changed()` hears of each change; `format()` lays the text out.
export class Editor {
  constructor(place, { ask, changed, format }) {
    this.ask = ask;
    const root = place.attachShadow({ mode: "open" });
    const inner = part("div");
    inner.style.height = "100%";
    root.append(inner);
    this.view = new EditorView({
      parent: inner,
      root,
      state: EditorState.create({
        extensions: [
          lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(),
          highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), indentUnit.of("  "),
          EditorView.lineWrapping, coloured, theme,
          EditorView.contentAttributes.of({ "aria-label": "Text of the flow", spellcheck: "false" }),
          autocompletion({ override: [(context) => this.completions(context)] }),
          hoverTooltip((view, at) => this.hover(at)),
          keymap.of([
            { key: "Shift-Alt-f", run: () => (format(), true) },
            ...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...lintKeymap, ...defaultKeymap,
          ]),
          EditorView.updateListener.of((update) => update.docChanged && changed()),
        ],
      }),
    });
  }

  get text() {
    return this.view.state.doc.toString();
  }

  // Replace the whole text, as far as it differs.
  put(text) {
    const old = this.text;
    let first = 0;
    while (first < Math.min(old.length, text.length) && old[first] === text[first]) first++;
    let last = 0;
    const most = Math.min(old.length, text.length) - first;
    while (last < most && old[old.length - 1 - last] === text[text.length - 1 - last]) last++;
    this.view.dispatch({ changes: { from: first, to: old.length - last, insert: text.slice(first, text.length - last) } });
  }

  change(edits) {
    this.view.dispatch({ changes: edits, userEvent: "input.fix" });
    this.view.focus();
  }

  go(at) {
    this.view.dispatch({ selection: { anchor: Math.min(at, this.view.state.doc.length) }, scrollIntoView: true });
    this.view.focus();
  }

  // Show the findings and roles of this very text.
  show(found) {
    const marks = found.tokens
      .filter(([from, to, role]) => CLASSES[role] && from < to)
      .map(([from, to, role]) => Decoration.mark({ class: `role-${CLASSES[role]}` }).range(from, to));
    const size = this.view.state.doc.length;
    const lints = found.findings.map((one) => ({
      from: Math.min(one.from, size),
      to: Math.min(Math.max(one.to, one.from), size),
      severity: one.severity === "error" ? "error" : "warning",
      source: one.code,
      message: one.message,
      actions: one.actions.slice(0, 3).map((action) => ({ name: action.title, apply: () => this.change(action.edits) })),
    }));
    this.view.dispatch({ effects: roles.of(Decoration.set(marks, true)) });
    this.view.dispatch(setDiagnostics(this.view.state, lints));
  }

  async completions(context) {
    const before = context.matchBefore(/[\w.{|"]$/);
    if (!before && !context.explicit) return null;
    const found = await this.ask({ kind: "complete", at: context.pos });
    if (!Array.isArray(found) || !found.length || context.aborted) return null;
    return {
      from: Math.min(...found.map((one) => one.from)),
      options: found.map((one) => ({
        label: one.label,
        detail: one.detail.slice(0, 80),
        info: one.more ? () => markdown(one.more) : undefined,
        type: one.kind,
        boost: -Math.min(one.rank, 99),
        apply: (view, completion, _, to) => {
          if (one.snippet) snippet(one.text.replaceAll("$0", "${}"))(view, completion, one.from, Math.max(to, one.to));
          else view.dispatch({ changes: { from: one.from, to: Math.max(to, one.to), insert: one.text }, selection: { anchor: one.from + one.text.length } });
        },
      })),
    };
  }

  async hover(at) {
    const found = await this.ask({ kind: "hover", at });
    if (!found || found.error) return null;
    return { pos: found.from, end: found.to, above: true, create: () => ({ dom: markdown(found.text) }) };
  }
}

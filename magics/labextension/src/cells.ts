/**
 * Which cells are heroscript, and the colours of those that are.
 *
 * A notebook's cells all have the kernel's language, and the front end says so again whenever it
 * hears of the kernel, and when a grammar that it has fetched comes in late. So no cell is told
 * that it has another type: the editor is given another language beside, which has precedence.
 */

import { language } from '@codemirror/language';
import { Compartment, EditorState, type Extension, Prec, StateEffect } from '@codemirror/state';
import { type EditorView } from '@codemirror/view';
import { EditorExtensionRegistry, type IEditorExtensionFactory } from '@jupyterlab/codemirror';

import { heroscript } from './language';

/** As much of a cell as is looked at. */
const LOOKED_AT = 8192;

const MAGIC = /^\s*%%heroscript\b/;
const ACTION =
  /^[ \t]*!{2,4}[ \t]*([A-Za-z_][\w-]*)((?:\.[A-Za-z_][\w-]*)+)(?=[ \t]|$)([^\n]*)/;
const COMMENT = /^[ \t]*(?:\/\/|#|$)/;
const PARAMETER = /(?:^|\s)[A-Za-z_][\w./,-]*:(?!\/\/|\\)/;
const CONTINUED = /^(?: {2,}|\t)\S/;
const SCRIPTS = new Set(['bash', 'bat', 'exe', 'js', 'pl', 'ps1', 'py', 'rb', 'sh', 'zsh']);

/** The actors that are there in every kernel. */
const ACTORS =
  ['config', 'context', 'core', 'db', 'git', 'gittools', 'log', 'play', 'secret', 'session'];

/** What a notebook's kernel says: the actors it knows, or null where bare cells are Python. */
export type Bare = ReadonlySet<string> | null;

/** The actors of a kernel that has loaded the ones of a list. */
export function actors(known: readonly string[] = []): ReadonlySet<string> {
  return new Set([...ACTORS, ...known]);
}

/**
 * Whether a cell is heroscript, as far as its text tells; see `hero_kernel/cell_text.py`.
 *
 * @param text - The cell, or its beginning.
 * @param bare - The notebook's kernel.
 */
export function isHeroscript(text: string, bare: Bare): boolean {
  if (MAGIC.test(text)) {
    return true;
  }
  if (bare === null || !text.includes('!!')) {
    return false;
  }
  const lines = text.split('\n');
  const at = lines.findIndex(line => !COMMENT.test(line));
  const action = at < 0 ? null : ACTION.exec(lines[at]);
  if (action === null) {
    return false;
  }
  const [, actor, name, rest] = action;
  if (bare.has(actor.toLowerCase())) {
    return true;
  }
  if (PARAMETER.test(rest) || CONTINUED.test(lines[at + 1] ?? '')) {
    return true;
  }
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return rest.trim() === '' && !SCRIPTS.has(ending);
}

/** Tells an editor to look at its cell again: its kernel is another one. */
export const looksAgain = StateEffect.define<null>();

/** Whether an editor shows its text as heroscript. */
export function showsHeroscript(view: EditorView): boolean {
  return view.state.facet(language) === heroscript.language;
}

/**
 * The extension of every editor that makes the cells of heroscript look like it.
 *
 * @param bareOf - What the kernel says of the notebook that a shared cell is in.
 */
export function cellLanguage(bareOf: (notebook: object | null) => Bare): IEditorExtensionFactory {
  return {
    name: 'hero-jupyter:cells',
    factory: options => {
      const cell = options.model.sharedModel as unknown as {
        cell_type?: string;
        notebook?: object | null;
      };
      if (cell.cell_type !== 'code') {
        return EditorExtensionRegistry.createImmutableExtension([]);
      }
      const chosen = new Compartment();
      const wanted = (text: string): Extension =>
        isHeroscript(text, bareOf(cell.notebook ?? null)) ? HEROSCRIPT : NOTHING;
      return EditorExtensionRegistry.createImmutableExtension([
        chosen.of(wanted(options.model.sharedModel.getSource().slice(0, LOOKED_AT))),
        EditorState.transactionExtender.of(change => {
          if (!change.docChanged && !change.effects.some(effect => effect.is(looksAgain))) {
            return null;
          }
          const next = wanted(change.newDoc.sliceString(0, LOOKED_AT));
          const now = chosen.get(change.startState);
          return next === now ? null : { effects: chosen.reconfigure(next) };
        })
      ]);
    }
  };
}

const HEROSCRIPT: Extension = Prec.highest(heroscript);
const NOTHING: Extension = [];

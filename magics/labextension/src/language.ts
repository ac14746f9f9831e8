/**
 * Heroscript for the editor: which word is what, line by line.
 *
 * `hero_kernel/heroscript/GRAMMAR.md` is the definition. Where it looks ahead, past the line that
 * is read, this goes by the line alone; so an unclosed quote may colour more than it means.
 */

import { LanguageSupport, StreamLanguage, type StringStream } from '@codemirror/language';
import { tags } from '@lezer/highlight';

/** What comes next: `more` is a value behind a comma, `bare` the rest of one, `list` its end. */
type Place = 'magic' | 'header' | 'name' | 'items' | 'value' | 'more' | 'bare' | 'list';

interface IState {
  /** Whether nothing but blank lines has come yet: `%%heroscript` may stand here. */
  first: boolean;
  /** Whether the line belongs to an action, or the next one may go on with it. */
  action: boolean;
  place: Place;
  /** The open quote: `'`, `"`, or three of them; empty when none is. */
  quote: string;
  /** Whether that quote opened a block, which keeps its lines. */
  block: boolean;
  /** How many quotes of the block's kind stood on this line. */
  marks: number;
  /** Whether a `<!--` is open. */
  comment: boolean;
  /** Whether an item of this list holds a colon, so that later ones may. */
  colon: boolean;
}

const MAGIC = /^\s*%%(?=heroscript\b)/;
const HEADER = /^[ \t]*!(?!\[)/;
const CONTINUED = /^(?: {2,}|[ \t]*\t)[ \t]*(?!!|```)\S/;
const ACTION = /^!{2,4}[A-Za-z_]\w*\.[A-Za-z_]/;
const KEY = /^[A-Za-z0-9_,./]+(?=:)/;
const ARGUMENT = /^[A-Za-z0-9_,./]+(?=\s|$)/;
const NEXT_PARAMETER = /^[ \t]*[A-Za-z_./][A-Za-z0-9_./]*:(?!\/\/)/;
const BLOCK = /^('''|"""|'|")[ \t]*(?:\/\/[^'"]*)?$/;
const AFTER_BLOCK = /^[ \t]+(?:\/\/|[A-Za-z0-9_./]+:[^ \t])/;
const FILLED = /^\$?\{[^{}]*\}/;
const ESCAPED = /^(?:\\\\(?:n|u\{[0-9A-Fa-f]*\})|<{1,2}BR>{1,2})/;
const NUMBER = /^[+-]?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?%?$/;
const BOOLEAN = /^(?:true|false|yes|no|on|off)$/i;

function begin(): IState {
  return {
    first: true,
    action: false,
    place: 'items',
    quote: '',
    block: false,
    marks: 0,
    comment: false,
    colon: false
  };
}

function token(stream: StringStream, state: IState): string | null {
  if (stream.sol()) {
    const prose = beginLine(stream, state);
    if (prose !== null) {
      stream.skipToEnd();
      return prose || null;
    }
  }
  if (state.quote) {
    return quoted(stream, state);
  }
  if (state.comment) {
    return htmlComment(stream, state);
  }
  switch (state.place) {
    case 'magic':
      return magic(stream);
    case 'header':
    case 'name':
      return header(stream, state);
    case 'list':
      return list(stream, state);
    case 'value':
    case 'more':
      return value(stream, state);
    case 'bare':
      return bare(stream, state);
    default:
      return item(stream, state);
  }
}

/** See what a line is; the class of one that belongs to no action, else null. */
function beginLine(stream: StringStream, state: IState): string | null {
  const line = stream.string;
  const first = state.first;
  state.first = false;
  state.marks = 0;
  if (state.comment) {
    return null;
  }
  if (state.quote) {
    if (state.block || !ACTION.test(line)) {
      return null;
    }
    state.quote = ''; // it was forgotten: the text of one that folds seldom looks so
  }
  if (first && MAGIC.test(line)) {
    state.place = 'magic';
    return null;
  }
  if (HEADER.test(line)) {
    state.action = true;
    state.place = 'header';
    return null;
  }
  if (state.action && CONTINUED.test(line)) {
    if (state.place === 'more') {
      const isNext = !state.colon && NEXT_PARAMETER.test(line);
      state.place = isNext || /^\s*(?:\/\/|<!--)/.test(line) ? 'items' : 'more';
    } else {
      state.place = state.place === 'list' && /^\s*,/.test(line) ? 'list' : 'items';
    }
    return null;
  }
  state.action = false;
  return line.startsWith('//') ? 'comment' : '';
}

function magic(stream: StringStream): string | null {
  if (stream.match(MAGIC)) {
    return 'sign';
  }
  if (stream.match(/^heroscript\b/)) {
    return 'bangs';
  }
  if (stream.eatSpace()) {
    return null;
  }
  return stream.match(/^-\S*/) ? 'key' : stream.match(/^\S+/) ? 'argument' : null;
}

function header(stream: StringStream, state: IState): string | null {
  if (stream.eatSpace()) {
    return null;
  }
  if (state.place === 'header') {
    stream.match(/^!+/);
    state.place = 'name';
    return 'bangs';
  }
  if (stream.match(/^[^\s.]+(?=\.)/)) {
    return 'actor';
  }
  if (stream.eat('.')) {
    return 'punctuation';
  }
  stream.match(/^\S+/);
  state.place = 'items';
  return 'name';
}

function item(stream: StringStream, state: IState): string | null {
  if (stream.eatSpace()) {
    return null;
  }
  state.colon = false;
  if (stream.match('//')) {
    stream.skipToEnd();
    return 'comment';
  }
  if (stream.match('<!--')) {
    state.comment = true;
    return htmlComment(stream, state);
  }
  if (stream.match(KEY)) {
    return 'key';
  }
  if (stream.eat(':')) {
    state.place = 'value';
    return 'punctuation';
  }
  if (stream.match(ARGUMENT)) {
    return 'argument';
  }
  stream.match(/^\S+/);
  return 'fault';
}

function htmlComment(stream: StringStream, state: IState): string {
  if (stream.match(/^.*?-->/)) {
    state.comment = false;
  } else {
    stream.skipToEnd();
  }
  return 'comment';
}

function value(stream: StringStream, state: IState): string | null {
  if (stream.eatSpace()) {
    if (stream.match('//', false)) {
      state.place = 'items';
    }
    return null;
  }
  const opened = stream.match(BLOCK, false);
  state.block = opened !== null && opened !== false;
  state.quote = opened && opened !== true ? opened[1] : (stream.match(/^['"]/, false) ? stream.peek()! : '');
  if (state.quote) {
    stream.match(state.quote);
    return 'string';
  }
  const found = stream.match(/^[^\s,]+/, false);
  const text = found && found !== true ? found[0] : '';
  state.colon = state.colon || text.includes(':');
  if (NUMBER.test(text) || BOOLEAN.test(text)) {
    stream.match(text);
    state.place = 'list';
    return NUMBER.test(text) ? 'number' : 'boolean';
  }
  return bare(stream, state);
}

function bare(stream: StringStream, state: IState): string {
  let kind = 'string';
  if (stream.match(FILLED)) {
    kind = 'filled';
  } else if (stream.match(ESCAPED)) {
    kind = 'escape';
  } else if (!stream.match(/^[^\s,{$\\<]+/)) {
    stream.next();
  }
  state.place = stream.eol() || stream.match(/^[\s,]/, false) ? 'list' : 'bare';
  return kind;
}

/** What may stand behind an item: a comma, and with it another item. */
function list(stream: StringStream, state: IState): string | null {
  if (stream.eatSpace()) {
    return null;
  }
  if (stream.eat(',')) {
    const isSpaced = stream.match(/^[ \t]/, false) !== null;
    const isNext = isSpaced && !state.colon && stream.match(NEXT_PARAMETER, false);
    state.place = isNext || stream.match(/^[ \t]+\/\//, false) ? 'items' : 'more';
    return 'punctuation';
  }
  state.place = 'items';
  return item(stream, state);
}

function quoted(stream: StringStream, state: IState): string | null {
  const kind = state.quote[0];
  if (state.block && stream.match(/^[ \t]*\/\/[^'"]*$/, false) && opensHere(stream, state)) {
    stream.skipToEnd();
    return 'comment';
  }
  if (stream.match(FILLED)) {
    return 'filled';
  }
  if (stream.match(ESCAPED)) {
    return 'escape';
  }
  const slashes = stream.match(/^\\+(?=['"])/, false);
  if (slashes && slashes !== true) {
    stream.match(slashes[0]);
    if (slashes[0].length % 2) {
      stream.next();
    }
    return 'escape';
  }
  if (stream.peek() === kind) {
    const width = stream.match(kind.repeat(3), false) ? 3 : 1;
    const closes = !state.block || closesBlock(stream, state, width);
    stream.match(kind.repeat(closes && !state.block ? 1 : width));
    state.marks += 1;
    if (closes) {
      state.quote = '';
      state.place = 'list';
    }
    return 'string';
  }
  stream.match(/^[^'"\\{$<]+/) || stream.next();
  return 'string';
}

/** Whether the block was opened on this line: what follows there can be a comment only. */
function opensHere(stream: StringStream, state: IState): boolean {
  return stream.string.slice(0, stream.pos).endsWith(state.quote);
}

/** Whether the quote that comes next closes the block, by what stands around it on its line. */
function closesBlock(stream: StringStream, state: IState, width: number): boolean {
  const before = stream.string.slice(0, stream.pos);
  const behind = stream.string.slice(stream.pos + width);
  const isFirst = before.trim() === '';
  if (state.quote.length === 3) {
    return width === 3 || (isFirst && behind.trim() === '');
  }
  if (state.marks % 2 === 1 || /[:,][ \t]*$/.test(before)) {
    return false;
  }
  if (isFirst) {
    return /^(?:[ \t,]|$)/.test(behind);
  }
  return behind.trim() === '' || AFTER_BLOCK.test(behind);
}

const parser = StreamLanguage.define<IState>({
  name: 'heroscript',
  startState: begin,
  copyState: state => ({ ...state }),
  token,
  languageData: {
    commentTokens: { line: '//' },
    closeBrackets: { brackets: ['(', '[', '{', "'", '"'] }
  },
  // The colours that documents have too; see hero_kernel/documents/lexer.py.
  tokenTable: {
    sign: tags.operator,
    bangs: tags.keyword,
    actor: tags.definition(tags.namespace),
    name: tags.function(tags.definition(tags.variableName)),
    key: tags.attributeName,
    argument: tags.atom,
    string: tags.string,
    number: tags.number,
    boolean: tags.bool,
    filled: tags.special(tags.variableName),
    escape: tags.special(tags.string),
    comment: tags.lineComment,
    punctuation: tags.punctuation,
    fault: tags.invalid
  }
});

/** Heroscript, as an editor takes it. */
export const heroscript = new LanguageSupport(parser);

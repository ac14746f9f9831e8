/** A list of contexts and sessions to choose from, above or below the button that opened it. */

import { type Connection, type INode, type ITree } from './connection';
import { plain } from './plain';

/** Something to choose. */
interface IChoice {
  readonly label: string;
  readonly detail: string;
  readonly isCurrent: boolean;
  readonly choose: () => void;
}

/** How far it stays from the page's edges and from its button, in px. */
const MARGIN = 4;

/** So many sessions of a context are looked through. */
const SESSIONS = 1000;

/**
 * Let the user choose a session of the notebook's workspace.
 *
 * @param anchor - The button; it has the focus again when the list closes.
 * @param connection - The notebook's.
 * @param insert - Puts a cell into the notebook.
 */
export function openSwitcher(
  anchor: HTMLElement,
  connection: Connection,
  insert: (cell: string) => void
): void {
  new Switcher(anchor, connection, insert).open();
}

class Switcher {
  constructor(
    private readonly _anchor: HTMLElement,
    private readonly _connection: Connection,
    private readonly _insert: (cell: string) => void
  ) {
    this._node = element('div', 'hero-Switcher');
    this._node.setAttribute('role', 'dialog');
    this._node.setAttribute('aria-label', 'Switch context and session');
    this._search = element('input', 'hero-Switcher-search');
    this._search.type = 'text';
    this._search.placeholder = 'Context or session';
    const roles = {
      role: 'combobox',
      'aria-label': 'Search contexts and sessions',
      'aria-autocomplete': 'list',
      'aria-controls': 'hero-switcher-list',
      'aria-expanded': 'true',
      autocomplete: 'off',
      spellcheck: 'false'
    };
    Object.entries(roles).forEach(([name, value]) => this._search.setAttribute(name, value));
    this._list = element('ul', 'hero-Switcher-list');
    this._list.id = 'hero-switcher-list';
    this._list.setAttribute('role', 'listbox');
    this._list.setAttribute('aria-label', 'Contexts and sessions');
    this._note = element('p', 'hero-Switcher-note');
    this._note.setAttribute('role', 'status');
    this._node.append(this._search, this._list, this._note);
    this._search.addEventListener('input', () => this._show());
    this._node.addEventListener('keydown', event => this._onKey(event));
    this._list.addEventListener('mousedown', event => event.preventDefault());
  }

  /** Show it, and fill it when the kernel has answered. */
  open(): void {
    document.querySelector<HTMLElement>('.hero-Switcher')?.dispatchEvent(new Event('hero-close'));
    document.body.append(this._node);
    this._node.addEventListener('hero-close', () => this._close(false));
    document.addEventListener('pointerdown', this._onOutside, true);
    window.addEventListener('resize', this._place);
    this._note.textContent = 'Looking…';
    this._place();
    this._search.focus();
    void this._fill();
  }

  private async _fill(): Promise<void> {
    try {
      const tree = await this._connection.tree({ contexts: SESSIONS });
      this._choices = this._from(tree);
      this._note.textContent = '';
    } catch (error) {
      this._note.textContent = (error as Error).message;
    }
    this._show();
  }

  private _from(tree: ITree): IChoice[] {
    const sessions = tree.nodes.flatMap(context =>
      (context.children ?? [])
        .filter(one => one.kind === 'session' && one.switch)
        .map(one => this._session(context, one))
    );
    const other = {
      label: 'Other…',
      detail: `inserts a cell: ${tree.other}`,
      isCurrent: false,
      choose: () => this._insert(tree.other)
    };
    return [...sessions, other];
  }

  private _session(context: INode, session: INode): IChoice {
    return {
      label: `${context.label} · ${session.label}`,
      detail: session.detail ?? '',
      isCurrent: session.current ?? false,
      choose: () => void this._connection.switchTo(session.switch!)
    };
  }

  private _show(): void {
    const words = this._search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (one: IChoice) => words.every(word => one.label.toLowerCase().includes(word));
    this._shown = this._choices.filter((one, n) => fits(one) || n === this._choices.length - 1);
    this._list.replaceChildren(...this._shown.map((one, n) => this._option(one, n)));
    this._select(0);
    this._place();
  }

  private _option(one: IChoice, n: number): HTMLElement {
    const option = element('li', 'hero-Switcher-option');
    option.id = `hero-switcher-${n}`;
    option.setAttribute('role', 'option');
    option.setAttribute('aria-current', String(one.isCurrent));
    const label = element('span', 'hero-Switcher-label');
    label.textContent = one.label;
    const detail = element('span', 'hero-Switcher-detail');
    detail.textContent = plain(one.detail);
    option.append(label, ' ', detail);
    option.addEventListener('click', () => this._choose(one));
    option.addEventListener('pointermove', () => this._select(n));
    return option;
  }

  private _select(n: number): void {
    this._at = Math.max(0, Math.min(n, this._shown.length - 1));
    const options = [...this._list.children];
    options.forEach((one, at) => one.setAttribute('aria-selected', String(at === this._at)));
    options[this._at]?.scrollIntoView({ block: 'nearest' });
    const chosen = options[this._at]?.id;
    if (chosen) {
      this._search.setAttribute('aria-activedescendant', chosen);
    } else {
      this._search.removeAttribute('aria-activedescendant');
    }
  }

  private _choose(one: IChoice): void {
    this._close(true);
    if (!one.isCurrent) {
      one.choose();
    }
  }

  private _onKey(event: KeyboardEvent): void {
    const steps: Record<string, number> = {
      ArrowDown: this._at + 1,
      ArrowUp: this._at - 1,
      PageDown: this._at + 10,
      PageUp: this._at - 10
    };
    if (event.key in steps) {
      this._select(steps[event.key]);
    } else if (event.key === 'Enter' && this._shown.length) {
      this._choose(this._shown[this._at]);
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      this._close(true);
    } else {
      event.stopPropagation(); // no shortcut of the notebook's
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private readonly _onOutside = (event: Event): void => {
    if (!this._node.contains(event.target as Node)) {
      this._close(false);
    }
  };

  private readonly _place = (): void => {
    const from = this._anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this._node;
    const left = Math.max(MARGIN, Math.min(from.left, window.innerWidth - width - MARGIN));
    const isBelow = from.bottom + height + MARGIN <= window.innerHeight;
    const top = isBelow ? from.bottom + MARGIN : Math.max(MARGIN, from.top - height - MARGIN);
    this._node.style.left = `${left}px`;
    this._node.style.top = `${top}px`;
  };

  private _close(takesFocus: boolean): void {
    document.removeEventListener('pointerdown', this._onOutside, true);
    window.removeEventListener('resize', this._place);
    this._node.remove();
    if (takesFocus) {
      this._anchor.focus();
    }
  }

  private readonly _node: HTMLElement;
  private readonly _search: HTMLInputElement;
  private readonly _list: HTMLElement;
  private readonly _note: HTMLElement;
  private _choices: IChoice[] = [];
  private _shown: IChoice[] = [];
  private _at = 0;
}

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className: string
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.className = className;
  return made;
}

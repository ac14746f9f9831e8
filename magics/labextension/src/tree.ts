/** The side panel: contexts, their sessions and what is in the bound one; a click inserts a cell. */

import { type Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { type Connections, type INode } from './connection';
import { insertCell } from './insert';
import { logo } from './logo';
import { plain } from './plain';
import { long } from './words';

/** So many more of a list are shown at once. */
const PAGE = 200;

/** Changes that come together are shown together, in ms. */
const TOGETHER = 100;

/** How often the kernel hears that somebody looks, in ms; it watches for a while after that. */
const LOOKS = 5000;

/** How long typed letters count as one word, in ms. */
const TYPED = 700;

/** The tree of the notebook that is worked on. */
export class Tree extends Widget {
  constructor(private readonly _connections: Connections) {
    super();
    this.id = 'hero-jupyter:tree';
    this.addClass('hero-Tree');
    this.title.icon = logo;
    this.title.caption = 'Hero contexts';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Hero contexts');
    this._filter = document.createElement('input');
    this._filter.type = 'search';
    this._filter.className = 'hero-Tree-filter';
    this._filter.placeholder = 'Filter';
    this._filter.setAttribute('aria-label', 'Filter contexts, sessions and names');
    this._filter.addEventListener('input', () => this._show());
    this._hint = paragraph('hero-Tree-hint');
    this._hint.textContent = 'A click inserts a cell; nothing is run.';
    this._said = paragraph('hero-Tree-said');
    this._said.setAttribute('role', 'status');
    this._list = document.createElement('ul');
    this._list.className = 'hero-Tree-list';
    this._list.setAttribute('role', 'tree');
    this._list.setAttribute('aria-label', 'Contexts and sessions');
    this._list.addEventListener('keydown', event => this._onKey(event));
    this._list.addEventListener('click', event => this._onClick(event));
    this.node.append(this._filter, this._hint, this._said, this._list);
    _connections.currentChanged.connect(() => this.refresh());
    _connections.treeChanged.connect(() => this.refresh());
  }

  /** Ask anew, soon, if anybody can see it. */
  refresh(): void {
    if (this.isVisible && this._timer === undefined) {
      this._timer = window.setTimeout(() => {
        this._timer = undefined;
        void this._load();
      }, TOGETHER);
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.refresh();
    this._looks = window.setInterval(() => {
      if (document.visibilityState === 'visible') {
        this.refresh();
      }
    }, LOOKS);
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    window.clearInterval(this._looks);
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this._filter.focus();
  }

  private async _load(): Promise<void> {
    const connection = this._connections.current;
    if (connection?.standing !== 'here') {
      this._nodes = [];
      this._drawn = '';
      this._say(long(connection));
      this._show();
      return;
    }
    const turn = ++this._turn;
    const late = window.setTimeout(() => this._say('The kernel is busy…'), 1500);
    try {
      const tree = await connection.tree(this._shown);
      if (turn !== this._turn) {
        return;
      }
      const drawn = JSON.stringify(tree.nodes) + tree.more;
      if (drawn !== this._drawn) {
        this._drawn = drawn;
        this._nodes = tree.nodes;
        this._more = tree.more;
        this._show();
      }
      const isBound = connection.state?.bound;
      this._say(isBound ? '' : tree.nodes.length ? 'Not bound yet.' : 'There is no context yet.');
    } catch (error) {
      if (turn === this._turn) {
        this._say((error as Error).message);
      }
    } finally {
      window.clearTimeout(late);
    }
  }

  private _say(text: string): void {
    if (this._said.textContent !== text) {
      this._said.textContent = text;
    }
  }

  private _show(): void {
    const hadFocus = this._list.contains(document.activeElement);
    const words = this._filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    this._items.clear();
    const drawn = this._draw(this._nodes, 1, words);
    if (drawn.length && this._more && !words.length) {
      drawn.push(this._moreItem('contexts', this._more, 1, this._nodes.length));
    }
    this._list.replaceChildren(...drawn);
    this._list.hidden = drawn.length === 0;
    if (words.length && !drawn.length && this._nodes.length) {
      this._say('Nothing has that in its name.');
    }
    const items = this._visible();
    const at = items.find(one => one.dataset.id === this._at) ?? items[0];
    if (at) {
      this._go(at, hadFocus);
    }
  }

  private _draw(nodes: readonly INode[], level: number, words: string[]): HTMLElement[] {
    return nodes.flatMap(node => {
      const fits = words.every(word => node.label.toLowerCase().includes(word));
      const children = this._draw(node.children ?? [], level + 1, fits ? [] : words);
      if (!fits && !children.length) {
        return [];
      }
      if (node.more && fits) {
        children.push(this._moreItem(node.id, node.more, level + 1, node.children?.length ?? 0));
      }
      return [this._item(node, level, children, words.length > 0 && !fits)];
    });
  }

  private _item(
    node: INode,
    level: number,
    children: HTMLElement[],
    isOpen: boolean
  ): HTMLElement {
    const item = treeItem(node.id, level);
    item.classList.toggle('hero-mod-current', node.current ?? false);
    item.dataset.kind = node.kind;
    const row = document.createElement('div');
    row.className = 'hero-Tree-row';
    row.style.paddingInlineStart = `${(level - 1) * 14 + 4}px`;
    const twist = span('hero-Tree-twist', '');
    twist.setAttribute('aria-hidden', 'true');
    const label = span('hero-Tree-label', node.label);
    const detail = span('hero-Tree-detail', node.detail ?? '');
    row.append(twist, label, ' ', detail);
    const says = node.cell ? `, inserts ${node.cell}` : '';
    const about = node.detail ? `, ${node.detail}` : '';
    item.setAttribute('aria-label', plain(`${node.kind} ${node.label}${about}${says}`));
    if (node.cell) {
      row.title = plain(`Insert a cell: ${node.cell}`);
      const plus = span('hero-Tree-insert', '+ cell');
      plus.setAttribute('aria-hidden', 'true');
      row.append(plus);
    }
    item.append(row);
    if (children.length) {
      const isExpanded = isOpen || this._isExpanded(node);
      item.setAttribute('aria-expanded', String(isExpanded));
      const group = document.createElement('ul');
      group.setAttribute('role', 'group');
      group.append(...children);
      group.hidden = !isExpanded;
      item.append(group);
    }
    this._items.set(item, node);
    return item;
  }

  private _isExpanded(node: INode): boolean {
    return this._expanded.get(node.id) ?? node.current ?? false;
  }

  private _moreItem(id: string, more: number, level: number, shown: number): HTMLElement {
    const item = treeItem(`${id}:more`, level);
    const text = `${more.toLocaleString('en')} more…`;
    const row = document.createElement('div');
    row.className = 'hero-Tree-row hero-Tree-more';
    row.style.paddingInlineStart = `${(level - 1) * 14 + 4}px`;
    row.append(span('hero-Tree-twist', ''), span('hero-Tree-label', text));
    item.setAttribute('aria-label', `show more, ${text}`);
    item.append(row);
    item.dataset.list = id;
    item.dataset.shown = String(shown + PAGE);
    return item;
  }

  private _visible(): HTMLElement[] {
    const all = [...this._list.querySelectorAll<HTMLElement>('[role=treeitem]')];
    return all.filter(one => one.parentElement?.closest('[hidden]') === null);
  }

  private _go(item: HTMLElement, takesFocus = true): void {
    this._list.querySelectorAll('[tabindex="0"]').forEach(one => one.setAttribute('tabindex', '-1'));
    item.setAttribute('tabindex', '0');
    this._at = item.dataset.id ?? '';
    if (takesFocus) {
      item.focus();
    }
  }

  private _expand(item: HTMLElement, isExpanded: boolean): void {
    const group = item.querySelector<HTMLElement>(':scope > [role=group]');
    if (group) {
      group.hidden = !isExpanded;
      item.setAttribute('aria-expanded', String(isExpanded));
      this._expanded.set(item.dataset.id ?? '', isExpanded);
    }
  }

  private _act(item: HTMLElement): void {
    const { list, shown } = item.dataset;
    if (list && shown) {
      this._shown[list] = Number(shown);
      this.refresh();
      return;
    }
    const cell = this._items.get(item)?.cell;
    const panel = this._connections.panel;
    if (cell && panel) {
      insertCell(panel, cell);
      this._say(`Inserted: ${cell}`);
    } else {
      this._expand(item, item.getAttribute('aria-expanded') !== 'true');
    }
  }

  private _onClick(event: MouseEvent): void {
    const target = event.target as HTMLElement;
    const item = target.closest<HTMLElement>('[role=treeitem]');
    if (!item) {
      return;
    }
    this._go(item);
    if (target.closest('.hero-Tree-twist')) {
      this._expand(item, item.getAttribute('aria-expanded') !== 'true');
    } else {
      this._act(item);
    }
  }

  private _onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    const items = this._visible();
    const item = (event.target as HTMLElement).closest<HTMLElement>('[role=treeitem]');
    if (!item) {
      return;
    }
    const at = items.indexOf(item);
    const state = item.getAttribute('aria-expanded');
    switch (event.key) {
      case 'ArrowDown':
        this._go(items[Math.min(at + 1, items.length - 1)]);
        break;
      case 'ArrowUp':
        this._go(items[Math.max(at - 1, 0)]);
        break;
      case 'Home':
        this._go(items[0]);
        break;
      case 'End':
        this._go(items[items.length - 1]);
        break;
      case 'ArrowRight':
        if (state === 'false') {
          this._expand(item, true);
        } else if (state === 'true') {
          this._go(items[at + 1]);
        }
        break;
      case 'ArrowLeft':
        if (state === 'true') {
          this._expand(item, false);
        } else {
          const above = item.parentElement?.closest<HTMLElement>('[role=treeitem]');
          if (above) {
            this._go(above);
          }
        }
        break;
      case ' ':
        this._expand(item, state !== 'true');
        break;
      case 'Enter':
        this._act(item);
        break;
      default:
        if (event.key.length !== 1) {
          return;
        }
        this._type(event.key, items, at);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Go to the next name that begins with what is typed. */
  private _type(letter: string, items: HTMLElement[], at: number): void {
    window.clearTimeout(this._typing);
    this._typed += letter.toLowerCase();
    this._typing = window.setTimeout(() => (this._typed = ''), TYPED);
    const from = this._typed.length === 1 ? at + 1 : at;
    const turned = [...items.slice(from), ...items.slice(0, from)];
    const found = turned.find(one =>
      this._items.get(one)?.label.toLowerCase().startsWith(this._typed)
    );
    if (found) {
      this._go(found);
    }
  }

  private readonly _filter: HTMLInputElement;
  private readonly _hint: HTMLElement;
  private readonly _said: HTMLElement;
  private readonly _list: HTMLElement;
  private readonly _items = new Map<HTMLElement, INode>();
  private readonly _expanded = new Map<string, boolean>();
  private readonly _shown: Record<string, number> = {};
  private _nodes: readonly INode[] = [];
  private _more = 0;
  private _drawn = '';
  private _at = '';
  private _typed = '';
  private _typing: number | undefined;
  private _timer: number | undefined;
  private _looks: number | undefined;
  private _turn = 0;
}

function treeItem(id: string, level: number): HTMLElement {
  const item = document.createElement('li');
  item.className = 'hero-Tree-item';
  item.dataset.id = id;
  item.tabIndex = -1;
  item.setAttribute('role', 'treeitem');
  item.setAttribute('aria-level', String(level));
  item.setAttribute('aria-selected', 'false');
  return item;
}

function span(className: string, text: string): HTMLElement {
  const made = document.createElement('span');
  made.className = className;
  made.textContent = plain(text);
  return made;
}

function paragraph(className: string): HTMLElement {
  const made = document.createElement('p');
  made.className = className;
  return made;
}

/** What a notebook's kernel tells of contexts and sessions, over a comm; see magics/connection.py. */

import { InputDialog, type ISessionContext, Notification } from '@jupyterlab/apputils';
import { type INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { type Kernel, type KernelMessage } from '@jupyterlab/services';
import { type JSONObject, UUID } from '@lumino/coreutils';
import { type IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

/** The comm's target, and its id. */
const TARGET = 'hero.context';

/** What the argv of a kernel that loads the extension by itself holds. */
const HERO_KERNEL = 'hero_kernel.kernel.HeroKernel';

/** How long a comm's own thread in the kernel is waited for, in ms. */
const PATIENCE = 1000;

/** What has not begun by then waits for something else, in ms. */
const SOON = 200;

/** What a notebook is bound to. */
export interface IState {
  readonly bound: boolean;
  readonly context: string;
  readonly context_id: number | null;
  readonly session: string;
  readonly how: string;
  readonly docs: boolean;
  readonly secrets: 'none' | 'locked' | 'unlocked';
  readonly actors: readonly string[];
  /** The text of a cell with panels. */
  readonly panel: string;
}

/** A line of the tree. */
export interface INode {
  readonly id: string;
  readonly kind: string;
  readonly label: string;
  readonly detail?: string;
  readonly cell?: string;
  readonly switch?: string;
  readonly current?: boolean;
  readonly children?: readonly INode[];
  readonly more?: number;
}

/** The contexts, and what is in them. */
export interface ITree {
  readonly nodes: readonly INode[];
  readonly more: number;
  /** The text of a cell that binds the notebook to what is not in the tree. */
  readonly other: string;
}

/**
 * How it stands with the extension in a notebook's kernel: there is no kernel; it is coming up, or
 * too busy to answer; it is no Python; nobody has loaded the extension; it answers; it died.
 */
export type Standing = 'none' | 'waiting' | 'foreign' | 'absent' | 'here' | 'dead';

/** What is going on with a switch to another session. */
export type Switching = '' | 'waits' | 'goes on';

interface IWaiting {
  resolve: (tree: ITree) => void;
  reject: (error: Error) => void;
}

/** One notebook, and what its kernel tells. */
export class Connection implements IDisposable {
  constructor(context: ISessionContext) {
    this._context = context;
    context.kernelChanged.connect(this._attach, this);
    context.statusChanged.connect(this._onStatus, this);
    this._attach();
  }

  /** Fires when anything below is another one. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Fires when the tree may be another one. */
  get treeChanged(): ISignal<this, void> {
    return this._treeChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** What the notebook is bound to, as far as it is known. */
  get state(): IState | null {
    return this._state;
  }

  get standing(): Standing {
    return this._standing;
  }

  get switching(): Switching {
    return this._switching;
  }

  /** The kernel's id; empty without one. */
  get kernelId(): string {
    return this._context.session?.kernel?.id ?? '';
  }

  /** Whether it can hear at all: of several views of one kernel, only the first one does. */
  get hears(): boolean {
    return this._context.session?.kernel?.handleComms ?? true;
  }

  /** Whether the kernel starts with the extension loaded. */
  get isHeroKernel(): boolean {
    const name = this._context.session?.kernel?.name;
    const spec = name ? this._context.specsManager.specs?.kernelspecs[name] : undefined;
    return spec?.argv.some(word => word.includes(HERO_KERNEL)) ?? false;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._drop();
      Signal.clearData(this);
    }
  }

  /**
   * Ask for the tree.
   *
   * @param shown - How many children are shown, by the id of a node.
   */
  async tree(shown: Record<string, number>): Promise<ITree> {
    const comm = this._comm;
    if (comm === null || comm.isDisposed) {
      throw new Error('the kernel does not answer');
    }
    const late = new Promise<void>(resolve => window.setTimeout(resolve, PATIENCE));
    // until a thread of its own is there, what is asked would wait for the cell that runs
    await Promise.race([late, subshellOf(comm) ?? late]);
    const id = UUID.uuid4();
    return new Promise((resolve, reject) => {
      this._waiting.set(id, { resolve, reject });
      void this._send(comm, { kind: 'request_tree', shown, id });
    });
  }

  /**
   * Bind the notebook to another session, behind the cells that run or wait.
   *
   * @param code - The line that does it, as the kernel gave it.
   */
  async switchTo(code: string): Promise<void> {
    const kernel = this._context.session?.kernel;
    if (!kernel || this._switching) {
      return;
    }
    this._setSwitching('goes on');
    // not by the kernel's status: what its other threads answer makes it look idle
    const late = window.setTimeout(() => this._setSwitching('waits'), SOON);
    const future = kernel.requestExecute({
      code,
      silent: false,
      store_history: false,
      stop_on_error: false,
      allow_stdin: true
    });
    let said = '';
    future.onIOPub = message => {
      const content = message.content as JSONObject;
      if (message.header.msg_type === 'execute_input') {
        window.clearTimeout(late);
        this._setSwitching('goes on');
      } else if (message.header.msg_type === 'error') {
        Notification.error(`${content.ename}: ${content.evalue}`, { autoClose: 10000 });
      } else if (message.header.msg_type === 'execute_result') {
        said = String((content.data as JSONObject)['text/plain'] ?? '');
      }
    };
    future.onStdin = async message => {
      if (message.header.msg_type === 'input_request') {
        const { prompt, password } = (message as KernelMessage.IInputRequestMsg).content;
        const options = { title: 'Hero', label: prompt };
        const answer = password
          ? await InputDialog.getPassword(options)
          : await InputDialog.getText(options);
        future.sendInputReply({ status: 'ok', value: answer.value ?? '' }, message.parent_header as never);
      }
    };
    try {
      await future.done;
      if (said) {
        Notification.info(said, { autoClose: 4000 });
      }
    } catch {
      // the kernel was restarted or died meanwhile, which is seen elsewhere
    } finally {
      window.clearTimeout(late);
      this._setSwitching('');
    }
  }

  private _setSwitching(switching: Switching): void {
    if (this._switching !== switching && !this._isDisposed) {
      this._switching = switching;
      this._changed.emit();
    }
  }

  private _onStatus(_: unknown, status: Kernel.Status): void {
    if (status === 'dead') {
      this._drop('dead');
    } else if (['restarting', 'autorestarting', 'terminating'].includes(status)) {
      this._drop('waiting');
    } else if (
      (status === 'idle' || status === 'busy') &&
      this._standing !== 'foreign' &&
      this._standing !== 'absent' &&
      (this._comm === null || this._comm.isDisposed) &&
      !this._isAttaching
    ) {
      this._attach();
    }
  }

  private _attach(): void {
    const kernel = this._context.session?.kernel ?? null;
    this._drop(kernel === null ? 'none' : 'waiting');
    if (kernel !== null && kernel.handleComms) {
      const turn = ++this._turn;
      this._isAttaching = true;
      this._find(kernel, () => turn === this._turn && !this._isDisposed)
        .catch(() => undefined) // the kernel went away: its status tells
        .finally(() => {
          if (turn === this._turn) {
            this._isAttaching = false;
          }
        });
    }
  }

  private async _find(
    kernel: Kernel.IKernelConnection,
    isCurrent: () => boolean
  ): Promise<void> {
    kernel.registerCommTarget(TARGET, comm => {
      if (!this._isDisposed) {
        this._take(comm);
      }
    });
    await this._context.specsManager.ready;
    if (isCurrent() && this.isHeroKernel) {
      this._takeFound(kernel);
      return;
    }
    const info = await kernel.info;
    if (!isCurrent()) {
      return;
    }
    if (info.language_info.name !== 'python') {
      this._set('foreign');
      return;
    }
    const reply = await kernel.requestCommInfo({ target_name: TARGET });
    const found = reply.content.status === 'ok' && TARGET in reply.content.comms;
    if (isCurrent() && this._comm === null) {
      if (found) {
        this._takeFound(kernel);
      } else {
        this._set('absent');
      }
    }
  }

  private _takeFound(kernel: Kernel.IKernelConnection): void {
    if (!kernel.hasComm(TARGET)) {
      this._take(kernel.createComm(TARGET, TARGET));
    } else if (this._last && !this._last.isDisposed) {
      this._take(this._last); // the kernel goes on after all
    }
  }

  private _take(comm: Kernel.IComm): void {
    this._comm = this._last = comm;
    comm.onMsg = message => {
      if (comm === this._comm) {
        this._hear(message.content.data);
      }
    };
    comm.onClose = () => {
      if (comm === this._comm) {
        this._drop('absent');
      }
    };
    void this._send(comm, { kind: 'request_state' }).then(isDone => {
      if (isDone && comm === this._comm && this._state === null) {
        this._drop('absent'); // it was heard, and nobody answers
      }
    });
  }

  /** Send something; whether the kernel is done with it, and not restarted before. */
  private async _send(comm: Kernel.IComm, data: JSONObject): Promise<boolean> {
    try {
      await comm.send(data).done;
      return true;
    } catch {
      return false;
    }
  }

  private _hear(data: JSONObject): void {
    const waiting = this._waiting.get(String(data.id));
    if (data.kind === 'state') {
      this._state = data as unknown as IState;
      this._set('here');
      this._treeChanged.emit();
    } else if (data.kind === 'changed') {
      this._treeChanged.emit();
    } else if (waiting) {
      this._waiting.delete(String(data.id));
      if (data.kind === 'tree') {
        waiting.resolve(data as unknown as ITree);
      } else {
        waiting.reject(new Error([data.error, data.hint].filter(Boolean).join(': ')));
      }
    }
  }

  private _set(standing: Standing): void {
    this._standing = standing;
    this._changed.emit();
  }

  private _drop(standing?: Standing): void {
    this._turn += 1;
    this._isAttaching = false;
    this._comm = null;
    this._state = null;
    for (const one of this._waiting.values()) {
      one.reject(new Error('the kernel does not answer'));
    }
    this._waiting.clear();
    if (standing && standing !== this._standing) {
      this._set(standing);
    }
  }

  private readonly _context: ISessionContext;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _treeChanged = new Signal<this, void>(this);
  private readonly _waiting = new Map<string, IWaiting>();
  private _comm: Kernel.IComm | null = null;
  private _last: Kernel.IComm | null = null;
  private _state: IState | null = null;
  private _standing: Standing = 'none';
  private _switching: Switching = '';
  private _turn = 0;
  private _isAttaching = false;
  private _isDisposed = false;
}

/** When the kernel has a thread for a comm; undefined in front ends that know of no such thing. */
function subshellOf(comm: Kernel.IComm): Promise<void> | undefined {
  const { subshellStarted } = comm as { subshellStarted?: Promise<void> };
  return subshellStarted?.catch(() => undefined);
}

/** The connections of all notebooks that are open. */
export class Connections {
  constructor(tracker: INotebookTracker) {
    tracker.forEach(panel => this._add(panel));
    tracker.widgetAdded.connect((_, panel) => this._add(panel));
    tracker.currentChanged.connect((_, panel) => this._setCurrent(panel));
    // not when the kernel is idle again: it is so after each question, too
    NotebookActions.executed.connect((_, { notebook }) => {
      if (notebook === this._panel?.content) {
        this._treeChanged.emit();
      }
    });
    this._setCurrent(tracker.currentWidget);
  }

  /** Fires when a notebook's connection has changed, with the notebook. */
  get changed(): ISignal<this, NotebookPanel> {
    return this._changed;
  }

  /** Fires when another notebook is the current one, or its connection has changed. */
  get currentChanged(): ISignal<this, void> {
    return this._currentChanged;
  }

  /** Fires when the tree of the current notebook may be another one. */
  get treeChanged(): ISignal<this, void> {
    return this._treeChanged;
  }

  /** The notebook that is worked on; null when there is none. */
  get panel(): NotebookPanel | null {
    return this._panel;
  }

  /** Its connection. */
  get current(): Connection | null {
    return this._panel ? this.of(this._panel) : null;
  }

  of(panel: NotebookPanel): Connection | null {
    const own = this._all.get(panel);
    if (own === undefined || own.hears) {
      return own ?? null;
    }
    const others = [...this._all.values()].filter(one => one.kernelId === own.kernelId);
    return others.find(one => one.hears) ?? own;
  }

  private _add(panel: NotebookPanel): void {
    if (this._all.has(panel)) {
      return;
    }
    const one = new Connection(panel.sessionContext);
    this._all.set(panel, one);
    one.changed.connect(() => {
      for (const shown of this._all.keys()) {
        if (this.of(shown) === one) {
          this._changed.emit(shown);
        }
      }
      if (this.current === one) {
        this._currentChanged.emit();
      }
    });
    one.treeChanged.connect(() => {
      if (this.current === one) {
        this._treeChanged.emit();
      }
    });
    panel.disposed.connect(() => {
      one.dispose();
      this._all.delete(panel);
      if (panel === this._panel) {
        this._setCurrent(null);
      }
    });
    this._changed.emit(panel);
    if (panel === this._panel) {
      this._currentChanged.emit();
    }
  }

  private _setCurrent(panel: NotebookPanel | null): void {
    if (panel !== this._panel) {
      this._panel = panel;
      this._currentChanged.emit();
    }
  }

  private readonly _all = new Map<NotebookPanel, Connection>();
  private readonly _changed = new Signal<this, NotebookPanel>(this);
  private readonly _currentChanged = new Signal<this, void>(this);
  private readonly _treeChanged = new Signal<this, void>(this);
  private _panel: NotebookPanel | null = null;
}

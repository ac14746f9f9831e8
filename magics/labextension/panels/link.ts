// Link: how a panel talks with its kernel, and how it finds a new one.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Given = { [key: string]: Json };

/** An error as the kernel tells it. */
export interface Told {
  type: string;
  message: string;
  hint: string;
}

/** What the kernel says of one view; with an error, `state` is how it was, if it ever was. */
export interface Part {
  key: string;
  kind: string;
  title: string;
  spec: Given;
  state?: any;
  error?: Told;
}

/** What a view has told since its state: items from a number on. */
export interface News {
  first: number;
  items: any[];
}

/** What a line that ran in the kernel came to. */
export interface Ran {
  ok: boolean;
  /** All that it said. */
  text: string;
  /** What it failed with. */
  error: string;
}

/** Asks the user for an answer that the kernel waits for; null when there is none. */
export type Answer = (question: string, hidden: boolean) => Promise<string | null>;

/** live; busy: no answer yet, it may come; lost: there is nobody to answer. */
export type Standing = 'live' | 'busy' | 'lost';

/** The part of anywidget's model that is used here. */
export interface Model {
  get(name: string): any;
  send(content: unknown): void;
  on(name: string, callback: (...given: any[]) => void): void;
  off(name: string, callback: (...given: any[]) => void): void;
  widget_manager?: any;
}

/** An error of the kernel's, with what to do instead. */
export class Refused extends Error {
  readonly hint: string;
  constructor(told: Told) {
    super(told.message);
    this.hint = told.hint;
  }
}

const LOOK_MS = 5000;

/** News that are kept; who wants older ones asks for them. */
const NEWS_KEPT = 2000;

/** What is said earlier would wait for cells: the way beside them is being made just then. */
const SETTLING_MS = 250;

const PATIENCE_MS = 2500;
const TARGET = 'hero.panel';

/** The standings of a kernel, in JupyterLab's words, after which nobody knows of a panel. */
const GONE = new Set(['starting', 'restarting', 'autorestarting', 'terminating', 'dead']);

/** What an answer of nothing is to a kernel that waits for one: end of file. */
const NO_ANSWER = '\x04';

interface Waiting {
  number: number;
  sent: number;
  resolve(value: any): void;
  reject(error: Error): void;
}

/**
 * It looks while somebody sees the panel, every few seconds, and the kernel tells of changes as
 * long as it does. Messages have numbers, and the kernel answers those of a link in their order.
 */
export class Link {
  parts: Part[];
  standing: Standing = 'live';
  private waiting = new Map<string, Waiting>();
  private told = new Map<string, News>();
  private listeners = new Set<() => void>();
  private own = Math.random().toString(36).slice(2);
  private last = 0;
  private answered = 0;
  private looks = new Map<number, number>();
  private comm: any = null;
  private begun = Date.now();
  private followed: any = null;
  private isSeen = false;
  private shown = '';
  private timer: ReturnType<typeof setTimeout> | undefined;
  private doubting: ReturnType<typeof setTimeout> | undefined;
  private seen: IntersectionObserver;

  constructor(
    private model: Model,
    el: Element
  ) {
    this.parts = model.get('views') as Part[];
    this.parts.forEach(part => this.begin(part));
    model.on('msg:custom', this.heard);
    model.on('comm_live_update', this.look);
    this.seen = new IntersectionObserver(entries => {
      this.isSeen = entries[entries.length - 1].isIntersecting;
      this.look();
    });
    this.seen.observe(el);
    document.addEventListener('visibilitychange', this.look);
    this.follow();
  }

  /** Ends it: nothing is sent or heard any more. */
  end(): void {
    this.isSeen = false;
    this.seen.disconnect();
    clearTimeout(this.timer);
    clearTimeout(this.doubting);
    document.removeEventListener('visibilitychange', this.look);
    this.model.off('msg:custom', this.heard);
    this.model.off('comm_live_update', this.look);
    this.followed?.statusChanged?.disconnect(this.changed);
    close(this.comm);
    this.listeners.clear();
    this.refuse('the panel was closed', 'run the cell again');
  }

  /** Calls back after every change of `parts` or `standing`; what is returned ends that. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What a view of the kernel answers to a question; rejects with `Refused`. */
  ask(view: string, name: string, given: Given = {}): Promise<any> {
    if (this.standing === 'lost') {
      return Promise.reject(refused('there is no kernel that could answer', 'reconnect'));
    }
    const number = ++this.last;
    const id = `${this.own}.${number}`;
    const answer = new Promise((resolve, reject) =>
      this.waiting.set(id, { number, sent: Date.now(), resolve, reject })
    );
    this.send({ ask: id, view, name, given });
    this.expect(number);
    return answer;
  }

  /** What a view has told since its state; the same object until there is more. */
  news(view: string): News {
    return this.told.get(view) ?? NO_NEWS;
  }

  /** Asks for the state of a view, although it may not have changed. */
  again(view: string): void {
    this.send({ again: [view] });
  }

  /** Which view is shown: the kernel tells of its changes, and of the others' when they are. */
  show(view: string): void {
    if (view !== this.shown) {
      this.shown = view;
      this.look();
    }
  }

  /** Whether lines can be run in the kernel from here. */
  get runs(): boolean {
    return typeof this.kernel?.requestExecute === 'function';
  }

  /**
   * Runs a line in the kernel as a cell does, after the cells that run; what it asks is answered
   * by `answer`, and goes to the kernel by the way of hidden prompts alone.
   */
  async run(line: string, answer: Answer): Promise<Ran> {
    const kernel = this.kernel;
    if (!this.runs) {
      const text = `Run this in a cell: ${line}`;
      return { ok: false, text, error: text };
    }
    const future = kernel.requestExecute({
      code: line,
      silent: false,
      store_history: false,
      stop_on_error: false,
      allow_stdin: true
    });
    const said = new Map<string | number, string>(); // a display is said once, as it is last
    let error = '';
    future.onIOPub = (message: any): void => {
      const content = message.content;
      if (message.header.msg_type === 'error') {
        error = plain((content.traceback as string[]).join('\n'));
      } else if (message.header.msg_type === 'stream') {
        said.set(said.size, content.text);
      } else if (content.data?.['text/plain'] !== undefined) {
        said.set(content.transient?.display_id ?? said.size, content.data['text/plain']);
      }
    };
    future.onStdin = async (message: any): Promise<void> => {
      if (message.header.msg_type === 'input_request') {
        const value = await answer(message.content.prompt, message.content.password);
        future.sendInputReply({ status: 'ok', value: value ?? NO_ANSWER }, message.header);
      }
    };
    try {
      const reply = await future.done;
      const text = plain([...said.values(), error].filter(Boolean).join('\n'));
      return { ok: reply.content.status === 'ok', text, error };
    } catch {
      const text = `The kernel went away; this may have been done or not: ${line}`;
      return { ok: false, text, error: text };
    } finally {
      this.look();
    }
  }

  /** Finds what the panel showed in the kernel that is there now. */
  async reconnect(): Promise<void> {
    const kernel = this.kernel;
    if (typeof kernel?.createComm !== 'function') {
      throw refused('there is no kernel', 'start one, or run the cell again');
    }
    const comm = kernel.createComm(TARGET);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const late = (): void => {
          if (kernel.status === 'dead' || kernel.isDisposed) {
            reject(refused('the kernel has ended', 'start one, then reconnect'));
          } else if (kernel.status === 'idle') {
            reject(refused('the kernel does not answer', 'run the cell again'));
          } else {
            timer = setTimeout(late, PATIENCE_MS); // a cell runs, or it is still starting
          }
        };
        comm.onClose = () =>
          reject(refused('the kernel knows no panels', 'run %load_ext magics, then reconnect'));
        comm.onMsg = (message: any) => {
          resolve();
          this.receive(message.content.data);
        };
        comm.open({ parts: this.parts.map(({ key, kind, spec }) => ({ key, kind, spec })) });
        timer = setTimeout(late, PATIENCE_MS);
      });
    } catch (error) {
      comm.dispose?.();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    comm.onClose = () => this.stand('lost');
    close(this.comm);
    this.comm = comm;
    this.answered = this.last;
    this.follow();
    this.stand('live');
    this.look();
  }

  private get kernel(): any {
    return this.model.widget_manager?.kernel ?? null;
  }

  /** Hears when the kernel goes, where the front end tells; else what is sent gets no answer. */
  private follow(): void {
    this.followed?.statusChanged?.disconnect(this.changed);
    this.followed = this.kernel;
    this.followed?.statusChanged?.connect(this.changed);
  }

  private changed = (_: unknown, status: string): void => {
    if (GONE.has(status)) {
      this.stand('lost');
    }
  };

  private send(message: Given): void {
    const early = this.begun + SETTLING_MS - Date.now();
    if (early > 0) {
      setTimeout(() => this.send(message), early);
      return;
    }
    try {
      if (this.comm) {
        this.comm.send(message);
      } else {
        this.model.send(message);
      }
    } catch {
      this.stand('lost'); // the front end has taken the comm away, with the kernel
    }
  }

  private look = (): void => {
    clearTimeout(this.timer);
    if (this.standing !== 'lost' && this.isSeen && !document.hidden) {
      this.timer = setTimeout(this.look, LOOK_MS);
      const number = ++this.last;
      this.looks.set(number, Date.now());
      this.send({ look: `${this.own}.${number}`, view: this.shown });
      this.expect(number);
    }
  };

  /** Says what is the matter if a message gets no answer in time. */
  private expect(number: number): void {
    clearTimeout(this.doubting);
    this.doubting = setTimeout(() => {
      if (this.answered < number && this.standing !== 'lost') {
        const kernel = this.kernel;
        const waits = kernel?.status === 'busy' || kernel?.connectionStatus !== 'connected';
        this.stand(kernel && waits ? 'busy' : 'lost');
        if (kernel && waits) {
          this.expect(number);
        }
      }
    }, PATIENCE_MS);
  }

  private heard = (message: any): void => {
    if (!this.comm) {
      this.receive(message);
    }
  };

  private receive(message: any): void {
    const [own, number] = String(message.looked ?? message.answer ?? '').split('.');
    if (own === this.own) {
      this.answered = Math.max(this.answered, Number(number));
    }
    if (own === this.own && message.looked !== undefined) {
      this.miss(Number(number));
    }
    const waiting = this.waiting.get(message.answer);
    if (waiting) {
      this.waiting.delete(message.answer);
      if (message.error) {
        waiting.reject(new Refused(message.error));
      } else {
        waiting.resolve(message.value);
      }
    }
    const changed: { [key: string]: Part } = message.views ?? {};
    if (Object.keys(changed).length) {
      this.parts = this.parts.map(part => merged(part, changed[part.key]));
      Object.values(changed).forEach(part => this.begin(part));
    }
    Object.entries((message.news ?? {}) as { [key: string]: News }).forEach(([key, news]) =>
      this.take(key, news)
    );
    if (this.standing !== 'lost' || own === this.own) {
      this.standing = 'live';
    }
    this.tell();
  }

  /** From its state on a view's news are taken. */
  private begin(part: Part): void {
    if (typeof part.state?.next === 'number') {
      this.told.set(part.key, { first: part.state.next, items: [] });
    }
  }

  /** Takes news that are new here; what was missed is made good by the state. */
  private take(key: string, news: News): void {
    const known = this.told.get(key);
    const next = known ? known.first + known.items.length : -1;
    if (!known || news.first > next) {
      this.again(key);
      return;
    }
    const items = [...known.items, ...news.items.slice(next - news.first)];
    const over = Math.max(0, items.length - NEWS_KEPT);
    this.told.set(key, { first: known.first + over, items: items.slice(over) });
  }

  /** Gives up on questions of long before a look that was answered: the answers were lost. */
  private miss(look: number): void {
    const sent = this.looks.get(look) ?? 0;
    for (const number of [...this.looks.keys()].filter(one => one <= look)) {
      this.looks.delete(number);
    }
    for (const [id, one] of this.waiting) {
      if (one.number < look && one.sent + LOOK_MS <= sent) {
        this.waiting.delete(id);
        one.reject(refused('the answer was lost', 'look whether it was done'));
      }
    }
  }

  private stand(standing: Standing): void {
    this.standing = standing;
    if (standing === 'lost') {
      this.looks.clear();
      this.refuse('the kernel is gone', 'reconnect, and look whether it was done');
    }
    this.tell();
  }

  private refuse(message: string, hint: string): void {
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    waiting.forEach(one => one.reject(refused(message, hint)));
  }

  private tell(): void {
    for (const listener of [...this.listeners]) {
      listener();
    }
  }
}

const NO_NEWS: News = { first: 0, items: [] };

/** Closes a comm; one that went with its kernel cannot be. */
function close(comm: any): void {
  try {
    comm?.close();
  } catch {
    // nobody is there to be told
  }
}

function refused(message: string, hint: string): Refused {
  return new Refused({ type: '', message, hint });
}

/** A part after what is told of it; one that cannot be read keeps what it was, below the error. */
function merged(part: Part, told: Part | undefined): Part {
  return told?.error ? { ...part, ...told, state: told.state ?? part.state } : (told ?? part);
}

/** A text without the colours of a terminal. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\x1b\[[0-9;]*m/g, '');
}

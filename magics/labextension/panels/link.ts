// Link: how a panel talks with its kernel, and how it finds a new one.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Given = { [key: string]: Json };

/** An error as the kernel tells it. */
export interface Told {
  type: string;
  message: string;
  hint: string;
}

/** What the kernel says of one view; `state` is missing when it could not be read. */
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

/** live; busy: it answers after the running cell; lost: there is nobody to answer. */
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

interface Waiting {
  resolve(value: any): void;
  reject(error: Error): void;
}

export class Link {
  parts: Part[];
  standing: Standing = 'live';
  private waiting = new Map<string, Waiting>();
  private told = new Map<string, News>();
  private listeners = new Set<() => void>();
  private last = 0;
  private own = Math.random().toString(36).slice(2);
  private comm: any = null;
  private looked = Date.now();
  private begun = Date.now();
  private timer: ReturnType<typeof setInterval>;
  private checking: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private model: Model,
    private isShown: () => boolean
  ) {
    this.parts = model.get('views') as Part[];
    this.parts.forEach(part => this.begin(part));
    model.on('msg:custom', this.heard);
    model.on('comm_live_update', this.check);
    this.timer = setInterval(() => this.look(), LOOK_MS);
    document.addEventListener('visibilitychange', this.look);
    this.look();
  }

  /** Ends it: nothing is sent or heard any more. */
  end(): void {
    clearInterval(this.timer);
    clearTimeout(this.checking);
    document.removeEventListener('visibilitychange', this.look);
    this.model.off('msg:custom', this.heard);
    this.model.off('comm_live_update', this.check);
    this.comm?.close?.();
    this.listeners.clear();
  }

  /** Calls back after every change of `parts` or `standing`; what is returned ends that. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What a view of the kernel answers to a question; rejects with `Refused`. */
  ask(view: string, name: string, given: Given = {}): Promise<any> {
    if (this.standing === 'lost') {
      return Promise.reject(
        new Refused({ type: '', message: 'there is no kernel that could answer', hint: 'reconnect' })
      );
    }
    const id = `${this.own}.${++this.last}`;
    const answer = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.send({ ask: id, view, name, given });
    this.expect(() => !this.waiting.has(id));
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
    if (!kernel) {
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
        future.sendInputReply({ status: 'ok', value: value ?? '' }, message.header);
      }
    };
    const reply = await future.done;
    this.look();
    const text = plain([...said.values(), error].filter(Boolean).join('\n'));
    return { ok: reply.content.status === 'ok', text, error };
  }

  /** Finds what the panel showed in the kernel that is there now. */
  async reconnect(): Promise<void> {
    const kernel = this.kernel;
    if (!kernel) {
      throw new Refused({
        type: '',
        message: 'the kernel cannot be reached from here',
        hint: 'run the cell again'
      });
    }
    await kernel.info;
    const comm = kernel.createComm(TARGET);
    await new Promise<void>((resolve, reject) => {
      const refuse = (): void =>
        reject(
          new Refused({
            type: '',
            message: 'the kernel knows no panels',
            hint: 'run %load_ext magics, then reconnect'
          })
        );
      comm.onClose = refuse;
      comm.onMsg = (message: any) => {
        comm.onClose = () => this.stand('lost');
        resolve();
        this.receive(message.content.data);
      };
      const parts = this.parts.map(({ key, kind, spec }) => ({ key, kind, spec }));
      comm.open({ parts });
      setTimeout(refuse, 4 * PATIENCE_MS);
    });
    this.comm?.close?.();
    this.comm = comm;
    this.stand('live');
  }

  private get kernel(): any {
    return this.model.widget_manager?.kernel ?? null;
  }

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
    if (this.standing !== 'lost' && !document.hidden && this.isShown()) {
      const sent = Date.now();
      this.send({ look: sent });
      this.expect(() => this.looked >= sent);
    }
  };

  /** Whether the kernel still answers, when there is doubt. */
  private check = (): void => {
    this.comm = null;
    const sent = Date.now();
    this.send({ look: sent });
    this.expect(() => this.looked >= sent);
  };

  /** Says what is the matter if what is expected does not come in time. */
  private expect(isThere: () => boolean): void {
    clearTimeout(this.checking);
    this.checking = setTimeout(() => {
      if (!isThere()) {
        const status = this.kernel?.status;
        this.stand(status === 'busy' ? 'busy' : 'lost');
        if (status === 'busy') {
          this.expect(isThere);
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
    if (message.looked !== undefined) {
      this.looked = Math.max(this.looked, message.looked);
    }
    if (message.answer !== undefined) {
      const waiting = this.waiting.get(message.answer);
      this.waiting.delete(message.answer);
      if (message.error) {
        waiting?.reject(new Refused(message.error));
      } else {
        waiting?.resolve(message.value);
      }
    }
    const changed: { [key: string]: Part } = message.views ?? {};
    if (Object.keys(changed).length) {
      this.parts = this.parts.map(part => changed[part.key] ?? part);
      Object.values(changed).forEach(part => this.begin(part));
    }
    Object.entries((message.news ?? {}) as { [key: string]: News }).forEach(([key, news]) =>
      this.take(key, news)
    );
    this.standing = 'live';
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

  private stand(standing: Standing): void {
    this.standing = standing;
    if (standing === 'lost') {
      const lost = new Refused({ type: '', message: 'the kernel is gone', hint: 'reconnect' });
      for (const waiting of this.waiting.values()) {
        waiting.reject(lost);
      }
      this.waiting.clear();
    }
    this.tell();
  }

  private tell(): void {
    for (const listener of [...this.listeners]) {
      listener();
    }
  }
}

const NO_NEWS: News = { first: 0, items: [] };

/** A text without the colours of a terminal. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\x1b\[[0-9;]*m/g, '');
}

// The panels' widget: what anywidget starts, and draws.

import { Component, ComponentChildren, ComponentType, render as draw } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Link, Model, Part } from './link';
import { answerBy, Asked, Fault, Place, Question, useId, ViewProps } from './parts';
import { hearOfPanels, keepOutOfFiles, takePlaces } from './places';
import { Config } from './views/config';
import { Context } from './views/context';
import { Db } from './views/db';
import { Env } from './views/env';
import { Log } from './views/log';
import { Playbook } from './views/playbook';
import { Report } from './views/report';
import { Secrets } from './views/secrets';
import { Session } from './views/session';
import './panel.css';

/** By the kinds of `magics/panels`. */
const VIEWS: { [kind: string]: ComponentType<ViewProps<any>> } = {
  context: Context,
  session: Session,
  env: Env,
  db: Db,
  config: Config,
  secrets: Secrets,
  log: Log,
  playbook: Playbook,
  report: Report
};

function Panel({ link }: { link: Link }) {
  const [, redraw] = useState(0);
  const [chosen, choose] = useState('');
  const [opened] = useState(() => new Set<string>());
  const id = useId();
  const tabs = useRef<HTMLDivElement>(null);
  useEffect(() => link.listen(() => redraw(count => count + 1)), [link]);
  const parts = link.parts;
  const at = Math.max(
    parts.findIndex(part => part.key === chosen),
    0
  );
  const shown = parts[at]?.key ?? '';
  opened.add(shown);
  useEffect(() => link.show(shown), [link, shown]);
  const goTo = (next: number): void => {
    choose(link.parts[next].key);
    tabs.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
  };
  const opener = useMemo((): Opener => {
    const find = (kind: string): number => link.parts.findIndex(one => one.kind === kind);
    return {
      opens: kind => find(kind) >= 0,
      open: kind => find(kind) >= 0 && goTo(find(kind))
    };
  }, [link]);
  const move = (event: KeyboardEvent): void => {
    const places: { [key: string]: number } = {
      ArrowRight: (at + 1) % parts.length,
      ArrowLeft: (at - 1 + parts.length) % parts.length,
      Home: 0,
      End: parts.length - 1
    };
    if (event.key in places) {
      event.preventDefault();
      goTo(places[event.key]);
    }
  };
  const isTabbed = parts.length > 1;
  return (
    <section class="hero-panel" aria-label="Hero panel" tabIndex={-1}>
      {isTabbed && (
        <div class="hero-tabs" role="tablist" aria-label="Panels" ref={tabs} onKeyDown={move}>
          {parts.map((part, number) => (
            <button
              key={part.key}
              type="button"
              role="tab"
              id={`${id}-tab-${number}`}
              aria-selected={number === at}
              aria-controls={`${id}-view-${number}`}
              tabIndex={number === at ? 0 : -1}
              onClick={() => choose(part.key)}
            >
              {part.key}
            </button>
          ))}
        </div>
      )}
      <Standing link={link} />
      {parts.map((part, number) => (
        <div
          key={part.key}
          id={`${id}-view-${number}`}
          hidden={number !== at}
          role={isTabbed ? 'tabpanel' : undefined}
          aria-labelledby={isTabbed ? `${id}-tab-${number}` : undefined}
        >
          {opened.has(part.key) && <Shown part={part} link={link} opener={opener} />}
        </div>
      ))}
    </section>
  );
}

const SUPPRESS = 'data-lm-suppress-shortcuts';

/**
 * Keeps keys in a panel from the notebook, where `d` `d` deletes the cell; Ctrl+S and its like go
 * on. Notebook 7 takes keys on their way down to the panel, but passes over an element with that
 * attribute; on their way up nobody hears of them.
 */
function keepKeys(panel: HTMLElement): () => void {
  const isOurs = (event: KeyboardEvent): boolean =>
    !(event.ctrlKey || event.metaKey) || ['a', 'Enter'].includes(event.key);
  const mark = (event: KeyboardEvent): void => {
    const target = event.target as Element;
    if (isOurs(event) && panel.contains(target)) {
      target.setAttribute(SUPPRESS, 'true');
      setTimeout(() => target.removeAttribute(SUPPRESS));
    }
  };
  const stop = (event: KeyboardEvent): void => {
    if (isOurs(event)) {
      event.stopPropagation();
    }
  };
  window.addEventListener('keydown', mark, true);
  panel.addEventListener('keydown', stop);
  return () => window.removeEventListener('keydown', mark, true);
}

/** Whether somebody answers; nothing while all is well. */
function Standing({ link }: { link: Link }) {
  const [error, setError] = useState<unknown>(null);
  const [isTrying, setTrying] = useState(false);
  if (link.standing === 'live') {
    return null;
  }
  if (link.standing === 'busy') {
    return (
      <p class="hero-standing" role="status">
        Waits for the kernel, which is busy or out of reach.
      </p>
    );
  }
  const reconnect = async (): Promise<void> => {
    setTrying(true);
    setError(null);
    try {
      await link.reconnect();
    } catch (failed) {
      setError(failed);
    }
    setTrying(false);
  };
  return (
    <p class="hero-standing" role="alert">
      The kernel that showed this is gone. What you see is how it was.{' '}
      <button type="button" class="hero-button" disabled={isTrying} onClick={reconnect}>
        {isTrying ? 'Reconnecting…' : 'Reconnect'}
      </button>{' '}
      {error ? <Fault error={error} /> : null}
    </p>
  );
}

/** How a view goes to another one of its panel. */
type Opener = Pick<Place, 'open' | 'opens'>;

/** A view that fails says so in its place; the others go on. */
class Fence extends Component<{ children: ComponentChildren }, { error: unknown }> {
  state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  render() {
    const { error } = this.state;
    if (error === null) {
      return this.props.children;
    }
    return (
      <p class="hero-fault" role="alert">
        This panel failed: <Fault error={error} />{' '}
        <button type="button" class="hero-button" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </p>
    );
  }
}


/** One view, with what it says and asks. */
function Shown({ part, link, opener }: { part: Part; link: Link; opener: Opener }) {
  const [said, say] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [question, setQuestion] = useState<(Question & { number: number }) | null>(null);
  const asked = useRef(0);
  const place = useMemo((): Place => {
    const ask = (next: Omit<Question, 'resolve'>): Promise<string | null> =>
      new Promise(resolve =>
        setQuestion({
          ...next,
          number: ++asked.current,
          resolve: answer => {
            setQuestion(null);
            resolve(answer);
          }
        })
      );
    const fail = (failed: unknown): void => {
      say('');
      setError(failed);
    };
    return {
      link,
      fail,
      news: () => link.news(part.key),
      again: () => link.again(part.key),
      say: text => {
        setError(null);
        say(text);
      },
      ask: async (name, given) => {
        try {
          return await link.ask(part.key, name, given);
        } catch (failed) {
          fail(failed);
          throw failed;
        }
      },
      run: async line => {
        const ran = await link.run(line, answerBy(ask));
        if (!ran.ok) {
          fail(new Error(ran.error || ran.text));
        }
        return ran;
      },
      confirm: async (text, yes, typed) =>
        (await ask({ text, kind: typed === undefined ? 'confirm' : 'text', yes, typed })) !== null,
      prompt: (text, yes, value) => ask({ text, kind: 'text', yes, value }),
      choose: (text, ways) => ask({ text, kind: 'confirm', yes: '', ways }),
      ...opener
    };
  }, [link, part.key, opener]);
  const View = VIEWS[part.kind];
  return (
    <div class={`hero-view hero-view-${part.kind}`}>
      <h3 class="hero-title">{part.title}</h3>
      {part.error && (
        <p role="alert" class="hero-fault">
          {part.error.message}
          {part.error.hint && <span class="hero-quiet"> · {part.error.hint}</span>}
        </p>
      )}
      {!View && <p class="hero-fault">This version of the panels shows no {part.kind}.</p>}
      {View && part.state !== undefined && (
        <Fence>
          <View state={part.state} place={place} />
        </Fence>
      )}
      {question && <Asked key={question.number} question={question} />}
      <p class="hero-said" role="status">
        {said}
      </p>
      {error !== null && (
        <p class="hero-fault" role="alert">
          <Fault error={error} />{' '}
          <button type="button" class="hero-button" onClick={() => setError(null)}>
            Dismiss
          </button>
        </p>
      )}
    </div>
  );
}

/** Draws the panel of a model into an element; what is returned ends it. */
function show(model: Model, el: HTMLElement): () => void {
  el.classList.add('hero-widget');
  const link = new Link(model, el);
  draw(<Panel link={link} />, el);
  const letGo = keepKeys(el);
  const stay = (event: FocusEvent): void => {
    // what had the focus may be taken away, and keys would then be the notebook's
    queueMicrotask(() => {
      if (!(event.target as Element).isConnected && document.activeElement === document.body) {
        el.querySelector<HTMLElement>('.hero-panel')?.focus({ preventScroll: true });
      }
    });
  };
  el.addEventListener('focusout', stay);
  return () => {
    letGo();
    link.end();
    draw(null, el);
  };
}

/** What ends the panels of a widget manager that have begun, by their places. */
const begun = new WeakMap<object, Map<string, () => void>>();

/** A model has come, which may have places in the page, or comes again; what is returned ends it. */
function begin(model: Model): () => void {
  const [place, manager] = [model.get('place'), model.widget_manager ?? model];
  const others = begun.get(manager) ?? new Map<string, () => void>();
  begun.set(manager, others);
  const known = others.get(place);
  if (known) {
    return known;
  }
  const letGo = takePlaces(place, el => show(model, el));
  const end = (): void => {
    others.delete(place);
    letGo();
  };
  others.set(place, end);
  model.on('destroy', end); // anywidget does not tell who has not begun by it yet
  return end;
}

/** anywidget's: as `begin`; further panels of its kernel begin without it. */
function initialize({ model }: { model: Model }): () => void {
  const manager = model.widget_manager;
  keepOutOfFiles(manager, model.get('_anywidget_id'));
  hearOfPanels(manager, model.get('script'), begin);
  return begin(model);
}

/** anywidget's: the front end shows the model as a widget. */
function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  return show(model, el);
}

export default { initialize, render };

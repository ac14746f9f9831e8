// The panels' widget view: what anywidget renders.

import { ComponentType, render as draw } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Link, Model, Part } from './link';
import { answerBy, Asked, Fault, Place, Question, useId, ViewProps } from './parts';
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
  const [chosen, choose] = useState(0);
  const id = useId();
  const tabs = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLElement>(null);
  useEffect(() => keepKeys(box.current!), []);
  useEffect(() => link.listen(() => redraw(count => count + 1)), [link]);
  const parts = link.parts;
  const part = parts[Math.min(chosen, parts.length - 1)];
  const goTo = (at: number): void => {
    choose(at);
    tabs.current?.querySelectorAll<HTMLElement>('[role=tab]')[at]?.focus();
  };
  const opener = useMemo((): Opener => {
    const find = (kind: string): number => link.parts.findIndex(one => one.kind === kind);
    return {
      opens: kind => find(kind) >= 0,
      open: kind => find(kind) >= 0 && goTo(find(kind))
    };
  }, [link]);
  const opened = useRef(new Set<string>()).current; // what is typed in them stays
  opened.add(part.key);
  const move = (event: KeyboardEvent): void => {
    const steps: { [key: string]: number } = { ArrowRight: 1, ArrowLeft: -1 };
    const step = steps[event.key];
    if (step) {
      event.preventDefault();
      event.stopPropagation();
      goTo((chosen + step + parts.length) % parts.length);
    }
  };
  return (
    <section class="hero-panel" aria-label="Hero panel" ref={box}>
      {parts.length > 1 && (
        <div class="hero-tabs" role="tablist" aria-label="Panels" ref={tabs} onKeyDown={move}>
          {parts.map((one, at) => (
            <button
              key={one.key}
              type="button"
              role="tab"
              id={`${id}-tab-${at}`}
              aria-selected={at === chosen}
              aria-controls={`${id}-view-${at}`}
              tabIndex={at === chosen ? 0 : -1}
              onClick={() => choose(at)}
            >
              {one.key}
            </button>
          ))}
        </div>
      )}
      <Standing link={link} />
      {parts.map((one, at) => (
        <div
          key={one.key}
          id={`${id}-view-${at}`}
          hidden={one !== part}
          role={parts.length > 1 ? 'tabpanel' : undefined}
          aria-labelledby={parts.length > 1 ? `${id}-tab-${at}` : undefined}
        >
          {opened.has(one.key) && <Shown part={one} link={link} opener={opener} />}
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
        Waits for the running cell.
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
        Reconnect
      </button>{' '}
      {error ? <Fault error={error} /> : null}
    </p>
  );
}

/** How a view goes to another one of its panel. */
type Opener = Pick<Place, 'open' | 'opens'>;

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
  const last = useRef(part.state); // a store may be away for a moment, and what is typed stays
  last.current = part.state ?? last.current;
  const View = VIEWS[part.kind];
  return (
    <div class={`hero-view hero-${part.kind}`}>
      <h3 class="hero-title">{part.title}</h3>
      {part.error && (
        <p role="alert" class="hero-fault">
          {part.error.message}
          {part.error.hint && <span class="hero-quiet"> · {part.error.hint}</span>}
        </p>
      )}
      {!View ? (
        <p class="hero-fault">This version of the panels shows no {part.kind}.</p>
      ) : (
        last.current !== undefined && <View state={last.current} place={place} />
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

/** anywidget's: draws the panel into an element; what is returned ends it. */
function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  el.classList.add('hero-widget');
  const link = new Link(model, () => el.isConnected && el.getClientRects().length > 0);
  draw(<Panel link={link} />, el);
  return () => {
    draw(null, el);
    link.end();
  };
}

export default { render };

// The panels' widget view: what anywidget renders.

import { ComponentType, render as draw } from 'preact';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { Link, Model, Part } from './link';
import { answerBy, Asked, Fault, Place, Question, ViewProps } from './parts';
import { Db } from './views/db';
import { Env } from './views/env';
import './panel.css';

/** By the kinds of `magics/panels`. */
const VIEWS: { [kind: string]: ComponentType<ViewProps<any>> } = {
  env: Env,
  db: Db
};

function Panel({ link }: { link: Link }) {
  const [, redraw] = useState(0);
  const [chosen, choose] = useState(0);
  const id = useId();
  const tabs = useRef<HTMLDivElement>(null);
  useEffect(() => link.listen(() => redraw(count => count + 1)), [link]);
  const parts = link.parts;
  const part = parts[Math.min(chosen, parts.length - 1)];
  const move = (event: KeyboardEvent): void => {
    const steps: { [key: string]: number } = { ArrowRight: 1, ArrowLeft: -1 };
    const step = steps[event.key];
    if (step) {
      event.preventDefault();
      event.stopPropagation();
      const next = (chosen + step + parts.length) % parts.length;
      choose(next);
      tabs.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
    }
  };
  return (
    <section class="hero-panel" aria-label="Hero panel">
      {parts.length > 1 && (
        <div class="hero-tabs" role="tablist" aria-label="Panels" ref={tabs} onKeyDown={move}>
          {parts.map((one, at) => (
            <button
              key={one.key}
              type="button"
              role="tab"
              id={`${id}-tab-${at}`}
              aria-selected={at === chosen}
              aria-controls={`${id}-view`}
              tabIndex={at === chosen ? 0 : -1}
              onClick={() => choose(at)}
            >
              {one.key}
            </button>
          ))}
        </div>
      )}
      <Standing link={link} />
      <div
        id={`${id}-view`}
        role={parts.length > 1 ? 'tabpanel' : undefined}
        aria-labelledby={parts.length > 1 ? `${id}-tab-${chosen}` : undefined}
      >
        <Shown key={part.key} part={part} link={link} />
      </div>
    </section>
  );
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

/** One view, with what it says and asks. */
function Shown({ part, link }: { part: Part; link: Link }) {
  const [said, say] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [question, setQuestion] = useState<Question | null>(null);
  const place = useMemo((): Place => {
    const ask = (asked: Omit<Question, 'resolve'>): Promise<string | null> =>
      new Promise(resolve =>
        setQuestion({
          ...asked,
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
          fail(new Error(ran.text));
        }
        return ran;
      },
      confirm: async (text, yes) => (await ask({ text, kind: 'confirm', yes })) !== null
    };
  }, [link, part.key]);
  const View = VIEWS[part.kind];
  return (
    <div class={`hero-view hero-${part.kind}`}>
      <h3 class="hero-title">{part.title}</h3>
      {part.error ? (
        <p role="alert" class="hero-fault">
          {part.error.message}
          {part.error.hint && <span class="hero-quiet"> · {part.error.hint}</span>}
        </p>
      ) : View ? (
        <View state={part.state} place={place} />
      ) : (
        <p class="hero-fault">This version of the panels shows no {part.kind}.</p>
      )}
      {question && <Asked question={question} />}
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

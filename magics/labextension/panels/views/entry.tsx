// Entry: one value of a database, looked at, typed anew, given another key, deleted.

import { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Given } from '../link';
import { Button, Field, Place } from '../parts';

/** A row of the list; see `Reader.row` in magics/panels/entry.py. */
export interface Entry {
  id: number;
  key: string;
  type: string;
  size: number;
  text: string;
  state: '' | 'secret' | 'locked' | 'large' | 'fault';
}

/** Some parts of a list or dict; see `Reader.children`. */
interface Parts {
  count: number;
  start: number;
  items: { label: string; kind: '' | 'list' | 'dict'; text?: string; count?: number }[];
}

/** See `Reader.opened`. */
interface Whole extends Entry {
  whole: boolean;
  editable: boolean;
  hides: boolean;
  parts: Parts | null;
  stamp: string;
}

/** What may be typed, by the words of `typed` in magics/panels/entry.py. */
const TYPES = { str: 'text', number: 'number', bool: 'true or false', json: 'JSON', None: 'None' };

type Typed = keyof typeof TYPES;

const TYPED: { [type: string]: Typed } = {
  int: 'number',
  float: 'number',
  bool: 'bool',
  list: 'json',
  dict: 'json',
  None: 'None'
};

export function Opened(props: {
  id: number;
  version: string;
  place: Place;
  onClose(): void;
  onDeleted(key: string, canUndo: boolean): void;
}) {
  const { id, place } = props;
  const [value, setValue] = useState<Whole | null>(null);
  const [isGone, setGone] = useState(false);
  const [hasMore, setMore] = useState(false);
  const [isEdited, setEdited] = useState(false);
  const [newKey, setNewKey] = useState<string | null>(null);
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    let isOver = false;
    const load = async (): Promise<void> => {
      const found: Whole | null = await place.ask('value', { id, more: hasMore });
      if (!isOver) {
        setGone(!found);
        setValue(before => found ?? before);
      }
    };
    quietly(load());
    return () => {
      isOver = true;
    };
  }, [id, props.version, hasMore]);
  useEffect(() => box.current?.scrollIntoView({ block: 'nearest' }), [value === null]);
  if (!value) {
    return null;
  }
  const remove = async (): Promise<void> => {
    const isFinal = value.state !== '' || value.size > 1024 * 1024;
    const what = `Delete ${value.key}?${isFinal ? ' This cannot be undone.' : ''}`;
    if (await place.confirm(what, 'Delete')) {
      const { key, undo } = await place.ask('delete', { id, was: value.stamp });
      props.onDeleted(key, undo);
    }
  };
  const rename = async (): Promise<void> => {
    if (newKey !== null && newKey !== value.key) {
      await place.ask('rename', { id, key: newKey, was: value.stamp });
      place.say(`${value.key} is ${newKey} now`);
    }
    setNewKey(null);
  };
  return (
    <section
      class="hero-opened"
      aria-label={`Entry ${value.key}`}
      ref={box}
      onKeyDown={event => event.key === 'Escape' && !isEdited && props.onClose()}
    >
      <div class="hero-bar">
        {newKey === null ? (
          <strong>{value.key}</strong>
        ) : (
          <Field
            label="New key"
            hideLabel
            focus
            value={newKey}
            onInput={setNewKey}
            onEnter={() => quietly(rename())}
            onEscape={() => setNewKey(null)}
          />
        )}
        <span class="hero-quiet">
          {[value.type, sized(value.size), lines(value)].filter(Boolean).join(' · ')}
        </span>
        <span class="hero-grow" />
        {value.editable && !isEdited && !isGone && (
          <Button label={`Edit ${value.key}`} onClick={() => setEdited(true)}>
            Edit
          </Button>
        )}
        {value.state === 'secret' && (
          <Button
            label={`Set ${value.key} anew`}
            onClick={() => quietly(line(place, 'ask_secret', { id }))}
          >
            Set anew
          </Button>
        )}
        {!isGone && newKey === null && (
          <Button label={`Rename ${value.key}`} onClick={() => setNewKey(value.key)}>
            Rename
          </Button>
        )}
        {!isGone && (
          <Button label={`Delete ${value.key}`} danger onClick={() => quietly(remove())}>
            Delete
          </Button>
        )}
        <Button label={`Close ${value.key}`} onClick={props.onClose}>
          Close
        </Button>
      </div>
      {isGone && (
        <p role="alert" class="hero-fault">
          It was deleted meanwhile{isEdited ? '. What you typed is still here.' : '.'}
        </p>
      )}
      {isEdited ? (
        <Typing
          place={place}
          value={value}
          onSaved={() => setEdited(false)}
          onClose={() => setEdited(false)}
        />
      ) : (
        <Shown value={value} place={place} />
      )}
      {!value.whole && !value.state && !hasMore && (
        <Button label="Show more" onClick={() => setMore(true)} />
      )}
      {!value.whole && (hasMore || value.state === 'large') && (
        <p class="hero-quiet">It is too large to be shown: get it in a cell.</p>
      )}
      {value.hides && (
        <p class="hero-quiet">A known secret is hidden in it, so it is not edited here.</p>
      )}
    </section>
  );
}

/** A value as it is read. */
function Shown({ value, place }: { value: Whole; place: Place }) {
  if (value.state === 'secret') {
    return <p class="hero-quiet">set, encrypted</p>;
  }
  if (value.state === 'locked') {
    return <p class="hero-quiet">encrypted; unlock the context to see it</p>;
  }
  if (value.parts) {
    return <Tree id={value.id} stamp={value.stamp} path={[]} parts={value.parts} place={place} />;
  }
  return (
    <pre class="hero-value" tabIndex={0} role="region" aria-label={`Value of ${value.key}`}>
      {value.text}
    </pre>
  );
}

/** Parts of a list or dict, each opened when it is asked for. */
function Tree(props: { id: number; stamp: string; path: number[]; parts: Parts; place: Place }) {
  const [more, setMore] = useState<Parts['items']>([]);
  const { id, stamp, path, parts, place } = props;
  useEffect(() => setMore([]), [stamp]);
  const items = [...parts.items, ...more];
  const next = async (): Promise<void> => {
    const start = parts.start + items.length;
    const found: Parts = await place.ask('parts', { id, path, start });
    setMore([...more, ...found.items]);
  };
  return (
    <ul class="hero-tree">
      {items.map((item, at) => (
        <li key={at}>
          {item.kind ? (
            <Branch
              id={id}
              stamp={stamp}
              path={[...path, parts.start + at]}
              label={`${item.label} `}
              place={place}
            >
              {item.kind === 'list' ? `[${item.count}]` : `{${item.count}}`}
            </Branch>
          ) : (
            <>
              <span class="hero-quiet">{item.label}</span> {item.text}
            </>
          )}
        </li>
      ))}
      {parts.start + items.length < parts.count && (
        <li>
          <Button
            label={`${parts.count - items.length} more`}
            onClick={() => quietly(next())}
          />
        </li>
      )}
    </ul>
  );
}

function Branch(props: {
  id: number;
  stamp: string;
  path: number[];
  label: string;
  place: Place;
  children: ComponentChildren;
}) {
  const [parts, setParts] = useState<Parts | null>(null);
  const { id, path, place } = props;
  useEffect(() => setParts(null), [props.stamp]);
  const toggle = async (): Promise<void> =>
    setParts(parts ? null : await place.ask('parts', { id, path }));
  return (
    <>
      <button
        type="button"
        class="hero-branch"
        aria-expanded={parts !== null}
        onClick={() => quietly(toggle())}
      >
        <span aria-hidden="true">{parts ? '▾' : '▸'}</span>{' '}
        <span class="hero-quiet">{props.label}</span>
        {props.children}
      </button>
      {parts && <Tree id={id} stamp={props.stamp} path={path} parts={parts} place={place} />}
    </>
  );
}

/** A value that is typed: a new one's with its key, or one that is there, if it did not change. */
export function Typing(props: {
  place: Place;
  value?: Whole;
  onSaved(id: number): void;
  onClose(): void;
}) {
  const { place, value } = props;
  const [key, setKey] = useState('');
  const [kind, setKind] = useState<Typed>(value ? TYPED[value.type] ?? 'str' : 'str');
  const before = value?.type === 'None' ? '' : value?.text ?? '';
  const [first] = useState(before);
  const [text, setText] = useState(before);
  const [was, setWas] = useState(value?.stamp ?? '');
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    if (value) {
      area.current?.focus();
    }
  }, []);
  const isBehind = !!value && value.stamp !== was;
  const save = async (): Promise<void> => {
    const named: Given = value ? { id: value.id, was } : { key };
    try {
      const { id } = await place.ask('set', { ...named, kind, text });
      place.say(`${value?.key ?? key} set`);
      props.onSaved(id);
    } catch (error) {
      point(area.current, String(error));
    }
  };
  const close = async (): Promise<void> => {
    const isDropped = text === first && !key;
    if (isDropped || (await place.confirm('Drop what you typed?', 'Drop'))) {
      props.onClose();
    }
  };
  const secret = async (): Promise<void> => {
    if (await line(place, 'ask_secret', { key })) {
      props.onClose();
    }
  };
  return (
    <div
      class="hero-typing"
      onKeyDown={event => {
        event.stopPropagation(); // the notebook has commands on single letters
        if (event.key === 'Escape') {
          quietly(close());
        } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          quietly(save());
        }
      }}
    >
      <div class="hero-bar">
        {!value && (
          <Field label="key" focus value={key} onInput={setKey} onEscape={() => quietly(close())} />
        )}
        <label>
          type{' '}
          <select
            aria-label="Type of the value"
            value={kind}
            onKeyDown={own}
            onChange={event => setKind(event.currentTarget.value as Typed)}
          >
            {(Object.keys(TYPES) as Typed[]).map(one => (
              <option key={one} value={one}>
                {TYPES[one]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {kind !== 'None' && (
        <textarea
          ref={area}
          aria-label={value ? `Value of ${value.key}` : 'Value'}
          rows={Math.min(16, Math.max(2, text.split('\n', 16).length))}
          spellcheck={false}
          value={text}
          onInput={event => setText(event.currentTarget.value)}
        />
      )}
      {isBehind && value && (
        <p role="alert" class="hero-fault">
          It was changed meanwhile to: {value.text.slice(0, 200) || value.state}{' '}
          <Button label="Keep mine" onClick={() => setWas(value.stamp)} />{' '}
          <Button
            label="Take that"
            onClick={() => {
              setWas(value.stamp);
              setText(before);
              setKind(TYPED[value.type] ?? 'str');
            }}
          />
        </p>
      )}
      <div class="hero-bar">
        <Button label="Save" disabled={isBehind} onClick={() => quietly(save())} />
        <Button label="Cancel" onClick={() => quietly(close())} />
        {!value && (
          <Button label="As a secret" disabled={!key} onClick={() => quietly(secret())} />
        )}
      </div>
    </div>
  );
}

/** Puts the cursor where an error says that JSON is wrong. */
function point(area: HTMLTextAreaElement | null, message: string): void {
  const place = /line (\d+), column (\d+)/.exec(message);
  if (area && place) {
    const above = area.value.split('\n').slice(0, Number(place[1]) - 1);
    const at = above.join('\n').length + (above.length ? 1 : 0) + Number(place[2]) - 1;
    area.focus();
    area.setSelectionRange(at, at + 1);
  }
}

function lines(value: Whole): string {
  const count = value.type === 'str' ? value.text.split('\n').length : 0;
  return count > 1 ? `${count}${value.whole ? '' : '+'} lines` : '';
}

/** Runs a line that the kernel's view makes; what it says is shown. */
export async function line(place: Place, name: string, given = {}): Promise<boolean> {
  const ran = await place.run(await place.ask(name, given));
  if (ran.ok) {
    place.say(ran.text);
  }
  return ran.ok;
}

/** For promises whose errors the panel has shown already. */
export function quietly(work: Promise<unknown>): void {
  work.catch(() => undefined);
}

/** Keys that an element takes for itself: the notebook has commands on single letters. */
export function own(event: KeyboardEvent): void {
  event.stopPropagation();
}

/** Bytes for a reader; nothing for what has no size. */
export function sized(bytes: number): string {
  const units = ['B', 'KiB', 'MiB'];
  let [size, unit] = [bytes, 0];
  while (size >= 1024 && unit < 2) {
    [size, unit] = [size / 1024, unit + 1];
  }
  return bytes ? `${unit ? size.toFixed(1) : size} ${units[unit]}` : '';
}

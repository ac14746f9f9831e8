// The panel of variables and parameters; see magics/panels/env.py for its state.

import { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { plain } from '../../src/plain';
import { Button, Field, Place, Table, ViewProps } from '../parts';
import { Step, Undo } from '../undo';
import { Ago } from '../moment';
import './env.css';

interface Row {
  name: string;
  text?: string;
  cut?: boolean;
  /** Empty when it is plain, `encrypted`, `secret`, `locked`, `deleted`, or why it is not shown. */
  state: string;
  version?: string;
  hides?: boolean;
  source: string;
  when: string;
  changed: '' | 'new' | 'changed' | 'deleted';
}

type Kept = 'env' | 'params' | 'shared';

interface State {
  of: string;
  context: string;
  env: Row[];
  params: Row[];
  shared: Row[];
  params_words: string[];
  shared_words: string[];
  params_fault?: string;
  shared_fault?: string;
  locked: boolean;
  undo: Step | null;
}

/** A value that is being edited: what is typed, and what that is based on. */
interface Edit {
  name: string;
  text: string;
  before: string;
  was: string | null;
  of: string;
}

const MARKS = { '': '', new: '+', changed: '●', deleted: '−' };
const AT_ONCE = 200;

export function Env({ state, place }: ViewProps<State>) {
  const [filter, setFilter] = useState('');
  const [isChanged, setChanged] = useState(false);
  const [isShared, setShared] = useState(false);
  const shown = (rows: Row[]): Row[] => {
    const sought = filter.toLowerCase();
    return rows.filter(
      row =>
        (!isChanged || row.changed) &&
        `${row.name}\n${row.text ?? ''}\n${row.source}`.toLowerCase().includes(sought)
    );
  };
  const unlock = async (): Promise<void> => {
    await runLine(place, 'unlock', { of: state.of });
  };
  const given = { state, place, shown };
  return (
    <div>
      <div class="hero-bar">
        <Field label="Filter" value={filter} onInput={setFilter} onEscape={() => setFilter('')} />
        <Check label="Only changed" is={isChanged} set={setChanged} />
        <Undo step={state.undo} of={state.of} place={place} />
        {state.locked && (
          <span>
            Some values are locked. <Button label="Unlock" onClick={unlock} />
          </span>
        )}
      </div>
      <Values kept="env" what="variable" {...given} />
      <Values kept="params" what="parameter" hidden={isShared} {...given} />
      <Values kept="shared" what="parameter" hidden={!isShared} {...given} />
      <Check label="Parameters shared by the context" is={isShared} set={setShared} />
    </div>
  );
}

/** Runs the line that an ask answers with, and says what came of it. */
export async function runLine(
  place: Place,
  name: string,
  given: { [key: string]: any }
): Promise<boolean> {
  try {
    const line = await place.ask(name, given);
    place.say(`Runs ${line}`);
    const ran = await place.run(line);
    if (ran.ok) {
      place.say(ran.text.split('\n')[0]);
    }
    return ran.ok;
  } catch {
    return false; // it is shown
  }
}

function Check(props: { label: string; is: boolean; set(is: boolean): void }) {
  return (
    <label class="hero-check">
      <input
        type="checkbox"
        checked={props.is}
        onChange={event => props.set(event.currentTarget.checked)}
      />
      {props.label}
    </label>
  );
}

/** A table of values, and what is added to it. */
function Values(props: {
  kept: Kept;
  what: string;
  state: State;
  place: Place;
  hidden?: boolean;
  shown(rows: Row[]): Row[];
}) {
  const { kept, what, state, place } = props;
  const [edit, setEdit] = useState<Edit | null>(null);
  const [added, setAdded] = useState<{ name: string; text: string; secret: boolean } | null>(null);
  const [most, setMost] = useState(AT_ONCE);
  const box = useRef<HTMLElement>(null);
  const next = useRef('');
  useLayoutEffect(() => {
    // at once: a notebook takes the focus to itself when nothing has it
    const found = next.current && box.current?.querySelector<HTMLElement>(next.current);
    if (found) {
      found.focus();
      next.current = '';
    }
  });

  const rows = state[kept];
  const found = props.shown(rows);
  const edited = edit && rows.find(row => row.name === edit.name && row.state !== 'deleted');
  if (edit && !found.some(row => row.name === edit.name)) {
    // what is being edited stays in sight
    found.unshift(edited ?? { name: edit.name, state: '', source: '', when: '', changed: '' });
  }
  const seen = found.slice(0, most);

  const begin = async (row: Row): Promise<void> => {
    if (edit && edit.name !== row.name && !(await save(edit, ''))) {
      return;
    }
    const { of } = state;
    try {
      const { text, version } = row.cut
        ? await place.ask('value', { of, table: kept, name: row.name })
        : { text: row.text ?? '', version: row.version };
      setEdit({ name: row.name, text, before: text, was: version, of });
    } catch {
      // it is shown
    }
  };
  const leave = (after: string): void => {
    next.current = after && valueOf(after);
    setEdit(null);
  };
  /** Whether it went well; then the focus goes to the value called `after`. */
  const save = async (done: Edit, after: string): Promise<boolean> => {
    const { of, name, was, text } = done;
    if (text !== done.before || edited?.version !== was) {
      try {
        await place.ask('set', { of, table: kept, name, value: text, was });
      } catch {
        setEdit(now => now && { ...now, of: state.of }); // what was typed stays, for what is here
        return false;
      }
      place.say(`${name} set`);
    }
    leave(after);
    return true;
  };
  const saveAnd = (done: Edit, step: number): Promise<boolean> => {
    const values = found.filter(isEditable);
    const at = values.findIndex(row => row.name === done.name);
    return save(done, (values[at + step] ?? done).name);
  };
  const remove = async (row: Row): Promise<void> => {
    const isKept = isEditable(row);
    const end = isKept ? '' : ' Its value is not kept, so that this cannot be undone.';
    if (!(await place.confirm(`Delete ${what} ${row.name}?${end}`, 'Delete'))) {
      return;
    }
    const { of } = state;
    try {
      await place.ask('delete', { of, table: kept, name: row.name, was: row.version ?? null });
      place.say(`${row.name} deleted${isKept ? '; Undo takes it back' : ''}`);
      const at = found.indexOf(row);
      const near = found.slice(at + 1).find(isEditable) ?? found.slice(0, at).find(isEditable);
      next.current = near ? valueOf(near.name) : '[data-add] button';
    } catch {
      // it is shown
    }
  };
  const copy = async (row: Row): Promise<void> => {
    try {
      const { text } = row.cut
        ? await place.ask('value', { of: state.of, table: kept, name: row.name })
        : { text: row.text ?? '' };
      if (!navigator.clipboard) {
        throw new Error('this page may not copy, for it did not come over https');
      }
      await navigator.clipboard.writeText(text);
      place.say(`${row.name} copied`);
    } catch (failed) {
      place.fail(failed);
    }
  };
  const ask = (name: string): Promise<boolean> =>
    runLine(place, 'ask_secret', { of: state.of, table: kept, name });
  const add = async (): Promise<void> => {
    const { name, text, secret } = added!;
    try {
      if (secret) {
        if (!(await ask(name))) {
          return;
        }
      } else {
        const given = { of: state.of, table: kept, name, value: text, was: null };
        place.say(`${await place.ask('set', given)} set`);
      }
    } catch {
      return; // it is shown, and what was typed stays
    }
    setAdded(null);
    next.current = '[data-add] button';
  };

  const value = (row: Row): ComponentChildren => {
    if (edit?.name === row.name) {
      const now = edited;
      const isOther = now ? now.version !== edit.was : edit.was !== null;
      return (
        <>
          <Editor
            label={`Value of ${row.name}`}
            value={edit.text}
            onInput={text => setEdit({ ...edit, text })}
            onSave={() => saveAnd(edit, 0)}
            onLeave={() => leave(row.name)}
            onTab={step => saveAnd(edit, step)}
          />
          {isOther && (
            <div class="hero-quiet">
              {now
                ? `By now it is ${plain(now.text ?? '')}, by ${now.source}. `
                : 'By now it is deleted. '}
              <Button
                label={now ? 'Replace it' : 'Set it again'}
                onClick={() => saveAnd({ ...edit, was: now?.version ?? null }, 0)}
              />
            </div>
          )}
        </>
      );
    }
    return (
      <>
        {isEditable(row) ? (
          <button
            type="button"
            class="hero-value"
            data-value={row.name}
            aria-label={`Edit ${row.name}`}
            onClick={() => begin(row)}
            onKeyDown={event => event.key === 'F2' && begin(row)}
          >
            {plain(row.text ?? '')}
            {row.cut ? '…' : ''}
          </button>
        ) : (
          <span class="hero-quiet">
            {row.state === 'secret' && row.when ? (
              <>
                set, <Ago utc={row.when} />
              </>
            ) : row.text && !['secret', 'locked'].includes(row.state) ? (
              `${row.text} (${row.state})`
            ) : (
              row.state
            )}
          </span>
        )}
        {row.state === 'encrypted' && <span class="hero-tag">encrypted</span>}
        {row.hides && (
          <span class="hero-tag" title="The process had a value of its own for this name">
            hides the process's
          </span>
        )}
        <span class="hero-narrow hero-quiet">
          {row.source} · <Ago utc={row.when} />
        </span>
      </>
    );
  };
  const actions = (row: Row): ComponentChildren =>
    row.state !== 'deleted' &&
    edit?.name !== row.name && (
      <span class="hero-actions">
        {isEditable(row) ? (
          <Button label={`Copy ${row.name}`} onClick={() => copy(row)}>
            Copy
          </Button>
        ) : (
          row.state === 'secret' && (
            <Button label={`Replace ${row.name}`} onClick={() => ask(row.name)}>
              Replace
            </Button>
          )
        )}
        <Button label={`Delete ${row.name}`} onClick={() => remove(row)}>
          Delete
        </Button>
      </span>
    );

  const words = kept === 'env' ? [] : state[`${kept}_words`];
  const fault = kept === 'env' ? '' : state[`${kept}_fault`];
  const title =
    kept === 'env' ? 'Variables' : kept === 'params' ? 'Parameters' : `Parameters of ${state.context}`;
  return (
    <section ref={box} hidden={props.hidden} aria-label={title}>
      <div class="hero-bar">
        <h4 class="hero-title">{title}</h4>
        <span data-add>
          <Button
            label={`Add ${what}`}
            disabled={added !== null}
            onClick={() => setAdded({ name: '', text: '', secret: false })}
          />
        </span>
      </div>
      {added && (
        <div class="hero-bar hero-form" role="group" aria-label={`New ${what}`}>
          <Field
            label="Name"
            focus
            value={added.name}
            onInput={name => setAdded({ ...added, name })}
            onEnter={add}
            onEscape={() => setAdded(null)}
          />
          {!added.secret && (
            <Field
              label="Value"
              value={added.text}
              onInput={text => setAdded({ ...added, text })}
              onEnter={add}
              onEscape={() => setAdded(null)}
            />
          )}
          <Check
            label="Secret"
            is={added.secret}
            set={secret => setAdded({ ...added, secret })}
          />
          <Button label={added.secret ? 'Ask for its value' : 'Add'} onClick={add} />
          <Button label="Cancel" onClick={() => setAdded(null)} />
        </div>
      )}
      {fault && <p class="hero-fault">{fault}</p>}
      <Table
        label={title}
        rows={seen}
        keyOf={row => row.name}
        empty={rows.length ? `no ${what} is like that` : `no ${what} is set`}
        columns={[
          {
            name: '',
            cell: row =>
              row.changed && (
                <span role="img" aria-label={row.changed} title={`${row.changed} since the last run`}>
                  {MARKS[row.changed]}
                </span>
              )
          },
          {
            name: what,
            cell: row => (
              <span class="hero-brief" title={plain(row.name)}>
                {plain(row.name)}
              </span>
            )
          },
          { name: 'value', cell: value },
          { name: 'source', cell: row => row.source },
          { name: 'when', cell: row => <Ago utc={row.when} /> },
          { name: 'actions', cell: actions }
        ]}
      />
      {found.length > most && (
        <p class="hero-quiet">
          {most} of {found.length} are shown.{' '}
          <Button
            label={`Show ${Math.min(AT_ONCE, found.length - most)} more`}
            onClick={() => setMost(most + AT_ONCE)}
          />
        </p>
      )}
      {words.length > 0 && <p class="hero-quiet">Without a value: {words.join(', ')}</p>}
    </section>
  );
}

function valueOf(name: string): string {
  return `[data-value="${CSS.escape(name)}"]`;
}

function isEditable(row: Row): boolean {
  return row.state === '' || row.state === 'encrypted';
}

/** A field for a value of one line or several, as the text itself has it. */
function Editor(props: {
  label: string;
  value: string;
  onInput(value: string): void;
  onSave(): void;
  onLeave(): void;
  onTab(step: number): void;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    field.current?.focus(); // before the next key comes
    field.current?.select();
  }, []);
  const lines = props.value.split('\n').length;
  const pressed = (event: KeyboardEvent): void => {
    const isBreak = lines > 1 ? !(event.ctrlKey || event.metaKey) : event.shiftKey;
    if (event.key === 'Escape') {
      props.onLeave();
    } else if (event.key === 'Enter' && !isBreak) {
      event.preventDefault();
      props.onSave();
    } else if (event.key === 'Tab') {
      event.preventDefault();
      props.onTab(event.shiftKey ? -1 : 1);
    }
  };
  return (
    <div class="hero-editor">
      <textarea
        ref={field}
        aria-label={props.label}
        rows={Math.min(lines, 12)}
        spellcheck={false}
        value={props.value}
        onInput={event => props.onInput(event.currentTarget.value)}
        onKeyDown={pressed}
      />
      <span class="hero-actions">
        <Button label="Save" onClick={props.onSave} />
        <Button label="Leave" onClick={props.onLeave} />
      </span>
      <span class="hero-quiet">
        {lines > 1 ? 'Ctrl+Enter saves' : 'Enter saves, Shift+Enter begins a line'}, Escape leaves
      </span>
    </div>
  );
}

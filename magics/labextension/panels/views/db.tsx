// The panel of a database; see magics/panels/db.py for its state and what it answers.

import { useEffect, useRef, useState } from 'preact/hooks';
import { Given } from '../link';
import { Button, Field, Place, ViewProps } from '../parts';
import { Entry, line, Opened, own, quietly, sized, Typing } from './entry';
import { Grid, Rows } from './grid';
import './db.css';

interface State {
  name: string;
  /** The context's name and number. */
  of: string;
  databases: string[];
  encrypted: boolean;
  locked: boolean;
  version: string;
  total: number;
  unkeyed: number;
  rows: Entry[];
}

/** What is looked for, and how. */
type Way = 'begins' | 'key' | 'value';

/** A list that is not all keys: those with a prefix, or what a search has found. */
interface Listed {
  source: string;
  total: number;
  first: Entry[];
  /** Of what a search has found, in order. */
  ids: number[] | null;
  /** Found so far; more than there are ids where they are many. */
  count: number;
  isDone: boolean;
}

const WAYS: { [way in Way]: string } = {
  begins: 'keys that begin with',
  key: 'keys that hold',
  value: 'keys or values that hold'
};

/** Typing goes on for so long before it is looked for. */
const PAUSE_MS = 120;

/** So many of what a search finds are listed; the others are counted. */
const LISTED = 10_000;

const AGAIN_MS = 1000;
const PART = 500_000;
const MAX_FILE = 10 * 1024 * 1024;

export function Db({ state, place }: ViewProps<State>) {
  const [way, setWay] = useState<Way>('begins');
  const [text, setText] = useState('');
  const [hasCase, setCase] = useState(false);
  const [listed, setListed] = useState<Listed | null>(null);
  const [chosen, choose] = useState<number | null>(null);
  const [adding, setAdding] = useState(false);
  const [files, setFiles] = useState(false);
  const [deleted, setDeleted] = useState('');
  const [reveal, setReveal] = useState({ at: 0, turn: 0 });
  const grid = useRef<HTMLDivElement>(null);
  const which = `${state.of} ${state.name}`;
  const wanted = `${which} ${way} ${hasCase} ${text}`;
  useEffect(() => {
    choose(null); // it is another database's, when the notebook has changed its session
    setDeleted('');
  }, [which]);
  useLooked({ state, place, way, text, hasCase, wanted, listed, setListed });

  const list = text && listed ? listed : null;
  const fetch = async (
    at: number,
    count: number,
    near?: { id: number; was: number }
  ): Promise<Rows<Entry>> => {
    if (list?.ids) {
      const ids = list.ids.slice(at, at + count);
      const found: Entry[] = await place.ask('rows', { ids });
      const byId = new Map(found.map(row => [row.id, row]));
      return { at, rows: ids.map(id => byId.get(id) ?? null) };
    }
    const given: Given = { at, count, prefix: list ? text : '' };
    return place.ask('page', near ? { ...given, near: near.id, was: near.was } : given);
  };
  const show = async (id: number): Promise<void> => {
    choose(id);
    if (!text) {
      const found = await place.ask('page', { at: 0, count: 0, near: id, was: 0 });
      setReveal(before => ({ at: found.at, turn: before.turn + 1 }));
    }
  };
  const undo = async (): Promise<void> => {
    const { id } = await place.ask('undo');
    place.say(`${deleted} is back`);
    setDeleted('');
    await show(id);
  };
  const close = (): void => {
    choose(null);
    grid.current?.querySelector<HTMLElement>('.hero-grid-all > [tabindex="0"]')?.focus();
  };
  const switched = async (name: string): Promise<void> => {
    await place.ask('open', { name });
    setText('');
  };
  return (
    <div>
      <div class="hero-bar">
        {state.databases.length > 1 && (
          <label>
            database{' '}
            <select
              aria-label="Database"
              value={state.name}
              onKeyDown={own}
              onChange={event => quietly(switched(event.currentTarget.value))}
            >
              {state.databases.map(name => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        <select
          aria-label="How to search"
          value={way}
          onKeyDown={own}
          onChange={event => setWay(event.currentTarget.value as Way)}
        >
          {(Object.keys(WAYS) as Way[]).map(one => (
            <option key={one} value={one}>
              {WAYS[one]}
            </option>
          ))}
        </select>
        <Field
          label="Search"
          hideLabel
          value={text}
          placeholder="Search"
          onInput={setText}
          onEscape={() => setText('')}
        />
        {way !== 'begins' && (
          <label>
            <input
              type="checkbox"
              checked={hasCase}
              onKeyDown={own}
              onChange={event => setCase(event.currentTarget.checked)}
            />{' '}
            match case
          </label>
        )}
        <span class="hero-grow" />
        <Button label="New key" pressed={adding} onClick={() => setAdding(!adding)} />
        <Button label="Files" pressed={files} onClick={() => setFiles(!files)} />
        {state.encrypted && state.locked && (
          <Button label="Unlock" onClick={() => quietly(line(place, 'ask_unlock'))} />
        )}
      </div>
      {adding && (
        <Typing
          place={place}
          onSaved={id => {
            setAdding(false);
            quietly(show(id));
          }}
          onClose={() => setAdding(false)}
        />
      )}
      {files && <Files state={state} place={place} />}
      <p class="hero-quiet hero-counted" role="status">
        {counted(state, list, way)}
      </p>
      {deleted && (
        <p role="status">
          {deleted} deleted <Button label="Undo" onClick={() => quietly(undo())} />
        </p>
      )}
      <div ref={grid}>
        {(list ? list.total : state.total) > 0 && (
          <Grid
            label={`Entries of database ${state.name}`}
            total={list ? list.total : state.total}
            first={list ? list.first : state.rows}
            source={list ? list.source : which}
            stamp={state.version}
            fetch={fetch}
            chosen={chosen}
            onChoose={row => choose(row.id)}
            reveal={reveal}
            columns={[
              { name: 'key', cell: row => row.key },
              { name: 'type', cell: row => <span class="hero-quiet">{row.type}</span> },
              { name: 'size', right: true, cell: row => sized(row.size) },
              {
                name: 'value',
                cell: row =>
                  row.state && !row.text ? <span class="hero-quiet">{row.state}</span> : row.text
              }
            ]}
          />
        )}
      </div>
      {chosen !== null && (
        <Opened
          key={chosen}
          id={chosen}
          version={state.version}
          place={place}
          onClose={close}
          onDeleted={(name, canUndo) => {
            setDeleted(canUndo ? name : '');
            place.say(canUndo ? '' : `${name} deleted`);
            close();
          }}
        />
      )}
    </div>
  );
}

/** Looks for what is typed, once typing has paused, and again after changes. */
function useLooked(given: {
  state: State;
  place: Place;
  way: Way;
  text: string;
  hasCase: boolean;
  wanted: string;
  listed: Listed | null;
  setListed(listed: Listed | null): void;
}) {
  const { state, place, way, text, hasCase, wanted, listed, setListed } = given;
  const done = useRef('');
  useEffect(() => {
    if (!text) {
      done.current = '';
      setListed(null);
      return;
    }
    let isOver = false;
    const look = async (): Promise<void> => {
      const isAgain = listed?.source === wanted;
      if (way === 'begins') {
        const page = await place.ask('page', { at: 0, count: 100, prefix: text });
        if (!isOver) {
          const [first, total] = [page.rows, page.total];
          setListed({ source: wanted, total, first, ids: null, count: total, isDone: true });
        }
        return;
      }
      let at: number | null = 0;
      let ids: number[] = [];
      let count = 0;
      while (at !== null && !isOver) {
        const most = Math.max(0, LISTED - ids.length);
        const found: any = await place.ask('search', {
          text,
          at,
          case: hasCase,
          values: way === 'value',
          most
        });
        ids = ids.concat(found.ids);
        count += found.count;
        at = found.at;
        // Looking again after a change, what is shown stays until it is complete.
        if (!isOver && (at === null || (!isAgain && (count || way === 'value')))) {
          const isDone = at === null;
          setListed({ source: wanted, total: ids.length, first: [], ids, count, isDone });
        }
      }
    };
    const isChange = done.current === wanted;
    done.current = wanted;
    const timer = setTimeout(() => quietly(look()), isChange ? AGAIN_MS : PAUSE_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [wanted, state.version]);
}

/** How many there are, in words. */
function counted(state: State, list: Listed | null, way: Way): string {
  const all = `${number(state.total)} ${state.total === 1 ? 'key' : 'keys'}`;
  if (!list) {
    const more = state.unkeyed ? ` · ${number(state.unkeyed)} more without a key` : '';
    return (state.total ? all : 'no key yet') + more;
  }
  const cut = list.ids && list.count > list.ids.length;
  const shown = cut && list.ids ? ` · the first ${number(list.ids.length)} are listed` : '';
  const left = way === 'value' && state.encrypted ? ' · sealed values are not looked into' : '';
  return `${number(list.count)} of ${all}${list.isDone ? '' : ' so far …'}${shown}${left}`;
}

/** Import and export: by files of the kernel's machine, and, if they are small, of this one. */
function Files({ state, place }: { state: State; place: Place }) {
  const [path, setPath] = useState('');
  const [isClear, setClear] = useState(false);
  const [part, setPart] = useState('');
  const file = useRef<HTMLInputElement>(null);
  const download = async (): Promise<void> => {
    const made = await place.ask('download', { decrypted: isClear });
    const parts: string[] = [];
    for (let at = 0; at < made.chars; at += parts[parts.length - 1].length) {
      parts.push(await place.ask('downloaded', { at }));
      setPart(`${Math.round((100 * at) / made.chars)} %`);
    }
    save(`${state.name}.jsonl`, parts);
    const left = made.left ? `; ${made.left} left out, which are secret` : '';
    place.say(`${made.count} downloaded${left}`);
  };
  const upload = async (chosen: File): Promise<void> => {
    if (chosen.size > MAX_FILE) {
      throw place.fail(new Error('The file is larger than 10 MiB: load it by its path.'));
    }
    const text = await chosen.text();
    let done: any = null;
    for (let at = 0; at === 0 || at < text.length; at += PART) {
      const piece = text.slice(at, at + PART);
      const last = at + PART >= text.length;
      done = await place.ask('upload', { name: chosen.name.slice(-200), at, text: piece, last });
      setPart(`${Math.round((100 * at) / Math.max(1, text.length))} %`);
    }
    place.say(`${done.count} loaded`);
  };
  const busily = (work: Promise<void>): void => {
    quietly(work.finally(() => setPart('')));
  };
  return (
    <fieldset class="hero-files">
      <legend>Files of JSON lines; secrets are left out</legend>
      <div class="hero-bar">
        <Field label="path on the kernel's machine" value={path} onInput={setPath} />
        <Button
          label="Export"
          disabled={!path}
          onClick={() => quietly(line(place, 'ask_export', { path, decrypted: isClear }))}
        />
        <Button
          label="Load"
          disabled={!path}
          onClick={() => quietly(line(place, 'ask_load', { path }))}
        />
      </div>
      <div class="hero-bar">
        <span>or here, up to 10 MiB</span>
        <Button label="Download" disabled={!!part} onClick={() => busily(download())} />
        <Button label="Upload" disabled={!!part} onClick={() => file.current?.click()} />
        <input
          ref={file}
          type="file"
          class="hero-unseen"
          aria-label="File to upload"
          tabIndex={-1}
          onChange={event => {
            const [chosen] = event.currentTarget.files ?? [];
            event.currentTarget.value = '';
            if (chosen) {
              busily(upload(chosen));
            }
          }}
        />
        <span class="hero-quiet" role="status">
          {part}
        </span>
      </div>
      {state.encrypted && (
        <label>
          <input
            type="checkbox"
            checked={isClear}
            onKeyDown={own}
            onChange={event => setClear(event.currentTarget.checked)}
          />{' '}
          write encrypted values in the clear
        </label>
      )}
    </fieldset>
  );
}

/** Gives the user a file; nothing is asked for over the network. */
function save(name: string, parts: string[]): void {
  const url = URL.createObjectURL(new Blob(parts, { type: 'application/jsonl' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function number(count: number): string {
  return count.toLocaleString('en');
}

// The panel of a session's log; see magics/panels/log.py for its state and its pages.

import { VNode } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { plain } from '../../src/plain';
import { Button, Field, Place, ViewProps } from '../parts';
import { copy, Filter, When } from './pages';
import { Opener } from './report';
import './log.css';

/** Rows that the page holds at once; more are read again when they are scrolled to. */
const MOST = 2000;

/** Rows that are looked for at once. */
const PAGE = 200;

/** What may be typed for a moment. */
const MOMENTS = '-1h or 2025-01-31';

/** How near the end one is at it, in pixels. */
const NEAR = 8;

interface Row {
  place: string;
  at: number;
  cat: string;
  error: boolean;
  text: string;
  /** How long the whole is, where this is only its beginning. */
  long?: number;
}

interface Page {
  rows: Row[];
  before: string | null;
  skipped: string[];
}

interface State extends Page {
  session: string;
  next: number;
}

interface Wanted {
  text: string;
  cat: string;
  errors: boolean;
  since: string;
  until: string;
}

/** What the kernel has read a question as. */
interface Limits {
  cat: string;
  since: number | null;
  until: number | null;
}

const NO_LIMITS: Limits = { cat: '', since: null, until: null };

const ALL: Wanted = { text: '', cat: '', errors: false, since: '', until: '' };

/** Rows as they stand in the log, and where those before them are. */
interface Shown {
  rows: Row[];
  before: string | null;
  /** Whether the last row is the log's last that is wanted. */
  isAtEnd: boolean;
  /** Entries at the end that are not shown. */
  unseen: number;
}

export function Log({ state, place }: ViewProps<State>) {
  const [wanted, setWanted] = useState(ALL);
  const [shown, setShown] = useState<Shown>(() => begun(state));
  const [search, setSearch] = useState<{ to: string } | null>(null);
  const [isFollowing, setFollowing] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const hold = useRef<{ row: HTMLElement; top: number } | null>(null);
  const question = useRef(0); // a new one ends the one before it
  const taken = useRef({ state, next: state.next, last: lastOf(state.rows) });
  const limits = useRef<Limits>(NO_LIMITS);
  const news = place.news();

  /** Adds what is new to what is shown, as far as it is wanted. */
  const take = (rows: Row[]): void => {
    taken.current.last = lastOf(rows) || taken.current.last;
    const fitting = rows.filter(row => fits(row, wanted, limits.current));
    setShown(now => added(now, fitting, isFollowing));
  };

  // the state: another session's log begins anew; of the same, what was missed is added
  useEffect(() => {
    const before = taken.current;
    if (before.state === state) {
      return;
    }
    const isJoined = !before.last || state.rows.some(row => row.place === before.last);
    taken.current = { state, next: state.next, last: lastOf(state.rows) };
    if (before.state.session !== state.session) {
      question.current++;
      setSearch(null);
      setWanted(ALL);
      setShown(begun(state));
    } else if (isJoined) {
      take(state.rows);
    } else if (shown.isAtEnd) {
      void look(wanted);
    }
  }, [state]);

  useEffect(() => {
    const from = taken.current;
    if (news.first > from.next) {
      place.again(); // more than is kept was told while this was not shown
      return;
    }
    const rows = news.items.slice(from.next - news.first) as Row[];
    if (rows.length) {
      from.next = news.first + news.items.length;
      take(rows);
    }
  }, [news]);

  // the end stays in sight while one follows; what is put above moves nothing
  useLayoutEffect(() => {
    const element = box.current;
    if (element && hold.current?.row.isConnected) {
      element.scrollTop += hold.current.row.offsetTop - hold.current.top;
    } else if (element && isFollowing) {
      element.scrollTop = element.scrollHeight;
    }
    hold.current = null;
  }, [shown, isFollowing]);

  // the box is given another size, or is shown again, as a tab is
  const following = useRef(isFollowing);
  following.current = isFollowing;
  useEffect(() => {
    const element = box.current;
    const observer = new ResizeObserver(() => {
      if (element && following.current) {
        element.scrollTop = element.scrollHeight;
      }
    });
    if (element) {
      observer.observe(element);
    }
    return () => observer.disconnect();
  }, []);

  /** Reads back from a place, until there are so many rows, or the log begins, or it is stopped. */
  const read = async (what: Wanted, before: string, count: number): Promise<void> => {
    const mine = ++question.current;
    let at: string | null = before;
    let left = count;
    setSearch({ to: before });
    do {
      let page: Page & Limits;
      try {
        page = await place.ask('page', { ...what, before: at });
      } catch {
        break; // the panel shows it
      }
      if (question.current !== mine) {
        return;
      }
      limits.current = page;
      if (!before) {
        place.say(''); // what was wrong with the question before is over
      }
      const row = before ? box.current?.querySelector<HTMLElement>('.hero-entry') : null;
      hold.current = row ? { row, top: row.offsetTop } : null;
      setShown(now => preceded(now, page));
      at = page.before;
      left -= page.rows.length;
      setSearch({ to: at ?? '' });
    } while (at !== null && left > 0);
    setSearch(null);
  };

  const look = (what: Wanted): Promise<void> => {
    setWanted(what);
    limits.current = NO_LIMITS;
    setShown({ rows: [], before: null, isAtEnd: true, unseen: 0 });
    setFollowing(true);
    return read(what, '', PAGE);
  };

  const older = (): void => {
    if (shown.before !== null && !search) {
      setFollowing(false);
      void read(wanted, shown.before, 1);
    }
  };

  const stop = (): void => {
    question.current++;
    setSearch(null);
  };

  const follow = (): void => {
    if (shown.isAtEnd) {
      setFollowing(true);
    } else {
      void look(wanted);
    }
  };

  const scrolled = (): void => {
    const element = box.current;
    if (!element?.clientHeight) {
      return; // it is hidden
    }
    const isDown = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
    if (isDown !== isFollowing) {
      setFollowing(isDown && shown.isAtEnd);
    }
    if (element.scrollTop < 40 && element.scrollHeight > element.clientHeight && !isDown) {
      older();
    }
  };

  const rows = shown.rows;
  const isAll = Object.values(wanted).every(value => !value);
  const drawn = useMemo(() => new WeakMap<Row, VNode>(), []);
  return (
    <>
      <Wants wanted={wanted} look={what => void look(what)} />
      {search && (
        <p class="hero-quiet" role="status">
          looking{search.to && `, back to ${search.to.slice(0, 13)}:00 UTC`}{' '}
          <Button label="Stop" onClick={stop} />
        </p>
      )}
      <div
        class="hero-scroll hero-entries"
        role="log"
        aria-live="off"
        aria-label="Entries"
        tabIndex={0}
        ref={box}
        onScroll={scrolled}
      >
        {shown.before !== null && (
          <Button label="Older" disabled={search !== null} onClick={older} />
        )}
        {rows.map(row => {
          let node = drawn.get(row);
          if (!node) {
            node = <Entry key={row.place} row={row} place={place} />;
            drawn.set(row, node);
          }
          return node;
        })}
        {!rows.length && !search && (
          <p class="hero-quiet">{isAll ? 'nothing is logged yet' : 'no entry is like that'}</p>
        )}
      </div>
      <div class="hero-bar">
        <Button
          label={shown.unseen ? `Follow (${shown.unseen} more)` : 'Follow'}
          pressed={isFollowing && shown.isAtEnd}
          onClick={isFollowing && shown.isAtEnd ? () => setFollowing(false) : follow}
        />
        <Button
          label="Copy shown"
          disabled={!rows.length}
          onClick={() => void copy(place, rows.map(told).join('\n'))}
        />
        <span class="hero-quiet">{rows.length} shown</span>
      </div>
      {state.skipped.map(said => (
        <p key={said} class="hero-quiet">
          left out: {said}
        </p>
      ))}
      <Write place={place} />
    </>
  );
}

const begun = (state: State): Shown => ({
  rows: state.rows,
  before: state.before,
  isAtEnd: true,
  unseen: 0
});

/** The rows with new ones at their end, as far as the page holds them. */
function added(now: Shown, rows: Row[], isFollowing: boolean): Shown {
  const known = new Set(now.rows.map(row => row.place));
  const fresh = rows.filter(row => !known.has(row.place));
  if (!fresh.length) {
    return now;
  }
  if (!now.isAtEnd || (!isFollowing && now.rows.length + fresh.length > MOST)) {
    return { ...now, isAtEnd: false, unseen: now.unseen + fresh.length };
  }
  const all = [...now.rows, ...fresh];
  const kept = all.slice(-MOST);
  return { ...now, rows: kept, before: all.length > MOST ? kept[0].place : now.before };
}

/** The rows with a page before them, as far as the page holds them. */
function preceded(now: Shown, page: Page): Shown {
  const known = new Set(now.rows.map(row => row.place));
  const rows = [...page.rows.filter(row => !known.has(row.place)), ...now.rows];
  const over = Math.max(0, rows.length - MOST);
  return {
    rows: rows.slice(0, MOST),
    before: page.before,
    isAtEnd: now.isAtEnd && !over,
    unseen: now.unseen + over
  };
}

const lastOf = (rows: Row[]): string => rows[rows.length - 1]?.place ?? '';

/** Whether a new entry is one of those that are wanted; older ones the kernel looks for. */
function fits(row: Row, wanted: Wanted, limits: Limits): boolean {
  return (
    (!wanted.errors || row.error) &&
    (!limits.cat || row.cat === limits.cat) &&
    (limits.since === null || row.at >= limits.since) &&
    (limits.until === null || row.at <= limits.until) &&
    folded(row.text).includes(folded(wanted.text))
  );
}

const folded = (text: string): string => text.toLowerCase().replaceAll('ς', 'σ');

/** An entry as a line of text, in UTC as in the file. */
function told(row: Row): string {
  const at = new Date(row.at * 1000);
  const when = Number.isNaN(at.getTime()) ? String(row.at) : at.toISOString().slice(0, 19);
  const level = row.error ? 'ERROR' : 'INFO';
  return `${when.replace('T', ' ')} [${level}] [${row.cat}] ${row.text}`;
}

/** What is looked for. */
function Wants(props: { wanted: Wanted; look(wanted: Wanted): void }) {
  const { wanted, look } = props;
  return (
    <div class="hero-bar" role="group" aria-label="Filter">
      <Filter label="Find" value={wanted.text} onChange={text => look({ ...wanted, text })} />
      <Filter label="Category" value={wanted.cat} onChange={cat => look({ ...wanted, cat })} />
      <Filter
        label="From"
        value={wanted.since}
        placeholder={MOMENTS}
        onChange={since => look({ ...wanted, since })}
      />
      <Filter
        label="To"
        value={wanted.until}
        placeholder={MOMENTS}
        onChange={until => look({ ...wanted, until })}
      />
      <Button
        label="Only errors"
        pressed={wanted.errors}
        onClick={() => look({ ...wanted, errors: !wanted.errors })}
      />
    </div>
  );
}

/** One entry; of several lines, the first, until it is opened. */
function Entry({ row, place }: { row: Row; place: Place }) {
  const [isOpen, setOpen] = useState(false);
  const [whole, setWhole] = useState<string | null>(null);
  const lines = row.text.split('\n');
  const isFolded = lines.length > 1 || Boolean(row.long);
  const open = (): void => {
    setOpen(!isOpen);
    if (!isOpen && row.long && whole === null) {
      place.ask('whole', { place: row.place }).then(setWhole, () => undefined);
    }
  };
  const more = row.long ? `${row.long} characters` : `${lines.length} lines`;
  return (
    <div class={`hero-entry${row.error ? ' hero-is-error' : ''}`}>
      <span class="hero-quiet">
        <When at={row.at} />
      </span>{' '}
      <span class="hero-cat">{row.cat}</span> {row.error && <strong>ERROR </strong>}
      <span class="hero-message">{plain(isOpen ? (whole ?? row.text) : lines[0])}</span>
      {isFolded && (
        <>
          {' '}
          <Opener label={isOpen ? 'less' : more} isOpen={isOpen} onClick={open} />
        </>
      )}
    </div>
  );
}

/** Writes an entry; what was typed stays until it is written. */
function Write({ place }: { place: Place }) {
  const [text, setText] = useState('');
  const [cat, setCat] = useState('');
  const [error, setError] = useState(false);
  const write = async (): Promise<void> => {
    try {
      await place.ask('write', { text, cat, error });
    } catch {
      return; // the panel shows it
    }
    setText('');
    place.say('Written');
  };
  return (
    <div class="hero-bar hero-write" role="group" aria-label="New entry">
      <Field label="New entry" value={text} onInput={setText} onEnter={() => void write()} />
      <Field label="Its category" value={cat} onInput={setCat} onEnter={() => void write()} />
      <label>
        <input
          type="checkbox"
          checked={error}
          onChange={event => setError(event.currentTarget.checked)}
        />{' '}
        error
      </label>
      <Button label="Write entry" onClick={() => void write()} />
    </div>
  );
}

// Pages: what views of many rows have in common.

import { useEffect, useRef, useState } from 'preact/hooks';
import { Button, Place, useId } from '../parts';

/** As many rows as are shown at once, of those that were found. */
export interface Page<Row> {
  rows: Row[];
  start: number;
  found: number;
  total: number;
}

/** Rows of a page of the kernel's; `ask` gets another one. */
export function usePage<Row, P extends Page<Row>>(
  first: P,
  ask: (given: { start: number; [name: string]: string | number }) => Promise<P>
): {
  page: P;
  /** What is looked for; a change begins with the first row again. */
  filter: { [name: string]: string };
  look(filter: { [name: string]: string }): void;
  go(start: number): void;
} {
  const [filter, setFilter] = useState<{ [name: string]: string }>({});
  const [start, setStart] = useState(0);
  const [page, setPage] = useState<P | null>(null);
  const asked = useRef(0);
  const isFirst = start === 0 && Object.values(filter).every(value => !value);
  useEffect(() => {
    const number = ++asked.current; // only the last question's answer counts
    if (isFirst) {
      setPage(null);
      return;
    }
    ask({ ...filter, start }).then(
      found => {
        if (asked.current === number) {
          setPage(found);
          if (start > 0 && !found.rows.length) {
            setStart(0); // it has become shorter
          }
        }
      },
      () => undefined // the panel shows it
    );
  }, [first, filter, start]);
  return {
    page: (!isFirst && page) || first,
    filter,
    look: wanted => {
      setFilter(wanted);
      setStart(0);
    },
    go: setStart
  };
}

/** Which rows are open, by number, and what opens or closes one. */
export function useOpen(): [ReadonlySet<number>, (row: number) => void] {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const turn = (row: number): void =>
    setOpen(before => new Set(before.has(row) ? [...before].filter(one => one !== row) : [...before, row]));
  return [open, turn];
}

/** Which rows are shown, and the way to others; nothing where all are. */
export function Pager(props: { page: Page<unknown>; size: number; go(start: number): void }) {
  const { start, found, rows } = props.page;
  if (found <= props.size && !start) {
    return null;
  }
  const last = Math.floor(Math.max(0, found - 1) / props.size) * props.size;
  return (
    <p class="hero-pager">
      <Button label="First" disabled={!start} onClick={() => props.go(0)} />
      <Button
        label="Previous"
        disabled={!start}
        onClick={() => props.go(Math.max(0, start - props.size))}
      />
      <span role="status">
        {rows.length ? `${start + 1}-${start + rows.length}` : '0'} of {found}
      </span>
      <Button label="Next" disabled={start >= last} onClick={() => props.go(start + props.size)} />
      <Button label="Last" disabled={start >= last} onClick={() => props.go(last)} />
    </p>
  );
}

/** A field that filters, a moment after the last key. */
export function Filter(props: {
  label: string;
  value: string;
  placeholder?: string;
  onChange(value: string): void;
}) {
  const [value, setValue] = useState(props.value);
  const change = useRef(props.onChange);
  change.current = props.onChange; // another filter may have changed before the time is up
  const id = useId();
  useEffect(() => {
    if (value !== props.value) {
      const timer = setTimeout(() => change.current(value), 200);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [value]);
  return (
    <span class="hero-field">
      <label for={id}>{props.label}</label>{' '}
      <input
        id={id}
        type="search"
        autocomplete="off"
        spellcheck={false}
        value={value}
        placeholder={props.placeholder}
        onInput={event => setValue(event.currentTarget.value)}
        onKeyDown={event => {
          event.stopPropagation(); // the notebook has commands on single letters
          if (event.key === 'Enter') {
            props.onChange(value);
          } else if (event.key === 'Escape') {
            setValue('');
            props.onChange('');
          }
        }}
      />
    </span>
  );
}

/** A sign a status, as reports have it, so that nothing rests on colour alone. */
const MARKS: { [status: string]: string } = {
  ok: '✓',
  done: '✓',
  changed: '●',
  failed: '✗',
  skipped: '-',
  interrupted: '■',
  pending: '○',
  'no handler': '○',
  waiting: '·',
  running: '▶'
};

export function Status({ status }: { status: string }) {
  return (
    <span class={`hero-status hero-is-${status.replace(' ', '-')}`}>
      <span aria-hidden="true">{MARKS[status] ?? ' '}</span> {status}
    </span>
  );
}

/** Puts a text into the clipboard, and says so. */
export async function copy(place: Place, text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    place.say('Copied');
  } catch {
    place.fail(new Error('the browser lets nothing into the clipboard'));
  }
}

/** A moment of the kernel's in this place's time, and in UTC where one asks. */
export function When({ at }: { at: number }) {
  const moment = new Date(at * 1000);
  if (Number.isNaN(moment.getTime())) {
    return <span>{at}</span>;
  }
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  const utc = moment.toISOString().replace('T', ' ').slice(0, 19);
  return (
    <time dateTime={moment.toISOString()} title={`${utc} UTC`}>
      {day} {time}
    </time>
  );
}

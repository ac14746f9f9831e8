// Grid: rows of any number, of which only those in sight are there, and the others are fetched.

import { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef } from 'preact/hooks';
import './grid.css';

/** Height of a row in pixels; grid.css says the same. */
const ROW = 24;

/** Browsers draw no element that is much higher; beyond it the scroll bar is a scale. */
const HIGHEST = 8_000_000;

/** Rows beyond what is in sight that are there already, for the next frame of a scroll. */
const MARGIN = 12;

/**
 * Where the scroll bar is a scale, it moves by more than so many pixels when it is dragged, and by
 * less for a wheel or a finger, which move the rows by just as much.
 */
const NEAR = 5000;

const FETCHED = 100;
const KEPT = 3000;
const SETTLED_MS = 150;
const RETRY_MS = 2000;

/** What is not answered by then is asked for again: the first question may wait for a cell. */
const PATIENCE_MS = 700;

export interface Identified {
  id: number;
}

/** Rows from a position on; `at` is another one than was asked for when they have moved. */
export interface Rows<Row> {
  at: number;
  rows: (Row | null)[];
}

export interface GridColumn<Row> {
  name: string;
  cell(row: Row): ComponentChildren;
  /** For columns of numbers. */
  right?: boolean;
}

export interface GridProps<Row extends Identified> {
  label: string;
  columns: GridColumn<Row>[];
  total: number;
  /** The rows from the first on that are known already. */
  first: Row[];
  /** Which list it is: another one begins at its top. */
  source: string;
  /** Another one after every change of the list: what is in sight is fetched again. */
  stamp: string;
  /** Fetches rows; those in sight stay there if the row `near.id`, then at `near.was`, moved. */
  fetch(at: number, count: number, near?: { id: number; was: number }): Promise<Rows<Row>>;
  chosen: number | null;
  onChoose(row: Row): void;
  /** Shows the row at `at`, whenever `turn` is another one. */
  reveal?: { at: number; turn: number };
}

/** What changes with every scroll, outside of the component's state: nothing is drawn for it. */
interface Sight<Row> {
  rows: Map<number, { row: Row | null; stamp: string }>;
  /** The pixels above what is in sight, of as many as all rows had. */
  top: number;
  /** Where the scroll bar was. */
  bar: number;
  height: number;
  active: number;
  /** Since when something is fetched; 0 when nothing is. */
  fetching: number;
  failedAt: number;
  direction: number;
  source: string;
}

export function Grid<Row extends Identified>(props: GridProps<Row>) {
  const [, redraw] = useReducer<number, void>(count => count + 1, 0);
  const scroller = useRef<HTMLDivElement>(null);
  const settling = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const held = useRef<Sight<Row>>(undefined);
  if (held.current?.source !== props.source) {
    held.current = {
      rows: new Map(),
      top: 0,
      bar: 0,
      height: held.current?.height ?? 12 * ROW,
      active: 0,
      fetching: 0,
      failedAt: 0,
      direction: 1,
      source: props.source
    };
  }
  const sight = held.current;
  props.first.forEach((row, at) => {
    if (sight.rows.get(at)?.stamp !== props.stamp) {
      sight.rows.set(at, { row, stamp: props.stamp });
    }
  });

  const whole = props.total * ROW;
  const height = Math.min(whole, HIGHEST);
  const mostTop = Math.max(0, whole - sight.height);
  const mostBar = Math.max(0, height - sight.height);
  sight.top = Math.min(sight.top, mostTop);
  sight.active = Math.min(sight.active, Math.max(0, props.total - 1));

  const begin = Math.max(0, Math.floor(sight.top / ROW) - MARGIN);
  const end = Math.min(props.total, Math.ceil((sight.top + sight.height) / ROW) + MARGIN);

  /** Puts the scroll bar where it belongs, without being told of a scroll. */
  const settle = (): void => {
    const bar = mostTop ? Math.round((sight.top / mostTop) * mostBar) : 0;
    if (scroller.current && Math.abs(scroller.current.scrollTop - bar) > 1) {
      scroller.current.scrollTop = bar;
    }
    sight.bar = scroller.current?.scrollTop ?? 0;
    redraw();
  };

  const back = useRef(settle);
  back.current = settle;

  const scrolled = (): void => {
    const bar = scroller.current?.scrollTop ?? 0;
    const moved = bar - sight.bar;
    if (!moved) {
      return;
    }
    sight.bar = bar;
    sight.direction = Math.sign(moved);
    sight.failedAt = 0;
    const isScaled = whole > HIGHEST;
    if (isScaled && Math.abs(moved) <= NEAR) {
      sight.top = Math.max(0, Math.min(mostTop, sight.top + moved));
      clearTimeout(settling.current);
      const isAtEdge = bar <= 0 || bar >= mostBar;
      settling.current = setTimeout(settle, isAtEdge ? 0 : SETTLED_MS);
    } else {
      sight.top = mostBar ? (bar / mostBar) * mostTop : 0;
    }
    redraw();
  };

  const show = (at: number): void => {
    const [above, below] = [at * ROW, (at + 1) * ROW];
    if (above < sight.top) {
      sight.top = above;
    } else if (below > sight.top + sight.height) {
      sight.top = below - sight.height;
    }
    sight.top = Math.max(0, Math.min(mostTop, sight.top));
    settle();
  };

  const focus = (at: number): void => {
    sight.active = Math.max(0, Math.min(props.total - 1, at));
    show(sight.active);
    requestAnimationFrame(() =>
      scroller.current
        ?.querySelector<HTMLElement>(`[aria-rowindex="${sight.active + 2}"]`)
        ?.focus({ preventScroll: true })
    );
  };

  const pressed = (event: KeyboardEvent): void => {
    if (event.key === 'Tab' || event.key === 'Escape') {
      return;
    }
    event.stopPropagation(); // the notebook has commands on single letters
    const page = Math.max(1, Math.floor(sight.height / ROW) - 1);
    const steps: { [key: string]: number } = {
      ArrowDown: sight.active + 1,
      ArrowUp: sight.active - 1,
      PageDown: sight.active + page,
      PageUp: sight.active - page,
      Home: 0,
      End: props.total - 1
    };
    if (event.key in steps) {
      event.preventDefault();
      focus(steps[event.key]);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      const row = sight.rows.get(sight.active)?.row;
      if (row) {
        props.onChoose(row);
      }
    }
  };

  /** Fetches what is in sight and not there, a part at a time, the latest first. */
  const fill = async (): Promise<void> => {
    const { fetch, stamp, total } = latest.current;
    const from = sight.direction < 0 ? begin - FETCHED / 2 : begin;
    const until = sight.direction < 0 ? end : end + FETCHED / 2;
    let missing = -1;
    const isThere = (at: number): boolean => sight.rows.get(at)?.stamp === stamp;
    for (let at = begin; at < end && missing < 0; at++) {
      missing = isThere(at) ? -1 : at;
    }
    for (let at = Math.max(0, from); at < Math.min(total, until) && missing < 0; at++) {
      missing = isThere(at) ? -1 : at;
    }
    const isTooSoon = Date.now() - sight.failedAt < RETRY_MS;
    if (missing < 0 || Date.now() - sight.fetching < PATIENCE_MS || isTooSoon) {
      return;
    }
    const since = Date.now();
    sight.fetching = since;
    const done = (): void => {
      sight.fetching = sight.fetching === since ? 0 : sight.fetching;
    };
    setTimeout(redraw, PATIENCE_MS + 10);
    const asked = sight.direction < 0 ? Math.max(0, missing - FETCHED + (end - begin)) : missing;
    const seen = Math.ceil(sight.top / ROW);
    const was = sight.rows.get(seen);
    const near = seen && was?.row && was.stamp !== stamp ? { id: was.row.id, was: seen } : undefined;
    try {
      const found = await fetch(asked, FETCHED, near);
      const shift = found.at - asked;
      if (shift) {
        sight.rows.clear();
        sight.top = Math.max(0, sight.top + shift * ROW);
        sight.active = Math.max(0, sight.active + shift);
      }
      found.rows.forEach((row, at) => sight.rows.set(found.at + at, { row, stamp }));
      for (let at = found.at + found.rows.length; at < Math.min(total, asked + FETCHED); at++) {
        sight.rows.set(at, { row: null, stamp });
      }
      forget(sight.rows, seen);
      done();
      if (held.current === sight) {
        if (shift) {
          settle();
        }
        redraw();
      }
    } catch {
      done(); // who fetched has said why
      sight.failedAt = Date.now();
    }
  };
  useEffect(() => void fill());

  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) {
      return;
    }
    box.scrollTop = 0;
    const measured = (): void => {
      if (box.clientHeight && box.clientHeight !== sight.height) {
        sight.height = box.clientHeight;
        redraw();
      }
      if (box.clientHeight && Math.abs(box.scrollTop - sight.bar) > 1) {
        back.current(); // it was hidden meanwhile, which some browsers scroll to the top
      }
    };
    measured();
    const observer = new ResizeObserver(measured);
    observer.observe(box);
    return () => observer.disconnect();
  }, [sight]);

  useEffect(() => {
    if (props.reveal) {
      sight.active = props.reveal.at;
      show(props.reveal.at);
    }
  }, [props.reveal?.turn]);

  const shown = [];
  for (let at = begin; at < end; at++) {
    shown.push(at);
  }
  if (props.total && (sight.active < begin || sight.active >= end)) {
    shown.push(sight.active); // it may have the focus, which must not be lost
  }
  const offset = sight.top - sight.bar;
  return (
    <div
      class="hero-grid"
      role="grid"
      aria-label={props.label}
      aria-rowcount={props.total + 1}
      aria-colcount={props.columns.length}
      data-lm-suppress-shortcuts="true"
      onKeyDown={pressed}
    >
      <div class="hero-grid-row hero-grid-head" role="row" aria-rowindex={1}>
        {props.columns.map((column, at) => (
          <span
            key={column.name}
            role="columnheader"
            aria-colindex={at + 1}
            class={column.right ? 'hero-right' : undefined}
          >
            {column.name}
          </span>
        ))}
      </div>
      <div
        class="hero-grid-box"
        role="rowgroup"
        ref={scroller}
        style={{ height: `${Math.min(Math.max(props.total, 1), 12) * ROW}px` }}
        onScroll={scrolled}
      >
        <div class="hero-grid-all" role="presentation" style={{ height: `${height}px` }}>
          {shown.map(at => {
            const row = sight.rows.get(at)?.row;
            return (
              <div
                key={at}
                class="hero-grid-row"
                role="row"
                aria-rowindex={at + 2}
                aria-selected={!!row && row.id === props.chosen}
                aria-busy={!sight.rows.has(at)}
                tabIndex={at === sight.active ? 0 : -1}
                style={{ transform: `translateY(${at * ROW - offset}px)` }}
                onFocus={() => {
                  if (sight.active !== at) {
                    sight.active = at;
                    redraw();
                  }
                }}
                onClick={() => row && props.onChoose(row)}
              >
                {props.columns.map((column, number) => (
                  <span
                    key={column.name}
                    role="gridcell"
                    aria-colindex={number + 1}
                    class={column.right ? 'hero-right' : undefined}
                  >
                    {row ? column.cell(row) : number ? '' : sight.rows.has(at) ? 'gone' : '…'}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Lets go of rows far from a position when there are many. */
function forget(rows: Map<number, unknown>, near: number): void {
  if (rows.size > KEPT) {
    for (const at of [...rows.keys()]) {
      if (Math.abs(at - near) > KEPT / 4) {
        rows.delete(at);
      }
    }
  }
}

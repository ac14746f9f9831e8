// The panel of a context and its sessions; see magics/panels/context.py for its state.

import { useEffect, useRef, useState } from 'preact/hooks';
import { plain } from '../../src/plain';
import { Facts, FoldColumn, Folds, Order, Part } from '../folds';
import { Given } from '../link';
import { Size, When } from '../moment';
import { Button, Field, Place, ViewProps } from '../parts';
import { Actable, Acts, attempt, Check, Company, Copied, Editable, perform, switchTo } from './acts';
import './context.css';

interface Param {
  name: string;
  text: string;
  state: string;
}

interface Here {
  id: number;
  name: string;
  guid: string;
  here: boolean;
  kept: string;
  'code root': string;
  home: string;
  folder: string;
  keys: string;
  databases: string;
  records: string;
  interactive: boolean;
  secret: string;
  encrypts: boolean;
  params: Param[];
  params_total: number;
  params_fault: string;
}

interface SessionRow extends Actable {
  state: string;
  start: string;
  end: string;
  touched: string;
  size: number;
  latest: boolean;
  ephemeral: boolean;
  env: number;
}

interface ContextRow {
  id: number;
  name: string;
  here: boolean;
  sessions: number;
  'code root': string;
}

interface Page<Row> {
  total: number;
  rows: Row[];
}

interface State {
  context: Here | null;
  sessions: (Page<SessionRow> & { live: number }) | null;
  /** None in the panel of one context, whichever the notebook's is. */
  contexts: Page<ContextRow> | null;
  revision: string;
  fault?: { message: string; hint: string };
}

const PAGE = 40;
const TYPING_MS = 150;
const PATHS = ['home', 'folder', 'databases', 'keys'] as const;
const STATES = ['live', 'open', 'ended', 'killed'];

export function Context({ state, place }: ViewProps<State>) {
  return (
    <>
      {state.fault && (
        <p class="hero-fault" role="alert">
          {state.fault.message}
          {state.fault.hint && <span class="hero-quiet"> · {state.fault.hint}</span>}
        </p>
      )}
      {!state.context && !state.fault && (
        <p class="hero-quiet">The notebook is in no context yet; switch to one, or make one.</p>
      )}
      {state.context && <Identity context={state.context} place={place} />}
      {state.context && state.sessions && (
        <Sessions
          key={state.context.id}
          context={state.context}
          page={state.sessions}
          revision={state.revision}
          place={place}
        />
      )}
      {state.contexts && (
        <Contexts page={state.contexts} revision={JSON.stringify(state.contexts)} place={place} />
      )}
    </>
  );
}

function Identity({ context, place }: { context: Here; place: Place }) {
  const setRoot = (coderoot: string, was: string): Promise<boolean> =>
    perform(place, 'configure', { coderoot, was }, 'code root changed');
  return (
    <>
      <Facts
        facts={[
          ['name', context.name],
          ['guid', <Copied place={place} text={context.guid} label="guid" />],
          [
            'code root',
            <>
              <Copied place={place} text={context['code root']} label="code root" />{' '}
              <Editable
                label="code root"
                text={context.kept}
                empty="the default; set another"
                save={setRoot}
              />
            </>
          ],
          ...PATHS.map((name): [string, any] => [
            name,
            <Copied place={place} text={context[name]} label={name} />
          ]),
          ['records', context.records],
          [
            'settings',
            <Check
              label="may ask questions"
              on={context.interactive}
              onChange={on =>
                perform(place, 'interact_context', { on }, on ? 'may ask' : 'asks nothing')
              }
            />
          ],
          ['secret', context.secret + (context.encrypts ? ', encrypts everything' : '')]
        ]}
      />
      <Part title="Shared parameters" note={String(context.params_total)}>
        {context.params_fault ? (
          <p class="hero-fault">{context.params_fault}</p>
        ) : (
          <Facts
            facts={context.params.map(one => [
              one.name,
              one.state ? <span class="hero-quiet">{one.state}</span> : one.text || '""'
            ])}
          />
        )}
        <p class="hero-quiet">
          {context.params_total > context.params.length &&
            `${context.params_total - context.params.length} more. `}
          Every session of the context sees them.{' '}
          {place.opens('env') && (
            <button type="button" class="hero-link" onClick={() => place.open('env')}>
              Edit parameters
            </button>
          )}
        </p>
      </Part>
    </>
  );
}

/** The last part of a label, which often is a notebook's path. */
const fileOf = (label: string): string =>
  label.startsWith('/') ? label.split('/').pop() || label : label;

const SESSION_COLUMNS = (place: Place): FoldColumn<SessionRow>[] => [
  {
    name: 'state',
    sort: 'state',
    cell: row => (
      <span class={`hero-state hero-is-${row.state}`}>
        {row.state}
        {row.here && ' here'}
      </span>
    )
  },
  {
    name: 'who is on it',
    wide: true,
    long: true,
    cell: row =>
      row.holders.length ? (
        <span title={row.holders.map(one => one.label).join(', ')}>
          {row.holders.map(one => (one.own ? 'this kernel' : fileOf(one.label))).join(', ')}
        </span>
      ) : (
        <span class="hero-quiet">nobody</span>
      )
  },
  { name: 'last touched', sort: 'touched', wide: true, cell: row => <When at={row.touched} /> },
  { name: 'size', sort: 'size', right: true, wide: true, cell: row => <Size bytes={row.size} /> },
  {
    name: 'description',
    sort: 'description',
    wide: true,
    long: true,
    cell: row => (
      <span class="hero-brief" title={plain(row.description)}>
        {plain(row.description)}
      </span>
    )
  },
  {
    name: '',
    cell: row =>
      row.here ? (
        place.opens('session') && (
          <Button label="Open the session's tab" onClick={() => place.open('session')}>
            Open
          </Button>
        )
      ) : (
        <Button label={`Switch to ${row.name}`} onClick={() => switchTo(place, row)}>
          Switch
        </Button>
      )
  }
];

function Sessions(props: {
  context: Here;
  page: Page<SessionRow> & { live: number };
  revision: string;
  place: Place;
}) {
  const { place } = props;
  const [text, setText] = useState('');
  const [state, setState] = useState('');
  const [order, setOrder] = useState<Order>({ by: '', descending: false });
  const [count, setCount] = useState(PAGE);
  const query = { text, state, sort: order.by, descending: order.descending, count };
  const page = usePage(place, 'sessions', props.page, query, props.revision);
  const add = async (): Promise<void> => {
    const name = await place.prompt('Name of the new session; empty for the time', 'New session');
    if (name !== null) {
      await perform(place, 'new', { name }, '');
    }
  };
  return (
    <Part title="Sessions" note={`${props.page.total}, ${props.page.live} live`}>
      <div class="hero-bar">
        <Button label="New session" onClick={add} />
        <Field label="Filter" value={text} onInput={setText} onEscape={() => setText('')} />
        <label>
          State{' '}
          <select value={state} onChange={event => setState(event.currentTarget.value)}>
            <option value="">all</option>
            {STATES.map(one => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        {(order.by || text || state) && (
          <Button
            label="Show all"
            onClick={() => {
              setText('');
              setState('');
              setOrder({ by: '', descending: false });
            }}
          />
        )}
      </div>
      <Folds
        label={`Sessions of context ${props.context.name}`}
        head={{ name: 'session', text: row => row.name, sort: 'session' }}
        columns={SESSION_COLUMNS(place)}
        rows={page.rows}
        keyOf={row => row.name}
        isHere={row => row.here}
        order={order}
        onOrder={setOrder}
        empty={text || state ? 'no session matches' : 'no session yet'}
        detail={row => <SessionDetail row={row} place={place} />}
      />
      <More page={page} onMore={() => setCount(count + PAGE)} />
    </Part>
  );
}

function SessionDetail({ row, place }: { row: SessionRow; place: Place }) {
  if (row.state === 'unreadable') {
    return (
      <>
        <p>Its record cannot be read.</p>
        <Acts place={place} session={row} />
      </>
    );
  }
  const describe = (text: string, was: string): Promise<boolean> =>
    perform(place, 'describe', { session: row.name, text, was }, 'description changed');
  return (
    <>
      <Facts
        facts={[
          ['who is on it', row.holders.length ? <Company holders={row.holders} /> : 'nobody'],
          ['start', <When at={row.start} />],
          ['end', row.end && <When at={row.end} />],
          ['last touched', <When at={row.touched} />],
          ['size', <Size bytes={row.size} />],
          ['env', String(row.env)],
          [
            'note',
            [row.latest && 'the latest', row.ephemeral && 'made for one run']
              .filter(Boolean)
              .join(', ')
          ],
          [
            'description',
            <Editable
              label={`description of ${row.name}`}
              text={row.description}
              empty="add a description"
              save={describe}
            />
          ]
        ]}
      />
      <Acts place={place} session={row} />
    </>
  );
}

function Contexts(props: { page: Page<ContextRow>; revision: string; place: Place }) {
  const { place } = props;
  const [text, setText] = useState('');
  const [count, setCount] = useState(PAGE);
  const page = usePage(place, 'contexts', props.page, { text, count }, props.revision);
  const add = async (): Promise<void> => {
    const name = await place.prompt('Name of the new context', 'New context');
    if (name !== null) {
      await perform(place, 'new_context', { name }, '');
    }
  };
  return (
    <Part title="Contexts" note={String(props.page.total)}>
      <div class="hero-bar">
        <Button label="New context" onClick={add} />
        {props.page.total > 7 && (
          <Field label="Filter" value={text} onInput={setText} onEscape={() => setText('')} />
        )}
      </div>
      <Folds
        label="Contexts"
        head={{ name: 'context', text: row => row.name }}
        columns={[
          { name: 'id', right: true, wide: true, cell: row => row.id },
          { name: 'sessions', right: true, cell: row => row.sessions },
          { name: 'code root', wide: true, long: true, cell: row => row['code root'] },
          {
            name: '',
            cell: row =>
              row.here ? (
                <span class="hero-quiet">here</span>
              ) : (
                <Button
                  label={`Switch to context ${row.name}`}
                  onClick={() => perform(place, 'use_context', { context: row.id }, '')}
                >
                  Switch
                </Button>
              )
          }
        ]}
        rows={page.rows}
        keyOf={row => String(row.id)}
        isHere={row => row.here}
        empty="no context matches"
        detail={row => <ContextDetail row={row} place={place} />}
      />
      <More page={page} onMore={() => setCount(count + PAGE)} />
    </Part>
  );
}

function ContextDetail({ row, place }: { row: ContextRow; place: Place }) {
  const rename = async (): Promise<void> => {
    const name = await place.prompt(`New name of context ${row.name}`, 'Rename', row.name);
    if (name !== null) {
      const given = { context: row.id, name };
      await perform(place, 'rename_context', given, `context ${row.name} is renamed`);
    }
  };
  const remove = async (): Promise<void> => {
    const text =
      `Delete context ${row.name} with its ${row.sessions} sessions, its folder, its databases` +
      ' and their keys? This cannot be undone. Type its name to confirm.';
    if (await place.confirm(text, 'Delete', row.name)) {
      await perform(place, 'delete_context', { context: row.id, typed: row.name }, '');
    }
  };
  return (
    <>
      <Facts
        facts={[
          ['id', String(row.id)],
          ['code root', <Copied place={place} text={row['code root']} label="code root" />]
        ]}
      />
      {row.id === 0 ? (
        <p class="hero-quiet">The default context keeps its name, and is not deleted here.</p>
      ) : (
        <div class="hero-bar">
          <Button label="Rename" onClick={rename} />
          <Button label="Delete" danger onClick={remove} />
        </div>
      )}
    </>
  );
}

function More<Row>({ page, onMore }: { page: Page<Row>; onMore(): void }) {
  if (page.rows.length >= page.total) {
    return null;
  }
  return (
    <p class="hero-quiet">
      {page.rows.length} of {page.total} <Button label="Show more" onClick={onMore} />
    </p>
  );
}

/** The rows that a query asks for: those of the state while it asks for nothing special. */
function usePage<Row>(
  place: Place,
  name: string,
  first: Page<Row>,
  query: Given,
  revision: string
): Page<Row> {
  const [found, setFound] = useState<Page<Row> | null>(null);
  const asked = useRef(0);
  const isFirst = Object.values(query).every(one => !one || one === PAGE);
  const spelt = JSON.stringify(query);
  useEffect(() => {
    const own = ++asked.current;
    if (isFirst) {
      setFound(null);
      return;
    }
    const timer = setTimeout(
      () =>
        attempt(async () => {
          const page = await place.ask(name, query);
          if (own === asked.current) {
            setFound(page);
          }
        }),
      TYPING_MS
    );
    return () => clearTimeout(timer);
  }, [spelt, revision]);
  return isFirst ? first : (found ?? first);
}

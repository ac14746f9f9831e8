// The panel of a session; see magics/panels/session.py for its state.

import { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Facts, Folds, Part } from '../folds';
import { Size, When } from '../moment';
import { Button, Place, ViewProps } from '../parts';
import { Acts, attempt, Check, Company, Copied, Editable, Holder, perform } from './acts';
import './session.css';

interface Run {
  run: string;
  started: string;
  ended: string;
  said: string;
  took: string;
  source: string;
}

interface State {
  name: string;
  context: string;
  guid: string;
  here: boolean;
  decided: { [what: string]: string };
  start: string;
  end: string;
  killed: boolean;
  description: string;
  interactive: boolean;
  ephemeral: boolean;
  notebook: string;
  holders: Holder[];
  taken_by: string;
  env: number;
  params: number;
  entries: number | null;
  log: number;
  runs: number;
  last: Run[];
}

export function Session({ state, place }: ViewProps<State>) {
  const name = state.name;
  return (
    <>
      {state.here && state.taken_by && <TakenOver state={state} place={place} />}
      <Facts
        facts={[
          ['name', name],
          ['context', <To place={place} kind="context" text={state.context} />],
          ['guid', <Copied place={place} text={state.guid} label="guid" />],
          ['start', <When at={state.start} />],
          [
            'end',
            state.end && (
              <>
                <When at={state.end} />
                {state.killed && ', its last process was killed'}
              </>
            )
          ],
          ['notebook', state.notebook],
          ['note', state.ephemeral ? 'made for one run' : ''],
          [
            'description',
            <Editable
              label="description"
              text={state.description}
              empty="add a description"
              save={(text, was) =>
                perform(place, 'describe', { session: name, text, was }, 'description changed')
              }
            />
          ],
          [
            'settings',
            <Check
              label="may ask questions"
              on={state.interactive}
              onChange={on =>
                perform(place, 'interact', { session: name, on }, on ? 'may ask' : 'asks nothing')
              }
            />
          ],
          [
            'who is on it',
            state.holders.length ? <Company holders={state.holders} /> : 'nobody'
          ]
        ]}
      />
      {state.here ? (
        <Why state={state} place={place} />
      ) : (
        <p class="hero-quiet">The notebook is not on this session.</p>
      )}
      <ul class="hero-counts" aria-label="What it holds">
        <li>
          <To place={place} kind="env" text={counted(state.env, 'variable')} />
        </li>
        <li>
          <To place={place} kind="env" text={counted(state.params, 'parameter')} />
        </li>
        <li>
          <To
            place={place}
            kind="db"
            text={state.entries === null ? 'no database' : counted(state.entries, 'database key')}
          />
        </li>
        <li>
          <To place={place} kind="log" text={state.log ? null : 'no log'}>
            log of <Size bytes={state.log} />
          </To>
        </li>
        <li>
          <To place={place} kind="playbook" text={counted(state.runs, 'run')} />
        </li>
      </ul>
      <Acts place={place} session={state} resets />
      <Part title="Last runs" note={`${state.last.length} of ${state.runs}`}>
        <Folds
          label={`Last runs of session ${name}`}
          head={{ name: 'run', text: row => row.run }}
          columns={[
            { name: 'started', wide: true, cell: row => <When at={row.started} /> },
            { name: 'result', long: true, cell: row => <span class={`hero-ran-${row.ended}`}>{row.said}</span> },
            { name: 'took', wide: true, right: true, cell: row => row.took },
            { name: 'source', wide: true, long: true, cell: row => row.source }
          ]}
          rows={state.last}
          keyOf={row => row.run}
          empty="nothing ran yet"
          detail={row => <Report run={row.run} place={place} />}
        />
      </Part>
    </>
  );
}

const counted = (count: number, what: string): string =>
  `${count.toLocaleString()} ${what}${count === 1 ? '' : 's'}`;

/** A text, with the way to its tab where the panel has that. */
function To(props: {
  place: Place;
  kind: string;
  text: string | null;
  children?: ComponentChildren;
}) {
  const shown = props.text ?? props.children;
  return props.place.opens(props.kind) ? (
    <button type="button" class="hero-link" onClick={() => props.place.open(props.kind)}>
      {shown}
    </button>
  ) : (
    <span>{shown}</span>
  );
}

/** What the notebook can do when another kernel has told it to leave. */
function TakenOver({ state, place }: { state: State; place: Place }) {
  const go = (way: string): Promise<boolean> =>
    perform(place, 'use', { session: state.name, way }, '');
  return (
    <div class="hero-fault" role="alert">
      This session was taken over by {state.taken_by}.
      <div class="hero-bar">
        <Button label="Share it" onClick={() => go('share')} />
        <Button label="Fork it" onClick={() => go('fork')} />
        <Button label="Take it over" onClick={() => go('takeover')} />
      </div>
    </div>
  );
}

/** How the binding was decided; the lines are asked for when it is opened. */
function Why({ state, place }: { state: State; place: Place }) {
  const [lines, setLines] = useState<string[] | null>(null);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (isOpen) {
      attempt(async () => setLines(await place.ask('why')));
    }
  }, [isOpen, state.guid]);
  const by = Object.entries(state.decided).map(([what, giver]) => `${what}: ${giver}`);
  return (
    <details class="hero-part" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>
        Why <span class="hero-quiet">{by.join(' · ')}</span>
      </summary>
      <ul class="hero-lines">{lines?.map((line, at) => <li key={at}>{line}</li>)}</ul>
    </details>
  );
}

/** A run's report as text. */
function Report({ run, place }: { run: string; place: Place }) {
  const [report, setReport] = useState<{ text: string; cut: boolean } | null>(null);
  useEffect(() => {
    attempt(async () => setReport(await place.ask('run', { run })));
  }, [run]);
  return report ? (
    <>
      <pre tabIndex={0} aria-label={`Report of run ${run}`}>
        {report.text}
      </pre>
      {report.cut && <p class="hero-quiet">%heroscript --show {run} shows the rest.</p>}
    </>
  ) : (
    <p class="hero-quiet">reading…</p>
  );
}

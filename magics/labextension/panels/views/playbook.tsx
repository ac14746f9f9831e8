// The panel of a session's playbook; see magics/panels/playbook.py for its state.

import { ComponentChildren, Fragment } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Button, Place, ViewProps } from '../parts';
import { Filter, Page, Pager, Status, useOpen, usePage } from './pages';
import { Asks, Behind, Head, Opener, ReportPage, Run } from './report';

const SIZE = 100;

/** Kept runs that the kernel lists. */
const LISTED = 20;

interface Row {
  id: number;
  was: string;
  n: number;
  priority: number;
  action: string;
  params: [string, string][];
  place: string;
  status: string;
  said: string;
  alone: boolean;
}

interface Queue extends Page<Row> {
  waiting: number;
}

interface Progress {
  number: number;
  total: number;
  action: string;
  said: string;
  fraction?: number | null;
}

interface State {
  queue: Queue;
  run: { head: Head; page: ReportPage; left: boolean; progress: Progress | null } | null;
  kept: string;
  undo: boolean;
}

export function Playbook({ state, place }: ViewProps<State>) {
  const { run } = state;
  const [isAsked, setAsked] = useState(false);
  const isBusy = isAsked || Boolean(run?.progress);
  /** Runs the line that the kernel builds, behind the cells that run. */
  const carryOut = async (name: string, given: { [name: string]: string } = {}): Promise<void> => {
    setAsked(true);
    try {
      const ran = await place.run(await place.ask(name, given));
      if (ran.ok) {
        place.say(ran.text.trim().split('\n').pop() ?? '');
      }
    } catch {
      // the panel shows it
    }
    setAsked(false);
  };
  return (
    <>
      {run?.progress && <Going progress={run.progress} source={run.head.source} />}
      <div class="hero-bar">
        <Button
          label="Run"
          disabled={isBusy || !state.queue.waiting}
          onClick={() => void carryOut('ask_run', { how: 'run' })}
        />
        <Button
          label="Dry run"
          disabled={isBusy || !state.queue.waiting}
          onClick={() => void carryOut('ask_run', { how: 'dry run' })}
        />
        <Button
          label="Retry"
          disabled={isBusy || !run?.left}
          onClick={() => void carryOut('ask_retry')}
        />
        {state.undo && (
          <Button
            label="Put back"
            onClick={() =>
              void place.ask('undo').then(
                () => place.say('Put back'),
                () => undefined
              )
            }
          />
        )}
      </div>
      <Waiting queue={state.queue} place={place} isBusy={isBusy} carryOut={carryOut} />
      {run && (
        <Section title={run.progress ? 'This run' : 'Last run'} isOpenFirst={!state.queue.total}>
          <Run
            key={run.head.run || 'going'}
            head={run.head}
            first={run.page}
            asks={asksOf(place, '')}
            place={place}
            isGoing={!run.head.ended}
          />
        </Section>
      )}
      {state.kept && (
        <Section title="Kept runs">
          <Kept mark={state.kept} place={place} />
        </Section>
      )}
    </>
  );
}

function asksOf(place: Place, run: string): Asks {
  return {
    page: given => place.ask('run_page', { ...given, run }),
    row: given => place.ask('run_row', { ...given, run }),
    text: () => place.ask('run_text', { run })
  };
}

/** Where the run is. */
function Going({ progress, source }: { progress: Progress; source: string }) {
  const { number, total, action, said, fraction } = progress;
  return (
    <p class="hero-going">
      <progress
        max={total || 1}
        value={Math.max(0, number - 1) + (fraction ?? 0)}
        aria-label="Actions carried out"
      />{' '}
      <span role="status">
        ▶ {number}/{total} {action} {said} {typeof fraction === 'number' && percent(fraction)}
      </span>{' '}
      <span class="hero-quiet">{source}</span>
    </p>
  );
}

const percent = (fraction: number): string => `${Math.round(100 * fraction)}%`;

/** The queue, in the order of carrying out. */
function Waiting(props: {
  queue: Queue;
  place: Place;
  isBusy: boolean;
  carryOut(name: string, given: { [name: string]: string }): Promise<void>;
}) {
  const { place, queue } = props;
  const { page, filter, look, go } = usePage<Row, Queue>(
    queue,
    given => place.ask('page', given) as Promise<Queue>
  );
  const [open, turn] = useOpen();
  if (!queue.total) {
    return <p class="hero-quiet">nothing is queued</p>;
  }
  const remove = async (row: Row): Promise<void> => {
    if (await place.confirm(`Remove ${row.action} (${row.n}) from the queue?`, 'Remove')) {
      try {
        await place.ask('remove', { number: row.id, was: row.was });
        place.say(`${row.action} removed`);
      } catch {
        // the panel shows it
      }
    }
  };
  return (
    <>
      <div class="hero-bar">
        <span>
          {queue.waiting} of {queue.total} waiting
        </span>
        {queue.total > 1 && (
          <Filter label="Find" value={filter.text ?? ''} onChange={text => look({ text })} />
        )}
      </div>
      <div class="hero-scroll" role="region" aria-label="Queued actions" tabIndex={0}>
        <table class="hero-rows hero-queue">
          <thead>
            <tr>
              <th scope="col" class="hero-right">
                n
              </th>
              <th scope="col" class="hero-right">
                priority
              </th>
              <th scope="col">action</th>
              <th scope="col">parameters</th>
              <th scope="col">status</th>
              <th scope="col">place</th>
              <th scope="col">
                <span class="hero-unseen">change</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {page.rows.map(row => (
              <Fragment key={row.id}>
                <tr>
                  <td class="hero-right hero-quiet">{row.n}</td>
                  <td class="hero-right hero-quiet">{row.priority}</td>
                  <td>
                    <Opener
                      label={row.action}
                      isOpen={open.has(row.id)}
                      onClick={() => turn(row.id)}
                    />
                  </td>
                  <td>
                    {row.params.map(([key, value], at) => (
                      <Fragment key={at}>
                        {key && <span class="hero-quiet">{key}:</span>}
                        {value}{' '}
                      </Fragment>
                    ))}
                  </td>
                  <td>
                    <Status status={row.status} />
                    {row.said && <div class="hero-quiet">{row.said}</div>}
                  </td>
                  <td class="hero-quiet">{row.place}</td>
                  <td>
                    <span class="hero-acts">
                      {row.alone && row.status !== 'no handler' && row.status !== 'running' && (
                        <Button
                          label={`Run only ${row.action}`}
                          disabled={props.isBusy}
                          onClick={() =>
                            void props.carryOut('ask_run', { how: 'run', only: row.action })
                          }
                        >
                          Run only
                        </Button>
                      )}
                      <Button
                        label={`Remove ${row.action} (${row.n})`}
                        onClick={() => void remove(row)}
                      >
                        Remove
                      </Button>
                    </span>
                  </td>
                </tr>
                {open.has(row.id) && (
                  <tr>
                    <td colSpan={7}>
                      <Behind
                        ask={given =>
                          place.ask('action', { ...given, number: row.id, was: row.was })
                        }
                        status={row.status}
                      />
                    </td>
                  </tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
      {!page.rows.length && <p class="hero-quiet">no action is like that</p>}
      <Pager page={page} size={SIZE} go={go} />
    </>
  );
}

/** What opens below a heading, and is made only then. */
function Section(props: { title: string; isOpenFirst?: boolean; children: ComponentChildren }) {
  const [isOpen, setOpen] = useState(Boolean(props.isOpenFirst));
  return (
    <section class="hero-section">
      <h4 class="hero-heading">
        <Opener label={props.title} isOpen={isOpen} onClick={() => setOpen(!isOpen)} />
      </h4>
      {isOpen && props.children}
    </section>
  );
}

/** The runs that are kept, the newest first; each opens to its report. */
function Kept({ mark, place }: { mark: string; place: Place }) {
  const [heads, setHeads] = useState<Head[] | null>(null);
  const [opened, setOpened] = useState<{ head: Head; page: ReportPage } | null>(null);
  useEffect(() => {
    place.ask('runs').then(setHeads, () => undefined);
  }, [mark]);
  const turn = async (head: Head): Promise<void> => {
    if (opened?.head.run === head.run) {
      setOpened(null);
      return;
    }
    try {
      setOpened(await place.ask('run_head', { run: head.run }));
    } catch {
      // the panel shows it
    }
  };
  if (!heads) {
    return <p class="hero-quiet">…</p>;
  }
  return (
    <div class="hero-scroll" role="region" aria-label="Kept runs" tabIndex={0}>
      <table class="hero-rows">
        <thead>
          <tr>
            <th scope="col">run</th>
            <th scope="col">started (UTC)</th>
            <th scope="col">of</th>
            <th scope="col">ended</th>
            <th scope="col">actions</th>
          </tr>
        </thead>
        <tbody>
          {heads.map(head => (
            <Fragment key={head.run}>
              <tr>
                <td>
                  <Opener
                    label={head.run}
                    isOpen={opened?.head.run === head.run}
                    onClick={() => void turn(head)}
                  />
                </td>
                <td>{head.started}</td>
                <td>{head.source}</td>
                <td>{head.ended}</td>
                <td>{head.actions}</td>
              </tr>
              {opened?.head.run === head.run && (
                <tr>
                  <td colSpan={5}>
                    <Run
                      head={opened.head}
                      first={opened.page}
                      asks={asksOf(place, head.run)}
                      place={place}
                    />
                  </td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
      {heads.length >= LISTED && (
        <p class="hero-quiet">the last {LISTED}; %heroscript --runs lists more</p>
      )}
    </div>
  );
}

// The panel of a report; see magics/panels/report.py and reports.py for what it is told.

import { Fragment } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button, Place, ViewProps } from '../parts';
import { copy, Filter, Page, Pager, Status, useOpen, usePage } from './pages';
import './report.css';

const SIZE = 100;

export interface Head {
  run: string;
  source: string;
  started: string;
  summary: string;
  ended: string;
  actions: string;
}

interface Row {
  n: number;
  status: string;
  action: string;
  took: string;
  said: string;
  hint: string;
}

export interface ReportPage extends Page<Row> {
  counts: { [status: string]: number };
}

export interface Details {
  place: string;
  comments: string;
  params: [string, string][] | null;
  texts: { [name: string]: string };
  long: boolean;
}

/** How the rows of a report are asked for. */
export interface Asks {
  page(given: object): Promise<ReportPage>;
  row(given: object): Promise<Details>;
  text(): Promise<string>;
}

export function Report({ state, place }: ViewProps<{ head: Head; page: ReportPage }>) {
  const asks: Asks = {
    page: given => place.ask('page', given as {}),
    row: given => place.ask('row', given as {}),
    text: () => place.ask('text')
  };
  return <Run head={state.head} first={state.page} asks={asks} place={place} />;
}

/** A report, or a run that goes on: its rows, which open. */
export function Run(props: {
  head: Head;
  first: ReportPage;
  asks: Asks;
  place: Place;
  isGoing?: boolean;
}) {
  const { asks, first, head, place } = props;
  const { page, filter, look, go } = usePage<Row, ReportPage>(first, asks.page);
  const [open, turn] = useOpen();
  const counts = first.counts;
  return (
    <div class="hero-run">
      <p class="hero-summary">{head.summary}</p>
      {first.total > 1 && (
        <div class="hero-bar" role="group" aria-label="Filter">
          {Object.keys(counts).length > 1 && (
            <>
              <Button
                label={`All ${first.total}`}
                pressed={!filter.status}
                onClick={() => look({ ...filter, status: '' })}
              />
              {Object.entries(counts).map(([status, count]) => (
                <Button
                  key={status}
                  label={`${status} ${count}`}
                  pressed={filter.status === status}
                  onClick={() =>
                    look({ ...filter, status: filter.status === status ? '' : status })
                  }
                />
              ))}
            </>
          )}
          <Filter
            label="Find"
            value={filter.text ?? ''}
            onChange={text => look({ ...filter, text })}
          />
        </div>
      )}
      {page.rows.length ? (
        <div class="hero-scroll" role="region" aria-label="Actions" tabIndex={0}>
          <table class="hero-rows">
            <thead>
              <tr>
                <th scope="col">status</th>
                <th scope="col">action</th>
                <th scope="col" class="hero-right">
                  took
                </th>
                <th scope="col">result</th>
              </tr>
            </thead>
            <tbody>
              {page.rows.map(row => (
                <Fragment key={row.n}>
                  <tr>
                    <td>
                      <Status status={row.status} />
                    </td>
                    <td>
                      <Opener
                        label={row.action}
                        isOpen={open.has(row.n)}
                        onClick={() => turn(row.n)}
                      />
                    </td>
                    <td class="hero-right hero-quiet">{row.took}</td>
                    <td>
                      {row.said}
                      {row.hint && <div class="hero-quiet">{row.hint}</div>}
                    </td>
                  </tr>
                  {open.has(row.n) && (
                    <tr>
                      <td colSpan={4}>
                        <Behind
                          ask={given => asks.row({ ...given, n: row.n })}
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
      ) : (
        <p class="hero-quiet">{page.total ? 'no action is like that' : 'no actions'}</p>
      )}
      <Pager page={page} size={SIZE} go={go} />
      {!props.isGoing && (
        <Button
          label="Copy as text"
          onClick={() => void asks.text().then(text => copy(place, text), () => undefined)}
        />
      )}
    </div>
  );
}

/** A button that opens and closes what stands below it. */
export function Opener(props: { label: string; isOpen: boolean; onClick(): void }) {
  return (
    <button
      type="button"
      class="hero-opener"
      title={props.label}
      aria-expanded={props.isOpen}
      onClick={props.onClick}
    >
      <span aria-hidden="true">{props.isOpen ? '▾' : '▸'}</span> {props.label}
    </button>
  );
}

/** What is behind a row; asked for again when its status changes. */
export function Behind(props: { ask(given: object): Promise<Details>; status: string }) {
  const [details, setDetails] = useState<Details | null>(null);
  const isThere = useRef(true);
  const get = (whole: boolean): void => {
    props.ask({ whole }).then(
      found => isThere.current && setDetails(found),
      () => undefined // the panel shows it
    );
  };
  useEffect(() => {
    isThere.current = true;
    get(false);
    return () => {
      isThere.current = false;
    };
  }, [props.status]);
  if (!details) {
    return <p class="hero-quiet">…</p>;
  }
  const texts = Object.entries(details.texts);
  return (
    <div class="hero-behind">
      {details.place && <p class="hero-quiet">{details.place}</p>}
      {details.comments && <p class="hero-quiet hero-text">{details.comments}</p>}
      {details.params === null ? (
        <p class="hero-quiet">its parameters are not known any more</p>
      ) : (
        details.params.length > 0 && (
          <dl class="hero-params">
            {details.params.map(([key, value], at) => (
              <Fragment key={at}>
                <dt>{key || '(word)'}</dt>
                <dd>{value}</dd>
              </Fragment>
            ))}
          </dl>
        )
      )}
      {texts.map(([name, text]) => (
        <div key={name}>
          <span class="hero-quiet">{name}</span>
          <pre tabIndex={0} role="region" aria-label={name}>
            {text}
          </pre>
        </div>
      ))}
      {details.long && <Button label="Show all" onClick={() => get(true)} />}
    </div>
  );
}

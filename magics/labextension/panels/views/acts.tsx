// Acts: what the panels of context and session let one do to a session; see magics/panels/acts.py.

import { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Refused } from '../link';
import { When } from '../moment';
import { Button, Field, Place } from '../parts';

/** Somebody who is on a session. */
export interface Holder {
  id: string;
  label: string;
  pid: number;
  host: string;
  kernel: string;
  since: string;
  own: boolean;
}

/** A session, as far as what can be done with it depends on it. */
export interface Actable {
  name: string;
  here: boolean;
  holders: Holder[];
  description: string;
}

/** Does something that may be refused; the panel shows it then, and nothing else happens. */
export async function attempt(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (error instanceof Refused) {
      return false;
    }
    throw error;
  }
}

/** Asks the view for something; a line that it answers is run in the kernel. */
export async function perform(
  place: Place,
  name: string,
  given: { [key: string]: any },
  done: string
): Promise<boolean> {
  let isDone = false;
  await attempt(async () => {
    const line = await place.ask(name, given);
    if (typeof line !== 'string') {
      place.say(done);
      isDone = true;
      return;
    }
    place.say(`Running ${line}`);
    const ran = await place.run(line);
    if (ran.ok) {
      place.say(ran.text.split('\n')[0]);
      isDone = true;
    }
  });
  return isDone;
}

const others = (session: Actable): Holder[] => session.holders.filter(one => !one.own);

const named = (found: Holder[]): string =>
  found.map(one => `${one.label} (pid ${one.pid} on ${one.host})`).join(' and ');

/** What there is to say of others before something is done that they would notice. */
const warning = (session: Actable): string =>
  others(session).length ? ` ${named(others(session))} is on it, and must leave.` : '';

/** Binds the notebook to a session; asks how, when somebody else is on it. */
export async function switchTo(place: Place, session: Actable): Promise<void> {
  const there = others(session);
  let way: string | null = '';
  if (there.length) {
    way = await place.choose(`${named(there)} is on session ${session.name}.`, [
      ['share', 'Share it'],
      ['fork', 'Fork it'],
      ['takeover', 'Take it over']
    ]);
  }
  if (way !== null) {
    await perform(place, 'use', { session: session.name, way }, '');
  }
}

async function fork(place: Place, session: Actable): Promise<void> {
  const name = `Name of the copy of session ${session.name}, to go on in`;
  const chosen = await place.prompt(name, 'Fork', `${session.name}_fork`);
  if (chosen !== null) {
    await perform(place, 'use', { session: session.name, way: 'fork', new: chosen }, '');
  }
}

async function rename(place: Place, session: Actable): Promise<void> {
  const text = `New name of session ${session.name}.${warning(session)}`;
  const name = await place.prompt(text, 'Rename', session.name);
  if (name !== null) {
    const given = { session: session.name, name, takeover: others(session).length > 0 };
    await perform(place, 'rename', given, `session ${session.name} is renamed`);
  }
}

async function remove(place: Place, session: Actable): Promise<void> {
  const text =
    `Delete session ${session.name}, with its variables, log, runs and database?` +
    ` This cannot be undone.${warning(session)}`;
  if (await place.confirm(text, `Delete ${session.name}`)) {
    const given = { session: session.name, takeover: others(session).length > 0 };
    await perform(place, 'delete', given, `session ${session.name} is deleted`);
  }
}

async function reset(place: Place, session: Actable): Promise<void> {
  const text =
    `Empty session ${session.name}? Its variables, parameters and database go; log and runs` +
    ` stay. This cannot be undone.${warning(session)} Type its name to confirm.`;
  if (await place.confirm(text, 'Reset', session.name)) {
    const given = { session: session.name, takeover: others(session).length > 0 };
    await perform(place, 'reset', given, '');
  }
}

/** The buttons below a session. */
export function Acts({ place, session, resets }: {
  place: Place;
  session: Actable;
  /** Whether it can be emptied from here. */
  resets?: boolean;
}) {
  const [isExporting, setExporting] = useState(false);
  const isOpen = !others(session).length;
  return (
    <>
      <div class="hero-bar">
        {!session.here && <Button label="Switch to it" onClick={() => switchTo(place, session)} />}
        <Button label="Fork" onClick={() => fork(place, session)} />
        <Button label="Rename" onClick={() => rename(place, session)} />
        {isOpen && (
          <Button
            label="End"
            onClick={() =>
              perform(place, 'end', { session: session.name }, `session ${session.name} ended`)
            }
          />
        )}
        <Button label="Export" pressed={isExporting} onClick={() => setExporting(!isExporting)} />
        {resets && session.here && (
          <Button label="Reset" danger onClick={() => reset(place, session)} />
        )}
        <Button label="Delete" danger onClick={() => remove(place, session)} />
      </div>
      {isExporting && (
        <Export place={place} session={session} onDone={() => setExporting(false)} />
      )}
    </>
  );
}

/** Where to export a session to, and what of it. */
function Export(props: { place: Place; session: Actable; onDone(): void }) {
  const { place, session } = props;
  const [file, setFile] = useState(`${session.name}.zip`);
  const [log, setLog] = useState(false);
  const [runs, setRuns] = useState(false);
  const write = (): Promise<boolean> =>
    attempt(async () => {
      const given = { session: session.name, file, log, runs };
      let told = await place.ask('export', given);
      if (told.there) {
        if (!(await place.confirm(`${told.there} is there already.`, 'Replace it'))) {
          return;
        }
        told = await place.ask('export', { ...given, replace: true });
      }
      place.say(told.said);
      props.onDone();
    });
  return (
    <div class="hero-bar">
      <Field
        label="File"
        focus
        value={file}
        onInput={setFile}
        onEnter={write}
        onEscape={props.onDone}
      />
      <Check label="with its log" on={log} onChange={setLog} />
      <Check label="with its runs" on={runs} onChange={setRuns} />
      <Button label="Write the file" onClick={write} />
      <span class="hero-quiet">No secret goes into it.</span>
    </div>
  );
}

/** A box to tick. */
export function Check(props: {
  label: string;
  on: boolean;
  disabled?: boolean;
  onChange(on: boolean): void;
}) {
  return (
    <label>
      <input
        type="checkbox"
        checked={props.on}
        disabled={props.disabled}
        onChange={event => props.onChange(event.currentTarget.checked)}
      />{' '}
      {props.label}
    </label>
  );
}

/** A text that is edited in its place. */
export function Editable(props: {
  label: string;
  text: string;
  /** What stands in the button while there is no text. */
  empty: string;
  /** Keeps another text; whether it did. */
  save(text: string, was: string): Promise<boolean>;
}) {
  const [edited, setEdited] = useState<{ text: string; was: string | null } | null>(null);
  const place = useRef<HTMLSpanElement>(null);
  const wasEdited = useRef(false);
  useLayoutEffect(() => {
    if (!edited && wasEdited.current) {
      place.current?.querySelector('button')?.focus();
    }
    wasEdited.current = edited !== null;
  }, [edited === null]);
  if (!edited) {
    return (
      <span ref={place}>
        <Button
          label={`Edit the ${props.label}`}
          onClick={() => setEdited({ text: props.text, was: props.text })}
        >
          {props.text || <span class="hero-quiet">{props.empty}</span>}
        </Button>
      </span>
    );
  }
  const save = async (): Promise<void> => {
    if (await props.save(edited.text, edited.was ?? props.text)) {
      setEdited(null);
    } else {
      setEdited(now => now && { ...now, was: null }); // what it is by now was told
    }
  };
  return (
    <Field
      label={`The ${props.label}; Enter saves it, Escape leaves it`}
      hideLabel
      focus
      value={edited.text}
      onInput={text => setEdited({ ...edited, text })}
      onEnter={save}
      onEscape={() => setEdited(null)}
    />
  );
}

/** Who is on a session, one a line. */
export function Company({ holders }: { holders: Holder[] }): ComponentChildren {
  return holders.map(one => (
    <div key={one.id}>
      {one.own ? 'this kernel: ' : ''}
      {one.label}{' '}
      <span class="hero-quiet">
        pid {one.pid} on {one.host}, since <When at={one.since} />
        {one.kernel && `, kernel ${one.kernel.slice(0, 8)}`}
      </span>
    </div>
  ));
}

/** A text with a button that copies it. */
export function Copied({ place, text, label }: { place: Place; text: string; label: string }) {
  const copy = async (): Promise<void> => {
    if (await toClipboard(text)) {
      place.say(`${label} copied`);
    } else {
      place.say(`this page may not copy; select the ${label} and copy it by hand`);
    }
  };
  return (
    <span>
      {text}{' '}
      <button type="button" class="hero-link hero-quiet" aria-label={`Copy the ${label}`} onClick={copy}>
        copy
      </button>
    </span>
  );
}

async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text); // not there over plain http
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    const isDone = document.execCommand('copy');
    area.remove();
    return isDone;
  }
}

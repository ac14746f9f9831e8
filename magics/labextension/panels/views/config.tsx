// The panel of config files; see magics/panels/config.py for its state.

import { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Button, Field, ViewProps } from '../parts';
import { Step, Undo } from '../undo';
import { Ago } from '../moment';
import { runLine } from './env';
import './config.css';

interface Listed {
  category: string;
  name: string;
  size: number;
  when: string;
  /** Another text after every change. */
  changed: string;
}

interface State {
  of: string;
  files: Listed[];
  undo: Step | null;
}

interface Fault {
  line: number;
  column: number;
  message: string;
  hint: string;
}

/** A file as the kernel tells it; sealed values are masks. */
interface Opened {
  text: string;
  version: string | null;
  sealed: string[];
  clear: string[];
  bare: string[];
  fault: Fault | null;
  why: string;
  hint: string;
}

/** A file that is shown; `draft` is what is typed, null while nothing is. */
interface File extends Opened {
  of: string;
  category: string;
  name: string;
  changed: string;
  draft: string | null;
}

const NEW: Opened = {
  text: '',
  version: null,
  sealed: [],
  clear: [],
  bare: [],
  fault: null,
  why: '',
  hint: ''
};

export function Config({ state, place }: ViewProps<State>) {
  const [filter, setFilter] = useState('');
  const [made, setMade] = useState<{ category: string; name: string } | null>(null);
  const [file, setFile] = useState<File | null>(null);
  const [fault, setFault] = useState<(Fault & { mayBePlain: boolean }) | null>(null);
  const [path, setPath] = useState('');
  const { of } = state;
  const listed = file && state.files.find(isSame(file));
  const isStale = file !== null && file.version !== null && listed?.changed !== file.changed;

  const open = async (one: { category: string; name: string }): Promise<void> => {
    if (file?.draft != null && file.draft !== file.text) {
      if (!(await place.confirm(`Throw away what is typed for ${file.name}?`, 'Throw away'))) {
        return;
      }
    }
    await load(one);
  };
  const load = async (one: { category: string; name: string }, draft = null as string | null) => {
    const { category, name } = one;
    try {
      const opened: Opened = await place.ask('open', { of, category, name });
      const changed = state.files.find(isSame(one))?.changed ?? '';
      setFile({ ...opened, of, category, name, changed, draft });
      setFault(null);
    } catch {
      // it is shown
    }
  };
  useEffect(() => {
    if (!file || file.draft !== null || !isStale) {
      return;
    }
    if (listed) {
      void load(file);
    } else {
      setFile(null);
      place.say(`${file.category} ${file.name} is deleted`);
    }
  }, [file, isStale, listed?.changed]);

  const save = async (isPlain = false, was = file!.version): Promise<void> => {
    const { category, name, draft } = file!;
    const given = { of: file!.of, category, name, value: draft ?? '', was, plain: isPlain };
    try {
      const answer = await place.ask('save', given);
      if (answer.fault) {
        setFault({ ...answer.fault, mayBePlain: answer.may_be_plain });
        return;
      }
      const gone = answer.gone.length ? `; ${answer.gone.join(', ')} is no longer in it` : '';
      place.say(`${category} ${name} saved${gone}`);
      setFault(null);
    } catch {
      setFile(now => now && { ...now, of });
      return;
    }
    await load({ category, name });
  };
  const saveOver = async (): Promise<void> => {
    try {
      const { category, name } = file!;
      const there: Opened | null = listed && (await place.ask('open', { of, category, name }));
      await save(false, there ? there.version : null);
    } catch {
      // it is shown
    }
  };
  const leave = async (): Promise<void> => {
    const { category, name, draft, text, version } = file!;
    if (draft !== text && !(await place.confirm('Throw away what is typed?', 'Throw away'))) {
      return;
    }
    setFault(null);
    if (version === null) {
      setFile(null);
    } else {
      await load({ category, name });
    }
  };
  const remove = async (): Promise<void> => {
    const { category, name, version } = file!;
    if (!(await place.confirm(`Delete ${category} ${name}?`, 'Delete'))) {
      return;
    }
    try {
      await place.ask('delete', { of, category, name, was: version });
      setFile(null);
      place.say(`${category} ${name} deleted; Undo takes it back`);
    } catch {
      // it is shown
    }
  };
  const make = (): void => {
    const { category, name } = made!;
    if (!category || !name) {
      place.fail(new Error('a file has a category and a name'));
    } else if (state.files.some(isSame(made!))) {
      place.fail(new Error(`there is a file ${category} ${name} already: open it`));
    } else {
      setFile({ ...NEW, of, category, name, changed: '', draft: '' });
      setMade(null);
    }
  };
  const seal = async (one: string): Promise<void> => {
    const { category, name } = file!;
    if (await runLine(place, 'seal', { of, category, name, path: one })) {
      await load({ category, name });
      setPath('');
    }
  };

  const sought = filter.toLowerCase();
  const found = state.files.filter(one => `${one.category} ${one.name}`.toLowerCase().includes(sought));
  const categories = [...new Set(found.map(one => one.category))];
  return (
    <div>
      <div class="hero-bar">
        <Field label="Filter" value={filter} onInput={setFilter} onEscape={() => setFilter('')} />
        <Undo step={state.undo} of={of} place={place} />
        <Button
          label="New file"
          disabled={made !== null || file?.draft != null}
          onClick={() => setMade({ category: '', name: '' })}
        />
      </div>
      {made && (
        <div class="hero-bar hero-form" role="group" aria-label="New file">
          <Field
            label="Category"
            focus
            value={made.category}
            onInput={category => setMade({ ...made, category })}
            onEnter={make}
            onEscape={() => setMade(null)}
          />
          <Field
            label="Name"
            value={made.name}
            onInput={name => setMade({ ...made, name })}
            onEnter={make}
            onEscape={() => setMade(null)}
          />
          <Button label="Write it" onClick={make} />
          <Button label="Cancel" onClick={() => setMade(null)} />
        </div>
      )}
      <div class="hero-files">
        <nav aria-label="Config files">
          {!found.length && (
            <p class="hero-quiet">
              {state.files.length ? 'no file is called like that' : 'there is no config file yet'}
            </p>
          )}
          {categories.map(category => (
            <section key={category} aria-label={category}>
              <h4 class="hero-quiet">{category}</h4>
              <ul>
                {found
                  .filter(one => one.category === category)
                  .map(one => (
                    <li key={one.name}>
                      <button
                        type="button"
                        class="hero-value"
                        aria-current={file && isSame(one)(file) ? 'true' : undefined}
                        onClick={() => open(one)}
                      >
                        {one.name}
                      </button>{' '}
                      <span class="hero-quiet">
                        {one.size} bytes, <Ago utc={one.when} />
                      </span>
                    </li>
                  ))}
              </ul>
            </section>
          ))}
        </nav>
        {file && (
          <section class="hero-file" aria-label={`${file.category} ${file.name}`}>
            <div class="hero-bar">
              <h4 class="hero-title">
                {file.category} {file.name}
              </h4>
              {file.draft === null ? (
                <>
                  <Button
                    label="Edit"
                    disabled={file.why !== ''}
                    onClick={() => setFile({ ...file, draft: file.text })}
                  />
                  <Button label="Delete" onClick={remove} />
                  <Button label="Close" onClick={() => setFile(null)} />
                </>
              ) : (
                <>
                  <Button label="Save" onClick={() => save()} />
                  <Button label="Leave" onClick={leave} />
                </>
              )}
            </div>
            {file.why && (
              <p class="hero-fault">
                This cannot be edited here: {file.why}.{' '}
                <span class="hero-quiet">{file.hint}</span>{' '}
                {file.bare.map(one => (
                  <Button key={one} label={`Encrypt ${one}`} onClick={() => seal(one)} />
                ))}
              </p>
            )}
            {file.draft !== null && isStale && (
              <p class="hero-fault" role="status">
                {listed ? 'It was changed elsewhere meanwhile. ' : 'It was deleted meanwhile. '}
                <Button
                  label={listed ? 'Write over it' : 'Write it again'}
                  onClick={saveOver}
                />
              </p>
            )}
            {fault && (
              <p class="hero-fault" role="alert">
                line {fault.line}, column {fault.column}: {fault.message}
                <span class="hero-quiet"> · {fault.hint}</span>{' '}
                {fault.mayBePlain && (
                  <Button label="Save as plain text" onClick={() => save(true)} />
                )}
              </p>
            )}
            {file.draft === null ? (
              <Lines text={file.text} marked={file.fault?.line}>
                <pre>{file.text}</pre>
              </Lines>
            ) : (
              <TextEditor
                label={`Text of ${file.category} ${file.name}`}
                value={file.draft}
                fault={fault}
                onInput={draft => setFile({ ...file, draft })}
                onSave={() => save()}
                onLeave={leave}
              />
            )}
            {file.sealed.length > 0 && (
              <p class="hero-quiet">
                Encrypted: {file.sealed.join(', ')}. A mask stands for each, and keeps its value
                where it is left.
              </p>
            )}
            {file.draft === null && !file.why && file.clear.length > 0 && (
              <div class="hero-bar">
                <label class="hero-check">
                  Value
                  <select value={path} onChange={event => setPath(event.currentTarget.value)}>
                    <option value="">choose one</option>
                    {file.clear.map(one => (
                      <option key={one} value={one}>
                        {one}
                      </option>
                    ))}
                  </select>
                </label>
                <Button label="Encrypt value" disabled={!path} onClick={() => seal(path)} />
              </div>
            )}
          </section>
        )}
      </div>
    </div>
  );
}

function isSame(file: { category: string; name: string }) {
  return (one: { category: string; name: string }): boolean =>
    one.category === file.category && one.name === file.name;
}

/** A text with the numbers of its lines beside it. */
function Lines(props: { text: string; marked?: number; children: ComponentChildren }) {
  const count = props.text.split('\n').length;
  const numbers = Array.from({ length: count }, (_, at) => `${at + 1}\n`);
  const marked = (props.marked ?? 0) - 1;
  return (
    <div class="hero-lines" role="region" aria-label="Text" tabIndex={0}>
      <pre aria-hidden="true" class="hero-quiet">
        {marked < 0 ? (
          numbers.join('')
        ) : (
          <>
            {numbers.slice(0, marked).join('')}
            <mark>{numbers[marked]}</mark>
            {numbers.slice(marked + 1).join('')}
          </>
        )}
      </pre>
      {props.children}
    </div>
  );
}

function TextEditor(props: {
  label: string;
  value: string;
  fault: Fault | null;
  onInput(value: string): void;
  onSave(): void;
  onLeave(): void;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  const { fault, value } = props;
  useEffect(() => {
    if (fault) {
      const before = value.split('\n').slice(0, fault.line - 1).join('\n').length;
      const at = Math.min(value.length, before + (fault.line > 1 ? 1 : 0) + fault.column - 1);
      field.current?.focus();
      field.current?.setSelectionRange(at, at);
    }
  }, [fault]);
  const pressed = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && (event.key === 'Enter' || event.key === 's')) {
      event.preventDefault();
      event.stopPropagation(); // Ctrl+S would save the notebook
      props.onSave();
    } else if (event.key === 'Escape') {
      props.onLeave();
    }
  };
  return (
    <div>
      <Lines text={value} marked={fault?.line}>
        <textarea
          ref={field}
          aria-label={props.label}
          aria-invalid={fault ? 'true' : undefined}
          wrap="off"
          rows={value.split('\n').length + 1}
          spellcheck={false}
          value={value}
          onInput={event => props.onInput(event.currentTarget.value)}
          onKeyDown={pressed}
        />
      </Lines>
      <p class="hero-quiet">Ctrl+Enter saves, Escape leaves. It is written as it stands here.</p>
    </div>
  );
}

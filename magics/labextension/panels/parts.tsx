// Parts: what the views are made of. Everything that is shown is text, never markup.

import { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Answer, Given, Link, News, Ran, Refused } from './link';

/**
 * What a view gets. `state` is what its kind's module in `magics/panels` says. A view whose tab is
 * left stays as it is, hidden.
 */
export interface ViewProps<State> {
  state: State;
  place: Place;
}

/** What a view can do. */
export interface Place {
  /** Asks the view of the kernel; an error is shown in the panel, and then rejects. */
  ask(name: string, given?: Given): Promise<any>;
  /** Runs a line in the kernel, with prompts in the panel; an error is shown. */
  run(line: string): Promise<Ran>;
  /** Says something to everybody, also to those who listen. */
  say(text: string): void;
  /** Shows an error, with what to do. */
  fail(error: unknown): void;
  /** Asks for a confirmation, or for `typed` to be typed as one; true when it was given. */
  confirm(question: string, yes: string, typed?: string): Promise<boolean>;
  /** Asks for a text, which begins as `value`; null when there is none. */
  prompt(question: string, yes: string, value?: string): Promise<string | null>;
  /** Asks which of some ways to go; the word before its label, null for none. */
  choose(question: string, ways: [string, string][]): Promise<string | null>;
  /** Whether the panel has a tab of a kind. */
  opens(kind: string): boolean;
  /** Goes to the tab of a kind. */
  open(kind: string): void;
  /** What the view has told since its state. */
  news(): News;
  /** Asks for the view's state, although it may not have changed. */
  again(): void;
  link: Link;
}

/** An id for an element; Preact's own are those of other panels of the page, too. */
export function useId(): string {
  return useState(() => `hero-${Math.random().toString(36).slice(2)}`)[0];
}

/** What a view does after an ask that was refused is left out; the panel has shown the refusal. */
function settled(done: void | Promise<unknown>): void {
  done?.catch(error => {
    if (!(error instanceof Refused)) {
      throw error;
    }
  });
}

/** A button; `danger` for what cannot be undone. */
export function Button(props: {
  label: string;
  children?: ComponentChildren;
  onClick(): void | Promise<unknown>;
  disabled?: boolean;
  danger?: boolean;
  pressed?: boolean;
}) {
  return (
    <button
      type="button"
      class={`hero-button${props.danger ? ' hero-danger' : ''}`}
      aria-label={props.children ? props.label : undefined}
      aria-pressed={props.pressed}
      title={props.label}
      disabled={props.disabled}
      onClick={() => settled(props.onClick())}
    >
      {props.children ?? props.label}
    </button>
  );
}

/** A field with a label that is read out, and shown when it is `plain`. */
export function Field(props: {
  label: string;
  value: string;
  onInput(value: string): void;
  onEnter?(): void | Promise<unknown>;
  onEscape?(): void;
  hidden?: boolean;
  hideLabel?: boolean;
  focus?: boolean;
  placeholder?: string;
}) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  // before the next key: in the notebook single letters are commands
  useLayoutEffect(() => {
    if (props.focus) {
      input.current?.focus();
      input.current?.select();
    }
  }, []);
  const given = {
    id,
    ref: input,
    autocomplete: 'off',
    spellcheck: false,
    value: props.value,
    placeholder: props.placeholder,
    onInput: (event: { currentTarget: HTMLInputElement }) =>
      props.onInput(event.currentTarget.value),
    onKeyDown: (event: KeyboardEvent) => {
      event.stopPropagation(); // the notebook has commands on single letters
      if (event.key === 'Enter') {
        event.preventDefault(); // else a button that gets the focus by this is pressed by it
        settled(props.onEnter?.());
      } else if (event.key === 'Escape') {
        props.onEscape?.();
      }
    }
  };
  return (
    <span class="hero-field">
      <label for={id} class={props.hideLabel ? 'hero-unseen' : undefined}>
        {props.label}
      </label>
      {props.hidden ? <input type="password" {...given} /> : <input type="text" {...given} />}
    </span>
  );
}

/** What is asked of the user in the panel, one thing at a time. */
export interface Question {
  text: string;
  kind: 'confirm' | 'text' | 'hidden';
  yes: string;
  /** What a text begins as. */
  value?: string;
  /** What must be typed before it can be answered with yes. */
  typed?: string;
  /** What it can be answered with in the place of yes: a word, and its label. */
  ways?: [string, string][];
  resolve(answer: string | null): void;
}

export function Asked(props: { question: Question }) {
  const { question } = props;
  const [value, setValue] = useState(question.value ?? '');
  const box = useRef<HTMLDialogElement>(null);
  const before = useRef(document.activeElement as HTMLElement | null);
  const id = useId();
  useLayoutEffect(() => {
    box.current?.querySelector<HTMLElement>('input, .hero-cancel')?.focus();
    return () => before.current?.isConnected && before.current.focus();
  }, []);
  const isField = question.kind !== 'confirm';
  const isReady = question.typed === undefined || value === question.typed;
  const yes = (): void => {
    if (isReady) {
      question.resolve(isField ? value : 'yes');
    }
  };
  const no = (): void => question.resolve(null);
  return (
    <dialog
      ref={box}
      open
      class="hero-asked"
      data-lm-suppress-shortcuts="true"
      aria-labelledby={id}
      onKeyDown={event => event.key === 'Escape' && no()}
    >
      <p id={id}>{question.text}</p>
      {isField && (
        <Field
          label={question.kind === 'hidden' ? 'Hidden answer' : 'Answer'}
          hideLabel
          focus
          value={value}
          hidden={question.kind === 'hidden'}
          onInput={setValue}
          onEnter={yes}
          onEscape={no}
        />
      )}
      <button type="button" class="hero-button hero-cancel" onClick={no}>
        Cancel
      </button>
      {question.ways?.map(([way, label]) => (
        <button
          key={way}
          type="button"
          class="hero-button"
          onClick={() => question.resolve(way)}
        >
          {label}
        </button>
      ))}
      {!question.ways && (
        <button type="button" class="hero-button hero-danger" disabled={!isReady} onClick={yes}>
          {question.yes}
        </button>
      )}
    </dialog>
  );
}

/** A column of a table: what stands in it for a row. */
export interface Column<Row> {
  name: string;
  cell(row: Row): ComponentChildren;
  /** For columns of numbers. */
  right?: boolean;
}

/** A table of not too many rows; `label` is read out. */
export function Table<Row>(props: {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  keyOf(row: Row): string;
  empty: string;
}) {
  if (!props.rows.length) {
    return <p class="hero-quiet">{props.empty}</p>;
  }
  return (
    <div class="hero-scroll" role="region" aria-label={props.label} tabIndex={0}>
      <table class="hero-rows">
        <thead>
          <tr>
            {props.columns.map(column => (
              <th key={column.name} scope="col" class={column.right ? 'hero-right' : undefined}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map(row => (
            <tr key={props.keyOf(row)}>
              {props.columns.map(column => (
                <td key={column.name} class={column.right ? 'hero-right' : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** An error of the kernel's, and what to do. */
export function Fault(props: { error: unknown }) {
  const error = props.error;
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Refused ? error.hint : '';
  return (
    <span>
      {message}
      {hint && <span class="hero-quiet"> · {hint}</span>}
    </span>
  );
}

export const answerBy =
  (ask: (question: Omit<Question, 'resolve'>) => Promise<string | null>): Answer =>
  (text, hidden) =>
    ask({ text, kind: hidden ? 'hidden' : 'text', yes: 'Answer' });

// The panel of a context's secret and the named ones; see magics/panels/secrets.py for its state.

import { useState } from 'preact/hooks';
import { Button, Field, Table, ViewProps } from '../parts';
import { runLine } from './env';
import { Ago } from '../moment';
import './secrets.css';

interface Named {
  name: string;
  when: string;
  source: string;
  /** The variable of the environment that stands before what is kept. */
  variable: string;
}

interface State {
  of: string;
  name: string;
  standing: 'none' | 'herolib' | 'locked' | 'unlocked' | 'damaged';
  fault: string;
  named: Named[];
  named_fault?: string;
  encrypts?: boolean;
  when?: string;
  kdf?: string;
  kid?: string;
  generations?: number;
}

const STANDING = {
  none: 'This context has no secret. With one, values can be kept encrypted.',
  herolib: "The secret is herolib's: whoever can read the records can use it.",
  locked: 'Locked in this kernel: what is encrypted cannot be read.',
  unlocked: 'Unlocked in this kernel.',
  damaged: 'The keyring cannot be read.'
};

export function Secrets({ state, place }: ViewProps<State>) {
  const [added, setAdded] = useState<string | null>(null);
  const [isRunning, setRunning] = useState(false);
  const { standing, of } = state;
  const isThere = standing === 'locked' || standing === 'unlocked';

  const run = async (what: string, name = ''): Promise<boolean> => {
    setRunning(true);
    const isDone = await runLine(place, 'line', { of, what, name });
    setRunning(false);
    return isDone;
  };
  const sure = async (question: string, yes: string, what: string, name = ''): Promise<void> => {
    if (await place.confirm(question, yes)) {
      await run(what, name);
    }
  };
  const add = async (): Promise<void> => {
    if (await run('set', added!)) {
      setAdded(null);
    }
  };
  const button = (label: string, onClick: () => void) => (
    <Button label={label} disabled={isRunning} onClick={onClick} />
  );

  return (
    <div>
      <p>
        <strong>{standing}</strong> · {STANDING[standing]}
      </p>
      {state.fault && <p class="hero-fault">{state.fault}</p>}
      {isThere && (
        <dl class="hero-facts">
          <dt>encrypted</dt>
          <dd>{state.encrypts ? 'every value' : 'what is marked as a secret'}</dd>
          <dt>set</dt>
          <dd>
            <Ago utc={state.when ?? ''} />
          </dd>
          <dt>key derivation</dt>
          <dd>{state.kdf}</dd>
          <dt>key in use</dt>
          <dd>{state.kid}</dd>
          {state.generations! > 1 && (
            <>
              <dt>keys kept</dt>
              <dd>{state.generations}: a change of keys is not finished</dd>
            </>
          )}
        </dl>
      )}
      <div class="hero-bar">
        {standing === 'none' && (
          <>
            {button('Set up a secret', () => run('new'))}
            {button('Set up, and encrypt every value', () => run('new_all'))}
          </>
        )}
        {standing === 'herolib' && button("Import herolib's", () => run('import'))}
        {standing === 'damaged' &&
          button('Restore the last good copy', () =>
            sure('Put the last good copy in the place of the keyring?', 'Restore', 'restore')
          )}
        {standing === 'locked' && button('Unlock', () => run('unlock'))}
        {standing === 'unlocked' && button('Lock', () => run('lock'))}
        {isThere && (
          <>
            {state.generations! > 1 && button('Finish the change of keys', () => run('resume'))}
            {button('Rotate the key', () =>
              sure('Encrypt everything anew with a new key? The secret stays.', 'Rotate', 'rotate')
            )}
            {button('Change the secret', () =>
              sure(
                'Change the secret, and encrypt everything anew? The present one is asked for first.',
                'Change',
                'rotate_new'
              )
            )}
            {state.encrypts
              ? button('Encrypt only secrets', () =>
                  sure('Keep values that are no secrets in the clear?', 'Decrypt them', 'decrypt')
                )
              : button('Encrypt every value', () =>
                  sure(
                    'Keep every value encrypted? Without the secret nobody can read them.',
                    'Encrypt',
                    'encrypt'
                  )
                )}
          </>
        )}
      </div>
      <section aria-label="Named secrets">
        <div class="hero-bar">
          <h4 class="hero-title">Named secrets</h4>
          <Button
            label="Add secret"
            disabled={added !== null || !isThere || isRunning}
            onClick={() => setAdded('')}
          />
        </div>
        {added !== null && (
          <div class="hero-bar hero-form" role="group" aria-label="New secret">
            <Field
              label="Name"
              focus
              value={added}
              onInput={setAdded}
              onEnter={add}
              onEscape={() => setAdded(null)}
            />
            {button('Ask for its value', add)}
            <Button label="Cancel" onClick={() => setAdded(null)} />
          </div>
        )}
        {state.named_fault && <p class="hero-fault">{state.named_fault}</p>}
        <Table
          label="Named secrets"
          rows={state.named}
          keyOf={row => row.name}
          empty="no secret is kept under a name"
          columns={[
            { name: 'name', cell: row => row.name },
            {
              name: 'value',
              cell: row => (
                <span class="hero-quiet">
                  set{row.when && ', '}
                  <Ago utc={row.when} />
                  {row.variable && `; ${row.variable} stands before it`}
                </span>
              )
            },
            { name: 'source', cell: row => row.source },
            {
              name: 'actions',
              cell: row => (
                <span class="hero-actions">
                  <Button
                    label={`Replace ${row.name}`}
                    disabled={isRunning}
                    onClick={() => run('set', row.name)}
                  >
                    Replace
                  </Button>
                  <Button
                    label={`Delete ${row.name}`}
                    disabled={isRunning}
                    onClick={() =>
                      sure(
                        `Delete secret ${row.name}? Its value is not kept, so that this cannot be undone.`,
                        'Delete',
                        'unset',
                        row.name
                      )
                    }
                  >
                    Delete
                  </Button>
                </span>
              )
            }
          ]}
        />
      </section>
    </div>
  );
}

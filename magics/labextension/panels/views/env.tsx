// The panel of environment variables; see magics/panels/env.py for its state.

import { useState } from 'preact/hooks';
import { Button, Field, Table, ViewProps } from '../parts';

interface Row {
  name: string;
  text: string;
  state: '' | 'secret' | 'encrypted' | 'locked';
  source: string;
  when: string;
  changed: '' | 'new' | 'changed' | 'deleted';
}

const MARKS = { '': '', new: '+', changed: '●', deleted: '−' };

export function Env({ state, place }: ViewProps<{ rows: Row[] }>) {
  const [edited, setEdited] = useState<{ name: string; text: string; was: string } | null>(null);
  const save = async (): Promise<void> => {
    if (edited) {
      await place.ask('set', { name: edited.name, text: edited.text, was: edited.was });
      place.say(`${edited.name} set`);
      setEdited(null);
    }
  };
  return (
    <Table
      label="Environment variables"
      rows={state.rows}
      keyOf={row => row.name}
      empty="no variable is set"
      columns={[
        { name: '', cell: row => <span title={row.changed}>{MARKS[row.changed]}</span> },
        { name: 'variable', cell: row => row.name },
        {
          name: 'value',
          cell: row =>
            edited?.name === row.name ? (
              <Field
                label={`Value of ${row.name}`}
                hideLabel
                focus
                value={edited.text}
                onInput={text => setEdited({ ...edited, text })}
                onEnter={save}
                onEscape={() => setEdited(null)}
              />
            ) : row.state ? (
              <span class="hero-quiet">{row.state}</span>
            ) : (
              <Button
                label={`Edit ${row.name}`}
                onClick={() => setEdited({ name: row.name, text: row.text, was: row.text })}
              >
                {row.text || ' '}
              </Button>
            )
        },
        { name: 'source', cell: row => row.source },
        { name: 'when (UTC)', cell: row => row.when }
      ]}
    />
  );
}

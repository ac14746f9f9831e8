// Undo: a button that takes the last change of a view back; see magics/panels/steps.py.

import { Button, Place } from './parts';

export interface Step {
  number: number;
  what: string;
  count: number;
}

export function Undo(props: { step: Step | null; of: string; place: Place }) {
  const { step, of, place } = props;
  const undo = async (): Promise<void> => {
    try {
      place.say(`${await place.ask('undo', { of, number: step!.number })} is undone`);
    } catch {
      // it is shown, and what is undone next stands on the button
    }
  };
  const label = step ? `Undo ${step.what}` : 'Nothing to undo';
  return (
    <Button label={label} disabled={!step} onClick={undo}>
      Undo{step ? ` (${step.count})` : ''}
    </Button>
  );
}

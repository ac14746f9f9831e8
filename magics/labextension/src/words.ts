/** What is said of a notebook's connection, in the status bar, the toolbar and the side panel. */

import { type Connection } from './connection';

/** The short text; empty where there is nothing to say. */
export function short(connection: Connection | null): string {
  if (connection === null || ['none', 'foreign', 'dead'].includes(connection.standing)) {
    return '';
  }
  if (connection.switching) {
    return connection.switching === 'waits' ? 'Hero: waits for the running cell' : 'Hero: switching…';
  }
  const { state } = connection;
  return state?.bound ? `Hero: ${state.context} · ${state.session}` : 'Hero: –';
}

/** All of it, in a sentence or two. */
export function long(connection: Connection | null): string {
  const state = connection?.state;
  if (connection?.switching === 'waits') {
    return 'The notebook is bound to another session when the cells that run have ended';
  }
  if (state?.bound) {
    const secrets = state.secrets === 'none' ? '' : `, secrets ${state.secrets}`;
    const docs = state.docs ? ', docs mode' : '';
    return (
      `Context ${state.context} (id ${state.context_id}), session ${state.session}: ` +
      `${state.how}${secrets}${docs}. Click to switch`
    );
  }
  if (state) {
    return 'Not bound yet: the notebook is bound at its first use. Click to choose';
  }
  switch (connection?.standing) {
    case 'absent':
      return 'hero-kernel is not loaded in this kernel: %load_ext magics';
    case 'waiting':
      return 'The kernel is starting, or too busy to answer';
    case 'foreign':
      return 'The kernel of this notebook does not run Python';
    case 'dead':
      return 'The kernel has died: restart it';
    case 'none':
      return 'The notebook has no kernel';
    default:
      return 'No notebook is open';
  }
}

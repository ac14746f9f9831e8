/** A cell that is put into a notebook, for its owner to run or not. */

import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';

/** Insert a cell below the active one, and go to it. */
export function insertCell(panel: NotebookPanel, text: string): void {
  const notebook = panel.content;
  NotebookActions.insertBelow(notebook);
  notebook.activeCell?.model.sharedModel.setSource(text);
  notebook.mode = 'command';
  notebook.activate();
}

/** Commands: in the launcher, in menus and in the palette. */

import { type JupyterFrontEnd } from '@jupyterlab/application';
import { type ICommandPalette } from '@jupyterlab/apputils';
import { type ILauncher } from '@jupyterlab/launcher';
import { type ReadonlyJSONObject } from '@lumino/coreutils';

import { type Connections } from './connection';
import { insertCell } from './insert';
import { fileIcon } from './logo';

/** The commands, by what they do. */
export const COMMANDS = {
  newFile: 'hero-jupyter:new-file',
  insertPanel: 'hero-jupyter:insert-panel',
  showContexts: 'hero-jupyter:show-contexts',
  switch: 'hero-jupyter:switch'
} as const;

const ABOUT: ReadonlyJSONObject = { type: 'object', properties: {} };

const CATEGORY = 'Hero';

/** What the commands work on. */
export interface IParts {
  readonly connections: Connections | null;
  readonly launcher: ILauncher | null;
  readonly palette: ICommandPalette | null;
  /** The folder that is shown. */
  readonly folder: () => string;
  /** Lets the user choose another session; null where nothing shows the bound one. */
  readonly choose: (() => void) | null;
  /** The id of the side panel. */
  readonly tree: string;
}

/** Add the commands, and put them where they are looked for. */
export function addCommands(app: JupyterFrontEnd, parts: IParts): void {
  const { commands } = app;
  const { connections, launcher, palette } = parts;
  commands.addCommand(COMMANDS.newFile, {
    label: args => (args.isPalette ? 'New Heroscript File' : 'Heroscript File'),
    caption: 'Create a new heroscript file',
    icon: args => (args.isPalette ? undefined : fileIcon),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          cwd: { type: 'string', description: 'The folder it is made in' },
          isPalette: { type: 'boolean', description: 'Whether the palette asks' }
        }
      }
    },
    execute: async args => {
      const made = await commands.execute('docmanager:new-untitled', {
        path: String(args.cwd ?? parts.folder()),
        type: 'file',
        ext: '.hero'
      });
      return commands.execute('docmanager:open', { path: made.path, factory: 'Editor' });
    }
  });
  launcher?.add({ command: COMMANDS.newFile, category: 'Other', rank: 3 });
  palette?.addItem({ command: COMMANDS.newFile, category: CATEGORY, args: { isPalette: true } });
  if (connections === null) {
    return;
  }
  const isHere = () => connections.current?.standing === 'here';
  commands.addCommand(COMMANDS.insertPanel, {
    label: 'Insert a Cell with Panels',
    caption: 'Insert a cell that shows all panels below the active one',
    describedBy: { args: ABOUT },
    isEnabled: isHere,
    execute: () => {
      const { panel, current } = connections;
      if (panel && current?.state) {
        insertCell(panel, current.state.panel);
      }
    }
  });
  commands.addCommand(COMMANDS.showContexts, {
    label: 'Show Contexts',
    caption: 'Show contexts and sessions in the side panel',
    describedBy: { args: ABOUT },
    execute: () => app.shell.activateById(parts.tree)
  });
  const used: string[] = [COMMANDS.insertPanel, COMMANDS.showContexts];
  if (parts.choose) {
    commands.addCommand(COMMANDS.switch, {
      label: 'Switch Context or Session…',
      describedBy: { args: ABOUT },
      isEnabled: isHere,
      execute: parts.choose
    });
    used.push(COMMANDS.switch);
  }
  used.forEach(command => palette?.addItem({ command, category: CATEGORY }));
  connections.currentChanged.connect(() => used.forEach(one => commands.notifyCommandChanged(one)));
}

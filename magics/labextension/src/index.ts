/** hero-kernel in JupyterLab and Notebook: what is added to the application. */

import { type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import {
  type CodeMirrorEditor,
  IEditorExtensionRegistry,
  IEditorLanguageRegistry
} from '@jupyterlab/codemirror';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { DisposableDelegate } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import { actors, type Bare, cellLanguage, looksAgain } from './cells';
import { Connections } from './connection';
import { addFiles } from './files';
import { insertCell } from './insert';
import { addCommands } from './launcher';
import { Status } from './status';
import { openSwitcher } from './switcher';
import { Tree } from './tree';

const ID = 'hero-jupyter:plugin';

/** What the user may set; see schema/plugin.json. */
class Settings {
  bareCells = true;
  status = true;
  readonly changed = new Signal<this, void>(this);

  async follow(registry: ISettingRegistry): Promise<void> {
    const loaded = await registry.load(ID);
    const read = () => {
      this.bareCells = loaded.get('bareCells').composite !== false;
      this.status = loaded.get('status').composite !== false;
      this.changed.emit();
    };
    loaded.changed.connect(read);
    read();
  }
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Colours of heroscript; contexts and sessions in sight.',
  autoStart: true,
  requires: [IEditorLanguageRegistry, IEditorExtensionRegistry],
  optional: [
    INotebookTracker,
    IStatusBar,
    ILauncher,
    ICommandPalette,
    IDefaultFileBrowser,
    ISettingRegistry
  ],
  activate: (
    app: JupyterFrontEnd,
    languages: IEditorLanguageRegistry,
    extensions: IEditorExtensionRegistry,
    tracker: INotebookTracker | null,
    statusBar: IStatusBar | null,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    browser: IDefaultFileBrowser | null,
    registry: ISettingRegistry | null
  ) => {
    const settings = new Settings();
    addFiles(languages, app.docRegistry);
    const connections = tracker === null ? null : new Connections(tracker);
    extensions.addExtension(
      cellLanguage(notebook => bareIn(notebook, connections, tracker, settings))
    );
    let choose: (() => void) | null = null;
    if (connections !== null && tracker !== null) {
      followCells(connections, tracker, settings);
      choose =
        statusBar === null
          ? addToToolbars(app, connections, settings)
          : addToStatusBar(statusBar, connections, settings);
      app.shell.add(new Tree(connections), 'left', { rank: 650, type: 'Hero' });
    }
    const folder = () => browser?.model.path ?? '';
    addCommands(app, {
      connections,
      launcher,
      palette,
      folder,
      choose,
      tree: 'hero-jupyter:tree'
    });
    if (registry !== null) {
      settings.follow(registry).catch(() => undefined); // then it is as if nothing was set
    }
  }
};

export default plugin;

/** What makes bare cells of a notebook heroscript: what its kernel says, or is going to say. */
function bareIn(
  notebook: object | null,
  connections: Connections | null,
  tracker: INotebookTracker | null,
  settings: Settings
): Bare {
  if (!settings.bareCells || notebook === null) {
    return null;
  }
  const panel = tracker?.find(one => one.model?.sharedModel === notebook);
  const connection = panel ? connections?.of(panel) : null;
  switch (connection?.standing) {
    case 'here':
      return actors(connection.state?.actors);
    case 'absent':
    case 'foreign':
      return null;
    default: {
      const shared = notebook as { getMetadata?: (key: string) => { name?: string } | undefined };
      const name = shared.getMetadata?.('kernelspec')?.name ?? '';
      const isHero = name === 'hero' || name.startsWith('hero-') || connection?.isHeroKernel;
      return isHero ? actors() : null;
    }
  }
}

/** Let editors look at their cells again when something that decides has changed. */
function followCells(
  connections: Connections,
  tracker: INotebookTracker,
  settings: Settings
): void {
  const look = (panel: NotebookPanel) => {
    for (const cell of panel.content.widgets) {
      const editor = cell.model.type === 'code' ? (cell.editor as CodeMirrorEditor | null) : null;
      editor?.editor?.dispatch({ effects: looksAgain.of(null) });
    }
  };
  const follow = (panel: NotebookPanel) => {
    void panel.context.ready.then(() => {
      panel.model?.metadataChanged.connect((_, change) => {
        if (change.key === 'kernelspec') {
          look(panel);
        }
      });
      look(panel);
    });
  };
  tracker.forEach(follow);
  tracker.widgetAdded.connect((_, panel) => follow(panel));
  connections.changed.connect((_, panel) => look(panel));
  settings.changed.connect(() => tracker.forEach(look));
}

/** Open the list of sessions for a notebook, at a button. */
function choosing(
  connections: Connections,
  panelOf: () => NotebookPanel | null
): (anchor: HTMLElement) => void {
  return anchor => {
    const panel = panelOf();
    const connection = panel ? connections.of(panel) : null;
    if (panel && connection?.standing === 'here' && !connection.switching) {
      openSwitcher(anchor, connection, cell => insertCell(panel, cell));
    }
  };
}

/** Show the notebook that is worked on in the status bar; what opens its list of sessions. */
function addToStatusBar(
  statusBar: IStatusBar,
  connections: Connections,
  settings: Settings
): () => void {
  const open = choosing(connections, () => connections.panel);
  const item = new Status(open);
  const isShown = new Signal<object, void>(item);
  const show = () => {
    item.say(connections.current);
    isShown.emit();
  };
  statusBar.registerStatusItem('hero-jupyter:status', {
    item,
    align: 'left',
    rank: 3,
    priority: 1, // it stays where there is little room, as the kernel does
    isActive: () => settings.status && item.isUsed,
    activeStateChanged: isShown
  });
  connections.currentChanged.connect(show);
  settings.changed.connect(show);
  show();
  return () => open(item.node.querySelector('button') ?? item.node);
}

/** Where there is no status bar, show it in each notebook's toolbar; what opens the list. */
function addToToolbars(
  app: JupyterFrontEnd,
  connections: Connections,
  settings: Settings
): () => void {
  app.docRegistry.addWidgetExtension('Notebook', {
    createNew: (panel: NotebookPanel) => {
      const item = new Status(choosing(connections, () => panel));
      item.addClass('hero-mod-toolbar');
      panel.toolbar.insertBefore('kernelName', 'hero', item) ||
        panel.toolbar.addItem('hero', item);
      const show = (_: unknown, changed: NotebookPanel | void) => {
        if (!changed || changed === panel) {
          item.say(settings.status ? connections.of(panel) : null);
        }
      };
      connections.changed.connect(show);
      settings.changed.connect(show);
      show(null);
      return new DisposableDelegate(() => {
        connections.changed.disconnect(show);
        settings.changed.disconnect(show);
        item.dispose();
      });
    }
  });
  return () =>
    connections.panel?.toolbar.node.querySelector<HTMLElement>('.hero-Status-button')?.click();
}

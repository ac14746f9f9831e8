// Begin: what comes with every panel. It finds what draws panels, which comes once to a page
// (`Script` in magics/panels/panel.py), and begins it.

import type { Model } from './link';

interface Drawer {
  initialize(given: { model: Model }): () => void;
  render(given: { model: Model; el: HTMLElement }): () => void;
}

/** The kernel's script, as the widget manager keeps it. */
interface Script {
  get(name: string): string;
  heroDrawer?: Promise<Drawer>;
}

/** How long the script may come after the panel, on a machine that is busy. */
const PATIENCE_MS = 60_000;

const AGAIN_MS = 200;

async function drawer(model: Model): Promise<Drawer> {
  const script = await found(model.widget_manager, model.get('script'));
  return (script.heroDrawer ??= load(script));
}

/** The script, once it is there: while a page finds a kernel's widgets they come in any order. */
async function found(manager: any, id: string): Promise<Script> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const script = await manager.get_model(id);
      if (script) {
        return script;
      }
    } catch {
      // it is not there yet
    }
    if (Date.now() > until) {
      throw new Error(`hero-kernel: what draws the panel has not come (${id})`);
    }
    await new Promise(resolve => setTimeout(resolve, AGAIN_MS));
  }
}

async function load(script: Script): Promise<Drawer> {
  const style = document.createElement('style');
  style.textContent = script.get('css');
  document.head.append(style);
  const url = URL.createObjectURL(new Blob([script.get('js')], { type: 'text/javascript' }));
  try {
    return (await import(url)).default;
  } finally {
    URL.revokeObjectURL(url);
  }
}

export default {
  // At once: anywidget takes a model for broken that is not ready within two seconds.
  initialize: (given: { model: Model }) => {
    const begun = drawer(given.model).then(found => found.initialize(given));
    begun.catch(error => console.error(error)); // nobody else would tell
    return () => void begun.then(end => end(), () => undefined);
  },
  render: async (given: { model: Model; el: HTMLElement }) =>
    (await drawer(given.model)).render(given)
};

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

async function drawer(model: Model): Promise<Drawer> {
  const script: Script = await model.widget_manager.get_model(model.get('script'));
  return (script.heroDrawer ??= load(script));
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
  initialize: async (given: { model: Model }) => (await drawer(given.model)).initialize(given),
  render: async (given: { model: Model; el: HTMLElement }) =>
    (await drawer(given.model)).render(given)
};

// Places: where a panel stands in the page.
//
// JupyterLab and Notebook save an output with all its forms, and show a widget that is not there
// any more as an error. So the output is plain HTML (`Panel.around` in magics/panels/panel.py), and
// the panel takes its place in the page, in every view of the output, while its model lives.

/** Brings the notebook's looks for headings, tables and lists of HTML that users write. */
const FOREIGN = 'jp-RenderedHTMLCommon';

/**
 * Draws into every element of a class that is in the page, now and later, in the place of what
 * stands there.
 *
 * @param name - The class.
 * @param draw - Draws into an element; what it returns ends that.
 * @returns What ends it all: what stood there is seen again.
 */
export function takePlaces(name: string, draw: (el: HTMLElement) => () => void): () => void {
  const taken = new Map<Element, () => void>();
  const take = (place: Element): void => {
    if (taken.has(place)) {
      return;
    }
    const still = [...place.children].filter(one => one instanceof HTMLElement) as HTMLElement[];
    const frame = place.closest(`.${FOREIGN}`);
    frame?.classList.remove(FOREIGN);
    const el = document.createElement('div');
    place.append(el);
    const end = draw(el);
    still.forEach(one => (one.hidden = true));
    taken.set(place, () => {
      end();
      el.remove();
      still.forEach(one => (one.hidden = false));
      frame?.classList.add(FOREIGN);
    });
  };
  const found = new MutationObserver(records => {
    for (const record of records) {
      for (const node of record.addedNodes) {
        if (node instanceof Element) {
          if (node.classList.contains(name)) {
            take(node);
          }
          [...node.getElementsByClassName(name)].forEach(take);
        }
      }
    }
  });
  found.observe(document.documentElement, { childList: true, subtree: true });
  [...document.getElementsByClassName(name)].forEach(take);
  return () => {
    found.disconnect();
    taken.forEach(end => end());
    taken.clear();
  };
}

const OURS = Symbol.for('hero.panels');

/**
 * Keeps panels out of what a notebook saves of its widgets, where it saves any: what they show is
 * in the outputs, and a saved model would only keep values in the file that nobody sees there.
 *
 * @param manager - The front end's widget manager; one of another kind is left as it is.
 * @param id - What anywidget calls our kind of models.
 */
export function keepOutOfFiles(manager: any, id: string): void {
  const saved = manager?.get_state_sync;
  if (typeof saved !== 'function' || saved[OURS]) {
    return;
  }
  const others = function (this: any, ...given: any[]): any {
    const all = saved.apply(this, given);
    const kept = Object.entries(all?.state ?? {}).filter(
      ([, model]: [string, any]) =>
        model?.state?._anywidget_id !== id && model?.state?.hero !== 'panels'
    );
    return all?.state ? { ...all, state: Object.fromEntries(kept) } : all;
  };
  try {
    manager.get_state_sync = Object.assign(others, { [OURS]: true });
  } catch {
    // it lets nobody change it, and saves us with the others
  }
}

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
 * Tells of every panel's model that comes from now on, as soon as it is there: anywidget brings
 * the same small script into the page anew for each, which takes longer than to draw the panel.
 *
 * @param manager - The front end's widget manager; of one of another kind nothing is told.
 * @param script - The id of the model of what draws it: the next kernel's may be another version.
 * @param tell - Hears of it; may be told of one that it knows.
 */
export function hearOfPanels(manager: any, script: string, tell: (model: any) => void): void {
  replace(manager, 'register_model', register => {
    const tellers = new Map<string, (model: any) => void>();
    const told = function (this: any, ...given: any[]): any {
      given[1]?.then?.(
        (model: any) => tellers.get(model?.get?.('script'))?.(model),
        () => undefined // whoever asked for it is told
      );
      return register.apply(this, given);
    };
    return Object.assign(told, { tellers });
  });
  manager?.register_model?.tellers?.set(script, tell);
}

/**
 * Keeps panels out of what a notebook saves of its widgets, where it saves any: what they show is
 * in the outputs, and a saved model would only keep values in the file that nobody sees there.
 *
 * @param manager - The front end's widget manager; one of another kind is left as it is.
 * @param id - What anywidget calls our kind of models.
 */
export function keepOutOfFiles(manager: any, id: string): void {
  replace(manager, 'get_state_sync', saved => function (this: any, ...given: any[]): any {
    const all = saved.apply(this, given);
    const kept = Object.entries(all?.state ?? {}).filter(
      ([, model]: [string, any]) =>
        model?.state?._anywidget_id !== id && model?.state?.hero !== 'panels'
    );
    return all?.state ? { ...all, state: Object.fromEntries(kept) } : all;
  });
}

type Method = (this: any, ...given: any[]) => any;

/** Puts a method around one of a front end's, once; where it lets nobody do that, all stays. */
function replace(manager: any, name: string, around: (method: Method) => Method): void {
  const method = manager?.[name];
  if (typeof method !== 'function' || method[OURS]) {
    return;
  }
  try {
    manager[name] = Object.assign(around(method), { [OURS]: true });
  } catch {
    // it is as without us
  }
}

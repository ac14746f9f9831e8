/** The context and the session of the notebook, always in sight; a click switches. */

import { Widget } from '@lumino/widgets';

import { type Connection } from './connection';
import { lockIcon } from './logo';
import { long, short } from './words';

/** A button that says what the notebook is bound to. */
export class Status extends Widget {
  /**
   * @param open - Lets the user choose another session.
   */
  constructor(open: (anchor: HTMLElement) => void) {
    super();
    this.addClass('hero-Status');
    this._button = document.createElement('button');
    this._button.type = 'button';
    this._button.className = 'hero-Status-button';
    this._button.setAttribute('aria-haspopup', 'dialog');
    this._button.addEventListener('click', () => open(this._button));
    this._text = document.createElement('span');
    this._text.className = 'hero-Status-text';
    this._button.append(this._text);
    this._lock = lockIcon.element({ tag: 'span', className: 'hero-Status-lock' });
    this._button.append(this._lock);
    this.node.append(this._button);
    this.say(null);
  }

  /** Whether there is anything to say. */
  get isUsed(): boolean {
    return this._text.textContent !== '';
  }

  /** Say how it stands. */
  say(connection: Connection | null): void {
    const text = short(connection);
    const label = long(connection);
    this._text.textContent = text;
    this._lock.hidden = connection?.state?.secrets !== 'locked';
    this._button.title = label;
    this._button.setAttribute('aria-label', `${text}. ${label}`);
    const isReady = connection?.state != null && connection.switching === '';
    this._button.setAttribute('aria-disabled', String(!isReady)); // and it keeps the focus
    this.setHidden(text === '');
  }

  private readonly _button: HTMLButtonElement;
  private readonly _text: HTMLElement;
  private readonly _lock: HTMLElement;
}

/** Foreign text, as it may be shown. */

/** A text without characters that turn others around: `abcgnp.exe` would read as `abcexe.png`. */
export function plain(text: string): string {
  return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

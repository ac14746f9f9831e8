/** Files of heroscript, and the language by its name: ```heroscript in Markdown. */

import { type IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { type DocumentRegistry } from '@jupyterlab/docregistry';

import { heroscript } from './language';
import { fileIcon } from './logo';

const MIME = 'text/x-heroscript';

/** Make heroscript known to the editors, and `.hero` and `.heroscript` to the file browser. */
export function addFiles(languages: IEditorLanguageRegistry, documents: DocumentRegistry): void {
  languages.addLanguage({
    name: 'heroscript',
    displayName: 'Heroscript',
    alias: ['hero'],
    mime: MIME,
    extensions: ['hero', 'heroscript'],
    support: heroscript
  });
  documents.addFileType({
    name: 'heroscript',
    displayName: 'Heroscript File',
    extensions: ['.hero', '.heroscript'],
    mimeTypes: [MIME],
    contentType: 'file',
    fileFormat: 'text',
    icon: fileIcon
  });
}

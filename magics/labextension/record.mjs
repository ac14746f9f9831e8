// Writes built.sha256: what the sources and what is built from them were when it was built.
// tests/browser/test_built.py holds the tree against it, where there is no Node.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';

const SOURCES = ['package.json', 'package-lock.json', 'panels', 'schema', 'src', 'style',
  'tsconfig.json', 'tsconfig.panels.json'];
const OUTPUTS = ['built', '../panels/static'];

function files(path) {
  return statSync(path).isDirectory()
    ? readdirSync(path).flatMap(name => files(`${path}/${name}`))
    : [path];
}

function line(path) {
  return `${createHash('sha256').update(readFileSync(path)).digest('hex')}  ${path}`;
}

const paths = [...SOURCES, ...OUTPUTS].flatMap(files).sort();
writeFileSync('built.sha256', `${paths.map(line).join('\n')}\n`);

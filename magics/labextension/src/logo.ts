/** The logo, as the kernel's folder has it, and a file of heroscript. */

import { LabIcon } from '@jupyterlab/ui-components';

export const logo = new LabIcon({
  name: 'hero-jupyter:logo',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 64 64">
  <rect x="2" y="2" width="60" height="60" rx="14" fill="#1f3a5f"/>
  <path d="M17 14h8v14h14V14h8v36h-8V36H25v14h-8z" fill="#fff"/>
  <circle cx="53" cy="11" r="8" fill="#f2a33a" stroke="#1f3a5f" stroke-width="2"/>
</svg>`
});

export const fileIcon = new LabIcon({
  name: 'hero-jupyter:file',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16">
  <path class="jp-icon3" fill="#616161" d="M3 1h7l3 3v11H3zm1.2 1.2v11.6h7.6V5H9.2V2.2z"/>
  <path class="jp-icon3" fill="#616161" d="M6 6.5h1.3v2.2h1.6V6.5h1.3v6H8.9V9.9H7.3v2.6H6z"/>
</svg>`
});

export const lockIcon = new LabIcon({
  name: 'hero-jupyter:lock',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="12" viewBox="0 0 16 16">
  <path class="jp-icon3" fill="#616161"
    d="M8 1a4 4 0 0 0-4 4v2H3v8h10V7h-1V5a4 4 0 0 0-4-4zm0 1.6A2.4 2.4 0 0 1 10.4 5v2H5.6V5A2.4 2.4 0 0 1 8 2.6z"/>
</svg>`
});

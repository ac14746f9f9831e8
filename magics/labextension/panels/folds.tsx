// Folds: a table whose rows open, one at a time; sorted by its headings where it can be.

import { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useId } from './parts';
import './folds.css';

export interface FoldColumn<Row> {
  name: string;
  cell(row: Row): ComponentChildren;
  right?: boolean;
  /** Left out where there is little room; what opens says it, too. */
  wide?: boolean;
  /** Of any length: goes on in the next line. */
  long?: boolean;
  /** What to sort by; without it the column does not sort. */
  sort?: string;
}

export interface Order {
  by: string;
  descending: boolean;
}

export function Folds<Row>(props: {
  label: string;
  /** What stands in the button that opens a row. */
  head: { name: string; text(row: Row): string; sort?: string };
  columns: FoldColumn<Row>[];
  rows: Row[];
  keyOf(row: Row): string;
  isHere?(row: Row): boolean;
  detail(row: Row): ComponentChildren;
  empty: string;
  order?: Order;
  onOrder?(order: Order): void;
}) {
  const [open, setOpen] = useState<string | null>(null);
  const id = useId();
  if (!props.rows.length) {
    return <p class="hero-quiet">{props.empty}</p>;
  }
  const heading = (name: string, sort?: string): ComponentChildren => {
    if (!sort || !props.onOrder) {
      return name || <span class="hero-unseen">actions</span>;
    }
    const isBy = props.order?.by === sort;
    const sign = !isBy ? '' : props.order?.descending ? ' ↓' : ' ↑';
    const next = { by: sort, descending: isBy && !props.order?.descending };
    return (
      <button type="button" class="hero-sort" onClick={() => props.onOrder?.(next)}>
        {name}
        {sign}
      </button>
    );
  };
  const sorted = (sort?: string): 'ascending' | 'descending' | undefined =>
    sort && props.order?.by === sort
      ? props.order.descending
        ? 'descending'
        : 'ascending'
      : undefined;
  const classOf = (column: FoldColumn<Row>): string =>
    [column.right && 'hero-right', column.wide && 'hero-wide', column.long && 'hero-long']
      .filter(Boolean)
      .join(' ');
  return (
    <div class="hero-scroll" role="region" aria-label={props.label} tabIndex={0}>
      <table class="hero-rows hero-folds" aria-label={props.label}>
        <thead>
          <tr>
            <th scope="col" aria-sort={sorted(props.head.sort)}>
              {heading(props.head.name, props.head.sort)}
            </th>
            {props.columns.map(column => (
              <th
                key={column.name}
                scope="col"
                class={classOf(column)}
                aria-sort={sorted(column.sort)}
              >
                {heading(column.name, column.sort)}
              </th>
            ))}
          </tr>
        </thead>
        {props.rows.map((row, at) => {
          const key = props.keyOf(row);
          const isOpen = key === open;
          const isHere = props.isHere?.(row) ?? false;
          return (
            <tbody key={key} class={isOpen ? 'hero-open' : undefined}>
              <tr>
                <th scope="row">
                  <button
                    type="button"
                    class="hero-fold"
                    aria-expanded={isOpen}
                    aria-controls={isOpen ? `${id}-${at}` : undefined}
                    aria-current={isHere ? 'true' : undefined}
                    onClick={() => setOpen(isOpen ? null : key)}
                  >
                    <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span>
                    <span>{props.head.text(row)}</span>
                  </button>
                </th>
                {props.columns.map(column => (
                  <td key={column.name} class={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
              {isOpen && (
                <tr id={`${id}-${at}`}>
                  <td colSpan={props.columns.length + 1} class="hero-detail">
                    {props.detail(row)}
                  </td>
                </tr>
              )}
            </tbody>
          );
        })}
      </table>
    </div>
  );
}

/** Names and what stands for them, below each other; empty ones are left out. */
export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  return (
    <dl class="hero-facts">
      {facts
        .filter(([, told]) => told !== '' && told !== null && told !== undefined)
        .map(([name, told]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{told}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A part of a view that can be closed. */
export function Part(props: { title: string; note?: string; children: ComponentChildren }) {
  return (
    <details class="hero-part" open>
      <summary>
        {props.title}
        {props.note && <span class="hero-quiet"> · {props.note}</span>}
      </summary>
      {props.children}
    </details>
  );
}

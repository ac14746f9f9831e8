// Moments and sizes, as a reader wants them.

/** A time that is kept as `YYYY-MM-DD HH:mm:ss` UTC: by the clock here, in UTC when pointed at. */
export function When({ at }: { at: string }) {
  const moment = new Date(`${at.replace(' ', 'T')}Z`);
  if (!at || Number.isNaN(moment.getTime())) {
    return <>{at}</>;
  }
  const isToday = moment.toDateString() === new Date().toDateString();
  const shown = isToday
    ? moment.toLocaleTimeString([], { timeStyle: 'short' })
    : moment.toLocaleString([], { dateStyle: 'short', timeStyle: 'short' });
  return (
    <time dateTime={moment.toISOString()} title={`${at} UTC`}>
      {shown}
    </time>
  );
}

/** Bytes, roughly; all of them when pointed at. */
export function Size({ bytes }: { bytes: number }) {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  let [size, unit] = [bytes, 0];
  while (size >= 1000 && unit < units.length - 1) {
    [size, unit] = [size / 1000, unit + 1];
  }
  const shown = unit && size < 10 ? size.toFixed(1) : Math.round(size).toString();
  return (
    <span title={`${bytes.toLocaleString()} bytes`}>
      {shown} {units[unit]}
    </span>
  );
}

const DAY_S = 86400;
const STEPS: [number, string][] = [
  [DAY_S, 'day'],
  [3600, 'hour'],
  [60, 'minute']
];

/** How long ago `utc` was, `YYYY-MM-DD HH:mm:ss`, when pointed at the time itself; '' shows nothing. */
export function Ago({ utc }: { utc: string }) {
  if (!utc) {
    return null;
  }
  const moment = new Date(`${utc.replace(' ', 'T')}Z`);
  return (
    <time dateTime={moment.toISOString()} title={`${moment.toLocaleString()} · ${utc} UTC`}>
      {ago(moment)}
    </time>
  );
}

function ago(moment: Date): string {
  const passed = (Date.now() - moment.getTime()) / 1000;
  if (passed > 60 * DAY_S) {
    return moment.toLocaleDateString();
  }
  for (const [length, unit] of STEPS) {
    const count = Math.floor(passed / length);
    if (count > 0) {
      return `${count} ${unit}${count > 1 ? 's' : ''} ago`;
    }
  }
  return 'just now';
}

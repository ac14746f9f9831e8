// When: a time that has passed, roughly, with the time itself in the title.

const DAY_S = 86400;
const STEPS: [number, string][] = [
  [DAY_S, 'day'],
  [3600, 'hour'],
  [60, 'minute']
];

/** `utc` as the kernel tells it, `YYYY-MM-DD HH:mm:ss`; nothing is shown when it is empty. */
export function When({ utc }: { utc: string }) {
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

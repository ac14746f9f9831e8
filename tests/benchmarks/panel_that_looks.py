"""A notebook with an env panel that somebody looks at, in a process of its own.

It prints the moment of every change that its front end is told; with a number of seconds as its
argument it prints instead what share of a core it has used meanwhile, in per cent.
"""

from __future__ import annotations

import sys
import time

from IPython.core.interactiveshell import InteractiveShell

from magics.panels import views
from magics.panels.talk import Talk


def main() -> None:
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.run_line_magic("load_ext", "magics")
    door = shell._hero_extension.door
    door.session(tell=False)

    def told(message: object) -> None:
        if "views" in message:
            print(f"told {time.monotonic()}", flush=True)

    talk = Talk([views.named(door, "env")], told, time.monotonic)
    talk.state()
    door.watching.add(talk)
    print("ready", flush=True)
    if len(sys.argv) > 1:
        time.sleep(1.0)  # what starting has cost
        wall_s, used_s = time.monotonic(), time.process_time()
        end = wall_s + float(sys.argv[1])
        while time.monotonic() < end:
            talk.hear({"look": "page"})  # as front ends say it, every five seconds
            time.sleep(min(5.0, max(0.0, end - time.monotonic())))
        used_s = time.process_time() - used_s
        print(f"used {used_s / (time.monotonic() - wall_s) * 100}", flush=True)
    else:
        while sys.stdin.readline():
            talk.hear({"look": "page"})
    door.close()


if __name__ == "__main__":
    main()

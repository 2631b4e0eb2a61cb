"""Make one runnable jar of many: `one_jar.py OUT.jar MAIN_CLASS JAR...`.

What Beam's own build does to its job server: files once, the first jar's where two have one of the same name, and the
lists in META-INF/services put together, since by these Java finds runners, file systems and options.
"""

from __future__ import annotations

import os
import sys
import zipfile

SIGNED = (".SF", ".RSA", ".DSA")  # signatures hold for the jar they came in, and would refuse this one


def main(out: str, main_class: str, jars: list[str]) -> None:
    services: dict[str, list[str]] = {}
    seen = {"META-INF/MANIFEST.MF"}
    part = f"{out}.part"
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as whole:
        manifest = f"Manifest-Version: 1.0\nMain-Class: {main_class}\nMulti-Release: true\n"
        whole.writestr("META-INF/MANIFEST.MF", manifest)
        for jar in jars:
            with zipfile.ZipFile(jar) as source:
                for entry in source.infolist():
                    name = entry.filename
                    if entry.is_dir() or name.endswith(("module-info.class", *SIGNED)):
                        continue
                    if name.startswith("META-INF/services/"):
                        services.setdefault(name, []).append(source.read(entry).decode())
                    elif name not in seen:
                        seen.add(name)
                        whole.writestr(entry, source.read(entry), zipfile.ZIP_DEFLATED, 1)
        for name, texts in services.items():
            lines = [line for text in texts for line in text.splitlines() if line.strip() and not line.startswith("#")]
            whole.writestr(name, "\n".join(dict.fromkeys(lines)) + "\n")
    os.replace(part, out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

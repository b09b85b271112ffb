#!/usr/bin/env python3
"""Writes manual pages from a command's own help: one for the command, and one for each of its subcommands.

  manuals.py GLEANER FOLDER      gleaner.1, gleaner-run.1, gleaner-model.1, ... in FOLDER
"""

import argparse
import datetime
import json
import os
import re
import subprocess
from pathlib import Path


def escaped(text):
    """Text as roff prints it: a line must not begin as a request does."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def spelled(argument):
    """An argument as one types it."""
    value = f"\\fI{escaped(argument['valueName'])}\\fR" if argument["kind"] != "flag" else ""
    names = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument.get("names", [])]
    if not names:
        return value
    return ", ".join(f"\\fB{escaped(name)}\\fR" for name in names) + (f" {value}" if value else "")


def described(argument):
    """A paragraph for one argument."""
    words = [argument.get("abstract", "")]
    if default := argument.get("defaultValue"):
        words.append(f"(default: {default})")
    if values := argument.get("allValues"):
        words.append(f"(one of: {', '.join(values)})")
    return f".TP\n{spelled(argument)}\n{escaped(' '.join(filter(None, words)))}"


def discussion(text):
    """Paragraphs as they are; what is set in by two blanks stays as it is typed."""
    blocks = []
    for block in text.split("\n\n"):
        lines = block.split("\n")
        head = [line for line in lines if not line.startswith("  ")]
        typed = [line[2:] for line in lines if line.startswith("  ")]
        if head and head[0].isupper():
            blocks.append(f".SS {head.pop(0).capitalize()}")
        if head:
            blocks.append(".PP\n" + escaped("\n".join(head)))
        if typed:
            blocks.append(".PP\n.RS 4\n.nf\n" + escaped("\n".join(typed)) + "\n.fi\n.RE")
    return "\n".join(blocks)


def page(command, names, version, date):
    """The page of a command, whose name and those above it are `names`."""
    title = "-".join(names)
    arguments = [each for each in command.get("arguments", []) if each.get("shouldDisplay", True)]
    subcommands = shown(command)
    usage = [f"\\fB{escaped(' '.join(names))}\\fR"]
    usage += [spelled(each) if not each["isOptional"] else f"[{spelled(each)}]" for each in arguments if each["kind"] == "positional"]
    usage += ["[\\fIOPTION\\fR]..."] if any(each["kind"] != "positional" for each in arguments) else []
    usage += ["\\fISUBCOMMAND\\fR ..."] if subcommands else []
    parts = [
        f'.TH {title.upper()} 1 {date} "Gleaner {version}" "Gleaner\'s manual"',
        f".SH NAME\n{escaped(title)} \\- {escaped(command.get('abstract', '').rstrip('.'))}",
        ".SH SYNOPSIS\n" + " ".join(usage),
    ]
    if text := command.get("discussion"):
        parts.append(".SH DESCRIPTION\n" + discussion(text))
    if arguments:
        parts.append("\n".join([".SH OPTIONS"] + [described(each) for each in arguments]))
    if subcommands:
        parts.append(".SH COMMANDS")
        for each in subcommands:
            name = "-".join([*names, each["commandName"]])
            parts.append(f".TP\n\\fB{escaped(name)}\\fR(1)\n{escaped(each.get('abstract', ''))}")
    if len(names) > 1:
        parts.append(f".SH SEE ALSO\n\\fB{escaped('-'.join(names[:-1]))}\\fR(1)")
    return "\n".join(parts) + "\n"


def shown(command):
    """Subcommands with a page of their own."""
    return [each for each in command.get("subcommands", []) if each.get("shouldDisplay", True) and each["commandName"] != "help"]


def pages(command, names, version, date):
    """Every page, by file name."""
    yield "-".join(names) + ".1", page(command, names, version, date)
    for each in shown(command):
        yield from pages(each, [*names, each["commandName"]], version, date)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gleaner", help="the command")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    help_of_all = json.loads(subprocess.check_output([options.gleaner, "--experimental-dump-help"]))
    version = subprocess.check_output([options.gleaner, "--version"], text=True).strip()
    # The same sources give the same pages.
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or datetime.datetime.now().timestamp())
    date = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).date()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(help_of_all["command"], ["gleaner"], version, date):
        (options.folder / name).write_text(text)


if __name__ == "__main__":
    main()

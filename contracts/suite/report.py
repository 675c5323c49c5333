"""Tells what came of a run: lines for a person, JSON and JUnit for machines."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson

from contracts.suite.findings import Finding, Verdict


def lines(finding: Finding) -> Iterator[str]:
    """A promise on one line; a broken one with its clause, both sides and a command that shows it."""
    yield f"{finding.verdict:<10} {finding.promise}{f'  ({finding.reason})' if finding.reason else ''}"
    if finding.verdict is Verdict.BROKEN:
        yield f"{'':11}clause      {finding.clause}"
        yield f"{'':11}documented  {finding.documented}"
        yield f"{'':11}received    {finding.received}"
        if finding.curl:
            yield f"{'':11}see         {finding.curl}"
    for note in finding.notes:
        yield f"{'':11}note        {note}"


def summary(findings: Sequence[Finding]) -> str:
    """The run in one line, and what to do next."""
    count = Counter(finding.verdict for finding in findings)
    told = ", ".join(f"{count[verdict]} {verdict}" for verdict in Verdict)
    if count[Verdict.BROKEN]:
        return f"{told}; next: fill in TOKEN=$(klingmock token …) and run a line marked `see`"
    return f"{told}; next: what is not shown says what it would take" if count[Verdict.NOT_SHOWN] else told


def as_json(findings: Sequence[Finding], **about: Any) -> bytes:
    """The whole run."""
    count = Counter(str(finding.verdict) for finding in findings)
    whole = {**about, "counts": dict(count), "promises": [finding.as_json() for finding in findings]}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def as_junit(findings: Sequence[Finding]) -> bytes:
    """The whole run as CI servers read it: broken is a failure, not shown is skipped."""
    suite = ElementTree.Element("testsuite", name="klingmock check server", tests=str(len(findings)))
    for verdict, word in ((Verdict.BROKEN, "failures"), (Verdict.NOT_SHOWN, "skipped")):
        suite.set(word, str(sum(finding.verdict is verdict for finding in findings)))
    for finding in findings:
        suite.append(_case(finding))
    told: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return told


def _case(finding: Finding) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", name=finding.promise, classname="klingmock.server", time=f"{finding.seconds:.3f}"
    )
    match finding.verdict:
        case Verdict.BROKEN:
            message = f"documented {finding.documented}, received {finding.received}"
            ElementTree.SubElement(case, "failure", message=_safe(message)).text = _safe("\n".join(lines(finding)))
        case Verdict.NOT_SHOWN:
            ElementTree.SubElement(case, "skipped", message=_safe(finding.reason))
    return case


def _safe(text: str) -> str:
    """Text without what XML 1.0 cannot hold."""
    return "".join(
        letter
        if letter in "\t\n\r" or " " <= letter <= "\ud7ff" or "\ue000" <= letter <= "�" or letter > "\uffff"
        else "�"
        for letter in text
    )


def write(path: Path, content: bytes) -> None:
    """Put a report there, whole or not at all. Raises OSError."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(content)
    beside.replace(path)

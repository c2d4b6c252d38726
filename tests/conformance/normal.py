"""The shape of an answer: what is left when numbers, names and times are taken out.

Two answers are alike when their normal forms are equal. What counts on TORQUE's users
stays: every word, the order of lines and attributes, the columns of tables, small
numbers that say what was asked for (np, nodes, slots).
"""

from __future__ import annotations

import re

from tests.conformance.transcript import Answer

_EVERYWHERE: list[tuple[str, str]] = [
    (r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", "<date>"),
    (r"\w{3} \w{3} [ \d]\d at \d\d:\d\d", "<moment>"),
    (r"\b\d+\.\d+\.\d+\.\d+\b(?=[):])", "<address>"),
    (r"\b\d{10}\b", "<epoch>"),
    (r"(?<=\.[oe])\d+\b", "<n>"),
    (r"nonexistent job id: \d+$", "nonexistent job id: <n>"),
    (r"(?<=job killed: )(\w+) \d+(?= exceeded limit)", r"\1 <n>"),
    (r"(?<=/)\d{8}(?=: )", "<day>"),
    # Records of accounting.
    (r"^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d(?=;[A-Z];)", "<time>"),
    (r"(?<= session=)\d+", "<n>"),
    # momctl tells of one mom's past.
    (r"\d+(?= (seconds|blocks))", "<n>"),
    (r"(?<=PID: )\d+|(?<=status_update_time=)\d+", "<n>"),
    (r"(?<=IP address: )[\d.]+", "<address>"),
    (r"^(  Last Msg From Server: .*) \(\w+\)", r"\1"),
    (r"^(Trusted Client List: ).*", r"\1"),
    (r"(?<= sidlist=)[\d,]+", "<sessions>"),
    (r"(?<= cput=)\d+|(?<= vmem=)\d+|(?<= mem=)\d+", "<n>"),
]
# Attributes whose values are numbers, times or texts of one machine.
_VALUES = (
    "Variable_List|session_id|net_counter|mtime|next_job_number|queue_rank|total_runtime|"
    r"Walltime\.Remaining|Remaining|resources_used\.\w+|cput|vmem|energy_used|Execution_Time"
)
_PAST = r"^  WARNING:  invalid attempt to connect from server |^set node \S+ status \+= sessions="


def normal(answer: Answer) -> tuple[int, list[str], list[str]]:
    """Exit code, and the lines of stdout and stderr without what may differ."""
    return answer.code, _lines(answer.out), _lines(answer.err)


def _lines(text: str) -> list[str]:
    if "<Data>" in text:
        text = _elements(text)
    # Attributes are wrapped by their length, and that is their content's.
    text = re.sub(r"\n\t(?!\w+(\.\w+)? = )", "", text)
    text = re.sub(r"(?<=,)\n {17}", "", text)
    jobs = re.split(r"(?=^Job Id: )", text, flags=re.M)
    lines = "".join(_known(job) for job in jobs).splitlines()
    return _in_any_order([_line(line) for line in lines if not re.search(_PAST, line)])


def _in_any_order(lines: list[str]) -> list[str]:
    """Queues are listed in no order: neighbours are sorted."""
    for at in range(1, len(lines)):
        if all(re.search(r" [ED] [RS]$", line) for line in lines[at - 1 : at + 1]):
            lines[at - 1 : at + 1] = sorted(lines[at - 1 : at + 1])
    return lines


def _elements(text: str) -> str:
    jobs = re.split(r"(?=<Job>)", text)
    return re.sub(r">(?=<)", ">\n", "".join(_known(job) for job in jobs))


def _known(job: str) -> str:
    """Without what a mom reports from time to time, unless the job is over."""
    if "job_state = C" in job:
        # Their order is the obituary's, or that of an earlier report.
        return re.sub(r"(^ +resources_used\..*\n)+", _sorted, job, flags=re.M)
    if "<job_state>C" in job:
        return re.sub(r"<resources_used>.*?</resources_used>", _no_values, job)
    job = re.sub(r"<resources_used>.*?</resources_used>", "", job)
    return re.sub(r"^ +resources_used\..*\n", "", job, flags=re.M)


def _sorted(found: re.Match[str]) -> str:
    return "".join(sorted(found[0].splitlines(keepends=True)))


def _no_values(found: re.Match[str]) -> str:
    return re.sub(r">[^<]+<", "><", found[0])


def _used(found: re.Match[str]) -> str:
    """What a job used, in accounting: in which order depends on when its mom last reported."""
    return " " + " ".join(sorted(word.partition("=")[0] for word in found[0].split()))


def _line(line: str) -> str:
    line = _number(line)
    line = re.sub(r"(?: resources_used\.\w+=\S+)+", _used, line)
    for pattern, word in _EVERYWHERE:
        line = re.sub(pattern, word, line)
    line = re.sub(rf"([ \t](?:{_VALUES}) =) .*", r"\1 <value>", line)
    line = re.sub(rf"<({_VALUES})>.*</\1>", r"<\1><value></\1>", line)
    line = re.sub(r"^(\s+status = |<status>)(.*?)(</status>)?$", _status, line)
    line = re.sub(r"^(set node \S+ status \+?= \w+=).*", r"\1", line)
    return _table(line)


def _number(line: str) -> str:
    """Job ids without their number, the columns behind them where they were."""

    def nameless(found: re.Match[str]) -> str:
        number, rest, blank = found[1], found[2], found[3] or ""
        return f"<n>{rest}" + (" " * (len(blank) + len(number) - 1) if len(blank) > 1 else blank)

    return re.sub(r"\b(\d+)((?:\[\d*\])?\.head\b)( *)", nameless, line)


def _status(found: re.Match[str]) -> str:
    keys = [word.partition("=")[0] for word in found[2].split(",") if "=" in word]
    keys = [key for key in keys if key != "sessions"]  # where there are any
    return found[1] + ",".join(keys) + (found[3] or "")


def _table(line: str) -> str:
    # A job that has just started may have reported already, or not.
    line = re.sub(r"(?: {7}0|\d\d:\d\d:\d\d)(?= [A-Z] \w+ *$)", "  <used>", line)
    return re.sub(r"^(<n>\S+ +\S+ +\S+ +\S+ +)( *(?:\d+|--)) (.*) ([RCE])  *\S+ ?", _running, line)


def _running(found: re.Match[str]) -> str:
    width = len(found[1] + found[2])
    return f"{found[1].rstrip():<{width}} {found[3]} {found[4]} <elapsed>"

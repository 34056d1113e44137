"""The class of a termination message, which may be the end of the log of any program."""

import json
import time

import pytest

from exporter.log_formats import end_class, end_classes

CLONE = "Cloning into '/workspace/r'...\n"
V8 = (
    "<--- Last few GCs --->\n[1:0x5] 98 ms: Mark-sweep 2047.5 (2083.1) -> 2046.9 MB\n<--- JS stacktrace --->\n"
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n"
    + "".join(f" {number}: 0xb7a9{number:02} node::Abort() [node]\n" for number in range(1, 20))
)
SAID = {"type": "assistant", "message": {"content": [{"type": "text", "text": "fatal: could not read Username for"}]}}
LIMIT = {
    "type": "result",
    "subtype": "success",
    "is_error": True,
    "result": "Claude AI usage limit reached|1747900000",
}
SYNC = {"logger": "", "level": 0, "msg": "failed", "error": "stderr: remote: HTTP Basic: Access denied."}

MESSAGES = [
    ("git_auth", CLONE + "fatal: could not read Username for 'https://git.example': terminal prompts disabled"),
    ("git_auth", CLONE + "remote: Write access to repository not granted."),
    ("git_auth", "fatal: unable to access 'https://git.example/o/repo/': The requested URL returned error: 403"),
    ("git_auth", "git@git.example: Permission denied (publickey).\nfatal: Could not read from remote repository.\n"),
    ("git_auth", json.dumps(SYNC)),
    ("git_missing", CLONE + "fatal: Remote branch task-7 not found in upstream origin"),
    ("git_rejected", " ! [remote rejected] main -> main (hook declined)\nerror: failed to push some refs"),
    ("host_key", "Host key verification failed.\nfatal: Could not read from remote repository."),
    ("dns", CLONE + "fatal: unable to access 'https://git.example/o/r/': Could not resolve host: git.example"),
    ("dns", "npm error code ENOTFOUND\nnpm error syscall getaddrinfo\nnpm error errno ENOTFOUND"),
    ("dns", "dial tcp: lookup api.example on 10.96.0.10:53: read udp 10.0.0.3:53: i/o timeout"),
    ("certificate", "curl: (60) SSL certificate problem: self-signed certificate in certificate chain"),
    ("certificate", "x509: certificate signed by unknown authority"),
    ("proxy", "fatal: unable to access 'https://git.example/': Received HTTP code 407 from proxy after CONNECT"),
    ("network", "Error: connect ECONNREFUSED 10.0.0.9:5432\n    at TCPConnectWrap.afterConnect [as oncomplete]"),
    ("auth", "Invalid API key \u00b7 Please run /login"),
    ("auth", 'API Error: 401 {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}'),
    ("usage_limit", json.dumps(LIMIT)),
    ("usage_limit", "You've hit your session limit \u00b7 resets 10:25pm (UTC)"),
    ("usage_limit", "You've hit your usage limit. Check your plan and billing, or try again at 3pm."),
    ("usage_limit", "You exceeded your current quota, please check your plan and billing. Please retry in 31s."),
    ("billing", "Credit balance is too low"),
    ("billing", "429 You exceeded your current quota, please check your plan and billing details."),
    ("billing", "error code: insufficient_quota"),
    ("billing", "API Error: 402 Payment Required"),
    ("billing", json.dumps(LIMIT | {"result": "Credit balance is too low"})),
    ("billing", "This organization has been disabled."),
    ("git_auth", CLONE + "remote: Your account is suspended. Please visit the support."),
    ("rate_limit", "exceeded retry limit, last status: 429 Too Many Requests"),
    ("disk_full", "Error: ENOSPC: no space left on device, write"),
    ("file_watches", "Error: ENOSPC: System limit for number of file watchers reached, watch '/workspace'"),
    ("heap", V8),
    ("exec_format", "exec /usr/local/bin/agent: exec format error"),
    ("command_missing", "/bin/sh: 1: claude: not found"),
    ("command_missing", "/run.sh: line 12: claude: command not found"),
    ("command_missing", "exec /entrypoint.sh: no such file or directory"),
    ("library", "agent: /lib/libc.so.6: version `GLIBC_2.38' not found (required by agent)"),
    ("illegal_instruction", "Illegal instruction (core dumped)"),
    ("segfault", "signal: segmentation fault (core dumped)"),
    ("root_user", "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons"),
    ("read_only", "OSError: [Errno 30] Read-only file system: '/home/agent/.cache'"),
    ("privileges", "iptables v1.8.11 (nf_tables): Could not fetch rule set: Permission denied (you must be root)"),
    ("permission", "Error: EACCES: permission denied, open '/workspace/.git/config'"),
    ("processes", "bash: fork: retry: Resource temporarily unavailable"),
    ("module_missing", "Error: Cannot find module '/app/index.js'\n    at Module._load (node:internal/modules:1)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "message"), MESSAGES)
def test_a_message_has_a_class(name, message):
    """The messages are those of git, Node.js, shells, and agents."""
    assert end_class(message) == name
    assert name in end_classes()


@pytest.mark.parametrize(
    "message",
    [
        "",
        "the moon is full",
        json.dumps(SAID),  # what an agent writes about an error is not an error
        "x" * 2000 + json.dumps(SAID)[40:],
        ".env: No such file or directory",
        "script.sh: config not found",
        "the budget has 401 lines, a quota and a forbidden word",
        "connection refused\nfatal: could not read Username for 'https://git.example'",  # they disagree
        "could not resolve host\n" + "step done\n" * 20,  # too long ago
    ],
)
def test_other_messages_have_none(message):
    """None is better than a wrong one."""
    assert end_class(message) == ""


@pytest.mark.parametrize("text", ["exec ", "unable to access ", "sh 1 ", "{" * 3, "\ud800", "glibc a "])
def test_hostile_messages_take_little_time(text):
    """The time is that of the CPU."""
    began = time.process_time()
    end_class(text * (1 << 18))
    assert time.process_time() - began < 1.0


def test_a_line_of_blanks_takes_little_time():
    """The class is determined in the event loop, for each change of a Pod."""
    end_class(text := "x\n" + " " * 4090 + "a")
    began = time.process_time()
    end_class(text)
    assert time.process_time() - began < 0.1

"""Free text of the cluster: a credential in any of the forms in which one is written, beside the words of a cause."""

import itertools

import pytest

from exporter.untrusted import message

# Not one of these looks like a token: what stands before them says that they are one.
VALUES = ["hunter", "S3CRET", "4321", "Sommer2024!", "correcthorse"]
FORMS = [
    "token: {}",
    "token={}",
    "token = {}",
    "token {}",
    "Token:{}",
    "the token is {}",
    "the token was {}",
    "token => {}",
    "token -> {}",
    "token: '{}'",
    'token: "{} more"',
    "token: `{}`",
    "password is {}",
    "password {}",
    "Password: {}",
    "passwd={}",
    "pwd: {}",
    "passphrase: {}",
    "PGPASSWORD={} psql",
    "pass: {}",
    "user=bot pass={}",
    "secret: {}",
    "client_secret={}",
    "clientSecret: {}",
    "client-secret={}",
    "credential: {}",
    "credentials={}",
    "api key: {}",
    "api_key={}",
    "apikey: {}",
    "X-Api-Key: {}",
    "access key {}",
    "AWS_SECRET_ACCESS_KEY={}",
    "ENCRYPTION_KEY={}",
    "private key: {}",
    "Bearer {}",
    "bearer {}",
    "Authorization: Bearer {}",
    "authorization: basic {}",
    "Authorization: Basic {}",
    "Authorization: token {}",
    "Authorization: {}",
    "Authorization={}",
    "proxy-authorization: Basic {}",
    'Authorization: Digest username="bot", response="{}"',
    "-H 'Authorization: Bearer {}' https://git.example/o/r",
    "auth={}",
    '"auth": "{}"',
    "//registry.example/:_authToken={}",
    "Cookie: session={}",
    "Set-Cookie: a=b; sid={}",
    "session_id={}",
    "sessionid: {}",
    "signature={}",
    "jwt {}",
    "FOO_TOKEN={}",
    "FOO_TOKEN: {}",
    "export FOO_TOKEN='{}'",
    "env FOO_TOKEN {}",
    "--token {}",
    "--token={}",
    "--password {}",
    "--client-secret '{}'",
    "-u bot:{}",
    "--user bot:{}",
    "machine git.example login bot password {}",
    '{{"token":"{}"}}',
    '{{"token" : "{}"}}',
    '{{"access_token": "{}", "a": 1}}',
    '{{\\"token\\":\\"{}\\"}}',
    "{{'password': '{}'}}",
    "{{token:{}}}",
    "token:\n  {}",
    "password: |\n  {}",
    "- name: FOO_TOKEN\n  value: {}",
    '{{"name":"FOO_TOKEN","value":"{}"}}',
    "<token>{}</token>",
    "token%3D{}",
    "https://bot:{}@git.example/o/r",
    "https://bot:4321/{}@git.example/o/r",
    "https://bot:4321/{}",
    "https://{}@git.example/o/r",
    "x-access-token:{}@git.example/o/r",
    "x-access-token:{}",
    "https://git.example/o/r?token={}",
    "https://git.example/o/r#access_token={}",
    "https://git.example/o/r?x=1&sig={}",
    "postgres://bot:{}@db:5432/x",
    "redis://:{}@db:6379",
    "git@git.example:{}@o/r",
]
# Of the platform, of Kubernetes' Events and of agents: what an on-call person has to read stays as it is.
CAUSES = [
    "Code implementation started",
    "Code implementation completed successfully",
    (
        "Template rendering failed: Task configuration error: Template rendering failed for CodeRun coderun-a-t1: "
        "Partial not found frontend-toolkits. Check controller logs for details."
    ),
    "Max retries (3) exceeded: partial not found: a/b.hbs",
    "cancelled by user",
    "Secret git-token: not found",
    'MountVolume.SetUp failed for volume "github-token" : secret "github-token" not found',
    'MountVolume.SetUp failed for volume "task-files" : configmap "play-t1-agent-templates-shared" not found',
    'MountVolume.SetUp failed for volume "x" : failed to sync secret cache: timed out waiting for the condition',
    'MountVolume.SetUp failed for volume "api" : failed to fetch token: serviceaccounts "agent" not found',
    (
        "Unable to attach or mount volumes: unmounted volumes=[task-files], unattached volumes=[task-files]: "
        "timed out waiting for the condition"
    ),
    "couldn't find key token in Secret agent-platform/github-token",
    "couldn't find key GITHUB_TOKEN in Secret agent-platform/github-token",
    "references non-existent secret key: github-token",
    "references non-existent config key: code_claude_container.sh.hbs",
    (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {gpu: true}. preemption: 0/3 "
        "nodes are available: 3 No preemption victims found for incoming pod."
    ),
    (
        'Error creating: pods "play-coderun-task-3-tess-claude-agent-plat-34f1645a-x7k2p" is forbidden: exceeded '
        "quota: agents, requested: limits.memory=4Gi, used: limits.memory=8Gi, limited: limits.memory=8Gi"
    ),
    (
        'Error creating: pods "a-x7k2p" is forbidden: violates PodSecurity "restricted:latest": '
        'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false)'
    ),
    (
        'Error creating: pods "a-" is forbidden: error looking up service account ns/agent: serviceaccount "agent" '
        "not found"
    ),
    (
        'Failed to pull image "registry.example/5dlabs/x:1.0.3": failed to resolve reference'
        ' "registry.example/5dlabs/x:1.0.3"'
        ": unexpected status from HEAD request: 403 Forbidden"
    ),
    "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
    (
        "pull access denied, repository does not exist or may require authorization: server message: "
        "insufficient_scope: authorization failed"
    ),
    (
        "Back-off restarting failed container claude-code in pod play-coderun-task-2-rex-claude_agent-platform"
        "(550e8400-e29b-41d4-a716-446655440000)"
    ),
    "Readiness probe failed: HTTP probe failed with statuscode: 503",
    "Job has reached the specified backoff limit",
    "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 812Mi.",
    "Invalid API key \u00b7 Fix external API key",
    "Not logged in \u00b7 Please run /login",
    "OAuth token has expired. Please obtain a new token",
    "Credit balance is too low",
    "You've hit your session limit \u00b7 resets 10:25pm (UTC)",
    "prompt is too long: 208310 tokens > 200000 maximum",
    "max_tokens: 4096 is too large, 5000 tokens used",
    "unexpected status 401 Unauthorized: token is invalid",
    "exceeded retry limit, last status: 429 Too Many Requests",
    "Unexpected token < in JSON at position 0",
    "SyntaxError: Unexpected token o in JSON at position 1",
    "HTTPSConnectionPool(host='api.github.com', port=443): Max retries exceeded with url: /repos",
    "fatal: Authentication failed for 'git.example/o/r'",
    "password authentication failed for user bot",
    "basic auth is not supported, the bearer token was rejected",
    "invalid bearer token",
    "no basic auth credentials",
    "token expired; password required",
    "authorization failed: 403",
    "container exited: exit code: 137 (OOMKilled)",
    "uid 550e8400-e29b-41d4-a716-446655440000 was deleted at 2026-11-30T05:30:43.123456789Z",
    "stream error: context deadline exceeded after 1h30m0s",
    "PreemptionByScheduler, DeletionByTaintManager, EvictionByEvictionAPI, DeletionByPodGC: OutOfMemory, ScaleUp",
    "untolerated taint NoExecute, NoSchedule; restartPolicy OnFailure, imagePullPolicy IfNotPresent, podToBeDeleted",
    'violates PodSecurity "restricted:latest": runAsNonRoot != true, runAsUser=0, hostIPC, clusterIPs',
    "TriggeredScaleUp, setHostnameAsFQDN",
    "missing field `clientId`, requestId 12, volumeIDs empty",
    "token audience mismatch; token signature is invalid; token contains an invalid number of segments",
    "token lifetime is too short; token source failed; token projection",
    "JWT claims invalid; password policy violated",
    "password mismatch; private key mismatch; authorization mode RBAC; authorization policy denied",
    "API key owner disabled",
    'ExternalSecret agents/github is not ready; SealedSecret github-app: secretName "github-token" not found',
    "tokenization step failed; tokenizer init failed",
    "ImagePullBackOff, ErrImageNeverPull, CreateContainerConfigError, RunContainerError, PostStartHookError",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_value_behind_the_name_of_a_credential_is_hidden(form):
    """In each of the usual forms, with words around it, whatever the value looks like."""
    for value, text in itertools.product(VALUES, ("{}", "clone failed: {}", "{} (attempt 3)", "x={}, y=2")):
        shown = message(text.format(form.format(value)))
        assert value not in shown, (form, value, shown)


@pytest.mark.parametrize("cause", CAUSES)
def test_the_words_of_a_cause_stay(cause):
    """All of them, up to the length of a message."""
    assert message(cause) == cause[:200]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password: correct horse battery staple is wrong", "password: REDACTED is wrong"),
        (
            "image registry.example/o/x@sha256:" + "0a" * 32 + " not found",
            "image registry.example/o/x@sha256 not found",
        ),
        ("fatal: 'https://bot:S3CRET@git.example/o/r/': 403", "fatal: 'git.example/o/r': 403"),
        ("token: 401 Unauthorized", "token: 401 Unauthorized"),
        ("token expired: FOO_TOKEN=x1, retry 3", "token expired: FOO_TOKEN=REDACTED retry 3"),
        (
            'Post "https://injector.istio-system.svc:443/inject?timeout=10s": connection refused',
            'Post "injector.istio-system.svc:443/inject": connection refused',
        ),
        ("Get https://git.example/o/r?timeout=hunter: 403", "Get REDACTED: 403"),
        ("word dXNlcjpwYXNz and Tr0ub4dor3 here", "word REDACTED and REDACTED here"),
    ],
)
def test_what_stands_around_a_credential_stays(text, shown):
    """Only the value is replaced."""
    assert message(text) == shown


def test_a_credential_that_the_limit_cuts_is_hidden_too():
    """What is left of an address without its end could be read as a host and a path."""
    for length in range(100, 440):
        assert "hunter" not in message(
            "w" + " w" * (length // 2) + " https://bot:4321/hunter/" + "x/" * 9 + "@git.example/o"
        )

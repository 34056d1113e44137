"""What of an address is shown: nothing that could be a secret, wherever somebody wrote it."""

import pytest

from exporter.addresses import shown_address

GOOD = {
    "https://github.com/5dlabs/cto": "github.com/5dlabs/cto",
    "https://GitHub.com/Org/Repo_x.y.git/": "github.com/Org/Repo_x.y.git",
    "HTTPS://github.com/o/r": "github.com/o/r",
    "github.com/o/r": "github.com/o/r",
    "https://github.com/org/.github": "github.com/org/.github",
    "https://gitlab.com/group/sub/sub-2/name.git": "gitlab.com/group/sub/sub-2/name.git",
    "https://dev.azure.com/org/project/_git/name": "dev.azure.com/org/project/_git/name",
    "https://git.sr.ht/~user/name": "git.sr.ht/~user/name",
    "git@github.com:o/r.git": "github.com/o/r.git",
    "ssh://git@git.example:2222/o/r.git": "git.example:2222/o/r.git",
    "git@gitea:o/r": "gitea/o/r",
    "https://github.com/global-api/ghost_ATARI": "github.com/global-api/ghost_ATARI",
    "https://github.com/o/token-service": "github.com/o/token-service",
    "http://gitea:3000/o/r": "gitea:3000/o/r",
    "https://127.0.0.1:6443": "127.0.0.1:6443",
    "https://[fd00::1]:6443/": "[fd00::1]:6443",
    "https://rancher.example/k8s/clusters/c-m-abc12345": "rancher.example/k8s/clusters/c-m-abc12345",
    "https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com": (
        "0123456789abcdef0123456789abcdef.gr7.eu-west-1.eks.amazonaws.com"
    ),
}
# One part before the host, without a sign that ends it: what stands there is left out.
USER = [
    "https://x-access-token:S3CRET@github.com/o/r",
    "https://S3CRET@github.com/o/r",
    "https://$TOKEN:S3CRET@github.com/o/r",
    "https://user:S3CRET%40more@github.com/o/r",
    "x-access-token:S3CRET@github.com/o/r",
    "S3CRET@github.com:o/r",
    "oauth2:S3CRET@github.com/o/r",
    "https:oauth2:S3CRET@github.com/o/r",
    "git+https://oauth2:S3CRET@github.com/o/r",
    "ssh://git:S3CRET@github.com/o/r",
]
# Read one way the secret is left of the host, read another it is not: nothing is shown.
AMBIGUOUS = [
    "https://user:S3CRET/more@github.com/o/r",
    "https://user:12/S3CRET@github.com/o/r",
    "https://user:12/S3CRET%40github.com/o/r",
    "https://user:pw@S3CRET@github.com/o/r",
    "https://user:S3CRET?more@github.com/o/r",
    "https://user:S3CRET#more@github.com/o/r",
    "https://user:S3CRET more@github.com/o/r",
    "https://user:S3CRET\nmore@github.com/o/r",
    "https://user:S3CRET\tmore@github.com/o/r",
    "https://user:S3CRET\\more@github.com/o/r",
    "https://user:S3CRET%40github.com/o/r",
    "https://user:S3CRET\uff20github.com/o/r",
    "https://user:pw@S3CRET\u3002github.com/o/r",
    "https:/oauth2:S3CRET@gitlab.com/o/r",
    "https:\\\\oauth2:S3CRET@gitlab.com\\o\\r",
    "https://https://S3CRET@github.com/o/r",
    "git:S3CRET@github.com:o/r.git",
    "git@github.com:S3CRET@o/r",
    "https://github.com/S3CRET@o/r",
    "https://github.com/o/r@S3CRET",
    "https://github.com/o/r?access_token=S3CRET",
    "https://github.com/o/r%3Faccess_token=S3CRET",
    "https://github.com/o/r#access_token=S3CRET",
    "https://github.com/o/r;private_token=S3CRET",
    "https://github.com/../S3CRET/o/r",
    "https://github.com/S3CRET/o/r",
    "https://github.com:S3CRET/o/r",
    "https://[S3CRET]/o/r",
    "https://[fe80::1%25S3CRET]/o/r",
    "https://[S3CRET@github.com]/o/r",
    "https://S3CRET/o/r",
    "https://S3CRET",
    "user:S3CRET",
    "s3cret.pw",
    "S3CRET://github.com/o/r",
    "https://github.com/o/r\n",
    " https://github.com/o/r",
    "https://github.com/o//S3CRET",
    f"https://github.com/o/{'s' * 300}",
]
# Forms of tokens, made up: as a part of a path they would be shown.
TOKENS = [
    "npm_abcdefghijklmnopqrstuvwxyz",
    "lin_api_abcdef",
    "ya29.abcdef",
    "AIzaabcdefghij",
    "SG.abcdefghijklmnop.qrst",
    "ghp_S3CRET",
    "github_pat_S3CRET",
    "glpat-S3CRET",
    "gldt-S3CRET",
    "xoxb-S3CRET",
    "eyJS3CRET.eyJ.x",
    "x-access-token",
    "oauth2",
    "0123456789abcdef0123456789abcdef01234567",
    "a1B2c3D4e5F6g7H8",
]


@pytest.mark.parametrize(("url", "shown"), GOOD.items())
def test_a_good_address_is_shown_as_host_port_and_path(url, shown):
    """Without its scheme and its user: what all ways of writing one repository share."""
    assert shown_address(url) == shown


@pytest.mark.parametrize("url", USER)
def test_a_user_and_a_password_in_front_of_the_host_are_left_out(url):
    """As they end at the only @ there is."""
    assert shown_address(url) == "github.com/o/r"


@pytest.mark.parametrize("url", AMBIGUOUS)
def test_of_an_address_that_can_be_read_in_two_ways_nothing_is_shown(url):
    """What is a part of the password for one reader is the host for another."""
    assert shown_address(url) == ""


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("url", ["https://github.com/{}/r", "https://gitlab.com/o/{}", "git@github.com:{}/r"])
def test_a_part_of_a_path_that_looks_like_a_token_is_not_shown(url, token):
    """By how tokens begin, or as a long word with digits in it."""
    assert shown_address(url.format(token)) == ""

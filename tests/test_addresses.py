"""Addresses from the cluster are shown without credentials, wherever in the address these are."""

import pytest

from exporter.addresses import safe_address

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
    **{f"https://github.com/o/{name}": f"github.com/o/{name}" for name in ("MyRepoV2", "OutOfOffice", "ReactJs")},
    "https://github.com/o/token-service": "github.com/o/token-service",
    "http://gitea:3000/o/r": "gitea:3000/o/r",
    "https://127.0.0.1:6443": "127.0.0.1:6443",
    "https://[fd00::1]:6443/": "[fd00::1]:6443",
    "https://rancher.example/k8s/clusters/c-m-abc12345": "rancher.example/k8s/clusters/c-m-abc12345",
    "https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com": (
        "0123456789abcdef0123456789abcdef.gr7.eu-west-1.eks.amazonaws.com"
    ),
}
# The user info ends at the only @ of the address: it is removed.
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
# It is unclear whether the secret is part of the user info or of the host: nothing is shown.
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
    "https://user:4321/S3CRET",
    "http://bot:8080/hunter",
    "bot:4321/hunter",
    "ssh://bot:22/hunter",
    "https://oauth2:S3CRET@gitlab.com@github.com/o/r",
    "https://github.com/o/r/-/settings?S3CRET",
    "https://github.com/o/r/tree/S3CRET",
    "https://github.com/o/r&private_token=S3CRET",
    "https://github.com/o/r:S3CRET",
    "https://github.com/o/r,S3CRET",
    "https://github.com/o/r!S3CRET",
    "https://github.com/o/r%23S3CRET",
    "https://github.com/o/r%2540S3CRET",
    "https://github.com\\@S3CRET/o/r",
    "https://user:pw\u2044S3CRET@github.com/o/r",
    "https://user:pw\uff1aS3CRET@github.com/o/r",
    "https://user:pw\x00S3CRET@github.com/o/r",
    "https://user:pw\u200bS3CRET@github.com/o/r",
    "ftp://user:S3CRET@github.com/o/r",
    "file:///home/S3CRET/o/r",
    "data:text/plain,S3CRET",
    "//S3CRET@github.com/o/r",
    "https:///S3CRET@github.com/o/r",
    "https://hooks.slack.com/services/T00S3CRET/B00/xS3CRET",
    "https://github.com/o/r.git username=bot password=S3CRET",
    "git clone https://S3CRET@github.com/o/r",
    "https://github.com/o/r -c http.extraheader=S3CRET",
    "'https://S3CRET@github.com/o/r'",
    "<https://S3CRET@github.com/o/r>",
    "[r](https://S3CRET@github.com/o/r)",
    "S3CRET://github.com/o/r",
    "https://github.com/o/r\n",
    " https://github.com/o/r",
    "https://github.com/o//S3CRET",
    f"https://github.com/o/{'s' * 300}",
]
# Invented tokens in the usual formats. In a path they must not be shown.
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
    # Only letters: one in thirty random tokens of twenty characters has no digit.
    "aBcDeFgHiJkLmNoPqRsT",
    "QwErTyUiOpAsDfGh",
    "kZvBxQpLmNrTsWdF",
    "abcdefghijklmnopqrstuvwxyzabcd",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZABCD",
    "SECRETtok",
    "Tr0ub4dor",
    "dXNlcjpwYXNz",
]


@pytest.mark.parametrize(("url", "shown"), GOOD.items())
def test_a_good_address_is_shown_as_host_port_and_path(url, shown):
    """The scheme and the user info are removed, so that all URLs of a repository are shown alike."""
    assert safe_address(url) == shown


# Existing organizations and repositories: names with capitals and digits are not mistaken for tokens.
NAMES = [
    "AUTOMATIC1111/stable-diffusion-webui",
    "PaddlePaddle/PaddleOCR",
    "THUDM/ChatGLM-6B",
    "FFmpeg/FFmpeg",
    "DefinitelyTyped/DefinitelyTyped",
    "kubernetes-sigs/external-dns",
    "5dlabs/cto",
    "3b1b/manim",
    "eBay/NuRaft",
    "HHSGov/x",
    "OpenAPITools/openapi-generator",
    "d2l-ai/d2l-zh",
    "MHSanaei/3x-ui",
    "iOS-Sample-Code/SwiftUI2",
    "ethz-asl/rovio",
    "Significant-Gravitas/AutoGPT",
    "SPLWare/esProc",
    "PostgREST/postgrest",
    "GoogleCloudPlatform/k8s-config-connector",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_names_of_real_repositories_are_shown(name):
    """The name of a repository is shown unchanged."""
    assert safe_address(f"https://github.com/{name}") == f"github.com/{name}"


@pytest.mark.parametrize("url", USER)
def test_user_info_before_the_host_is_removed(url):
    """The user info is unambiguous, because the address has only one @."""
    assert safe_address(url) == "github.com/o/r"


@pytest.mark.parametrize("url", AMBIGUOUS)
def test_an_ambiguous_address_is_not_shown(url):
    """Two parsers could disagree whether a part is the password or the host."""
    assert safe_address(url) == ""


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("url", ["https://github.com/{}/r", "https://gitlab.com/o/{}", "git@github.com:{}/r"])
def test_a_part_of_a_path_that_looks_like_a_token_is_not_shown(url, token):
    """A part of a path is a token if it has the prefix of a known token, or is long and contains digits."""
    assert safe_address(url.format(token)) == ""

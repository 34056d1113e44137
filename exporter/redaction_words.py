"""The allowlist of `redaction`: words in errors of Kubernetes, git, their servers and clients about credentials.

They are shown even in the position of a password, because they are common in such errors.
"""

from typing import Final

__all__ = ["INTRODUCING", "KNOWN", "NAMED"]

_GRAMMAR: Final = """
a about above absent across after again against ain all already also although always am among an and another any are
aren as ask asked asks at away back be because been before being below between both but by can can't cannot could
couldn couldn't did didn didn't do does doesn doesn't don don't done down during each either empty even ever every
false few first for from get gets give given gives go goes gone got had hadn has hasn hasn't have haven haven't
having he her here his how however if in instead into is isn isn't it it's its just last least less let lets like
made make makes many may might missing more most much must my need needed needs neither never new next nil no none
nor not now null of off old on once one only onto or other otherwise our out over own per please previous same
second see seem seems seen sees set sets shall she should shouldn since so some still such take taken takes than
that the their then there therefore these they this those though three through to too toward true try twice two
under unless unset until up use used uses using very via want wants was wasn wasn't we were weren what when where
whether which while who whom whose why will with within without won won't would wouldn yes yet you you're you've
your
"""
_STATES: Final = """
able aborted accepted activated active added allowed ambiguous anonymous available bad basic blocked bound broken
busy cached canceled cancelled changed classic closed configured connected corrupt corrupted created current
currently deactivated decoded decrypted default defaults defined deleted denied deny deprecated different disable
disabled disconnected dropped duplicate duplicated early enable enabled encoded encrypted equal erroneous error
errors exceed exceeded exceeds exhausted exist existing exists expected expiration expire expired expires expiring
expiry external fail failed failing fails failure failures fatal federated fine-grained forbidden found free full
good grant granted high higher identical ignored inactive inactivity included incorrect insufficient interactive
internal interrupted invalid issued large late likely limit limited limits loaded locked long longer lost low lower
malformed mandatory match matched matches matching misconfigured mismatch mismatched mismatches missed near
non-interactive obsolete obtained ok okay open opened optional original outdated parsed pending permanent
permanently permitted personal possibly previously probable probably protected provided public quota rate reached
readable ready received recently refused registered reject rejected rejects removed require required requires reset
restricted retrieved retrying revoke revoked right rotated rotation sent short shorter signed skipped small
specified stale stored sufficient supplied supported suspended temporarily temporary timed timeout timeouts
too-large unable unauthenticated unauthorized unavailable unbound undefined unequal unexpected unknown unreadable
unregistered unsigned unspecified unsupported unverified updated valid verified waiting warning writable wrong
"""
_NOUNS: Final = """
access accessible account account's accounts acquire acquired action address admin administrator admission age agent
agree alg algorithm allow allows amazon answer answers anthropic api apis app application applied applies apply
april argument ascii asn1 assert assertion assign assigned attach attempt attempted attempts aud audience audiences
august authenticate authenticated authenticating authentication authenticator authority authorization authorize
authorized authorizer authorizing aws azure backend backoff balance base64 based bearer begin begins belong belongs
billing bind binding bindings body browser bucket budget cache calculate calculated call calls capacity cause causes
certificate certificates chain challenge character characters check checked checking checks checksum claim claims
client client's clients clock cluster clusters code codes column command completion completions compute computed
concurrency concurrent condition config configmap configmaps configuration configure configuring connect connecting
connection connections contact contain container containers containing contains content contents context continue
continued continuing controller cookie cookies count create creation credential credentials credit credits curl data
database date day days deadline december decode decoding decrypt delay delete deployment der desc description
destination detail details device dial directory dns docker docs documentation due ecdsa echo ed25519 encode
encoding encrypt end ended endpoint endpoints ends engine ensure enterprise enterprise's entries entry env
environment eof err es256 exchange exchanged exec executable execute exit exited exp february fetch fetching field
fields file files find flag flow follow following follows form format forms gateway gcp generate generated
generation git gitea github gitlab google grammar group group-version groups grpc hash head header headers helm help
helper hex host hostname hour hours hs256 html http https iat identity image images immutable implemented increase
index info input installation instance instances integration interaction invalidated io iss issuer january job jobs
json jti july june jwt key keypair keys kid kind kubelet kubernetes lack lacking lacks length lifetime line list
locate located location log logged logging login logins logout look looked looking lookup managed manager march max
maximum member members message messages metadata method methods mfa microsoft min minimum minute minutes mode model
models moment month months mount mounted mounts name named names namespace namespaces nbf network node nodes
november npm number oauth object objects october oidc opaque openai operate operation operations operator option
options organisation organization organization's output overall overload overloaded owner owners pair parameter
parameters parse parser parsing part parts pass passed passes passing passphrase password passwords patch path paths
payload pem per-minute perform performed performs period permission permissions pip pkcs8 plan plugin pod pods
policies policy port position post principal print proceed process project projected projection prompt prompts
provider provider's providers proxy put query re-authenticate re-authorize reachable read reading realm reason
reasons reauth reauthenticate reauthorize record records reduce refer reference referenced references refresh
refreshed refreshing regenerate regenerated region registries registry renew renewal renewed replace replaced
replies reply repo repositories repository repository's request requested requesting requests resolution resolve
resolved resolving resource resources response responses rest retried retries retrieval retrieve retrieveable
retrieving retry returned reuse reused review reviews role roles rotate row rpc rs256 rsa rule rules run running
saml saving scan scanned scanning schema scheme schemes scope scopes scp sealed seconds secret secrets security
segment segments september server server's servers service serviceaccount serviceaccounts services session sessions
setting settings sftp sign-in signature signatures signing size skew socket source sources ssh ssl sso start started
state status stderr stdout step stop stopped store stores storing string structure sub subject support sure syntax
syscall system table target tcp team tenant terminal text throttled throttling time tls token tokens too-many tool
tools trusted type types udp unicode unknownerror unreachable unseal unsealed untrusted unusable unwrap unwrapped
unwrapping update updating uri url usable usage user user's username usernames users utf-8 utf8 validate validated
validating validation value values variable variables vault verification verify verifying version versions violated
violates violation violations volume volumes wait waits wanted watch web webhook webhooks window wrapped wrapping
write writing written x509 xml yaml year years zone
"""
KNOWN: Final = frozenset(f"{_GRAMMAR} {_STATES} {_NOUNS}".split())

_NAMED: Final = """
account configmap configmaps container database deployment for group host image job jobs key kind namespace node
object of plugin pod pods registry repository resource role server serviceaccount serviceaccounts user username users
volume
"""
_INTRODUCING: Final = """
contains content data expected from gave got hash header is received returned sent to used using value values was with
"""
NAMED: Final = frozenset(_NAMED.split())
"""Words that a name follows, and no credential."""
INTRODUCING: Final = frozenset(_INTRODUCING.split())
"""Words that a credential may follow."""

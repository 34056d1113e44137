"""Validates requests before a write: the body must match the path and the stored object."""

import dataclasses
import random
import re
from typing import Any

from lab.apiserver import status
from lab.apiserver.targets import Target

__all__ = ["check_deletion", "check_finalizers", "check_identity", "check_kind", "checked_name", "metadata_of"]

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # the API server's own: no vowels, so no words
LONGEST_BASE = 58
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
INVALID = "FieldValueInvalid"
POLICIES = ("Foreground", "Background", "Orphan")


def metadata_of(body: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a body of any type."""
    metadata = body.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def check_kind(target: Target, body: dict[str, Any]) -> None:
    """Checks that kind and apiVersion match the path; built-in kinds may omit them. Raises StatusError (400, 422)."""
    resource = target.collection.resource
    kind, api_version = body.get("kind"), body.get("apiVersion")
    expected = resource.api_version(target.version)
    if resource.custom and not (kind and api_version):
        raise status.bad_request(f"the object provided is unrecognized (must be of type {resource.kind})")
    if api_version not in {None, expected}:
        raise status.bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version ({expected})"
        )
    if kind in {None, resource.kind}:
        return
    if not resource.custom:
        raise status.bad_request(f'{kind} in version "{target.version}" cannot be handled as a {resource.kind}')
    raise target.invalid(INVALID, "kind", f'Invalid value: "{kind}": must be {resource.kind}')


def checked_name(target: Target, body: dict[str, Any]) -> str:
    """The name of a new object, generated from generateName if it has none. Raises StatusError (400, 422 or 500)."""
    metadata = metadata_of(body)
    if metadata.get("resourceVersion"):
        raise status.StatusError(500, "", "resourceVersion should not be set on objects to be created")
    if metadata.get("namespace", target.namespace) != target.namespace:
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    name = str(metadata.get("name") or "")
    base = str(metadata.get("generateName") or "")[:LONGEST_BASE]
    if not name and not base:
        text = "Required value: name or generateName is required"
        raise target.invalid("FieldValueRequired", "metadata.name", text)
    if not name:
        name = base + "".join(random.choices(SUFFIX_ALPHABET, k=5))  # noqa: S311 - a name, not a secret
    if not NAME.fullmatch(name):
        text = f'Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of a-z, 0-9, "-" or "."'
        raise dataclasses.replace(target, name=name).invalid(INVALID, "metadata.name", text)
    return name


def check_identity(target: Target, current: dict[str, Any], body: dict[str, Any], *, patch: bool) -> None:
    """Checks that the body matches the stored object and its newest version. Raises StatusError (400, 409 or 422)."""
    metadata = metadata_of(body)
    name, uid, version = metadata.get("name"), metadata.get("uid"), metadata.get("resourceVersion")
    if name != target.name:
        text = f"the name of the object ({name}) does not match the name on the URL ({target.name})"
        raise status.bad_request(text)
    if metadata.get("namespace", target.namespace) != target.namespace:
        raise status.bad_request("the namespace of the object does not match the namespace on the URL")
    if version is None and target.collection.resource.custom:
        raise target.invalid(INVALID, "metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
    if version not in {None, current["resourceVersion"]}:
        raise target.conflict(MODIFIED)
    if uid not in {None, current["uid"]}:
        if patch:
            raise target.invalid(INVALID, "metadata.uid", f'Invalid value: "{uid}": field is immutable')
        raise target.conflict(
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {current['uid']}"
        )


def check_finalizers(target: Target, current: dict[str, Any], new: dict[str, Any]) -> None:
    """Rejects new finalizers while the object is being deleted. Raises StatusError (422)."""
    added = set(new.get("finalizers") or ()) - set(current.get("finalizers") or ())
    if added and current.get("deletionTimestamp"):
        text = "Forbidden: no new finalizers can be added if the object is being deleted"
        raise target.invalid("FieldValueForbidden", "metadata.finalizers", text)


def check_deletion(target: Target, current: dict[str, Any], options: dict[str, Any]) -> None:
    """Checks the propagation policy (422) and the preconditions (409). Raises StatusError."""
    policy = options.get("propagationPolicy") or ""
    if policy and policy not in POLICIES:
        supported = ", ".join(f'"{each}"' for each in POLICIES)
        text = f'Unsupported value: "{policy}": supported values: {supported}, "nil"'
        cause = status.Cause("FieldValueNotSupported", "propagationPolicy", text)
        raise status.invalid("DeleteOptions", "meta.k8s.io", "", cause)
    for field, wanted in (options.get("preconditions") or {}).items():
        if current.get(field) != wanted:
            raise target.conflict(
                f"the {field} in the precondition ({wanted}) is not that in record ({current[field]})"
            )

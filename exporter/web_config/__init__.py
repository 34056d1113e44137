"""Loads and validates the web configuration file of Prometheus exporters, and reloads it when it changes.

It can be used separately: it imports only `files` and `yaml_text` of this exporter, PyYAML, msgspec and bcrypt.

    file = WebFile("web-config.yml", clock=time.monotonic)
    file.now().context  # an ssl.SSLContext, or None for HTTP
    file.now().config.basic_auth_users
"""

from exporter.web_config.format import WebConfig, WebConfigError
from exporter.web_config.tls import is_allowed
from exporter.web_config.watched import Protection, WebFile

__all__ = ["Protection", "WebConfig", "WebConfigError", "WebFile", "is_allowed"]

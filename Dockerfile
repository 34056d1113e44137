FROM python:3.13-slim AS build
# Python writes no bytecode during the build; compileall creates it at the end.
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY requirements/build.txt requirements/run.txt requirements/
RUN python -m venv /opt/build \
    && python -m venv --without-pip /opt/venv \
    && /opt/build/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements/build.txt \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --require-hashes \
        -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY exporter exporter
# With bytecode, the exporter starts in half the time. The models of the API client, which are never imported, have none: it would take 42 MB.
# Bytecode is validated by hash and not by time, so that the same pins result in the same files.
RUN /opt/build/bin/python -m hatchling build -t wheel -d /dist \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps /dist/*.whl \
    && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        -x 'kubernetes/(aio/)?client/(api|models)/[^_]' /opt/venv/lib

FROM python:3.13-slim
LABEL org.opencontainers.image.title="coderun-exporter" \
      org.opencontainers.image.description="Tells Prometheus which agent runs on Kubernetes are stuck, and why." \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/venv /opt/venv
# The base contains no bytecode of Python's standard library.
RUN python -m compileall -q -x '/(ensurepip|idlelib|pydoc_data|test|tkinter|turtledemo|(dist|site)-packages)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# A numeric user, which runAsNonRoot requires. It owns and writes no files, so the root file system may be read-only.
USER 10001:10001
EXPOSE 10911
# Not urllib, which would use the proxy of the environment for 127.0.0.1.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-c", \
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', 10911, timeout=4); c.request('GET', '/livez'); \
    raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["coderun-exporter"]

FROM python:3.13-slim AS build
# Bytecode is what compileall makes of it at the end, and nothing that Python leaves on the way.
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
# With bytecode it starts in half the time. Not that of the API client's models, 42 MB: they are never imported.
# By hash, not by time: the same pins make the same files.
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
# The base has no bytecode of Python's own library.
RUN python -m compileall -q -x '/(ensurepip|idlelib|pydoc_data|test|tkinter|turtledemo|(dist|site)-packages)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# By number, so that runAsNonRoot can see it. It owns nothing and writes nothing: the root may be read-only.
USER 10001:10001
EXPOSE 10911
# Not urllib: it would ask a proxy of the environment for 127.0.0.1.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-c", \
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', 10911, timeout=4); c.request('GET', '/livez'); \
    raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["coderun-exporter"]

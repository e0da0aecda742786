# ghapp in an image with Python and nothing else: no shell, no package manager.
#
#     docker build --tag ghapp .
#     docker buildx build --platform linux/amd64,linux/arm64 --tag OWNER/ghapp:0.1.0 --push .
#
# deploy/container/try builds it without a container engine's daemon, runs it, and measures it.

FROM debian:trixie-slim AS build
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends binutils python3-pip python3-venv

# The system of the image. status.d lists its packages where scanners for vulnerabilities look.
WORKDIR /packages
RUN apt-get download -qq -o APT::Sandbox::User=root base-files libbz2-1.0 libc6 libexpat1 libffi8 libgcc-s1 liblzma5 \
      libpython3.13-minimal libpython3.13-stdlib libsqlite3-0 libssl3t64 libstdc++6 libuuid1 \
      libzstd1 python3.13-minimal zlib1g \
 && mkdir -p /image/var/lib/dpkg/status.d \
 && for deb in *.deb; do \
      dpkg-deb --extract "$deb" /image \
      && dpkg-deb --field "$deb" > "/image/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)" \
      || exit 1; \
    done \
 && rm -r /image/usr/share/doc /image/usr/share/man \
 && echo 'ghapp:x:10001:10001::/data:/usr/sbin/nologin' > /image/etc/passwd \
 && echo 'ghapp:x:10001:' > /image/etc/group \
 && install -d -m 0700 -o 10001 -g 10001 /image/data

# What ghapp depends on, by the hashes of the lock. Debug symbols are half of the size.
WORKDIR /source
COPY requirements.lock deploy/container/build.lock ./
RUN python3.13 -m venv --without-pip /opt/ghapp \
 && python3.13 -m venv /opt/build \
 && /opt/build/bin/pip install -q --require-hashes -r build.lock \
 && /opt/build/bin/pip --python /opt/ghapp/bin/python install -q --no-deps --no-compile --only-binary :all: \
      --require-hashes -r requirements.lock \
 && find /opt/ghapp -name '*.so' -exec strip --strip-unneeded {} +

COPY pyproject.toml README.md LICENSE ./
COPY checklists checklists
COPY ghapp ghapp
RUN /opt/build/bin/pip wheel -q --no-build-isolation --no-deps --wheel-dir /wheel . \
 && /opt/build/bin/pip --python /opt/ghapp/bin/python install -q --no-compile --no-deps --no-index \
      /wheel/*.whl

FROM scratch
COPY --from=build /image /
COPY --from=build /opt/ghapp /opt/ghapp
ENV PATH=/opt/ghapp/bin:/usr/bin LANG=C.UTF-8 PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 PORT=8000 GHAPP_DATA_DIR=/data
# Bytecode for a fast start, of what serves: the root of a container may be read-only.
RUN ["python", "-c", "import ghapp.bootstrap, ghapp.doctor.examine, ghapp.tracing, alembic.command, psycopg, uvloop"]
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /data
# Without GHAPP_DATABASE_URL, SQLite lies here: without a volume it is lost with the container.
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["ghapp"]
CMD ["serve"]

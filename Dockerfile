# syntax=docker/dockerfile:1

# The report of the month's usage, from a folder with the logs:
#   docker build -t gpuadvise .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" gpuadvise analyze samples/usage.parquet

FROM rust:1.95-slim-bookworm AS builder
# The slim image has gcc and the C headers, which is all that zstd-sys asks for.
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --profile dist \
    && cp target/dist/gpuadvise /usr/local/bin/gpuadvise \
    && mkdir /data

# glibc and libgcc, no shell, no package manager. Prices and GPUs are inside the binary.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="gpuadvise" \
      org.opencontainers.image.description="Reads the usage logs of GPU workloads and says, workload by workload, the cheapest way to run and buy them" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.vendor="The gpuadvise developers"
COPY LICENSE-MIT LICENSE-APACHE /licenses/
COPY --from=builder /usr/local/bin/gpuadvise /usr/local/bin/gpuadvise
# Writable for the user of the image; a mounted folder keeps its own owner, hence --user above.
COPY --from=builder --chown=nonroot:nonroot /data /data
USER nonroot
WORKDIR /data
ENTRYPOINT ["gpuadvise"]

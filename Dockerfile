# The gateway as an image: one binary on a base without a shell, run as nobody.
#
#   docker build -t doorward .
#   docker run -p 8080:8080 -v ./doorward.toml:/etc/doorward/doorward.toml:ro -v doorward:/var/lib/doorward doorward

FROM rust:1.95-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends cmake \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Beside the binary, a folder that the user of the last stage may write to.
RUN cargo build --release --locked --package doorward-server \
 && mkdir -p /out/var/lib/doorward \
 && cp target/release/doorward /out/doorward

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/doorward /usr/local/bin/doorward
COPY --from=build --chown=nonroot:nonroot /out/var/lib/doorward /var/lib/doorward
VOLUME /var/lib/doorward
# The public listener, and the admin listener: publish the second on loopback only.
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/doorward"]
CMD ["serve", "--config", "/etc/doorward/doorward.toml"]

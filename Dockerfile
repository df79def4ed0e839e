# The production image: the static `narrative` without the embedded Temporal server, and nothing else. It has no shell;
# what runs in it is `narrative COMMAND`.

FROM golang:1.26.8-alpine3.24 AS build
WORKDIR /src
COPY . .
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
ARG VERSION=local
# timetzdata puts the time zones into the binary: metas may have a timezone.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -tags lean,timetzdata -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/narrative ./cmd/narrative

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/narrative /usr/local/bin/narrative
USER 65532:65532
EXPOSE 8321
ENTRYPOINT ["/usr/local/bin/narrative"]

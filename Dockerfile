FROM golang:1.26.8-bookworm AS build
ARG COMMIT DATE
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . ./
RUN make build COMMIT=$COMMIT DATE=$DATE

# The program needs CA certificates and, for compact, /tmp. It runs as any user, with a
# root file system that is read-only.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /src/enrow-export /usr/bin/enrow-export
USER 65532:65532
ENTRYPOINT ["/usr/bin/enrow-export"]

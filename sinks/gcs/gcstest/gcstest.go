// Package gcstest is Cloud Storage for tests: fake-gcs-server, in memory, behind
// a small layer that enforces what the service does and that server leaves out,
// and that refuses what this program must never ask for.
//
// Enforced by fake-gcs-server: conditions and checksums of uploads, generations
// that are read. Enforced here:
//   - the generation in a condition of a delete;
//   - generations that differ although two writes fall into one microsecond;
//   - permissions, once Deny takes some away.
//
// Refused here, although the service would do it: a write or a delete without a
// condition, a write without a checksum, and every request that the layer does
// not know.
package gcstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// Server is an http.Handler that serves the JSON API of Cloud Storage.
type Server struct {
	fake http.Handler
	add  func(fakestorage.Object)

	mu     sync.RWMutex // held by whoever changes objects
	denied []string
}

// New returns a server with empty buckets.
func New(buckets ...string) (*Server, error) {
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, Writer: io.Discard})
	if err != nil {
		return nil, err
	}
	for _, bucket := range buckets {
		fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
	}
	return &Server{fake: fake.HTTPHandler(), add: fake.CreateObject}, nil
}

// Add puts an object into a bucket, as another program would.
func (s *Server) Add(bucket, name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: bucket, Name: name}, Content: data})
}

// Deny takes permissions away from whoever asks, by their names, such as
// storage.objects.create.
func (s *Server) Deny(permissions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = append(s.denied, permissions...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	_, isObject := objectOf(r)
	switch path := r.URL.EscapedPath(); {
	case r.Method == http.MethodPost && strings.HasPrefix(path, "/upload/"):
		s.upload(w, r)
	case r.Method == http.MethodDelete && isObject:
		s.delete(w, r)
	case r.Method == http.MethodGet && isObject && !query.Has("ifGenerationMatch"):
		s.read(w, r, "storage.objects.get")
	case r.Method == http.MethodGet && strings.HasSuffix(path, "/o"):
		s.read(w, r, "storage.objects.list")
	default:
		refuse(w, http.StatusNotImplemented, "notImplemented", r.Method+" "+path+" is not known to the test server")
	}
}

// objectOf returns the path of the object that a request is about.
func objectOf(r *http.Request) (path string, ok bool) {
	path = r.URL.EscapedPath()
	bucket, object, ok := strings.Cut(strings.TrimPrefix(path, "/storage/v1/b/"), "/o/")
	return path, ok && object != "" && !strings.Contains(bucket, "/") && !strings.Contains(object, "/")
}

func (s *Server) read(w http.ResponseWriter, r *http.Request, permission string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.allowed(w, permission) {
		s.fake.ServeHTTP(w, r)
	}
}

// allowed answers 403, as the service words it, when a permission is denied. The
// caller holds the lock.
func (s *Server) allowed(w http.ResponseWriter, permissions ...string) bool {
	for _, p := range permissions {
		if slices.Contains(s.denied, p) {
			refuse(w, http.StatusForbidden, "forbidden", "somebody@example.com does not have "+p+
				" access to the Google Cloud Storage object. Permission '"+p+"' denied on resource (or it may not exist).")
			return false
		}
	}
	return true
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	// The body is read before the lock is taken: it may never end.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "badRequest", "the content was cut off")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	query := r.URL.Query()
	isChunk := query.Has("upload_id")
	match := query.Get("ifGenerationMatch")
	switch {
	case isChunk:
	case match == "":
		refuse(w, http.StatusPreconditionRequired, "conditionRequired", "a write without a condition")
		return
	case !hasChecksum(r.Header.Get("Content-Type"), body):
		refuse(w, http.StatusBadRequest, "required", "a write without a checksum")
		return
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	needs := []string{"storage.objects.create"}
	if match != "" && match != "0" {
		needs = append(needs, "storage.objects.delete") // it replaces
	}
	if !isChunk && !s.allowed(w, needs...) {
		return
	}
	s.fake.ServeHTTP(w, r)
	for now := time.Now().UnixMicro(); time.Now().UnixMicro() == now; { // generations are microseconds
	}
}

// hasChecksum reports whether an upload begins with metadata that has a CRC32C.
func hasChecksum(contentType string, body []byte) bool {
	metadata := io.Reader(bytes.NewReader(body))
	if mediaType, params, err := mime.ParseMediaType(contentType); err == nil && mediaType == "multipart/related" {
		part, err := multipart.NewReader(metadata, params["boundary"]).NextPart()
		if err != nil {
			return false
		}
		metadata = part
	}
	var attrs struct {
		CRC32C string `json:"crc32c"`
	}
	return json.NewDecoder(metadata).Decode(&attrs) == nil && attrs.CRC32C != ""
}

func (s *Server) delete(w http.ResponseWriter, r *http.Request) {
	match := r.URL.Query().Get("ifGenerationMatch")
	if match == "" {
		refuse(w, http.StatusPreconditionRequired, "conditionRequired", "a delete without a condition")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.allowed(w, "storage.objects.delete") {
		return
	}
	generation, found := s.generation(r)
	if found && generation != match {
		refuse(w, http.StatusPreconditionFailed, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
		return
	}
	s.fake.ServeHTTP(w, r)
}

// generation returns the generation of the object that a request is about.
func (s *Server) generation(r *http.Request) (generation string, found bool) {
	path, _ := objectOf(r)
	answer := httptest.NewRecorder()
	s.fake.ServeHTTP(answer, httptest.NewRequestWithContext(r.Context(), http.MethodGet, path, nil))
	var attrs struct {
		Generation int64 `json:"generation,string"`
	}
	if answer.Code != http.StatusOK || json.Unmarshal(answer.Body.Bytes(), &attrs) != nil {
		return "", false
	}
	return strconv.FormatInt(attrs.Generation, 10), true
}

// refuse answers with an error in the form of the JSON API.
func refuse(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"errors":[{"domain":"global","reason":%q,"message":%q}]}}`,
		code, message, reason, message)
}

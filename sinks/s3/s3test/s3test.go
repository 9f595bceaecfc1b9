// Package s3test is Amazon S3 for tests: a server in process that keeps objects in
// memory, with path-style URLs.
//
//	server := s3test.New(s3test.Options{}, "bucket")
//	defer server.Close()
//	s3test.Environment(t) // credentials, and nothing of this machine's
//	store, err := s3.Open(s3.Config{Bucket: "bucket", Endpoint: server.URL()})
//
// The server decides conditions of puts and deletes under one lock, so exactly one of
// many writers wins. It compares the CRC32C of a put with the content, and returns it of
// an object only when the request asks for checksums, as S3 does. An ETag is the MD5 of
// the content. Options make it a store that knows less; Inject and FreezeListing switch
// faults on and off while it runs.
//
// The server does not verify signatures. It looks at the access key and the region that a
// signature names. It refuses each request that enrow-export must never make, by 501:
// uploads in parts or in chunks, listings with a delimiter, changes of a bucket.
package s3test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" // which an ETag is
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say how a server differs from Amazon S3. The zero value is S3 in us-east-1.
type Options struct {
	// Region is that of all buckets, us-east-1 if empty.
	Region string
	// AccessKey is the only one that is known; any is if it is empty.
	AccessKey string
	// Latency is added to each request.
	Latency time.Duration
	// PageSize bounds the objects of a page of a listing, 1000 if 0.
	PageSize int
	// NoChecksums is a store that knows no checksums: it neither compares nor returns any.
	NoChecksums bool
	// UniqueETags gives each put an ETag of its own, also for the same content.
	UniqueETags bool
	// NoConditions answers 501 to a put or a delete with a condition.
	NoConditions bool
	// NoDeleteConditions answers 501 to a delete with a condition.
	NoDeleteConditions bool
	// IgnoreConditions does what is asked, whatever the condition.
	IgnoreConditions bool
	// NoURLEncoding lists keys as they are, whatever encoding is asked for.
	NoURLEncoding bool
}

// Kind is a kind of request.
type Kind string

// The kinds of requests that the server knows.
const (
	Put    Kind = "PUT"
	Get    Kind = "GET"
	Head   Kind = "HEAD"
	Delete Kind = "DELETE"
	List   Kind = "LIST"
	Other  Kind = "other" // which is refused
)

// Server is the store. Its methods may be called from any goroutine.
type Server struct {
	options Options
	http    *httptest.Server

	mu       sync.Mutex
	buckets  map[string]map[string]object // by key
	order    map[string][]string          // the keys of a bucket, sorted, until one comes or goes
	frozen   map[string]map[string]object // what listings show, if not nil
	puts     int
	requests map[Kind]int
	faults   []*fault
	denied   []string
}

// object is never changed: a put replaces it.
type object struct {
	content     []byte
	etag        string
	crc32c      string
	contentType string
	header      http.Header // of the put
	modified    time.Time
}

// New starts a server with empty buckets.
func New(options Options, buckets ...string) *Server {
	s := &Server{options: options, buckets: make(map[string]map[string]object), order: make(map[string][]string), requests: make(map[Kind]int)}
	s.options.Region = cmp.Or(options.Region, "us-east-1")
	s.options.PageSize = cmp.Or(options.PageSize, 1000)
	for _, bucket := range buckets {
		s.CreateBucket(bucket)
	}
	s.http = httptest.NewServer(s)
	return s
}

// URL returns the endpoint.
func (s *Server) URL() string { return s.http.URL }

// Close stops the server. It ends requests that a fault holds up.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// CreateBucket adds an empty bucket.
func (s *Server) CreateBucket(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[name] = make(map[string]object)
}

// Keys returns the keys of a bucket, in order.
func (s *Server) Keys(bucket string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.buckets[bucket]))
}

// Content returns the content of an object.
func (s *Server) Content(bucket, key string) (content []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.buckets[bucket][key]
	return bytes.Clone(o.content), ok
}

// Header returns the header of the request that put an object.
func (s *Server) Header(bucket, key string) http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buckets[bucket][key].header.Clone()
}

// Store puts an object as somebody else would, past conditions and faults.
func (s *Server) Store(bucket, key string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(bucket, key, bytes.Clone(content), http.Header{})
}

// Remove deletes an object as somebody else would.
func (s *Server) Remove(bucket, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets[bucket], key)
	delete(s.order, bucket)
}

// Requests returns how many requests of each kind there were.
func (s *Server) Requests() map[Kind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// ResetRequests counts from 0 again.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.requests)
}

// Deny takes permissions away from whoever asks, by their names, such as s3:PutObject.
func (s *Server) Deny(permissions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = append(s.denied, permissions...)
}

// FreezeListing has listings show the objects of now, until ThawListing.
func (s *Server) FreezeListing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = make(map[string]map[string]object)
	for name, objects := range s.buckets {
		s.frozen[name] = maps.Clone(objects)
	}
}

// ThawListing has listings show what is there.
func (s *Server) ThawListing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = nil
}

// kindOf returns what a request asks for, and of which object.
func kindOf(r *http.Request) (kind Kind, bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	query.Del("x-id") // the client library names its operation
	switch {
	case bucket == "":
	case key == "":
		if r.Method == http.MethodGet && query.Get("list-type") == "2" && !query.Has("delimiter") {
			return List, bucket, ""
		}
	case len(query) > 0:
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") == "":
		return Put, bucket, key
	case r.Method == http.MethodGet:
		return Get, bucket, key
	case r.Method == http.MethodHead:
		return Head, bucket, key
	case r.Method == http.MethodDelete:
		return Delete, bucket, key
	}
	return Other, bucket, key
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, bucket, key := kindOf(r)
	if s.options.Latency > 0 && !wait(r.Context(), s.options.Latency) {
		return
	}
	fault := s.begin(kind, key)
	if fault.before(w, r) {
		return
	}
	// The body is read before the lock is taken: it may never end.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		writeError(w, r, refusal{http.StatusBadRequest, "IncompleteBody"})
		return
	}
	answer := httptest.NewRecorder()
	if refused := s.serve(answer, r, kind, bucket, key, body); refused.code != "" {
		if refused.code == "PermanentRedirect" || refused.code == "AuthorizationHeaderMalformed" {
			answer.Header().Set("X-Amz-Bucket-Region", s.options.Region)
		}
		writeError(answer, r, refused)
	}
	fault.after(w, r, answer)
}

// wait waits for d, and reports whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// begin counts a request, and returns the fault that it meets.
func (s *Server) begin(kind Kind, key string) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[kind]++
	return s.meet(kind, key)
}

// serve does what is asked.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, kind Kind, bucket, key string, body []byte) refusal {
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if refused := s.authorize(r); refused.code != "" {
		return refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	objects, ok := s.buckets[bucket]
	switch {
	case kind == Other:
		return refusal{http.StatusNotImplemented, "NotImplemented"}
	case !ok:
		return refusal{http.StatusNotFound, "NoSuchBucket"}
	}
	current, exists := objects[key]
	if permission := s.lacks(kind, exists); permission != "" {
		return refusal{http.StatusForbidden, "AccessDenied"}
	}
	switch kind {
	case List:
		return s.list(w, r, bucket)
	case Put:
		return s.servePut(w, r, bucket, key, body)
	case Delete:
		if refused := s.condition(r, objects, key); refused.code != "" {
			return refused
		}
		delete(objects, key)
		delete(s.order, bucket)
		w.WriteHeader(http.StatusNoContent)
		return refusal{}
	}
	if !exists {
		return refusal{http.StatusNotFound, "NoSuchKey"}
	}
	s.serveObject(w, r, current)
	return refusal{}
}

// authorize looks at what a signature says, but not at the signature.
func (s *Server) authorize(r *http.Request) refusal {
	_, credential, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope := strings.Split(credential, "/")
	switch {
	case !ok || len(scope) < 4:
		return refusal{http.StatusForbidden, "AccessDenied"}
	case s.options.AccessKey != "" && scope[0] != s.options.AccessKey:
		return refusal{http.StatusForbidden, "InvalidAccessKeyId"}
	case scope[2] != s.options.Region:
		return refusal{http.StatusBadRequest, "AuthorizationHeaderMalformed"}
	}
	return refusal{}
}

// lacks returns the permission that is denied to a request, if one is.
func (s *Server) lacks(kind Kind, exists bool) string {
	permission := map[Kind]string{
		List: "s3:ListBucket", Get: "s3:GetObject", Head: "s3:GetObject", Put: "s3:PutObject", Delete: "s3:DeleteObject",
	}[kind]
	if slices.Contains(s.denied, permission) {
		return permission
	}
	// Whoever may not list does not learn that an object is missing.
	if (kind == Get || kind == Head) && !exists && slices.Contains(s.denied, "s3:ListBucket") {
		return "s3:ListBucket"
	}
	return ""
}

// condition refuses a change whose condition does not hold.
func (s *Server) condition(r *http.Request, objects map[string]object, key string) refusal {
	match, noneMatch := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	current, exists := objects[key]
	switch {
	case match == "" && noneMatch == "", s.options.IgnoreConditions:
		return refusal{}
	case s.options.NoConditions, s.options.NoDeleteConditions && r.Method == http.MethodDelete,
		noneMatch != "" && (noneMatch != "*" || r.Method == http.MethodDelete):
		return refusal{http.StatusNotImplemented, "NotImplemented"}
	case noneMatch != "" && exists:
		return refusal{http.StatusPreconditionFailed, "PreconditionFailed"}
	case match != "" && !exists:
		return refusal{http.StatusNotFound, "NoSuchKey"}
	case match != "" && strings.Trim(match, `"`) != strings.Trim(current.etag, `"`):
		return refusal{http.StatusPreconditionFailed, "PreconditionFailed"}
	}
	return refusal{}
}

// servePut puts an object, if everything about the request is right.
func (s *Server) servePut(w http.ResponseWriter, r *http.Request, bucket, key string, body []byte) refusal {
	sum := r.Header.Get("X-Amz-Checksum-Crc32c")
	digest := md5.Sum(body)
	sent := r.Header.Get("Content-Md5")
	switch {
	case strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-"):
		return refusal{http.StatusNotImplemented, "NotImplemented"}
	case r.ContentLength < 0:
		return refusal{http.StatusLengthRequired, "MissingContentLength"}
	case sent != "" && sent != base64.StdEncoding.EncodeToString(digest[:]):
		return refusal{http.StatusBadRequest, "BadDigest"}
	case !s.options.NoChecksums && sum != "" && sum != checksum(body):
		return refusal{http.StatusBadRequest, "XAmzContentChecksumMismatch"}
	}
	if refused := s.condition(r, s.buckets[bucket], key); refused.code != "" {
		return refused
	}
	o := s.put(bucket, key, body, r.Header.Clone())
	w.Header().Set("ETag", o.etag)
	if sum != "" && !s.options.NoChecksums {
		w.Header().Set("X-Amz-Checksum-Crc32c", o.crc32c)
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	if kind := r.Header.Get("X-Amz-Server-Side-Encryption"); kind != "" {
		w.Header().Set("X-Amz-Server-Side-Encryption", kind)
	}
	w.WriteHeader(http.StatusOK)
	return refusal{}
}

// put makes the object. The caller holds the lock.
func (s *Server) put(bucket, key string, content []byte, header http.Header) object {
	s.puts++
	digest := md5.Sum(content)
	o := object{
		content: content, etag: `"` + hex.EncodeToString(digest[:]) + `"`,
		contentType: header.Get("Content-Type"), header: header, modified: time.Now(),
	}
	if s.options.UniqueETags {
		o.etag = fmt.Sprintf(`"%x-put-%d"`, digest[:4], s.puts)
	}
	// S3 computes a checksum of its own for an object that was put without one.
	if !s.options.NoChecksums {
		o.crc32c = checksum(content)
	}
	if _, ok := s.buckets[bucket][key]; !ok {
		delete(s.order, bucket)
	}
	s.buckets[bucket][key] = o
	return o
}

// serveObject answers a GET or a HEAD.
func (s *Server) serveObject(w http.ResponseWriter, r *http.Request, o object) {
	header := w.Header()
	header.Set("ETag", o.etag)
	header.Set("Content-Length", strconv.Itoa(len(o.content)))
	header.Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	if o.contentType != "" {
		header.Set("Content-Type", o.contentType)
	}
	if o.crc32c != "" && strings.EqualFold(r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		header.Set("X-Amz-Checksum-Crc32c", o.crc32c)
		header.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(o.content) // into memory
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(content []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(content, castagnoli)))
}

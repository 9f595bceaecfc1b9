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
	"cmp" // which an ETag is
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
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

package s3test

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"
)

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

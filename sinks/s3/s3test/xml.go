package s3test

import (
	"encoding/base64"
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refusal is an error of the service; without a code there is none.
type refusal struct {
	status int
	code   string
}

// secret stands for what a service says of accounts and keys, which must not be shown.
const secret = "arn:aws:iam::123456789012:user/somebody of https://example.com"

// writeError answers with an error in the form of S3. A HEAD has no body.
func writeError(w http.ResponseWriter, r *http.Request, refused refusal) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Amz-Request-Id", "1234567890ABCDEF")
	w.WriteHeader(refused.status)
	if r.Method == http.MethodHead {
		return
	}
	writeXML(w, struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
		RequestID     string `xml:"RequestId"`
	}{Code: refused.code, Message: refused.code + ": " + secret, RequestID: "1234567890ABCDEF"})
}

func writeXML(w http.ResponseWriter, value any) {
	_, _ = w.Write([]byte(xml.Header)) // into memory, or to a client that may be gone
	_ = xml.NewEncoder(w).Encode(value)
}

// entry is an object in a listing.
type entry struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

// page is a page of a listing.
type page struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	KeyCount, MaxKeys     int
	IsTruncated           bool
	Contents              []entry
}

// list answers a listing. The caller holds the lock.
func (s *Server) list(w http.ResponseWriter, r *http.Request, bucket string) refusal {
	objects, keys := s.buckets[bucket], s.order[bucket]
	if keys == nil {
		keys = slices.Sorted(maps.Keys(objects))
		s.order[bucket] = keys
	}
	if s.frozen != nil {
		objects = s.frozen[bucket]
		keys = slices.Sorted(maps.Keys(objects))
	}
	query := r.URL.Query()
	limit := s.options.PageSize
	if text := query.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return refusal{http.StatusBadRequest, "InvalidArgument"}
		}
		limit = min(limit, n)
	}
	after := query.Get("start-after")
	if token := query.Get("continuation-token"); token != "" {
		key, err := base64.URLEncoding.DecodeString(token)
		if err != nil {
			return refusal{http.StatusBadRequest, "InvalidArgument"}
		}
		after = string(key)
	}
	result := page{Name: bucket, ContinuationToken: query.Get("continuation-token"), MaxKeys: limit}
	encode := func(key string) string { return key }
	if query.Get("encoding-type") == "url" && !s.options.NoURLEncoding {
		result.EncodingType = "url"
		encode = func(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }
	}
	result.Prefix = encode(query.Get("prefix"))
	last := ""
	first, _ := slices.BinarySearch(keys, max(query.Get("prefix"), after))
	for _, key := range keys[first:] {
		if !strings.HasPrefix(key, query.Get("prefix")) {
			break
		}
		if key <= after && after != "" {
			continue
		}
		if len(result.Contents) == limit {
			result.IsTruncated = true
			result.NextContinuationToken = base64.URLEncoding.EncodeToString([]byte(last))
			break
		}
		last = key
		o := objects[key]
		result.Contents = append(result.Contents, entry{
			Key: encode(key), LastModified: o.modified.UTC().Format(time.RFC3339), ETag: o.etag, Size: len(o.content), StorageClass: "STANDARD",
		})
	}
	result.KeyCount = len(result.Contents)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusOK)
	writeXML(w, result)
	return refusal{}
}

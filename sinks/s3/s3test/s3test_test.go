package s3test_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"enrow-export/sinks/s3/s3test"
)

// The server answers as S3 does, and refuses what its package comment says it refuses.
func TestServer(t *testing.T) {
	server := s3test.New(s3test.Options{AccessKey: "K", PageSize: 2}, "bucket")
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	const good = "Authorization=AWS4-HMAC-SHA256 Credential=K/20261128/us-east-1/s3/aws4_request"
	const sum = "X-Amz-Checksum-Crc32c=4waSgw==" // the check value of "123456789"
	const content = "123456789"
	const etag = `"25f9e794323b453885f5181f1b624d0b"`
	for _, step := range []struct {
		what, method, target, body string
		header                     []string
		want                       int
		says                       string // in a header or the body
	}{
		{"no signature", "GET", "/bucket/a", "", nil, 403, "AccessDenied"},
		{"unknown key", "GET", "/bucket/a", "", []string{strings.Replace(good, "=K/", "=L/", 1)}, 403, "InvalidAccessKeyId"},
		{"other region", "GET", "/bucket/a", "", []string{strings.Replace(good, "us-east-1", "eu-west-3", 1)}, 400, "us-east-1"},
		{"no bucket", "GET", "/none/a", "", []string{good}, 404, "NoSuchBucket"},
		{"no object", "GET", "/bucket/a", "", []string{good}, 404, "NoSuchKey"},
		{"replace nothing", "PUT", "/bucket/a", content, []string{good, "If-Match=" + etag}, 404, "NoSuchKey"},
		{"wrong checksum", "PUT", "/bucket/a", "12345678", []string{good, sum}, 400, "XAmzContentChecksumMismatch"},
		{"wrong digest", "PUT", "/bucket/a", content, []string{good, "Content-MD5=AAAA"}, 400, "BadDigest"},
		{"in chunks", "PUT", "/bucket/a", content, []string{good, "X-Amz-Content-Sha256=STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, 501, "NotImplemented"},
		{"create", "PUT", "/bucket/a", content, []string{good, sum, "If-None-Match=*"}, 200, etag},
		{"create again", "PUT", "/bucket/a", content, []string{good, sum, "If-None-Match=*"}, 412, "PreconditionFailed"},
		{"replace", "PUT", "/bucket/a", content, []string{good, sum, "If-Match=" + etag}, 200, "4waSgw=="},
		{"replace another", "PUT", "/bucket/a", content, []string{good, sum, `If-Match="x"`}, 412, "PreconditionFailed"},
		{"read", "GET", "/bucket/a", "", []string{good}, 200, content},
		{"look", "HEAD", "/bucket/a", "", []string{good, "X-Amz-Checksum-Mode=ENABLED"}, 200, "4waSgw=="},
		{"no checksum unless asked", "HEAD", "/bucket/a", "", []string{good}, 200, "!4waSgw=="},
		{"create b", "PUT", "/bucket/b%20b", content, []string{good, "If-None-Match=*"}, 200, ""},
		{"create c", "PUT", "/bucket/c", content, []string{good, "If-None-Match=*"}, 200, ""},
		{"list", "GET", "/bucket?list-type=2&encoding-type=url", "", []string{good}, 200, "<Key>b+b</Key>"},
		{"page", "GET", "/bucket?list-type=2", "", []string{good}, 200, "<IsTruncated>true</IsTruncated>"},
		{"next page", "GET", "/bucket?list-type=2&continuation-token=YiBi", "", []string{good}, 200, "<KeyCount>1</KeyCount>"},
		{"prefix", "GET", "/bucket?list-type=2&prefix=c", "", []string{good}, 200, "<KeyCount>1</KeyCount>"},
		{"short page", "GET", "/bucket?list-type=2&max-keys=1", "", []string{good}, 200, "<KeyCount>1</KeyCount>"},
		{"delimiter", "GET", "/bucket?list-type=2&delimiter=/", "", []string{good}, 501, "NotImplemented"},
		{"upload in parts", "POST", "/bucket/a?uploads", "", []string{good}, 501, "NotImplemented"},
		{"part", "PUT", "/bucket/a?partNumber=1&uploadId=1", "x", []string{good}, 501, "NotImplemented"},
		{"copy", "PUT", "/bucket/a", "", []string{good, "X-Amz-Copy-Source=/bucket/c"}, 501, "NotImplemented"},
		{"new bucket", "PUT", "/other", "", []string{good}, 501, "NotImplemented"},
		{"delete another", "DELETE", "/bucket/a", "", []string{good, `If-Match="x"`}, 412, "PreconditionFailed"},
		{"delete", "DELETE", "/bucket/a", "", []string{good, "If-Match=" + etag}, 204, ""},
		{"delete of nothing", "DELETE", "/bucket/a", "", []string{good}, 204, ""},
		{"delete of nothing under a condition", "DELETE", "/bucket/a", "", []string{good, "If-Match=" + etag}, 404, "NoSuchKey"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), step.method, server.URL()+step.target, strings.NewReader(step.body))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range step.header {
			key, value, _ := strings.Cut(field, "=")
			r.Header.Set(key, value)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		var all strings.Builder
		_ = answer.Header.Write(&all)
		all.Write(body)
		says, without := strings.CutPrefix(step.says, "!")
		if answer.StatusCode != step.want || strings.Contains(all.String(), says) == without {
			t.Errorf("%s: %d, want %d with %q: %s", step.what, answer.StatusCode, step.want, step.says, &all)
		}
	}
	if n := server.Requests(); n[s3test.List] != 5 || n[s3test.Other] != 5 || n[s3test.Head] != 2 {
		t.Errorf("requests: %v", n)
	}
}
